"""Every suite, one after the other, each in a process of its own: one visit to a machine.

OUTPUT gets SUITE.jsonl, what the suite printed, and SUITE.log. A suite that fails, or that takes
longer than --suite_seconds, does not stop the others; what it had printed until then stays. Suites
that need a prepared data set are left out where --data_dir or --volume_dir names none; those that
need a trained network measure the one of the package where --workdir names none. Summaries that are
there are not measured again, so that the same command goes on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.pretrained import NAME

# The quick ones first: what a visit that ends early leaves.
SUITES = ("matting", "train", "predict", "input", "volume", "marks", "label", "annotate", "quality")
_NEEDED = {
    **dict.fromkeys(("input", "marks", "label", "quality"), "data_dir"),
    "volume": "volume_dir",
}
_TRAINED = ("marks", "volume")
_PASSED = ("config", "dtype", "folds", "first_folds", "limit", "repeats", "seconds")
_PATHS = ("data_dir", "volume_dir", "isbi_dir")


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields a row for each suite, then how many were measured.

    Raises:
      UserError: no folder is named.
    """
    if options.output is None:
        raise UserError(
            "output", found="none", expected="a folder", remedy="name one for what is measured"
        )
    folder = make_folder(Path(options.output), field="output")
    rows = []
    for suite in SUITES:
        needed = _NEEDED.get(suite)
        if needed is not None and getattr(options, needed) is None:
            rows.append({"measured": suite, "status": f"left out: no {needed}"})
        else:
            rows.append({"measured": suite, **_measured(suite, options, folder)})
        yield rows[-1]
    done = sum(row["status"] == "done" for row in rows)
    yield {"suites": len(rows), "done": done, "output": str(folder)}


def _measured(suite: str, options: Any, folder: Path) -> dict[str, Any]:
    """What a suite came to; runs it unless its summary is there."""
    lines, log = folder / f"{suite}.jsonl", folder / f"{suite}.log"
    if (summary := _summary(suite, lines)) is not None:
        return {"status": "done", "before": True, "summary": summary}
    start = time.perf_counter()
    with lines.open("w") as output, log.open("w") as errors:
        try:
            status = subprocess.run(
                _command(suite, options, folder),
                stdout=output,
                stderr=errors,
                timeout=options.suite_seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
    seconds = round(time.perf_counter() - start, 1)
    summary = _summary(suite, lines)
    if summary is not None and status == 0:
        return {"status": "done", "seconds": seconds, "summary": summary}
    told = log.read_text().strip().rsplit("\n", 1)[-1][:300]
    why = f"took more than {options.suite_seconds:g} s" if status is None else told
    return {"status": f"failed: {why}", "seconds": seconds}


def _command(suite: str, options: Any, folder: Path) -> list[str]:
    given = {name: getattr(options, name) for name in (*_PASSED, *_PATHS)}
    workdir = options.workdir or (NAME if suite in _TRAINED else None)
    if suite == "quality":  # where it keeps what it trains
        workdir = str(folder / "quality")
    flags = {**given, "suite": suite, "workdir": workdir}
    told = [f"--{name}={value}" for name, value in flags.items() if value is not None]
    return [sys.executable, "-m", "launch.benchmark", *told]


def _summary(suite: str, lines: Path) -> Mapping[str, Any] | None:
    """The last line of a suite that ended; None where it did not."""
    last = lines.read_text().strip().rsplit("\n", 1)[-1] if lines.is_file() else ""
    try:
        found = json.loads(last)
    except ValueError:  # no line, or one that was cut off
        return None
    return found if isinstance(found, dict) and found.get("suite") == suite else None
