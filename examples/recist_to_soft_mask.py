"""Two axes on a slice become a soft mask, its outline and its diameters.

python -m examples.recist_to_soft_mask --output=soft_mask.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import casgan_jax as cg
from datasets.phantom.builder import WINDOW, Source, make_record

SCALE = 4  # pixels of the soft mask along one of the image
LESION = 4  # of the phantoms that anybody can make: one on the pleura


def main(output: Path) -> None:
    # A slice in Hounsfield units, and the axes that a reader drew on it.
    record = make_record(Source(0, LESION))
    image = cg.normalise(record["image"], WINDOW)
    spacing = (record["spacing_mm"], record["spacing_mm"])

    label = cg.label_from_recist(image, record["recist"], scale=SCALE)

    # How long it is now, measured on the soft mask, beside what was drawn.
    measured = cg.measure_axes(label.alpha, 0.5, scale=SCALE)
    for name, axes in (("drawn", record["recist"]), ("measured", measured)):
        long, short = cg.axis_lengths(axes, spacing)
        print(f"{name}: {long:.1f} x {short:.1f} mm")

    # A phantom's true soft mask is known.
    truth = record["true_alpha"] / 255
    print(f"soft MAE from the truth: {cg.soft_mae(label.alpha, truth):.4f}")
    print(f"Dice at one half: {cg.dice(label.alpha >= 0.5, truth >= 0.5):.3f}")
    draw(image, record["recist"], label.alpha).savefig(output, dpi=120)
    print(f"picture: {output}")


def draw(image: np.ndarray, recist: np.ndarray, alpha: np.ndarray) -> Figure:
    """The slice with the axes, the soft mask, the slice with its outline."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    for axes, title in zip(figure.subplots(1, 3), ("drawn", "soft mask", "outline"), strict=True):
        shown = alpha if title == "soft mask" else image
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=extent)
        axes.set(title=title, xticks=[], yticks=[])
        if title == "drawn":
            for x1, y1, x2, y2 in recist.reshape(2, 4):
                axes.plot([x1, x2], [y1, y2], color="#56b4e9")
        if title == "outline":
            axes.contour(np.flipud(alpha), [0.5], colors="#e69f00", extent=extent)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("soft_mask.png"))
    main(parser.parse_args().output)
