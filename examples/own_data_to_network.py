"""A folder of own images with marks becomes a data set, and the network of the package learns it.

    python -m examples.own_data_to_network --folder=own

The folder gets 24 images with a table of marks, in place of one's own (docs/training.md says how
these are laid out), the data set, the run and a prediction. Two minutes on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import casgan_jax as cg
from datasets.base import prepare
from datasets.folder.builder import Builder
from datasets.phantom.marked_images import write_example


def main(folder: Path, steps: int, lesions: int) -> None:
    # Images and a table with a line for each lesion: axes, masks, or several readers' masks.
    table = write_example(folder / "images", lesions, seed=7)

    # Marks become soft masks once, when the data set is made. Patients are split by their names.
    data = prepare(Builder, folder / "data", config="128", manual_dir=table.parent).path
    print({split: len(cg.load_split(data, split)) for split in ("train", "validation", "test")})

    # The same network as the package's, which the training starts from.
    config = cg.load_config(
        "softgan:tune",
        [
            ("data.dir", str(data)),
            ("optim.warmup_steps", "10"),
            ("optim.average", "0.95"),
            ("predict.symmetries", "false"),
            ("train.steps", str(steps)),
            ("train.evaluate_every", str(steps)),
        ],
    )
    result = cg.train(config, folder / "run")
    print(f"validation: {result.validation}")

    # Measured before and after, on lesions that neither has seen.
    test, metadata = cg.load_split(data, "test"), cg.read_metadata(data)
    for name in ("pretrained", folder / "run"):
        measured = cg.evaluate(cg.load_system(name), test, metadata, progress=False)
        mean = measured.summary().mean("all", "label_soft_mae")
        print(f"{name}: soft MAE from the label {mean}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("own"))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--lesions", type=int, default=24)
    given = parser.parse_args()
    main(given.folder, given.steps, given.lesions)
