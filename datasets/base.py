"""What every builder of a prepared data set shares: tasks, all cores, skips counted, one atomic
rename.

A builder says what there is to do (`tasks`) and how one record is made (`make_record`, a pure
function of one task's arguments that a worker process can run); everything else is here:

    def make_record(arguments: tuple[int, float]) -> dict[str, np.ndarray] | Skip: ...

    class Builder(PreparedBuilder):
        name = "example"
        VERSION = tfds.core.Version("1.0.0")
        RELEASE_NOTES = {"1.0.0": "First version."}
        make_record = staticmethod(make_record)

        def _info(self):
            features = records.segmentation_features(128, 4, np.int16)
            return self.prepared_info(features, records.metadata(kind="segmentation", ...))

        def tasks(self, manual_dir):
            return [Task(split_of(patient), key, (seed, scale)) for ...]

    path = prepare(Builder, "/tmp/data").path
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import errno
import inspect
import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import tensorflow_datasets as tfds

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user, make_folder, only_process
from casgan_jax.pool import OrderedPool
from casgan_jax.progress import Progress
from casgan_jax.records.splits import SPLITS
from datasets.checksums import checksums
from datasets.outcomes import Outcome, Outcomes, Skip
from datasets.stable_writer import StableWriter
from datasets.task import Make, Record, Task

# Errors of the disk, as opposed to those of a program.
_CANNOT_WRITE = (errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS)


class Pipelines(Protocol):
    """What makes the records of one build in place of this machine's processes; entered while it
    runs. `datasets.beam.BeamBuild` is one."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: Any) -> None: ...

    def records(self, split: str, tasks: Sequence[Task], make: Make) -> Any:
        """The transform of a split's tasks that TFDS runs."""

    def outcomes(self) -> list[Outcome]:
        """What became of the tasks, once all is done."""


class PipelineRunner(Protocol):
    """Where and how pipelines run; `datasets.beam.BeamRun` is one."""

    @property
    def runner(self) -> Any: ...

    @property
    def options(self) -> Any: ...

    def build(self, stage: Path) -> Pipelines:
        """The pipelines of one build, which keep their files below `stage`."""


class _LocalInfo(tfds.core.DatasetInfo):
    """Information that is made here, not looked up in TFDS's bucket."""

    def initialize_from_bucket(self) -> None:
        """Nothing; TFDS's own version leaves an empty folder in /tmp each time."""


class PreparedBuilder(  # type: ignore[call-arg]  # TFDS takes it, and has no types
    tfds.core.GeneratorBasedBuilder, abc.ABC, skip_registration=True
):
    """Base of the builders under `datasets/`.

    Subclasses set `name`, `VERSION`, `RELEASE_NOTES` and `make_record` (a `staticmethod` of a
    module-level function) and define `_info` and `tasks`. Those that read source files also set
    `MANUAL_DOWNLOAD_INSTRUCTIONS`. Every record has a text feature `patient`.

    The records do not depend on `workers` and `beam`; TFDS orders them by a hash of their keys.
    """

    CITATION = ""
    make_record: Callable[[Any], Record | Skip]
    workers: int | None = None  # processes; None: one for each core, 0: none, all in this process
    beam: Pipelines | None = None  # makes the records instead of the processes
    show_progress: bool = True
    _notes: tuple[str, ...] = ()
    _checksums: dict[str, str] = {}

    def note(self, text: str) -> None:
        """Keeps a line for the metadata and the build's summary, e.g. that a file was not found."""
        self._notes = (*self._notes, text)

    def note_source(self, path: Path) -> None:
        """Keeps the checksum of a source file that belongs to no single task, e.g. a table."""
        self._checksums = {**self._checksums, **checksums([path])}

    @abc.abstractmethod
    def tasks(self, manual_dir: Path) -> list[Task]:
        """All records to make, in any order.

        Args:
          manual_dir: folder of the source files; for builders that read none, the data sets' own.

        Raises:
          UserError: the source files are not laid out as expected.
        """

    def prepared_info(
        self, features: tfds.features.FeaturesDict, metadata: dict[str, Any]
    ) -> tfds.core.DatasetInfo:
        """DatasetInfo for `_info`; the description is the class's docstring, the citation "
        "its CITATION."""
        return _LocalInfo(
            builder=self,
            description=inspect.getdoc(type(self)),
            citation=self.CITATION,
            features=features,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        reads = bool(self.MANUAL_DOWNLOAD_INSTRUCTIONS)
        manual_dir = Path(dl_manager.manual_dir if reads else self.data_dir)
        tasks = sorted(self.tasks(manual_dir), key=lambda task: task.key)
        unknown = {task.split for task in tasks} - set(SPLITS)
        if unknown:
            raise ValueError(f"splits: found {sorted(unknown)}, expected only {SPLITS}")
        self._progress.begin(f"building {self.name}", len(tasks))
        splits = {}
        for split in SPLITS:
            chosen = [task for task in tasks if task.split == split]
            examples = self._generate_examples(chosen)
            # TFDS refuses a split without records, so the first one is made here.
            first = next(examples, None)
            if first is None:
                continue
            if self.beam is None:
                splits[split] = itertools.chain([first], examples)
            else:  # Beam makes the first one again
                self._outcomes.forget(split)
                splits[split] = self.beam.records(split, chosen, self._make)
        if not splits:
            raise self._outcomes.nothing_made(self.name, len(tasks))
        return splits

    def _generate_examples(self, tasks: list[Task]) -> Iterator[tuple[str, Record]]:
        for record, outcome in self._pool.map(tasks):
            self._progress.update()
            self._outcomes.add(outcome)
            if record is not None:
                yield outcome.key, record

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        self._notes = ()
        self._checksums = {}
        self._outcomes = Outcomes()
        self._make = _Make(type(self).make_record)
        self._progress = Progress(
            f"building {self.name}",
            total=None,
            unit="record",
            show=self.show_progress and self.beam is None,
        )
        pool = OrderedPool(self._make, self.workers if self.beam is None else 0)
        with self._progress, pool as self._pool, self.beam or contextlib.nullcontext():
            super()._download_and_prepare(dl_manager, download_config)
        for outcome in self.beam.outcomes() if self.beam else ():
            self._outcomes.add(outcome)
        self._outcomes.add_sources(self._checksums)
        # Still in TFDS's temporary folder: these files appear with the records.
        folder = Path(self.data_dir)
        self._outcomes.write_skipped(folder / "skipped.csv")
        self.info.metadata.update(self._outcomes.summary(), notes=list(self._notes))
        if self.MANUAL_DOWNLOAD_INSTRUCTIONS:
            sources = self._outcomes.write_sources(folder, Path(dl_manager.manual_dir))
            self.info.metadata.update(sources)

    def _example_writer(self) -> StableWriter:
        return StableWriter(file_format=self.info.file_format)

    def _log_download_bytes(self) -> None:
        """Nothing: nothing is downloaded, and the folder TFDS would print is the temporary one."""

    def _log_download_done(self) -> None:
        """Nothing, as above."""


@dataclasses.dataclass(frozen=True)
class _Make:
    """Makes a task's record and says what became of it; something that a worker can be sent."""

    make_record: Callable[[Any], Record | Skip]

    def __call__(self, task: Task) -> tuple[Record | None, Outcome]:
        try:
            made = self.make_record(task.arguments)
        except Exception as error:
            error.add_note(f"while making the record {task.key}")
            raise
        sources = checksums(task.sources)
        if isinstance(made, Skip):
            return None, Outcome(task.split, task.key, None, made.reason, made.detail, sources)
        return made, Outcome(task.split, task.key, made["patient"], "", "", sources)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prepared data set on disk.

    Attributes:
      path: its folder, `data_dir/NAME[/CONFIG]/VERSION`.
      built: False if it was there already.
    """

    path: Path
    built: bool


def prepare(
    builder_class: type[PreparedBuilder],
    data_dir: Path | str,
    *,
    config: str | None = None,
    manual_dir: Path | str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    show_progress: bool = True,
    beam: PipelineRunner | None = None,
    finish: Callable[[Path], None] | None = None,
) -> Prepared:
    """Builds a data set, atomically: its folder appears complete, in one rename, or not at all.

    The build happens in `data_dir/.incomplete-NAME-CONFIG`. What a killed build left there is
    removed by the next one. With `overwrite`, the old data set stays until the new one is complete.

    Args:
      builder_class: what to build.
      data_dir: root of the prepared data sets.
      config: name of one of `builder_class.BUILDER_CONFIGS`; None for the first of them.
      manual_dir: folder of the source files, for builders that need one.
      overwrite: build again although the data set is there.
      workers: processes; None for one a core, 0 for none.
      show_progress: whether to tell on standard error how far it has come.
      beam: of `datasets.beam.beam_run`; Apache Beam then makes the records, and `workers` and
        `show_progress` say nothing.
      finish: called with the folder of the complete data set just before the rename, to add files
        to it.

    Raises:
      UserError: missing or wrong source files, a patient in two splits, no record at all, or
        another process is building the same data set.
    """
    if "://" in str(data_dir):
        raise UserError(
            "data_dir",
            found=f"{data_dir}",
            expected="a folder",
            remedy="mount the bucket, or copy the data set there when it is built",
        )
    data_dir = expand_user(data_dir).absolute()
    final = Path(builder_class(data_dir=data_dir, config=config).data_path)
    if final.exists() and not overwrite:
        return Prepared(final, built=False)
    download_config = tfds.download.DownloadConfig(
        manual_dir=_checked_manual_dir(builder_class, manual_dir)
    )
    label = "-".join(final.relative_to(data_dir).parts[:-1])
    make_folder(data_dir, field="data_dir")
    lock = only_process(data_dir / f".{label}.lock", f"building {label}", field="data_dir")
    with _full_disk_told(data_dir), lock:
        if final.exists() and not overwrite:  # another process finished it in the meantime
            return Prepared(final, built=False)
        stage = data_dir / f".incomplete-{label}"
        shutil.rmtree(stage, ignore_errors=True)
        try:
            builder = builder_class(data_dir=stage, config=config)
            builder.workers, builder.show_progress = workers, show_progress
            if beam is not None:
                builder.beam = beam.build(stage)
                download_config.beam_runner = beam.runner
                download_config.beam_options = beam.options
            tfds.disable_progress_bar()  # one bar, ours, instead of one for each of TFDS's phases
            builder.download_and_prepare(
                download_dir=stage / "downloads",
                download_config=download_config,
                file_format="array_record",
            )
            if finish is not None:
                finish(Path(builder.data_path))
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                final.rename(stage / "replaced")
            Path(builder.data_path).rename(final)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return Prepared(final, built=True)


def _checked_manual_dir(
    builder_class: type[PreparedBuilder], manual_dir: Path | str | None
) -> Path | None:
    if not builder_class.MANUAL_DOWNLOAD_INSTRUCTIONS:
        return None
    remedy = " ".join(builder_class.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
    if manual_dir is None:
        raise UserError(
            "manual_dir",
            found="none",
            expected=f"the folder of {builder_class.name}'s source files",
            remedy=f"{remedy}",
        )
    manual_dir = expand_user(manual_dir).absolute()
    if not manual_dir.is_dir() or not any(manual_dir.iterdir()):
        found = "an empty folder" if manual_dir.is_dir() else "no such folder"
        raise UserError(
            manual_dir,
            found=f"{found}",
            expected=f"{builder_class.name}'s source files",
            remedy=f"{remedy}",
        )
    return manual_dir


@contextlib.contextmanager
def _full_disk_told(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        raise UserError(
            "data_dir",
            found=f"that nothing can be written to {data_dir} ({error.strerror})",
            expected="a folder with room for the data set",
            remedy="free some or name another",
        ) from error
