"""Trains a config, measures it on the test split and says where the pictures are.

    python -m launch.train --config=softgan:quick
    python -m launch.train --config=softgan --config.data.dir=data/lidc --config.optim.lr=1e-4
    python -m launch.train --config=help

The same command continues an interrupted training. Every field of the config can be set by
--config.FIELD=VALUE; `config.json` in the workdir shows them all.
"""

from __future__ import annotations

import sys
from pathlib import Path

from absl import flags

from casgan_jax.errors import UserError
from launch.common import run_main
from launch.config_flag import config_help, load_config, split_overrides

_CONFIG = flags.DEFINE_string("config", None, "NAME or NAME:VARIANT; 'help' lists them.")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; by default runs/NAME[-VARIANT]."
)
_overrides: list[tuple[str, str]] = []


def main(_: list[str]) -> int:
    if _CONFIG.value == "help":
        print(config_help())
        return 0
    if not _CONFIG.value:
        raise UserError("--config: found none, expected NAME[:VARIANT]; `--config=help` lists them")
    config = load_config(_CONFIG.value, _overrides)
    workdir = Path(_WORKDIR.value or Path("runs", _CONFIG.value.replace(":", "-")))

    from casgan_jax.training.loop import format_metrics, train

    result = train(config, workdir)
    print(f"{result['stage']}: best step {result['step']} of {result['steps']}")
    print(f"validation: {format_metrics(result['validation'])}")
    if result["warning"]:
        print(f"warning: {result['warning']}")
    print(f"pictures: {result['grid']}")
    if config.name == "softgan":
        from casgan_jax.report.evaluation import evaluate_workdir, headline_lines

        print("test split:")
        for line in headline_lines(evaluate_workdir(workdir, "test")):
            print(f"  {line}")
        print(f"worst cases: {workdir / 'evaluation' / 'test' / 'worst.png'}")
        print(
            "next:\n"
            f"  python -m launch.evaluate --workdir={workdir} --split=test\n"
            f"  python -m launch.predict --workdir={workdir} --input=FILE --center=X,Y "
            "--output=DIR\n"
            "  python -m launch.build --dataset=help   # other data to train on"
        )
    return 0


if __name__ == "__main__":
    sys.argv[1:], _overrides[:] = split_overrides(sys.argv[1:])
    run_main(main)
