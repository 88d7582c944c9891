"""What to predict, from what labelling reads: tables of lesions, studies, slices of series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotations import Annotation, Annotations
from casgan_jax.errors import UserError
from casgan_jax.files import read_table
from casgan_jax.inference.jobs import Job
from casgan_jax.soft_mask.recist import EXCHANGED


class Planned(NamedTuple):
    """What to predict, and a line for each lesion that cannot be."""

    jobs: list[Job]
    failures: list[str]

    def shown_to(self, kinds: Sequence[str]) -> Planned:
        """The same for a system that sees some kinds of marks: without axes it is told the middle.

        Args:
          kinds: of `casgan_jax.soft_mask.mark_planes.KINDS`.
        """
        if "axes" in kinds:
            return self
        return self._replace(jobs=[job._replace(recist=None) for job in self.jobs])


def is_lesion_table(table: Path) -> bool:
    """Whether a CSV file is one of lesions as labelling reads them, not of files and marks.

    Raises:
      UserError: no such file, or no CSV.
    """
    _, rows = read_table(table, (), remedy="give a CSV with the columns file,x,y")
    return bool(rows) and "file" not in rows[0][1]


def plan_annotations(annotations: Annotations) -> Planned:
    """A job for each lesion: its axes, if any, and the mark in the middle of axes or masks."""
    from casgan_jax.labelling.lesion import read_lesion
    from casgan_jax.labelling.locate import locate_all

    planned = Planned([], [failure.reason for failure in annotations.failures])
    for annotation, fault in locate_all(annotations.annotations):
        try:
            if fault is not None:
                raise fault
            lesion = read_lesion(annotation)
        except UserError as error:
            planned.failures.append(f"{annotation.key}: {error}")
            continue
        file, index = annotation.slice_file or (annotation.image, annotation.slice_index)
        x, y = lesion.mark.tolist()
        measured = None if lesion.click is not None else lesion.recist
        planned.jobs.append(
            Job(
                file,
                (x, y),
                annotation.key.replace("/", "_"),
                slice_index=index,
                hu_offset=annotation.hu_offset or 0.0,
                recist=measured,
                spacing_mm=lesion.spacing_mm,
                notes=(EXCHANGED,) if EXCHANGED in lesion.notes else (),
            )
        )
    return planned


def plan_study(
    folder: Path, series: str | None, segment: str | None, slice_index: int | None
) -> Planned:
    """A job for each lesion that was measured or marked in a study.

    Raises:
      UserError: see `casgan_jax.labelling.study_lesions`.
    """
    from casgan_jax.labelling.study import read_study
    from casgan_jax.labelling.study_lesions import study_lesions

    study = read_study(folder)
    found = study_lesions(study, series=series, segment=segment, slice_index=slice_index)
    return plan_annotations(found)


def plan_slices(jobs: Sequence[Job], series: str | None, slice_index: int | None) -> Planned:
    """Jobs of marks with the slice that they are on, in folders too.

    Raises:
      UserError: no or several series are meant, no or a wrong slice.
    """
    from casgan_jax.labelling.locate import locate

    found = []
    for job in jobs:
        one = Annotation(
            key=job.name, patient="", image=job.file, slice_index=slice_index, series=series
        )
        one = locate(one)
        file, index = one.slice_file or (one.image, one.slice_index)
        found.append(job._replace(file=file, slice_index=index))
    return Planned(found, [])
