"""Which series of a folder is meant, and what each is called there.

found = find_series("study")
series_names(found)  # ["4", "5"], or the ends of UIDs where numbers are not unique
choose_series(Path("study"), found, "4")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from casgan_jax.errors import UserError, counted
from casgan_jax.images.checks import shown
from casgan_jax.images.series import Series

_MOST_NAMED = 5  # in a line


def choose_series(folder: Path, found: tuple[Series, ...], wanted: str | None) -> Series:
    """The series of that number or UID; where only one is without fault it need not be named.

    Raises:
      UserError: none or several are meant, or the one that is has a fault.
    """
    meant = found if wanted is None else series_called(found, wanted)
    whole = [one for one in meant if one.fault is None]
    if len(whole) == 1:
        return whole[0]
    if len(meant) == 1 and meant[0].fault is not None:
        raise meant[0].fault
    raise UserError(
        folder,
        found=f"{len(meant)} series" + (f" of the name {shown(wanted)}" if wanted else ""),
        expected=f"one of {series_told(found, meant or found)}",
        remedy="say which by `series`, as it is named here or by its UID, or name a slice's file",
    )


def series_called(found: Sequence[Series], wanted: str) -> tuple[Series, ...]:
    """The series that have this number, UID, or name of `series_names`."""
    names = zip(found, series_names(found), strict=True)
    return tuple(one for one, name in names if wanted in (one.number, one.uid, name))


def series_names(found: Sequence[Series]) -> list[str]:
    """What tells each series from the others, as short as it can be: its number, the end of its
    UID, or of files of several frames, which may share both, the name of the file."""
    numbers = Counter(one.number for one in found if one.number)
    ends = [_ends(one) for one in found]
    count = Counter(name for names in ends for name in names)
    return [
        one.number
        if numbers[one.number] == 1
        else next((name for name in names if count[name] == 1 and name not in numbers), names[-1])
        for one, names in zip(found, ends, strict=True)
    ]


def series_told(found: Sequence[Series], told: Sequence[Series]) -> str:
    """Some of the series that were found, in a line: "4 (CT Lung, 2 slices), ...". Those that are
    not known by their number have it and the patient beside the rest."""
    called = dict(zip(found, series_names(found), strict=True))

    def line(one: Series) -> str:
        name, count = called[one], len(one.files)
        more = [] if name == one.number else [f"series {one.number or '-'}"]
        more += [] if name == one.number else [f"patient {one.patient or '-'}"]
        about = [one.name, *more, counted(count, "slice")]
        return f"{shown(name)[1:-1]} ({', '.join(about)})"

    return ", ".join(map(line, told[:_MOST_NAMED])) + ", ..." * (len(told) > _MOST_NAMED)


def _ends(one: Series) -> list[str]:
    """The ends of the UID, the shortest first, and the name of the file that all frames are in."""
    parts = one.uid.split(".")
    ends = [".".join(parts[k:]) for k in range(len(parts) - 1, -1, -1)]
    return ends if one.frames[0] is None else [*ends, one.files[0].name]
