"""Builds a prepared data set.

    python -m launch.build --dataset=phantom --data_dir=data
    python -m launch.build --dataset=lidc --data_dir=data --manual_dir=LIDC-IDRI-slices
    python -m launch.build --dataset=help
    python -m launch.build --dataset=phantom --beam_runner=DirectRunner  # needs the extra beam

The data set appears in DATA_DIR/NAME[/CONFIG]/VERSION, complete or not at all; a build that was
interrupted is simply run again.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pathlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags, logging

from casgan_jax.commands.entry import run_main
from casgan_jax.errors import UserError

if TYPE_CHECKING:  # needs an extra
    from datasets.beam import BeamRun

_DATASETS = pathlib.Path(__file__).parents[1] / "datasets"

_DATASET = flags.DEFINE_string(
    "dataset", None, "NAME or NAME/CONFIG of the data set to build; 'help' lists them."
)
_DATA_DIR = flags.DEFINE_string("data_dir", "data", "Root of the prepared data sets.")
_MANUAL_DIR = flags.DEFINE_string("manual_dir", None, "Folder of the source files.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Build again although the data set is there.")
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Processes; by default one for each core.", lower_bound=0
)
_BEAM_RUNNER = flags.DEFINE_string(
    "beam_runner",
    None,
    "Builds with Apache Beam: DirectRunner on this machine, FlinkRunner, SparkRunner, "
    "DataflowRunner on a cluster (docs/building_at_scale.md).",
)
_BEAM_OPTIONS = flags.DEFINE_list("beam_options", [], "Options of the runner: key=value,...")


def dataset_names() -> list[str]:
    """Names of the data sets: the folders under `datasets/` that have a builder.py."""
    return sorted(path.parent.name for path in _DATASETS.glob("*/builder.py"))


def find_builder(dataset: str) -> tuple[type, str | None]:
    """Builder class and config name of "NAME" or "NAME/CONFIG".

    Raises:
      UserError: no such data set or config; the line has the nearest valid name.
    """
    name, _, config = dataset.partition("/")
    if name not in dataset_names():
        raise _unknown("dataset", name, dataset_names())
    builder_class = importlib.import_module(f"datasets.{name}.builder").Builder
    configs = [c.name for c in builder_class.BUILDER_CONFIGS]
    if config and config not in configs:
        if not configs:
            raise UserError(
                f"dataset={dataset}",
                found=f"the config {config!r}",
                expected="none",
                remedy=f"use {name}",
            )
        raise _unknown(f"dataset={name}/", config, configs)
    return builder_class, config or None


def describe_datasets() -> str:
    """One line for each data set and config."""
    lines = []
    for name in dataset_names():
        builder_class, _ = find_builder(name)
        lines.append(f"{name:<18}{inspect.getdoc(builder_class).splitlines()[0]}")
        for config in builder_class.BUILDER_CONFIGS:
            lines.append(f"{f'  {name}/{config.name}':<18}{config.description or ''}".rstrip())
    return "\n".join(lines)


def build(
    dataset: str,
    data_dir: str,
    *,
    manual_dir: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    beam_runner: str | None = None,
    beam_options: Sequence[str] = (),
) -> pathlib.Path:
    """Builds a data set and prints its summary; returns its folder.

    Raises:
      UserError: an unknown name of a data set, runner or option, or what `datasets.base.prepare`
        raises.
    """
    from datasets.base import prepare

    builder_class, config = find_builder(dataset)
    beam = _beam_run(beam_runner, beam_options, workers)
    start = time.monotonic()
    prepared = prepare(
        builder_class,
        data_dir,
        config=config,
        manual_dir=manual_dir,
        overwrite=overwrite,
        workers=workers,
        beam=beam,
        finish=_add_samples,
    )
    if prepared.built:
        print(f"built in {time.monotonic() - start:.0f} s")
    else:
        print("already there, nothing was built; --overwrite builds it again")
    print(summary(prepared.path))
    return prepared.path


def summary(path: pathlib.Path) -> str:
    """Counts for each split and skip reason, notes, paths, and the next command, as text."""
    import tensorflow_datasets as tfds

    info = tfds.builder_from_directory(path).info
    metadata = dict(info.metadata)
    lines = [f"{'split':<12}{'records':>9}{'patients':>10}{'skipped':>9}"]
    for split, patients in metadata["patients"].items():
        made = info.splits[split].num_examples if split in info.splits else 0
        skipped = metadata["skipped"].get(split, {})
        lines.append(f"{split:<12}{made:>9}{patients:>10}{sum(skipped.values()):>9}")
        lines += [f"{'':<12}  skipped {count}: {reason}" for reason, count in skipped.items()]
        if not made:
            lines.append(f"{'':<12}  empty: no patient of this split gave a record")
    lines += [f"note: {note}" for note in metadata["notes"]]
    if metadata["skipped"]:
        lines.append(f"skipped, one by one: {path / 'skipped.csv'}")
    lines.append(f"samples:  {path / 'samples.png'}")
    lines.append(f"data set: {path}")
    lines.append(f"next: {_next_command(path, metadata)}")
    return "\n".join(lines)


def _beam_run(runner: str | None, options: Sequence[str], workers: int | None) -> BeamRun | None:
    """What `prepare` needs to build with Beam; None to build without."""
    if runner is None:
        if options:
            raise UserError(
                "beam_options",
                found=f"{','.join(options)!r} and no `beam_runner`",
                expected="both",
                remedy="`beam_runner=DirectRunner` builds on this machine",
            )
        return None
    if workers is not None:
        raise UserError(
            "workers",
            found=f"{workers} and `beam_runner={runner}`",
            expected="one of them",
            remedy="`beam_options` says how many workers a runner has",
        )
    from datasets.beam import beam_run

    return beam_run(runner, options)


def _next_command(path: pathlib.Path, metadata: dict[str, Any]) -> str:
    if metadata["kind"] == "super_resolution":
        return f"python -m launch.train --config=srgan --config.data.dir={path}"
    # The config's label needs outlines of readers, which not every data set has.
    label = f" --config.data.label={metadata['label']}" if "label" in metadata else ""
    return f"python -m launch.train --config=softgan:cpu --config.data.dir={path}{label}"


def _add_samples(path: pathlib.Path) -> None:
    from casgan_jax.images import write_png
    from datasets.samples import samples_sheet

    write_png(path / "samples.png", samples_sheet(path))


def _unknown(field: str, found: str, valid: list[str]) -> UserError:
    near = difflib.get_close_matches(found, valid, n=1, cutoff=0.0)
    return UserError(
        field,
        found=f"{found!r}",
        expected=f"one of {', '.join(valid)}",
        remedy=f"did you mean {near[0]!r}?",
    )


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.WARNING)  # TFDS tells each of its steps otherwise
    if _DATASET.value is None:
        raise UserError(
            "dataset",
            found="none",
            expected=f"one of {', '.join(dataset_names())}",
            remedy="`dataset=help` tells more",
        )
    if _DATASET.value == "help":
        print(describe_datasets())
        return
    try:
        build(
            _DATASET.value,
            _DATA_DIR.value,
            manual_dir=_MANUAL_DIR.value,
            overwrite=_OVERWRITE.value,
            workers=_WORKERS.value,
            beam_runner=_BEAM_RUNNER.value,
            beam_options=_BEAM_OPTIONS.value,
        )
    except KeyboardInterrupt:
        raise UserError(
            "build",
            found="an interruption",
            remedy="nothing half-built is left, run the same command again",
        ) from None


if __name__ == "__main__":
    run_main(main)
