"""Table 2: a system trained on soft masks against four readers and their consensus on LIDC."""

from __future__ import annotations

import functools

from casgan_jax.evaluation.comparison import LesionMeans
from casgan_jax.experiments.plan import Column, DataSet, Experiment, Row, prepares

VARIANTS = {
    "": "full size, trained on LNSM, LIDC and phantoms (one GPU)",
    "cpu": "a quarter of the widths on LIDC and phantoms, 2,000 steps (2 CPU cores)",
    "quick": "narrow networks, 200 steps (minutes on 2 CPU cores)",
}
# A reader is only compared with the other three where there are four.
FOUR_READERS = functools.partial(LesionMeans.read, having="human_dice")
COLUMNS = (
    Column("consensus_dice", "Dice, consensus", "consensus", read=FOUR_READERS),
    *(
        Column(f"reader_{i}_dice", f"reader {i}", f"reader {i}", read=FOUR_READERS)
        for i in range(1, 5)
    ),
    Column("human_dice", "a reader, other three", compared=False),
    Column("consensus_dice_128", "Dice, consensus, 128/255", read=FOUR_READERS),
)
# Rows and columns: four doctors, their 50% consensus, CasGAN.
PAPER = (
    (1.000, 0.706, 0.731, 0.625, 0.775, 0.777),
    (0.706, 1.000, 0.744, 0.649, 0.829, 0.743),
    (0.731, 0.744, 1.000, 0.763, 0.830, 0.808),
    (0.625, 0.649, 0.763, 1.000, 0.697, 0.697),
    (0.775, 0.829, 0.830, 0.697, 1.000, 0.863),
    (0.777, 0.743, 0.808, 0.697, 0.863, 1.000),
)
NOTES = (
    "All at native resolution, over slices that four readers outlined, networks at the threshold "
    "chosen on validation, but for the last column.",
    "Readers are numbered nodule by nodule: reader 1 is not one doctor. So the four columns of "
    "readers are alike, and their mean is what counts; the paper does not say how its doctors were "
    "told apart.",
    "A reader against the other three: their majority. The consensus holds the reader's own "
    "outline, so that a reader agrees with it more than another doctor, or a network, would.",
    "No patient of a test split was trained on. Readers on LIDC are the same for every row.",
)
QUICK_NOTES = (
    "Quick: an eighth of U-Net's widths, a quarter of CasGAN's, 200 steps of 8 examples, one seed. "
    "It shows that everything runs, not how good a trained system is.",
)
_FIGURES = dict(zip((c.paper for c in COLUMNS), (0.863, 0.777, 0.743, 0.808, 0.697), strict=False))
_BUDGETS = {
    "": {},
    "cpu": {"train.steps": "2000"},
    "quick": {
        "optim.warmup_steps": "20",
        "optim.average": "0.95",
        "predict.symmetries": "false",
        "train.steps": "200",
        "train.evaluate_every": "200",
        "train.checkpoint_every": "200",
    },
}


_BUILD_500 = prepares("lidc/500", "LIDC-IDRI-slices")
LNSM = DataSet(
    "lnsm/best1500",
    (prepares("lnsm", "DeepLesion"), _BUILD_500),
    "as the paper: trained on LNSM, made again from DeepLesion, measured on 500 lesions of LIDC",
    test="lidc/500",
)


def lidc(size: str) -> DataSet:
    """Trained on other patients of LIDC."""
    return DataSet(
        f"lidc/{size}",
        (prepares(f"lidc/{size}", "LIDC-IDRI-slices"),),
        "trained and measured on LIDC, patients apart; the paper's training set was LNSM",
    )


def phantoms(config: str) -> DataSet:
    """Trained without any patient."""
    return DataSet(
        f"phantom/{config}",
        (prepares(f"phantom/{config}"), _BUILD_500),
        "trained on phantoms, which stand for LNSM, measured on 500 lesions of LIDC",
        test="lidc/500",
    )


def rows(variant: str) -> tuple[Row, ...]:
    """The table's rows, of configs of a variant."""
    suffix = f":{variant}" if variant else ""
    casgan = Row(
        "CasGAN, soft",
        f"softgan{suffix}",
        "casgan",
        {"data.label": "alpha"},
        {"sr": "SRGAN"},
        _FIGURES,
    )
    return (
        Row("U-Net", f"unet{suffix}"),
        Row("SRGAN", f"srgan{suffix}", "casgan", shown=False),
        casgan,
    )


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    data_sets = {
        "": (LNSM, lidc("x4"), phantoms("full")),
        "cpu": (lidc("x2"), phantoms("medium")),
        "quick": (lidc("x2"), phantoms("quick")),
    }[variant]
    return Experiment(
        name="table2",
        variant=variant,
        title="Table 2: CasGAN against four readers on LIDC",
        columns=COLUMNS,
        rows=rows(variant),
        data_sets=data_sets,
        fields=_BUDGETS[variant],
        notes=NOTES + (QUICK_NOTES if variant == "quick" else ()),
        agreement=PAPER,
    )
