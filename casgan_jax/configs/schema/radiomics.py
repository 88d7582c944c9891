"""The config of an experiment with radiomics features (paper 4.3, table 5)."""

from __future__ import annotations

import dataclasses

from casgan_jax.configs.schema.setting import Span, setting

# See `casgan_jax.radiomics.feature_sets` and `casgan_jax.radiomics.classification`.
FEATURE_SETS = ("binary", "soft_128", "soft_any", "soft_thresholds", "soft_weighted", "area")
CLASSIFIERS = ("decision tree", "k-NN", "SVM")
NO_CLASSIFIER = "none"
FEWEST = 18  # patients of a class: with 2 folds in 2, k-NN is trained with its largest k at least


@dataclasses.dataclass(frozen=True, kw_only=True)
class RadiomicsData:
    """Where the lesions are."""

    dir: str = setting("data/phantom", "folder of a prepared data set")
    ratings: str = setting(
        "",
        "CSV of patient, nodule, spiculation_mean, margin_mean; empty: phantoms know themselves",
        example="FILE",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RadiomicsConfig:
    """Smooth against spiculated lesions, told apart by their features."""

    name: str = setting("radiomics", "kind of the config")
    seed: int = setting(0, "of the choice among equal lesions, and of the folds", Span(0))
    data: RadiomicsData = RadiomicsData()
    features: str = setting("soft_any", "the set of features", FEATURE_SETS, example="'binary'")
    classifier: str = setting(
        "SVM",
        "what tells them apart; none: features only",
        (*CLASSIFIERS, NO_CLASSIFIER),
        example="'decision tree'",
    )
    table: str = setting(
        "", "workdir of a run with the same features of the same lesions; empty: they are computed"
    )
    per_class: int = setting(30, "lesions of a class", Span(FEWEST), example=FEWEST)
    match_area: bool = setting(
        False, "whether the smooth lesions are of the spiculated ones' sizes, not the smoothest"
    )
    folds: int = setting(5, "of the cross-validation", Span(2, 10), example=2)
    inner_folds: int = setting(
        3, "of the choice of the classifier's parameters", Span(2, 5), example=2
    )
    repetitions: int = setting(10, "of the cross-validation", Span(1), example=1)
