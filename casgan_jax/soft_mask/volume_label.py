"""Marks on one or more slices of a lesion -> the soft mask of the whole lesion.

    marks = [VolumeMark(slice=31, recist=axes)]
    label = label_volume(volume, (2.5, 0.7, 0.7), marks, window=(-1000, 400))
    label.alpha.sum() * 2.5 * 0.7 * 0.7  # mm3

A marked slice is labelled as `casgan_jax.soft_mask.label` does. From there the lesion is followed
outwards slice by slice (`volume_following`), between two marked slices from both, and at the end
the whole of it is matted once (`volume_matting`). What strokes say of any slice, and slices that
the lesion is not in, are kept to all along (`volume_corrections`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box, area_mean, normalise
from casgan_jax.soft_mask.checks import check_plane
from casgan_jax.soft_mask.label import label_from_recist
from casgan_jax.soft_mask.recist import surroundings
from casgan_jax.soft_mask.shapes import mask_between
from casgan_jax.soft_mask.trimap import BACKGROUND, LESION, UNKNOWN, trimap_from_binary
from casgan_jax.soft_mask.volume_corrections import Said
from casgan_jax.soft_mask.volume_following import (
    Ask,
    Levels,
    Propose,
    beyond,
    follow,
    levels_of,
    radius_of,
)
from casgan_jax.soft_mask.volume_marks import Correction, VolumeMark, check_volume
from casgan_jax.soft_mask.volume_matting import volume_matting

_SCALE = 4  # at which a slice with axes is labelled
_THRESHOLD = 0.5
_PRIOR_WEIGHT = 1.0  # less: nearer to true alpha; more: to what readers outline (docs/volumes.md)
_MASK_SHARE = 0.7  # of the prior, the rest is what grey levels say
_BAND = 0.3  # half width of what is unknown, in radii
_CERTAIN = 0.7  # of the lesion's grey level, below which no pixel is all lesion
_MARGIN = 4  # pixels around a mask
_FADING = 0.1  # of it, which a slice beyond the lesion's last one must have to hold a part of it


class VolumeLabel(NamedTuple):
    """The soft mask of a lesion in a volume.

    Attributes:
      alpha: (S, H, W) float32 in [0, 1], 0 outside of the slices `first` to `last`.
      first, last: slices of the lesion, both included.
      ended: why it ends before the first and after the last slice: "contrast", "area", "drift",
        "edge", where the series ends, or "marked", where a correction says so.
    """

    alpha: np.ndarray
    first: int
    last: int
    ended: tuple[str, str]


def label_volume(
    volume: np.ndarray,
    spacing_mm: tuple[float, float, float],
    marks: Sequence[VolumeMark],
    *,
    corrections: Sequence[Correction] = (),
    window: tuple[float, float] | None = None,
    propose: Propose | None = None,
    matted: bool = True,
) -> VolumeLabel:
    """The soft mask of a lesion that is marked on one or more slices of a volume.

    Args:
      volume: (S, H, W) float32 source values, slices sorted by position.
      spacing_mm: between slices, rows, columns.
      marks: of one lesion, on different slices.
      corrections: of slices, marked or not, at most one of each.
      window: source values that map to 0 and 1; None: the volume is in [0, 1].
      propose: what a trained network says of a slice; None: GrabCut and grey levels, by the
        neighbouring slice's mask. The lesion is where the soft mask is at least one half.
      matted: at the end; False leaves what was found slice by slice.

    Raises:
      UserError: an argument is not as above, strokes of lesion lie beyond a slice without it, or
        `propose` refuses a marked slice.
    """
    check_volume(volume, spacing_mm, marks, corrections)
    lesion = _Lesion(volume, spacing_mm, marks, corrections, window, propose)
    ended = lesion.fill()
    first, found = lesion.matted(ended) if matted else lesion.stacked()
    last = first + len(found) - 1
    alpha = np.zeros(volume.shape, np.float32)
    box = lesion.box
    alpha[first : last + 1, box.top : box.bottom, box.left : box.right] = found
    return VolumeLabel(alpha, first, last, ended)


class _Lesion:
    """A lesion while it is labelled, in the part of the slices around it.

    Attributes:
      box: that part.
      soft: soft masks of the box by slice, as far as they are known.
    """

    def __init__(
        self,
        volume: np.ndarray,
        spacing_mm: tuple[float, float, float],
        marks: Sequence[VolumeMark],
        corrections: Sequence[Correction],
        window: tuple[float, float] | None,
        propose: Propose | None,
    ) -> None:
        self._volume, self._window, self._propose = volume, window, propose
        self._spacing_mm = spacing_mm
        self.box = _box(marks, corrections, volume.shape[1:])
        self._said = Said(corrections, self.box)
        self.soft = {
            mark.slice: self._said.kept(mark.slice, self.box.crop(self._marked(mark)))
            for mark in marks
        }
        self._marks = sorted(self.soft)
        self._check_marked()
        self._levels = {
            each: levels_of(self._part(each), self.soft[each] >= _THRESHOLD) for each in self.soft
        }

    def _check_marked(self) -> None:
        for each, soft in self.soft.items():
            if (soft >= _THRESHOLD).all():
                raise UserError(
                    f"mark on slice {each}",
                    found="a lesion that fills the image",
                    expected="some background",
                    remedy="give a wider volume",
                )
            if soft.max() < _THRESHOLD:
                raise UserError(
                    f"mark on slice {each}",
                    found=f"a soft mask of {soft.max():.2f} at most",
                    expected=f"a pixel of at least {_THRESHOLD}",
                    remedy="give its `mask`, or mark another slice",
                )

    def _plane(self, each: int) -> np.ndarray:
        """(H, W) in [0, 1] of a slice."""
        plane = self._volume[each]
        plane = plane.astype(np.float32) if self._window is None else normalise(plane, self._window)
        check_plane(f"slice {each}", plane)
        return plane

    def _part(self, each: int) -> np.ndarray:
        return self.box.crop(self._plane(each))

    def _marked(self, mark: VolumeMark) -> np.ndarray:
        """(H, W) soft mask of a marked slice."""
        if mark.recist is None:
            return np.asarray(mark.mask, np.float32)
        plane = self._plane(mark.slice)
        if self._propose is not None:
            levels = self._window or (0.0, 1.0)
            return self._propose(self._volume, mark.slice, mark.recist, levels)
        return area_mean(label_from_recist(plane, mark.recist, _SCALE).alpha, _SCALE)

    def fill(self) -> tuple[str, str]:
        """Finds the soft masks of slices without marks; why the lesion ends on both sides."""
        for low, high in zip(self._marks, self._marks[1:], strict=False):
            self._fill_between(low, high)
        below, why_below = self._follow(self._marks[0], range(self._marks[0] - 1, -1, -1))
        above, why_above = self._follow(
            self._marks[-1], range(self._marks[-1] + 1, len(self._volume))
        )
        self.soft |= below | above
        self._said.check_reached(list(self.soft))
        return why_below, why_above

    def _fill_between(self, low: int, high: int) -> None:
        up, _ = self._follow(low, range(low + 1, high))
        down, _ = self._follow(high, range(high - 1, low, -1))
        gaps = [each for each in range(low, high) if each in self._said.absent]
        for each in range(low + 1, high):
            near, far = (up, down) if each - low <= high - each else (down, up)
            found = near.get(each, far.get(each))
            if found is None and gaps:
                found = np.zeros(self.box.shape, np.float32)
            elif found is None:
                before, after = self.soft[low] >= _THRESHOLD, self.soft[high] >= _THRESHOLD
                share = (each - low) / (high - low)
                found = mask_between(before, after, share).astype(np.float32)
            self.soft[each] = self._said.kept(each, found)

    def _follow(self, start: int, slices: range) -> tuple[dict[int, np.ndarray], str]:
        """Soft masks of slices from beside a marked one outwards, and why there are no more."""
        part = self._said.before_absent(slices)
        images: Iterator[np.ndarray] = (self._part(each) for each in part)
        step = self._spacing_mm[0] / float(np.sqrt(self._spacing_mm[1] * self._spacing_mm[2]))
        begin, levels = self.soft[start] >= _THRESHOLD, self._levels[start]
        ask = None if self._propose is None else self._asking(self._propose, slices)
        found, ended = follow(
            images,
            begin,
            levels,
            step,
            ask,
            keep=lambda number, soft: self._said.kept(part[number], soft),
            least=self._said.least(part),
        )
        if ended == "edge" and len(part) < len(slices):
            ended = "marked"
        return dict(zip(part, found, strict=False)), ended

    def _asking(self, propose: Propose, slices: range) -> Ask:
        """Shows a network the whole slice, and gives what it says of the part."""

        def proposed(number: int, recist: np.ndarray) -> np.ndarray:
            whole = recist + np.tile(self.box.corner, 4).astype(np.float32)
            try:
                found = propose(self._volume, slices[number], whole, self._window or (0.0, 1.0))
            except UserError:  # axes that have come to nothing, or an even image: no lesion
                found = np.zeros(self._volume.shape[1:], np.float32)
            return self.box.crop(found)

        return proposed

    def stacked(self) -> tuple[int, np.ndarray]:
        """First slice and (S, h, w) soft masks as they were found."""
        return min(self.soft), np.stack([self.soft[each] for each in sorted(self.soft)])

    def matted(self, ended: tuple[str, str]) -> tuple[int, np.ndarray]:
        """First slice and (S, h, w) alpha of the lesion, which may fade out in one more slice."""
        largest = max(self._marks, key=lambda each: float(self.soft[each].sum()))
        levels = self._levels[largest]
        first, last = min(self.soft), max(self.soft)
        fading: dict[int, np.ndarray] = {}
        for why, end, step in zip(ended, (first, last), (-1, 1), strict=True):
            if why == "contrast":
                fading |= self._fading(levels, end, step)
        slices = range(min([first, *fading]), max([last, *fading]) + 1)
        image = np.stack([self._part(each) for each in slices])
        share = np.clip(levels.share(image), 0, 1).astype(np.float32)
        radius = radius_of(self.soft[largest] >= _THRESHOLD)
        wide = np.stack([beyond(one, levels, radius) for one in image])
        for number, each in enumerate(slices):
            if each not in self._marks:
                share[number][wide[number]] = 0
        soft = np.stack([(self.soft | fading)[each] for each in slices])
        known = np.array([each in self.soft for each in slices])
        trimap = np.stack([_trimap(*each) for each in zip(soft, share, known, strict=True)])
        masks = (soft >= _THRESHOLD) & known[:, None, None]
        caps = _caps(masks, (slices[0] == 0, slices[-1] == len(self._volume) - 1))
        marked = np.array([each in self._marks for each in slices])[:, None, None]
        caps &= masks | ~marked  # what was marked is kept to
        trimap[caps] = UNKNOWN
        said = [self._said.trimap(*each) for each in zip(slices, trimap, strict=True)]
        brushed = np.stack(said) != trimap
        trimap = np.stack(said)
        weight = np.where(marked, 1, _MASK_SHARE) * (known[:, None, None] & ~caps)
        prior = (weight * soft + (1 - weight) * share).astype(np.float32)
        # A chest wall is as bright as the lesion: no alpha of both is affine in the image.
        foreign = (trimap == BACKGROUND) & wide
        alpha = volume_matting(
            image,
            trimap,
            prior,
            _PRIOR_WEIGHT,
            self._spacing_mm,
            foreign=foreign,
            apart=brushed,
        )
        return slices[0], alpha

    def _fading(self, levels: Levels, last: int, step: int) -> dict[int, np.ndarray]:
        """The slice beyond the last one, where the lesion fills a part of its thickness."""
        following = last + step
        mask = self.soft[last] >= _THRESHOLD
        if not 0 <= following < len(self._volume) or not mask.any():
            return {}
        if following in self._said.absent:
            return {}
        share = float(levels.share(self._part(following))[mask].mean())
        return {following: mask.astype(np.float32)} if _FADING <= share < _THRESHOLD else {}


def _box(
    marks: Sequence[VolumeMark], corrections: Sequence[Correction], shape: tuple[int, int]
) -> Box:
    """The part of the slices that is worked on."""
    boxes = []
    for mark in marks:
        if mark.recist is not None:
            boxes.append(surroundings(mark.recist, shape))
        else:
            around = Box.around(np.asarray(mark.mask))
            boxes.append(around.grown(max(around.shape) // 2 + _MARGIN).clipped(shape))
    for stroke in (stroke for one in corrections for stroke in one.strokes):
        if stroke.value == "lesion" and min((reach := stroke.extent.clipped(shape)).shape) > 0:
            boxes.append(reach)
    return functools.reduce(Box.joined, boxes)


def _caps(masks: np.ndarray, at_edges: tuple[bool, bool]) -> np.ndarray:
    """(S, h, w) bool: voxels through whose thickness the surface may pass, as masks say.

    That is where a mask and the one of the next slice differ: the surface crosses one of the two
    voxels, or lies between them. Alpha is then the share of the slice that is lesion (the linear
    model of partial volume, I = a F + (1 - a) B), and no mask of whole pixels tells it.

    Args:
      masks: (S, h, w) bool.
      at_edges: whether the first and the last slice are those of the volume: what lies beyond is
        not known, and the lesion taken to go on.
    """
    below = np.concatenate([masks[:1] & at_edges[0], masks[:-1]])
    above = np.concatenate([masks[1:], masks[-1:] & at_edges[1]])
    caps: np.ndarray = np.where(masks, ~(below & above), below | above)
    return caps


def _trimap(soft: np.ndarray, share: np.ndarray, known: bool) -> np.ndarray:
    mask = soft >= _THRESHOLD
    if not known or not mask.any():
        return np.where(mask, UNKNOWN, BACKGROUND).astype(np.uint8)
    trimap = trimap_from_binary(mask, fraction=_BAND)
    trimap[(trimap == LESION) & (share < _CERTAIN)] = UNKNOWN
    return trimap
