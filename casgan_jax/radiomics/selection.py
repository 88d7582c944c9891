"""Smooth and spiculated lesions for the paper's table 5, from prepared data sets.

"After doctors selected", the paper took 60 lesions of LIDC and 200 of its own data, half smooth and
half spiculated; which ones is not known. Here the LIDC readers' ratings choose: the mean
spiculation (1 none to 5 marked), then the mean margin (1 poorly defined to 5 sharp), most extreme
lesions first. (About 100 of LIDC's first cases were rated on inconsistent scales of spiculation and
lobulation, its archive says; nothing is corrected here.) Phantoms know how they were drawn.

A lesion is one slice, the one of the largest consensus area, and a patient gives one lesion, unless
there are too few patients.

In LIDC the extremes differ in size above all: the smoothest lesions are small, the most spiculated
large, and many of the 93 features grow with the region. `match_area` takes smooth lesions of the
sizes of the spiculated ones instead of the smoothest; what a classifier then finds is not size. The
two lesions of a size are one group and belong into one fold: with one of them among those that a
classifier learns from, the other's class is the opposite of what its size tells.

What reads data sets is imported by the functions that do: it is slow to import, and classifying
features that are there takes none of it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user, read_rows
from casgan_jax.grid import area_mean, decode_alpha
from casgan_jax.records.splits import SPLITS

# Halves of the readers' scale from 1 to 5; between them a lesion is neither.
_SMOOTH, _SPICULATED = 2.0, 3.0
# Phantoms of less are never drawn with spicules: size alone would tell the classes apart.
_PHANTOM_AREA_PX = 35

_COLUMNS = ("patient", "nodule", "spiculation_mean", "margin_mean")
_REMEDY = (
    f"put the readers' ratings there, a CSV file with the columns {','.join(_COLUMNS)}, or name "
    "another by `data.ratings`"
)


class SelectedLesion(NamedTuple):
    """One slice of a lesion of one of the classes, at native resolution.

    Attributes:
      key, lesion, patient: names.
      spiculated: the class; False is smooth.
      image: (H, W), HU or 8-bit grey values.
      alpha: (H, W) float32 in [0, 1], the mean of the label over each native pixel.
      consensus: (H, W) bool, marked by at least half of the readers.
      spacing_mm: side of a pixel; 0 where it is not known.
      group: the patient, or, of a smooth lesion that was chosen by its area, the patient of the
        spiculated one that it was chosen for.
    """

    key: str
    lesion: str
    patient: str
    spiculated: bool
    image: np.ndarray
    alpha: np.ndarray
    consensus: np.ndarray
    spacing_mm: float
    group: str


class Rating(NamedTuple):
    """Means over the readers of a lesion, 1 to 5."""

    spiculation: float
    margin: float


class _Slice(NamedTuple):
    """Where the largest slice of a lesion is, and how large."""

    split: str
    number: int
    lesion: str
    patient: str
    area: int


def select_lidc(
    data_dir: str | Path,
    ratings: str | Path,
    *,
    per_class: int = 30,
    match_area: bool = False,
    seed: int = 0,
    splits: Sequence[str] = SPLITS,
) -> list[SelectedLesion]:
    """Lesions of LIDC whose readers agree most that they are spiculated, and smooth.

    Args:
      data_dir: prepared data set `lidc`.
      ratings: CSV file with the columns patient, nodule (as in nodule-3), spiculation_mean and
        margin_mean.
      per_class: lesions of each class.
      match_area: whether smooth lesions are chosen by their area, not by how smooth they are.
      seed: of the order of lesions with equal ratings.
      splits: to choose from.

    Returns:
      The smooth lesions, then the spiculated.

    Raises:
      UserError: there are fewer lesions of a class, or the ratings or data cannot be read.
    """
    rated = read_ratings(ratings)
    slices = [
        place
        for place in _shuffled(_largest_slices(data_dir, tuple(splits)), seed)
        if place.lesion in rated
    ]

    def order(place: _Slice) -> tuple[float, float]:
        return rated[place.lesion].spiculation, -rated[place.lesion].margin

    ranked = sorted(slices, key=order)  # stable: the shuffled order decides between equals
    smooth = [place for place in ranked if order(place)[0] <= _SMOOTH]
    ranked = sorted(slices, key=lambda place: tuple(-value for value in order(place)))
    spiculated = [place for place in ranked if order(place)[0] >= _SPICULATED]
    return _select(data_dir, smooth, spiculated, per_class, match_area=match_area)


def select_phantoms(
    data_dir: str | Path,
    *,
    per_class: int = 100,
    match_area: bool = False,
    seed: int = 0,
    splits: Sequence[str] = SPLITS,
) -> list[SelectedLesion]:
    """Phantoms drawn with the strongest spicules, and with neither spicules nor lobes.

    Both classes have a consensus area of at least 35 pixels.

    Args:
      data_dir: prepared data set `phantom`.
      per_class: lesions of each class.
      match_area: whether smooth phantoms are chosen by their area, not by chance.
      seed: of the choice among the smooth ones.
      splits: to choose from.

    Returns:
      The smooth lesions, then the spiculated.

    Raises:
      UserError: there are fewer lesions of a class, or the data cannot be read.
    """
    drawn = _drawn_borders(data_dir, splits)
    slices = [
        place
        for place in _shuffled(_largest_slices(data_dir, tuple(splits)), seed)
        if place.area >= _PHANTOM_AREA_PX
    ]
    smooth = [place for place in slices if drawn[place.lesion] == (0.0, 0.0)]
    spiculated = [place for place in slices if drawn[place.lesion][0] > 0.0]
    spiculated.sort(key=lambda place: -drawn[place.lesion][0])
    return _select(data_dir, smooth, spiculated, per_class, match_area=match_area)


def read_ratings(path: str | Path) -> dict[str, Rating]:
    """{"PATIENT/nodule-N": rating} of a file with one line a nodule.

    Raises:
      UserError: no such file, or a line is not as expected.
    """
    path = expand_user(path)
    found = {}
    for line, row in read_rows(path, _COLUMNS, remedy=_REMEDY):
        try:
            rating = Rating(float(row["spiculation_mean"]), float(row["margin_mean"]))
        except ValueError:
            rating = Rating(np.nan, np.nan)
        if not (1.0 <= rating.spiculation <= 5.0 and 1.0 <= rating.margin <= 5.0):
            raise UserError(
                f"{path}:{line}",
                found=(
                    f"spiculation_mean {row['spiculation_mean']!r} and margin_mean "
                    f"{row['margin_mean']!r}"
                ),
                expected="numbers from 1 to 5",
                remedy="correct them or remove the line",
            )
        found[f"{row['patient']}/nodule-{row['nodule']}"] = rating
    return found


def _select(
    data_dir: str | Path,
    smooth: list[_Slice],
    spiculated: list[_Slice],
    per_class: int,
    *,
    match_area: bool,
) -> list[SelectedLesion]:
    from casgan_jax.records.prepared import read_metadata

    rough = _take(spiculated, per_class, set(), "spiculated")  # first: they are rarer
    taken = {place.patient for place in rough}
    groups: dict[str, str] = {}
    if match_area:
        groups = _nearest_in_area(smooth, rough, taken)
        places = {place.lesion: place for place in smooth}
        smooth = [places[lesion] for lesion in groups]
    even = _take(smooth, per_class, taken, "smooth")
    scale = read_metadata(data_dir)["scale"]
    return [
        _read(data_dir, place, scale, groups.get(place.lesion, place.patient), spiculated=kind)
        for kind, chosen in ((False, even), (True, rough))
        for place in chosen
    ]


def _take(ranked: list[_Slice], count: int, taken: set[str], name: str) -> list[_Slice]:
    """The first ones of patients that are not taken; if they are too few, then of any patient."""
    if len(ranked) < count:
        raise UserError(
            "per_class",
            found=f"{len(ranked)} {name} lesions",
            expected=f"{count}",
            remedy="ask for fewer or choose from more data",
        )
    first: list[_Slice] = []
    rest: list[_Slice] = []
    taken = set(taken)
    for place in ranked:
        (rest if place.patient in taken else first).append(place)
        taken.add(place.patient)
    return (first + rest)[:count]


def _nearest_in_area(slices: list[_Slice], others: list[_Slice], taken: set[str]) -> dict[str, str]:
    """For each of the others, largest first, a slice of a new patient with nearly its area.

    Returns:
      {lesion of the slice: patient of the other}.
    """
    left = {place.lesion: place for place in slices if place.patient not in taken}
    chosen = {}
    for other in sorted(others, key=lambda place: -place.area):
        if left:
            near = min(left.values(), key=lambda place: abs(np.log(place.area / other.area)))
            chosen[near.lesion] = other.patient
            left = {name: place for name, place in left.items() if place.patient != near.patient}
    return chosen


def _shuffled(slices: Sequence[_Slice], seed: int) -> list[_Slice]:
    return [slices[index] for index in np.random.default_rng(seed).permutation(len(slices))]


@functools.lru_cache(maxsize=4)  # every record is read; selections with several seeds share it
def _largest_slices(data_dir: str | Path, splits: tuple[str, ...]) -> list[_Slice]:
    """The slice of the largest consensus area of every lesion, in the lesions' order."""
    largest: dict[str, _Slice] = {}
    for split, index, record in _records(data_dir, splits, ("consensus", "lesion", "patient")):
        lesion, patient = _text(record["lesion"]), _text(record["patient"])
        place = _Slice(split, index, lesion, patient, int((record["consensus"] > 0).sum()))
        if lesion not in largest or place.area > largest[lesion].area:
            largest[lesion] = place
    return [largest[lesion] for lesion in sorted(largest)]


def _drawn_borders(data_dir: str | Path, splits: Sequence[str]) -> dict[str, tuple[float, float]]:
    """{lesion: (spiculation, lobulation)}, 0 for none to 1 for strong."""
    names = ("lesion", "spiculation", "lobulation")
    return {
        _text(record["lesion"]): (float(record["spiculation"]), float(record["lobulation"]))
        for _, _, record in _records(data_dir, splits, names)
    }


def _records(
    data_dir: str | Path, splits: Sequence[str], features: Sequence[str]
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    from casgan_jax.records.prepared import load_split

    for split in splits:
        for index, record in enumerate(load_split(data_dir, split, features=features)):
            yield split, index, record


def _read(
    data_dir: str | Path, place: _Slice, scale: int, group: str, *, spiculated: bool
) -> SelectedLesion:
    from casgan_jax.records.prepared import load_split

    names = ("image", "alpha", "consensus", "key", "spacing_mm")
    record = load_split(data_dir, place.split, features=names)[place.number]
    return SelectedLesion(
        _text(record["key"]),
        place.lesion,
        place.patient,
        spiculated,
        record["image"],
        area_mean(decode_alpha(record["alpha"]), scale),
        record["consensus"] > 0,
        float(record["spacing_mm"]),
        group,
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
