"""Smooth against spiculated lesions, told apart by radiomics features (paper 4.3, table 5)."""

from __future__ import annotations

from ml_collections import ConfigDict

VARIANTS = {
    "": "30 lesions a class, 10 repetitions of 5-fold cross-validation (minutes on a CPU)",
    "quick": "18 phantoms a class, one repetition (a minute on a CPU)",
}


def get_config(variant: str = "") -> ConfigDict:
    """The config of a variant (VARIANTS)."""
    config = ConfigDict(
        dict(
            name="radiomics",
            seed=0,  # of the choice among equal lesions, and of the folds
            data=dict(
                dir="data/phantom",
                # CSV file with the columns patient, nodule, spiculation_mean, margin_mean; empty
                # for phantoms, which know how they were drawn.
                ratings="",
            ),
            features="soft_any",  # binary, soft_128, soft_any, soft_thresholds, soft_weighted, area
            classifier="SVM",  # decision tree, k-NN, SVM; or none: features only
            # Workdir of a run with the same features of the same lesions, which are taken from
            # there; empty: they are computed.
            table="",
            per_class=30,
            match_area=False,  # smooth lesions of the sizes of the spiculated, not the smoothest
            folds=5,
            inner_folds=3,
            repetitions=10,
        )
    )
    if variant == "quick":
        config.update(dict(data=dict(dir="data/phantom/quick"), per_class=18, repetitions=1))
    return config
