"""Radiomics of a soft mask: what a threshold does to features, and features that need none.

    python -m examples.soft_radiomics

Needs the extra `radiomics` (docs/library.md says how pyradiomics is built).
"""

from __future__ import annotations

import casgan_jax as cg
from casgan_jax.radiomics.features import HOUNSFIELD, soft_mask_features
from casgan_jax.radiomics.soft_features import weighted_first_order
from datasets.phantom.builder import Source, make_record

THRESHOLDS = (0.25, 0.5, 0.75)
SHOWN = ("firstorder_Mean", "firstorder_Entropy", "glcm_Contrast")
LESION = 3  # of the phantoms: ground-glass, whose border is wide


def main() -> None:
    record = make_record(Source(0, LESION))
    image, alpha = record["image"], cg.area_mean(record["alpha"].astype("float32") / 255, 4)
    print(f"{'feature':22}" + "".join(f"{f'at {t}':>12}" for t in THRESHOLDS) + f"{'weighted':>12}")

    # pyradiomics takes a region: which one, is the choice of a threshold.
    regions = [
        soft_mask_features(
            image,
            alpha,
            threshold=threshold,
            intensities=HOUNSFIELD,
            spacing_mm=float(record["spacing_mm"]),
        )
        for threshold in THRESHOLDS
    ]

    # Of first order, every pixel can count as much as it belongs to the lesion.
    weighted = weighted_first_order(image, alpha, intensities=HOUNSFIELD)
    for name in SHOWN:
        line = "".join(f"{region[name]:12.3f}" for region in regions)
        last = f"{weighted[name]:12.3f}" if name in weighted else f"{'-':>12}"
        print(f"{name:22}{line}{last}")


if __name__ == "__main__":
    main()
