r"""Measures one part of the system beside what it replaces: one JSON object a line, a summary last.

    python -m launch.benchmark --suite=matting
    python -m launch.benchmark --suite=label --data_dir=data/lidc
    python -m launch.benchmark --suite=input --data_dir=data/lidc --config=softgan:cpu

Suites:
  matting  closed-form matting beside pymatting in one process (pip install -e '.[bench]';
           importing pymatting for the first time takes a minute; it is not timed)
  train    the adversarial step beside the same networks in PyTorch ('.[bench]')
  input    the input pipeline beside the training step that it feeds
  predict  a cascade's latency and images per second
  label    a soft mask from RECIST axes beside full-frame GrabCut and pymatting ('.[bench]'); how
           labels agree with the readers or the true alpha of a prepared data set (docs/labels.md)
"""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
import platform
from pathlib import Path
from typing import Any

import jax
from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.errors import UserError

flags.DEFINE_string("suite", None, "What to measure; see above.")
flags.DEFINE_string("data_dir", None, "label, input: folder of a prepared data set.")
flags.DEFINE_string("config", "softgan:cpu", "input, predict: NAME[:VARIANT] to measure.")
flags.DEFINE_string("workdir", None, "predict: a trained cascade, instead of a fresh one.")
flags.DEFINE_string("dtype", "float32", "train: float32 or bfloat16.")
flags.DEFINE_integer("limit", 500, "label: at most so many slices.", lower_bound=1)
flags.DEFINE_integer("repeats", 11, "Measurements of each case.", lower_bound=1)


def suites() -> list[str]:
    folder = Path(__file__).with_name("benchmarks")
    return sorted(module.name for module in pkgutil.iter_modules([str(folder)]))


def machine() -> str:
    device = jax.devices()[0]
    return f"{platform.machine()} {device.platform} {device.device_kind}, jax {jax.__version__}"


def main(_: list[str]) -> None:
    options = flags.FLAGS
    found = options.suite or ""
    if found not in suites():
        nearest = difflib.get_close_matches(found, suites(), n=1, cutoff=0.4)
        hint = f"did you mean {nearest[0]}?" if nearest else "see --help"
        raise UserError(
            "suite",
            found=f"{found!r}",
            expected=f"one of {', '.join(suites())}",
            remedy=f"{hint}",
        )
    rows = importlib.import_module(f"launch.benchmarks.{options.suite}").run(options)
    row: dict[str, Any] | None = None
    for following in rows:
        if row is not None:
            print(json.dumps(row), flush=True)
        row = following
    print(json.dumps({"suite": options.suite, "machine": machine(), **(row or {})}), flush=True)


if __name__ == "__main__":
    run_main(main)
