"""Phantoms and real crops side by side in one picture, to see what gives the phantoms away.

    python -m datasets.phantom.compare --real=LIDC-IDRI-slices --output=compare.png

Left the phantoms, right real crops from the images of the LIDC-IDRI-slices tree. Phantoms are
stretched to 8 bits from their smallest to their largest value, as the real crops are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.errors import UserError
from casgan_jax.images import read_image, write_png
from casgan_jax.report.sheet import sheet
from datasets.phantom.phantom import make_phantom

_REAL = flags.DEFINE_string("real", None, "LIDC-IDRI-slices folder.", required=True)
_OUTPUT = define_path("output", "compare.png", "Picture to write.")
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms and which real crops.")
_ROWS = flags.DEFINE_integer("rows", 4, "Rows of six kinds of phantoms.", lower_bound=1)
_KINDS = 6


def compare(real: Path, rows: int, seed: int) -> np.ndarray:
    """Picture of `rows` rows of six phantoms and six real crops, (H, W, 3) uint8.

    Raises:
      UserError: `real` has too few crops.
    """
    files = sorted(real.glob("**/images/*.png"))
    count = rows * _KINDS
    if len(files) < count:
        raise UserError(
            real,
            found=f"{len(files)} files images/*.png",
            expected=f"at least {count}",
            remedy="name an LIDC-IDRI-slices folder",
        )
    chosen = np.random.default_rng(seed).choice(len(files), count, replace=False)
    crops = [read_image(files[k]) for k in chosen]
    phantoms = [stretch(make_phantom(seed, k).image) for k in range(count)]
    gap = np.full_like(crops[0], 255)
    return sheet(
        [[*phantoms[k : k + _KINDS], gap, *crops[k : k + _KINDS]] for k in range(0, count, _KINDS)]
    )


def stretch(image: np.ndarray) -> np.ndarray:
    """Any values -> uint8, the smallest to 0 and the largest to 255."""
    low, high = float(image.min()), float(image.max())
    return np.round((image - low) * (255.0 / max(high - low, 1.0))).astype(np.uint8)


def main(_: list[str]) -> None:
    write_png(str(_OUTPUT.value), compare(Path(_REAL.value), _ROWS.value, _SEED.value))
    print(_OUTPUT.value)


if __name__ == "__main__":
    run_main(main)
