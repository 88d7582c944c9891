"""The lesions of a study, each on its slice.

    study_lesions(read_study(Path("study")))  # Annotations: a lesion for each measurement, and each
    # slice that a segment is marked on

See `casgan_jax.labelling.study_measured` and `casgan_jax.labelling.study_marked`.
"""

from __future__ import annotations

import dataclasses

from casgan_jax.annotations import Annotation, Annotations, Failure
from casgan_jax.annotations.table import check_key
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.images.series import Series
from casgan_jax.images.series_choice import series_called, series_told
from casgan_jax.labelling.study import Study
from casgan_jax.labelling.study_marked import marked_lesions
from casgan_jax.labelling.study_measured import is_elsewhere, measured_lesion


def study_lesions(
    study: Study,
    *,
    series: str | None = None,
    segment: str | None = None,
    slice_index: int | None = None,
    components: bool = False,
) -> Annotations:
    """The lesions of a study: a measurement each, and each slice that a segment is marked on.

    Args:
      study: of `read_study`.
      series: number or UID of the only series whose lesions count; None: all.
      segment: number or name of the only segment that counts; None: all.
      slice_index: the only slice of the series that counts for segments.
      components: a lesion for each connected part of a segment.

    Returns:
      Annotations of slices of series; failures say what cannot be placed or read.

    Raises:
      UserError: nothing is measured or marked, or there is no such series.
    """
    chosen = _chosen(study, series)
    found: list[tuple[str, Annotation | str]] = []
    if segment is None:
        found += [
            measured_lesion(study, path, one, chosen)
            for path, one in study.measurements
            if not is_elsewhere(study, one, chosen)
        ]
    for marks in study.marks:
        found += marked_lesions(marks, chosen, segment, slice_index, components)
    found += [("", str(fault)) for fault in study.faults]
    if not found:
        raise UserError(
            study.folder,
            found="no measurement and no segment" + f" {segment!r}" * bool(segment),
            expected="a report, presentation state, segmentation or contours beside the images",
            remedy="give `recist` or `mask`, or see what there is with `list`",
        )
    names = unique_names([name for name, _ in found])
    good, failures = [], []
    for name, (_, one) in zip(names, found, strict=True):
        if isinstance(one, Annotation):
            good.append(dataclasses.replace(one, key=check_key(name), study=study.folder))
        else:
            failures.append(Failure(0, name, one))
    return Annotations(tuple(good), tuple(failures))


def _chosen(study: Study, wanted: str | None) -> tuple[Series, ...]:
    chosen = study.series if wanted is None else series_called(study.series, wanted)
    if wanted is not None and not chosen:
        raise UserError(
            "series",
            found=f"{wanted!r}, which {study.folder} does not hold",
            expected=f"one of {series_told(study.series, study.series) or 'none'}",
            remedy="correct it",
        )
    return chosen
