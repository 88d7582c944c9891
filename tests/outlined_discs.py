"""Records of discs that readers outlined, and a system that thresholds, whose numbers can be worked
out."""

import cv2
import numpy as np

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.grid import encode_alpha
from casgan_jax.records import features as records

SIZE, PATCH, SCALE = 32, 16, 2
METADATA = records.metadata(kind="segmentation", window=(0, 255), scale=SCALE)


class BrightIsLesion:
    """A cascade that takes grey level for alpha."""

    patch, scale, threshold, mark_kinds = PATCH, SCALE, 100 / 255, ()
    axis_share, neighbours = 0.0, 0

    def __call__(self, patches):
        assert patches.dtype == np.float32 and patches.shape[1:] == (PATCH, PATCH)
        fine = patches.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
        return {"super_resolution": fine, "alpha": fine}


def disc(radius: float, x: float = 15.5) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.hypot(rows - 15.5, columns - x) <= radius


def record_of(index: int = 0, *, readers: int = 4, x: float = 15.5, **more) -> dict:
    """A lesion of grey level 200 in the dark, outlined by readers with radii 4, 5, 5, 6."""
    masks = np.zeros((SIZE, SIZE, records.MAX_READERS), bool)
    for reader, radius in enumerate((4.0, 5.0, 5.0, 6.0)[:readers]):
        masks[..., reader] = disc(radius, x)
    consensus = (2 * masks.sum(-1) >= readers) & bool(readers)
    lesion = disc(5.0, x)
    alpha = cv2.resize(lesion.astype(np.float32), None, fx=SCALE, fy=SCALE)
    trimap = np.where((alpha > 0) & (alpha < 1), 128, 255 * alpha).astype(np.uint8)
    return {
        "image": np.where(lesion, 200, 20).astype(np.uint8),
        "alpha": encode_alpha(alpha),
        "trimap": trimap,
        "reader_masks": masks.astype(np.uint8) * 255,
        "consensus": consensus.astype(np.uint8) * 255,
        "mark": np.full(2, (SIZE - 1) / 2, np.float32),
        "n_readers": readers,
        "spacing_mm": 0.7,
        "patient": f"P{index // 2}",
        "lesion": f"L{index}",
        "key": f"K{index}",
        **more,
    }


def measured(some_records, **options):
    return evaluate(BrightIsLesion(), some_records, METADATA, progress=False, **options)
