"""Table 5: smooth against spiculated lesions, from features of binary and soft regions."""

from __future__ import annotations

from casgan_jax.experiments.plan import DATA_DIR, Column, DataSet, Experiment, Row, prepares
from casgan_jax.radiomics.scores import AreaUnderCurve

VARIANTS = {
    "": "LIDC, LIDC matched in area and phantoms, 10 repetitions (2 CPU cores)",
    "quick": "LIDC and 480 phantoms, one repetition (minutes on 2 CPU cores)",
}
COLUMNS = (
    Column("correct", "ACC", "ACC"),
    Column("auc", "AUC", "AUC", read=AreaUnderCurve.read),
)
CLASSIFIERS = ("decision tree", "k-NN", "SVM")
SOFT = ("soft_128", "soft_any", "soft_thresholds", "soft_weighted")
# ACC and AUC of the paper, by mask, data set and classifier.
PAPER = {
    "binary mask": {
        "LNSM": ((0.81, 0.81), (0.77, 0.87), (0.84, 0.90)),
        "LIDC": ((0.683, 0.63), (0.65, 0.75), (0.72, 0.76)),
    },
    "soft mask": {
        "LNSM": ((0.83, 0.81), (0.87, 0.94), (0.88, 0.91)),
        "LIDC": ((0.83, 0.88), (0.83, 0.92), (0.83, 0.92)),
    },
}
# Which of its masks a feature set is, on which of its data sets.
CORRESPONDS = {
    ("binary", "LIDC"): "binary mask",
    ("soft_128", "LNSM"): "binary mask",
    ("soft_any", "LIDC"): "soft mask",
    ("soft_any", "LNSM"): "soft mask",
}
LIDC_FIELDS = (("data.ratings", f"{DATA_DIR}/lidc/ratings.csv"), ("per_class", "30"))
LIDC_BUILD = (prepares("lidc/x2", "LIDC-IDRI-slices"),)
LIDC_RATINGS = f"put the readers' ratings into {DATA_DIR}/lidc/ratings.csv (docs/experiments.md)"
LIDC = DataSet(
    "lidc/x2",
    LIDC_BUILD,
    "LIDC, the 30 smoothest and the 30 most spiculated lesions by the readers' ratings; the smooth "
    "ones are small and the spiculated large, so that size alone (area) tells them apart",
    paper="LIDC",
    fields=(*LIDC_FIELDS, ("match_area", "false")),
    besides=LIDC_RATINGS,
)
LIDC_MATCHED = DataSet(
    "lidc/x2",
    LIDC_BUILD,
    "LIDC, the 30 most spiculated lesions and 30 smooth ones of the same sizes, folded in pairs, "
    "so that size tells nothing (area); not in the paper",
    fields=(*LIDC_FIELDS, ("match_area", "true")),
    part="matched in area",
    besides=LIDC_RATINGS,
)
NOTES = (
    "binary: the 93 features of the 50% consensus of the readers. soft_128, soft_any: of the soft "
    "mask at 128/255, and of all that is above 0. soft_thresholds: means and spreads over 0.25, "
    "0.5 and 0.75. soft_weighted: first-order features weighted by alpha, textures at 128/255. "
    "area: the number of consensus pixels alone, the control.",
    "The paper's binary mask is the consensus on LIDC (here binary) and the soft mask at 128/255 "
    "on LNSM (here soft_128). It names no threshold for its soft mask's region, which contains "
    "more of the surroundings: soft_any stands for it.",
    "Nested cross-validation in patients: features, scaling and hyperparameters are chosen within "
    "the training part of each fold. Which lesions the paper took and how it validated is not "
    "known.",
    "Each soft row is compared with binary and the same classifier. p is that of the paired "
    "permutation test for ACC, and by the bootstrap's standard deviation for AUC. They are not "
    "corrected for the number of rows.",
)
QUICK_NOTES = (
    "Quick: one repetition, few phantoms. It shows that everything runs, not which region is "
    "better.",
)


def phantoms(config: str, per_class: int) -> DataSet:
    """The embedded phantoms."""
    return DataSet(
        f"phantom/{config}",
        (prepares(f"phantom/{config}"),),
        f"phantoms, {per_class} drawn smooth and {per_class} with the strongest spicules, not the "
        "paper's LNSM",
        paper="LNSM",
        fields=(("per_class", f"{per_class}"),),
    )


def rows(config: str) -> tuple[Row, ...]:
    """The table's rows; the features of each set are made once, for its three classifiers."""
    made = [
        Row(
            f"features: {features}",
            config,
            fields={"features": features, "classifier": "none"},
            shown=False,
        )
        for features in ("binary", *SOFT)
    ]
    area = Row("area, SVM", config, fields={"features": "area", "classifier": "SVM"})
    measured = [
        Row(
            f"{features}, {classifier}",
            config,
            "baseline" if features == "binary" else "casgan",
            fields={"features": features, "classifier": classifier},
            uses={"table": f"features: {features}"},
            against="" if features == "binary" else f"binary, {classifier}",
            paper=_paper(features, index),
        )
        for features in ("binary", *SOFT)
        for index, classifier in enumerate(CLASSIFIERS)
    ]
    return (*made, area, *measured)


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    data_sets = {
        "": (LIDC, LIDC_MATCHED, phantoms("medium", 100)),
        "quick": (LIDC, phantoms("quick", 50)),
    }[variant]
    return Experiment(
        name="table5",
        variant=variant,
        title="Table 5: radiomics of smooth and spiculated lesions",
        columns=COLUMNS,
        rows=rows(f"radiomics:{variant}".rstrip(":")),
        data_sets=data_sets,
        notes=NOTES + (QUICK_NOTES if variant == "quick" else ()),
    )


def _paper(features: str, classifier: int) -> dict[str, float]:
    """The paper's figures of a row, by data set and column."""
    found: dict[str, float] = {}
    for (ours, data_set), mask in CORRESPONDS.items():
        if ours == features:
            accuracy, area = PAPER[mask][data_set][classifier]
            found |= {f"{data_set} ACC": accuracy, f"{data_set} AUC": area}
    return found
