"""Builds a data set by its name, with its picture of samples, and tells what came out.

print(summary(build("phantom", "data").path))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casgan_jax.errors import Step, UserError
from casgan_jax.images import write_png
from casgan_jax.records.checks import stored_metadata
from casgan_jax.records.splits import MANY_LESIONS
from casgan_jax.records.volume_features import KIND
from datasets.base import Prepared, prepare
from datasets.catalogue import find_builder
from datasets.samples import samples_sheet

if TYPE_CHECKING:  # needs an extra
    from datasets.beam import BeamRun


def build(
    dataset: str,
    data_dir: str,
    *,
    manual_dir: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    beam_runner: str | None = None,
    beam_options: Sequence[str] = (),
) -> Prepared:
    """Builds a data set, unless it is there.

    Args:
      dataset: NAME or NAME/CONFIG.
      beam_runner, beam_options: of `datasets.beam.beam_run`; None builds without Beam.
      data_dir, manual_dir, overwrite, workers: of `datasets.base.prepare`.

    Raises:
      UserError: an unknown name of a data set, runner or option, or what `datasets.base.prepare`
        raises.
    """
    builder_class, config = find_builder(dataset)
    return prepare(
        builder_class,
        data_dir,
        config=config,
        manual_dir=manual_dir,
        overwrite=overwrite,
        workers=workers,
        beam=_beam_run(beam_runner, beam_options, workers),
        finish=_add_samples,
    )


def summary(path: Path) -> str:
    """Counts for each split and skip reason, notes and paths, as text."""
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
    validation = info.splits["validation"].num_examples if "validation" in info.splits else 0
    if metadata["kind"] != KIND and metadata["patients"].get("train") and validation < MANY_LESIONS:
        lines.append(
            f"note: {validation} validation lesions will choose the threshold of what is trained, "
            "which makes it a rough one; more lesions make it better, or another split"
        )
    if metadata["skipped"]:
        lines.append(f"skipped, one by one: {path / 'skipped.csv'}")
    lines.append(f"samples:  {path / 'samples.png'}")
    lines.append(f"data set: {path}")
    return "\n".join(lines)


def next_step(path: Path) -> Step:
    """The command that trains on a data set, or measures on one of volumes."""
    metadata = stored_metadata(path)
    if metadata["kind"] == KIND:
        return Step("benchmark", {"suite": "volume", "volume_dir": str(path)})
    data = {"config.data.dir": str(path)}
    if metadata["kind"] == "super_resolution":
        return Step("train", {"config": "srgan", **data})
    # The config's label needs outlines of readers, which not every data set has.
    label = {"config.data.label": metadata["label"]} if "label" in metadata else {}
    return Step("train", {"config": "softgan:cpu", **data, **label})


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


def _add_samples(path: Path) -> None:
    write_png(path / "samples.png", samples_sheet(path))
