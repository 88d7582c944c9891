"""What the stages of a run learn from: WORKDIR/data.json, kept from the first checkpoint on.

    notes = keep_data({"softgan": TrainedOn(digest, patients)}, workdir)
    trained_on(read_data(workdir), "softgan").patients

A data set is known by its digest and patients by the SHA-256 of their names
(`casgan_jax.records.identity`). Runs of versions before 0.4 have no such file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.errors import UserError
from casgan_jax.files import read_json, write_whole
from casgan_jax.workdir.layout import CHECKPOINTS, data_file, result_file
from casgan_jax.workdir.processes import barrier, is_first

_UNKNOWN = (
    "the version that began this run did not keep which data set it is trained on; the one that "
    "is there now is taken for it"
)
_REMEDY = "bring it back from a copy, or remove it to go on without"


class TrainedOn(NamedTuple):
    """What one stage learns from.

    Attributes:
      data: digest of its data set.
      patients: SHA-256 of the names of all patients whose records it is trained on, or a network
        that it builds on was.
    """

    data: str
    patients: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """As it is kept in files."""
        return {"data": self.data, "patients": sorted(self.patients)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> TrainedOn:
        """What `to_json` gave."""
        return cls(found["data"], frozenset(found["patients"]))


Stages = Mapping[str, TrainedOn]  # by the stage's name


def read_data(workdir: Path) -> dict[str, TrainedOn]:
    """What each stage of a run learns from; nothing where that was not kept.

    Raises:
      UserError: the file is damaged.
    """
    path = data_file(workdir)
    if not path.is_file():
        return {}
    found = read_json(path, remedy=_REMEDY)
    try:
        return {stage: TrainedOn.from_json(of_stage) for stage, of_stage in found.items()}
    except (TypeError, KeyError) as error:
        raise UserError(
            path, found="another content", expected="data and patients by stage", remedy=_REMEDY
        ) from error


def trained_on(stages: Stages, stage: str) -> TrainedOn | None:
    """What a stage of a run has learnt from, the patients of the stages before it included."""
    if stage not in stages:
        return None
    before = stages.get("srgan", stages[stage])
    return TrainedOn(stages[stage].data, stages[stage].patients | before.patients)


def of_weights(facts: Mapping[str, Any]) -> TrainedOn | None:
    """What a stage has learnt from, by what its weights say (`casgan_jax.workdir.weights`); None
    where an earlier version wrote them."""
    return TrainedOn.from_json(facts["trained_on"]) if facts.get("trained_on") else None


def keep_data(now: Stages, workdir: Path, *, accept_changes: bool = False) -> list[str]:
    """Keeps what the stages of a run learn from, or checks that it is what they began with.

    Args:
      now: of the stages that the run trains.
      workdir: exists.
      accept_changes: go on with another data set; its patients are added to those before.

    Returns:
      Lines to tell: another data set that was accepted, or one that an earlier version did not
      keep.

    Raises:
      UserError: a stage began with another data set.
    """
    begun = any(workdir.glob(f"*/{CHECKPOINTS}/*"))
    before = read_data(workdir) if begun else {}
    learning = [stage for stage in now if _learns(stage, now, workdir)]
    changed = [stage for stage in learning if _is_other(before.get(stage), now[stage])]
    lines = [f"data set of {s}: {before[s].data[:12]}, now {now[s].data[:12]}" for s in changed]
    if changed and not accept_changes:
        raise UserError(
            "workdir",
            found=f"a run on another data set in {workdir} ({'; '.join(lines)})",
            expected="the same records in the same splits",
            remedy=(
                "choose another `workdir`, bring the data set back, or go on with this one by "
                "`accept_config_changes`"
            ),
        )
    barrier("data checked")
    if is_first() and learning:
        joined = {stage: _joined(before.get(stage), now[stage]) for stage in learning}
        kept = {stage: found.to_json() for stage, found in {**before, **joined}.items()}
        write_whole(data_file(workdir), (json.dumps(kept, indent=1) + "\n").encode())
        for stage in changed:  # a finished stage goes on, too
            result_file(workdir, stage).unlink(missing_ok=True)
    barrier("data kept")
    return [
        *(f"going on with another {line}" for line in lines),
        *([_UNKNOWN] if begun and learning and not before else []),
    ]


def _learns(stage: str, now: Stages, workdir: Path) -> bool:
    """Whether a stage's data are still asked for: not those of one that is done, unless it is the
    run's last and they are known."""
    finished = result_file(workdir, stage).is_file()
    return not finished or (stage == list(now)[-1] and data_file(workdir).is_file())


def _is_other(before: TrainedOn | None, now: TrainedOn) -> bool:
    return before is not None and before.data != now.data


def _joined(before: TrainedOn | None, now: TrainedOn) -> TrainedOn:
    """Now, with the patients that the stage has learnt from before."""
    return now if before is None else now._replace(patients=now.patients | before.patients)
