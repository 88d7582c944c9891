"""Lesions labelled as volumes in several studies of a patient: which are the same, and how they
changed.

    studies = [read_volumes(Path("before")), read_volumes(Path("after"))]
    found = compare(studies)
    found.category, found.lesions[0].doubling_days
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.labelling.volumes.files import TABLE
from casgan_jax.labelling.volumes.response import (
    NODE_MM,
    Category,
    Sums,
    doubling_days,
    relative_change,
    response,
)
from casgan_jax.labelling.volumes.studies import Measured, Study

_MOST_APART = 20.0  # mm between the centres of one lesion in two studies, once these are aligned


class Changed(NamedTuple):
    """A target lesion of the first study.

    Attributes:
      key: its name there.
      seen: it in every study; None where it is not in it.
      notes: how it was found, where not by its name.
      diameter_change: of the diameter that counts, relative to the first study.
      volume_change: relative to the study before the last.
      doubling_days: of the volume since then, see `casgan_jax.labelling.volumes.response`.
    """

    key: str
    seen: tuple[Measured | None, ...]
    notes: tuple[str, ...]
    diameters_mm: tuple[float | None, ...]
    diameter_change: float | None
    volume_change: float | None
    doubling_days: float | None


class Compared(NamedTuple):
    """What studies of a patient come to.

    Attributes:
      lesions: of the first study.
      sums_mm: of the diameters that count, in every study; None where a lesion was not measured.
      new: names of lesions of the last study that no study before has.
      missing: names of lesions of the first study that the last one lacks and that are not said to
        be gone.
      category: by RECIST 1.1.
    """

    lesions: tuple[Changed, ...]
    sums_mm: tuple[float | None, ...]
    new: tuple[str, ...]
    missing: tuple[str, ...]
    category: Category


def compare(
    studies: Sequence[Study], *, nodes: Collection[str] = (), gone: Collection[str] = ()
) -> Compared:
    """How the lesions of the first study changed up to the last.

    A lesion is the same in two studies if its name is; else, if it is the nearest in both, within
    20 mm, once the studies are aligned by the lesions of the same names.

    Args:
      studies: two or more, in the order of their times.
      nodes: names of lesions that are lymph nodes, whose short axes count.
      gone: names of lesions that are no longer there in the last study.

    Raises:
      UserError: fewer studies, without lesions, of several patients, not in the order of their
        dates, or a name that no lesion has.
    """
    _check(studies, nodes, gone)
    first, last = studies[0], studies[-1]
    matches = [_matches(first, other) for other in studies]
    lesions = tuple(
        _changed(one, [match.get(one.key) for match in matches], nodes, gone)
        for one in first.lesions
    )
    sums = tuple(_sum([one.diameters_mm[k] for one in lesions]) for k in range(len(studies)))
    known = {one.key for other in studies[:-1] for one in other.lesions}
    matched = {seen.key for one in lesions if (seen := one.seen[-1]) is not None}
    new = tuple(one.key for one in last.lesions if one.key not in known | matched)
    missing = tuple(one.key for one in lesions if one.diameters_mm[-1] is None)
    earlier = [value for value in sums[:-1] if value is not None]
    now = sums[-1]
    total = None if now is None or sums[0] is None else Sums(sums[0], min(earlier), now)
    all_gone = all(_is_gone(one, nodes, gone) for one in lesions)
    category = response(total, all_gone=all_gone, new_lesions=bool(new))
    return Compared(lesions, sums, new, missing, category)


def _check(studies: Sequence[Study], nodes: Collection[str], gone: Collection[str]) -> None:
    if len(studies) < 2:
        raise UserError(
            "before, after",
            found=f"{len(studies)} study",
            expected="two or more",
            remedy="name the folders of both",
        )
    if not studies[0].lesions:
        raise UserError(
            studies[0].folder / TABLE,
            found="no labelled lesion",
            expected="those of the first study",
            remedy="label it again",
        )
    keys = {one.key for one in studies[0].lesions}
    for field, names in (("nodes", nodes), ("gone", gone)):
        if unknown := [name for name in names if name not in keys]:
            raise UserError(
                field,
                found=f"{unknown[0]!r}",
                expected=f"some of {', '.join(sorted(keys))}",
                remedy="correct it",
            )
    patients = {one.patient for other in studies for one in other.lesions} - {""}
    if len(patients) > 1:
        raise UserError(
            "before, after",
            found=f"the patients {', '.join(sorted(patients))}",
            expected="one",
            remedy="name folders of one patient",
        )
    _check_order(studies)


def _check_order(studies: Sequence[Study]) -> None:
    dates = [[one.date for one in other.lesions if one.date is not None] for other in studies]
    for study, earlier, later in zip(studies[1:], dates, dates[1:], strict=False):
        if earlier and later and min(later) < max(earlier):
            raise UserError(
                study.folder,
                found=f"a study of {min(later)} after one of {max(earlier)}",
                expected="studies in the order of their dates",
                remedy="swap them",
            )


def _matches(first: Study, other: Study) -> dict[str, tuple[Measured, str]]:
    """{key in the first study: (it in the other one, how it was found)}."""
    own = {one.key: one for one in other.lesions}
    found = {one.key: (own[one.key], "") for one in first.lesions if one.key in own}
    shift = _shift([(one, own[one.key]) for one in first.lesions if one.key in own])
    left = [one for one in first.lesions if one.key not in found and one.centre is not None]
    names = {one.key for one in first.lesions}
    free = [one for one in other.lesions if one.key not in names and one.centre is not None]
    if not left or not free:
        return found
    ends = np.array([one.centre for one in free]) - shift
    apart = np.linalg.norm(np.array([one.centre for one in left])[:, None] - ends, axis=2)
    for row, column in enumerate(apart.argmin(axis=1).tolist()):
        if apart[:, column].argmin() == row and apart[row, column] <= _MOST_APART:
            note = f"{free[column].key}, by its place, {apart[row, column]:.1f} mm apart"
            found[left[row].key] = free[column], note
    return found


def _shift(pairs: Sequence[tuple[Measured, Measured]]) -> np.ndarray:
    """(3,) mm, the median way from one study to the other."""
    ways = [
        other.centre - one.centre
        for one, other in pairs
        if one.centre is not None and other.centre is not None
    ]
    return np.median(ways, axis=0) if ways else np.zeros(3)


def _changed(
    one: Measured,
    found: Sequence[tuple[Measured, str] | None],
    nodes: Collection[str],
    gone: Collection[str],
) -> Changed:
    seen = [match and match[0] for match in found]
    if one.key in gone:
        seen[-1] = None
    diameters = [
        None if each is None else each.short_mm if one.key in nodes else each.long_mm
        for each in seen
    ]
    if one.key in gone:
        diameters[-1] = 0.0
    before, after = seen[-2:]
    days = _days(before, after)
    last = diameters[-1]
    return Changed(
        one.key,
        tuple(seen),
        tuple(match[1] for match in found if match and match[1]),
        tuple(diameters),
        None if last is None or diameters[0] is None else relative_change(diameters[0], last),
        relative_change(before.volume_mm3, after.volume_mm3) if before and after else None,
        doubling_days(before.volume_mm3, after.volume_mm3, days)
        if before and after and days is not None
        else None,
    )


def _days(before: Measured | None, after: Measured | None) -> int | None:
    if before is None or after is None or before.date is None or after.date is None:
        return None
    return (after.date - before.date).days


def _sum(diameters: Sequence[float | None]) -> float | None:
    known = [value for value in diameters if value is not None]
    return sum(known) if len(known) == len(diameters) else None


def _is_gone(one: Changed, nodes: Collection[str], gone: Collection[str]) -> bool:
    last = one.diameters_mm[-1]
    return one.key in gone or (one.key in nodes and last is not None and last < NODE_MM)
