"""A small folder of images, marks and a table, to try the labelling on.

    python -m datasets.phantom.example --output=example
    python -m launch.label --table=example/lesions.csv --output=labels

The images are phantoms, 16-bit PNG files, HU = value - 32768. The marks are in turns two RECIST
axes, the masks of four simulated readers, and one of these masks.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Step, UserError

_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_LESIONS = flags.DEFINE_integer("lesions", 36, "How many.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms.", lower_bound=0)


def main(_: list[str]) -> None:
    if not _OUTPUT.value:
        raise UserError(
            "output",
            found="none",
            expected="a folder",
            remedy="see `help`",
        )
    from datasets.phantom.marked_images import write_example

    table = write_example(Path(_OUTPUT.value), _LESIONS.value, _SEED.value)
    labels = str(table.parent / "labels")
    print(f"{table}\nnext: {typed(Step('label', {'table': str(table), 'output': labels}))}")


if __name__ == "__main__":
    run_main(main)
