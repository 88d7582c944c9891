"""A small folder of images, marks and a table, to try the labelling on.

    python -m datasets.phantom.example --output=example
    python -m launch.label --table=example/lesions.csv --output=labels

The images are phantoms, 16-bit PNG files, HU = value - 32768. The marks are in turns two RECIST
axes, the masks of four simulated readers, and one of these masks.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Step, UserError
from casgan_jax.files import make_folder, write_whole
from casgan_jax.images import write_png
from datasets.outcomes import Skip
from datasets.task import Record

_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_LESIONS = flags.DEFINE_integer("lesions", 36, "How many.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms.", lower_bound=0)

_OFFSET = -32768  # HU = stored value + _OFFSET
STRATEGIES = ("recist", "readers", "mask")
_COLUMNS = ("key", "image", "recist", "mask", "reader_masks", "spacing_mm", "hu_offset")


def write_example(folder: Path, lesions: int, seed: int) -> Path:
    """Writes images, masks and lesions.csv; returns the table's path.

    Raises:
      UserError: the folder cannot be made or written to.
    """
    from datasets.phantom.builder import Source, make_record
    from datasets.phantom.lesion import KINDS

    make_folder(folder, field="output")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for index in range(lesions):
        record = make_record(Source(seed, index))
        if not isinstance(record, Skip):
            # The kinds of phantoms come in turns, too: each is to get marks of every kind.
            strategy = STRATEGIES[(index + index // len(KINDS)) % len(STRATEGIES)]
            writer.writerow(_write_lesion(folder, f"phantom-{index:02d}", strategy, record))
    return write_whole(folder / "lesions.csv", text.getvalue().encode())


def _write_lesion(folder: Path, key: str, strategy: str, record: Record) -> dict[str, object]:
    """Writes the image and the marks of a lesion; returns its line."""
    image = write_png(folder / f"{key}.png", (record["image"].astype(int) - _OFFSET).astype("u2"))
    line = {
        "key": key,
        "image": image.name,
        "spacing_mm": f"{record['spacing_mm']:.6g}",
        "hu_offset": _OFFSET,
    }
    if strategy == "recist":
        return line | {"recist": ",".join(f"{x:.2f}" for x in record["recist"])}
    masks = [
        write_png(folder / f"{key}_reader-{number}.png", mask).name
        for number, mask in enumerate(np.moveaxis(record["reader_masks"], 2, 0))
        if mask.any()
    ]
    return line | ({"mask": masks[0]} if strategy == "mask" else {"reader_masks": ";".join(masks)})


def main(_: list[str]) -> None:
    if not _OUTPUT.value:
        raise UserError(
            "output",
            found="none",
            expected="a folder",
            remedy="see `help`",
        )
    table = write_example(Path(_OUTPUT.value), _LESIONS.value, _SEED.value)
    labels = str(table.parent / "labels")
    print(f"{table}\nnext: {typed(Step('label', {'table': str(table), 'output': labels}))}")


if __name__ == "__main__":
    run_main(main)
