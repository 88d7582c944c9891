"""Makes records with Apache Beam, on the processes of one machine or on a cluster.

Needs the extra `beam`. Every worker reads the source files and writes to the data set's folder, so
both are on a file system that all of them see by the same names.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import json
import logging
import pickle
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.errors import UserError, install, one_line
from casgan_jax.pool import CHUNK, use_one_core
from casgan_jax.records.splits import SPLITS
from datasets.outcomes import Outcome
from datasets.task import Make, Task

logging.disable(logging.WARNING)  # Beam warns that Google's libraries are not there
try:
    import apache_beam as beam
    import grpc
    from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
    from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
    from apache_beam.runners.direct.direct_runner import DirectRunner
    from apache_beam.runners.portability.portable_runner import PortableRunner
    from apache_beam.runners.runner import PipelineRunner, create_runner
except ImportError as error:
    raise UserError(
        "beam_runner",
        found=f"no apache_beam ({one_line(error)})",
        expected="the extra beam",
        remedy=install("beam"),
    ) from error
finally:
    logging.disable(logging.NOTSET)

# DirectRunner, unless told otherwise: a process for each core as without Beam, since records that
# are made in this process, with more threads, may differ in a last bit; and without their chatter.
_DIRECT_OPTIONS = (
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=0",
    "--default_sdk_harness_log_level=WARNING",
    '--sdk_harness_log_level_overrides={"__main__": "ERROR", "apache_beam.options": "ERROR"}',
)


class BeamRun(NamedTuple):
    """Where and how pipelines run."""

    runner: PipelineRunner
    options: PipelineOptions

    def build(self, stage: Path) -> BeamBuild:
        """The pipelines of one build, which keep their files below `stage`."""
        return BeamBuild(stage)


def beam_run(runner: str, options: Sequence[str]) -> BeamRun:
    """A runner and its options, checked as far as can be without running anything.

    Args:
      runner: name of a Beam runner, or of a class MODULE.NAME.
      options: "key=value", or "key" of a switch.

    Raises:
      UserError: no such runner or option, or a value that the option cannot have.
    """
    created = _create_runner(runner)
    flags = [f"--runner={runner}", *(f"--{option}" for option in options)]
    if isinstance(created, DirectRunner):
        # It first tries Prism, a program that it fetches from the web and that knows no direct_*
        # options; it leaves that out where it is interactive, which changes nothing else.
        created.is_interactive()
        flags = [*_DIRECT_OPTIONS, *flags]
    parsed, given = _parse(flags)
    known = PipelineOptions([]).get_all_options()
    for name in given:
        # A job server may have options of its own.
        if name not in known and not isinstance(created, PortableRunner):
            raise _unknown("beam_options", name, list(known))
    refused = PipelineOptionsValidator(parsed, created).validate()
    if refused:
        raise _refused(refused)
    return BeamRun(created, parsed)


def _create_runner(name: str) -> PipelineRunner:
    try:
        runner = create_runner(name)
        if isinstance(runner, DataflowRunner):  # finds out late what it lacks
            importlib.import_module("apache_beam.runners.dataflow.internal.apiclient")
        return runner
    except (ValueError, AttributeError) as error:
        raise _unknown("beam_runner", name, StandardOptions.KNOWN_RUNNER_NAMES) from error
    except ImportError as error:
        raise UserError(
            f"beam_runner={name}",
            found=f"that it cannot be used ({one_line(error)})",
            expected="what it needs to be installed",
            remedy="DataflowRunner: pip install 'apache-beam[gcp]'",
        ) from error


def _parse(flags: Sequence[str]) -> tuple[PipelineOptions, dict[str, Any]]:
    """Options and {name: value}, those included that Beam does not know."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions(flags)
            return options, options.get_all_options(retain_unknown_options=True)
    except SystemExit as error:
        _, _, reason = said.getvalue().strip().rpartition("error: ")
        raise _refused([reason]) from error


def _refused(reasons: Sequence[str]) -> UserError:
    found = " ".join("; ".join(reasons).split())
    return UserError(
        "beam_options",
        found=f"what Beam refuses ({found})",
        expected="key=value,... of the runner's options",
        remedy="see Beam's page of the runner",
    )


def _unknown(field: str, found: str, valid: Sequence[str]) -> UserError:
    near = difflib.get_close_matches(found, valid, n=1, cutoff=0.0)
    return UserError(
        field,
        found=f"{found!r}",
        expected="a name that Beam knows",
        remedy=f"did you mean {near[0]!r}?",
    )


class BeamBuild:
    """The pipelines of one build, and what became of its tasks; entered while they run.

    Args:
      stage: folder for files between here and the workers.
    """

    def __init__(self, stage: Path):
        # A name of its own: a job of a build that was interrupted may still run elsewhere.
        self._folder = stage / f"beam-{uuid.uuid4().hex}"
        self._folder.mkdir(parents=True)

    def __enter__(self) -> BeamBuild:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        # Which of them a lost process leads to is a matter of time.
        closed = isinstance(error, RuntimeError) and "Channel closed prematurely" in str(error)
        lost = closed or isinstance(error, (grpc.RpcError, grpc.FutureTimeoutError))
        if error is not None and lost:
            raise UserError(
                "beam_runner",
                found=f"that a worker or the job server does not answer ({one_line(error)})",
                expected="all to live",
                remedy=(
                    "a machine may be short of memory, try fewer workers; or name another "
                    "job_endpoint"
                ),
            ) from error

    def records(self, split: str, tasks: Sequence[Task], make: Make) -> beam.PTransform:
        """The transform [] -> (key, record) of a split's tasks."""
        path = self._folder / f"{split}.tasks"
        path.write_bytes(pickle.dumps(tasks))
        return _MakeRecords(path, self._folder / f"{split}.outcomes", make)

    def outcomes(self) -> list[Outcome]:
        """What became of the tasks, in their order; once the pipeline is done."""
        found = [
            Outcome(*json.loads(line))
            for path in self._folder.glob("*.outcomes-*")
            for line in path.read_text().splitlines()
        ]
        return sorted(found, key=lambda outcome: (SPLITS.index(outcome.split), outcome.key))


class _MakeRecords(beam.PTransform):
    def __init__(self, tasks: Path, outcomes: Path, make: Make):
        super().__init__()
        self._tasks, self._outcomes, self._make = tasks, outcomes, make

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        made = (
            pipeline
            # The tasks' file, for a pipeline that names each of many tasks is refused by clusters.
            | "TasksFile" >> beam.Create([str(self._tasks)])
            | "Tasks" >> beam.FlatMap(_read_chunks)
            | "Share" >> beam.Reshuffle()
            | "Make" >> beam.ParDo(_MakeChunk(self._make)).with_outputs("outcomes", main="records")
        )
        # Complete files without repetitions, even if a worker dies and its work is done again.
        _ = made.outcomes | "Outcomes" >> beam.io.WriteToText(str(self._outcomes))
        return made.records


class _MakeChunk(beam.DoFn):
    def __init__(self, make: Make):
        self._make = make

    def setup(self) -> None:
        use_one_core()

    def process(self, tasks: Sequence[Task]) -> Iterator[Any]:
        for task in tasks:
            record, outcome = self._make(task)
            yield beam.pvalue.TaggedOutput("outcomes", json.dumps(outcome))
            if record is not None:
                yield outcome.key, record


def _read_chunks(path: str) -> Iterator[Sequence[Task]]:
    # Neighbours stay together: they are often made from the same files.
    tasks = pickle.loads(Path(path).read_bytes())
    for start in range(0, len(tasks), CHUNK):
        yield tasks[start : start + CHUNK]
