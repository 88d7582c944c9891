"""Four readers outlined a lesion: how far they agree, and what the soft mask makes of them.

python -m examples.comparing_readers
"""

from __future__ import annotations

import itertools

import numpy as np

import casgan_jax as cg
from datasets.phantom.builder import WINDOW, Source, make_record

LESIONS = 12


def main() -> None:
    rows = np.array([compared(index) for index in range(LESIONS)])
    names = ("readers among themselves", "each reader", "half of the readers", "soft mask")
    print(f"Dice with the true lesion, mean of {LESIONS} phantoms (but the first line)")
    for name, value in zip(names, rows.mean(axis=0), strict=True):
        print(f"  {name:26}{value:.3f}")


def compared(index: int) -> tuple[float, float, float, float]:
    """Dice of pairs of readers; of readers, their consensus and the soft mask with the truth."""
    record = make_record(Source(0, index))
    truth = cg.area_mean(record["true_alpha"] / np.float32(255), 4) >= 0.5
    readers = np.moveaxis(record["reader_masks"] > 0, 2, 0)
    readers = readers[readers.any(axis=(1, 2))]
    pairs = [cg.dice(a, b) for a, b in itertools.combinations(readers, 2)]

    # Where they agree the soft mask is certain; where they do not, the image decides.
    image = cg.normalise(record["image"], WINDOW)
    label = cg.label_from_readers(image, np.moveaxis(readers, 0, 2), scale=4)
    soft = cg.binarise(cg.area_mean(label.alpha, 4), 0.5)
    consensus = 2 * readers.sum(axis=0) >= len(readers)
    return (
        float(np.mean(pairs)),
        float(np.mean(cg.dice(readers, truth))),
        float(cg.dice(consensus, truth)),
        float(cg.dice(soft, truth)),
    )


if __name__ == "__main__":
    main()
