"""The soft mask of one lesion of a table, with all that is measured on it.

    label = label_lesion(read_annotations("lesions.csv").annotations[0])
    label.alpha, label.box  # soft mask of a crop around the lesion, and where the crop lies
    label.diameters_mm, label.quality

The marks choose the strategy (`casgan_jax.soft_mask.label`): axes "recist", several masks
"readers", one mask "mask". Of several readers only those who marked anything count; where that
is one, his outline tells nothing of where the border is in doubt and is taken as a "mask".

The quality, from 0 to 1, ranks lesions for review:

| strategy | quality |
|---|---|
| recist | agreement of the axes, given and measured, times the soft mask's with GrabCut |
| readers | mean Dice of the pairs of readers |
| mask | Dice of the soft mask with what GrabCut finds from the mask's axes |
| network | the same of a soft mask that a network proposed, from its own axes |

The soft mask is drawn towards the given marks, and so these alone hardly tell where they are wrong;
GrabCut leaves their shape where the image does (`recist_quality`, `mask_quality`; docs/labels.md
has what was measured).
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.grid import (
    PAPER_THRESHOLD,
    Box,
    as_stored,
    binarise,
    normalise,
)
from casgan_jax.labelling.lesion import Lesion, read_lesion
from casgan_jax.metrics import dice
from casgan_jax.soft_mask.grabcut import grabcut_mask
from casgan_jax.soft_mask.label import (
    Label,
    corrected,
    label_from_binary,
    label_from_readers,
    label_from_recist,
)
from casgan_jax.soft_mask.recist import (
    axis_lengths,
    longer_first,
    measure_axes,
    recist_agreement,
)

_LEAST_MARGIN = 16  # pixels around the marks that are looked at
_MARGIN = 0.75  # the same in sizes of the lesion; GrabCut looks at 0.5
_AS_LONG = 0.25  # by which the length of a soft mask may differ from that of its axes
_FINE_SIDE = 512  # pixels of the soft mask: of a lesion that is larger so, coarser ones are made


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How lesions are labelled.

    Attributes:
      scale: r, pixels of the soft mask a pixel of the image.
      least_scale: what r may be halved down to, as often as the lesion would be more than 512
        pixels of the soft mask long; a divisor of `scale`. Time and memory grow with their number,
        and a border of so many pixels gains nothing by finer ones (docs/labelling.md).
      window: (low, high) for all lesions; None: see `casgan_jax.labelling.lesion`.
      readers_strategy: "matting" or "anchored", see `label_from_readers`.
      threshold: at which the soft mask is measured, in (0, 1].
    """

    scale: int = 4
    least_scale: int = 1
    window: tuple[float, float] | None = None
    readers_strategy: str = "matting"
    threshold: float = PAPER_THRESHOLD

    def scale_for(self, extent: Box) -> int:
        """r of a lesion of this extent."""
        scale = self.scale
        while scale * max(extent.shape) > _FINE_SIDE and scale % (2 * self.least_scale) == 0:
            scale //= 2
        return scale


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LesionLabel:
    """A labelled lesion. Pixels are the image's, pixel centres at whole numbers.

    Attributes:
      key, patient: of the annotation.
      strategy: "recist", "readers", "mask", or "network" where a network proposed the soft mask.
      box: of the crop (h, w) in the image.
      image: (h, w) source values of the crop.
      unit: "HU" or "stored".
      window: (low, high) of the source values that maps to [0, 1], and is shown.
      network_window: the same of what a network saw; None where none proposed the soft mask.
      scale: r.
      alpha: (r h, r w) float32 in [0, 1], whole steps of 1/255 as it is stored in 8 bits; outside
        of the crop there is no lesion.
      trimap: (r h, r w) uint8: 0 background, 128 unknown, 255 lesion.
      masks: (h, w, R) bool: the readers who marked anything, or the one mask; None for "recist".
      given_axes: (8,) float32 in pixels of the image, or None.
      measured_axes: (8,) float32 in pixels of the image, of the soft mask at `threshold`.
      threshold: of the measured axes and of the quality.
      spacing_mm: (row, column), or None where it is not known.
      quality: in [0, 1], see the module.
    """

    key: str
    patient: str
    strategy: str
    box: Box
    image: np.ndarray
    unit: str
    window: tuple[float, float]
    scale: int
    alpha: np.ndarray
    trimap: np.ndarray
    masks: np.ndarray | None
    given_axes: np.ndarray | None
    measured_axes: np.ndarray
    threshold: float
    spacing_mm: tuple[float, float] | None
    quality: float
    network_window: tuple[float, float] | None = None

    @property
    def readers_mean(self) -> np.ndarray | None:
        """(h, w) float32 in [0, 1], the share of readers who marked a pixel; None without."""
        readers = self._readers
        return None if readers is None else readers.mean(axis=2, dtype=np.float32)

    @property
    def readers_spread(self) -> np.ndarray | None:
        """(h, w) float32 in [0, 0.5], standard deviation over the readers; None without."""
        readers = self._readers
        return None if readers is None else readers.std(axis=2, dtype=np.float32)

    @property
    def _readers(self) -> np.ndarray | None:
        return self.masks if self.strategy == "readers" else None

    @property
    def diameters_px(self) -> tuple[float, float]:
        """(long, short) of the measured axes in pixels."""
        return axis_lengths(self.measured_axes)

    @property
    def diameters_mm(self) -> tuple[float, float] | None:
        """(long, short) of the measured axes in mm; None where the spacing is not known."""
        return self.spacing_mm and axis_lengths(self.measured_axes, self.spacing_mm)

    @property
    def axes_agreement(self) -> float | None:
        """`recist_agreement` of the given axes and the measured ones, 0 to 1; None without."""
        if self.given_axes is None:
            return None
        return recist_agreement(self.given_axes, self.measured_axes)

    @property
    def slip(self) -> str:
        """That the soft mask is not as long as the axes that it was made of, which were then
        hardly drawn where they were meant; "" where it is, or was made of something else."""
        if self.strategy != "recist" or self.given_axes is None:
            return ""
        given, found = axis_lengths(self.given_axes)[0], self.diameters_px[0]
        if abs(found - given) <= _AS_LONG * given:
            return ""
        return f"{found:.1f} pixels long where its axes are {given:.1f}"

    @property
    def area_px(self) -> float:
        """Sum of the soft mask, in pixels."""
        return float(self.alpha.sum(dtype=np.float64)) / self.scale**2

    @property
    def area_mm2(self) -> float | None:
        """Sum of the soft mask, in mm2; None where the spacing is not known."""
        return self.spacing_mm and self.area_px * self.spacing_mm[0] * self.spacing_mm[1]


def label_lesion(annotation: Annotation, options: LabelOptions | None = None) -> LesionLabel:
    """Reads and labels one lesion.

    Raises:
      AnnotationError: no trimap can be made of the marks; its `reason` says why.
      UserError: what `read_lesion` and `label_read_lesion` raise.
    """
    options = options or LabelOptions()
    return label_read_lesion(read_lesion(annotation, window=options.window), options)


def label_read_lesion(lesion: Lesion, options: LabelOptions) -> LesionLabel:
    """Labels a lesion on a crop as large as its size asks for, not on the whole image.

    Raises:
      AnnotationError: no trimap can be made of the marks; its `reason` says why.
      UserError: nothing is to be seen in the window, or an option is out of range.
    """
    proposal = lesion.annotation.proposal
    if proposal is None:
        box = crop_box(lesion.extent, lesion.values.shape)
    else:
        box = lesion.extent.joined(proposal.box).clipped(lesion.values.shape)
    source = box.crop(lesion.values)
    image = normalise(source, lesion.window)
    _check_values(lesion, source, image)
    masks = None if lesion.masks is None else box.crop(lesion.masks)
    corner = np.tile(np.asarray(box.corner, np.float32), 4)
    axes = None if lesion.recist is None else longer_first(lesion.recist - corner)
    scale = options.scale_for(lesion.extent)
    if proposal is None:
        strategy, label = _label(image, axes, masks, scale, options.readers_strategy)
    else:
        strategy, label = "network", proposal.label(box, scale)
    strokes = [stroke.shifted(*(-edge for edge in box.corner)) for stroke in lesion.strokes]
    label = corrected(image, label, strokes, scale)
    # What is measured is what is stored, and the last bits depend on the number of threads.
    label = label._replace(alpha=as_stored(label.alpha))
    measured = measure_axes(label.alpha, options.threshold, scale=scale)
    return LesionLabel(
        key=lesion.annotation.key,
        patient=lesion.annotation.patient,
        strategy=strategy,
        box=box,
        image=source,
        unit=lesion.unit,
        window=lesion.window,
        scale=scale,
        alpha=label.alpha,
        trimap=label.trimap,
        masks=masks,
        given_axes=lesion.recist,
        measured_axes=measured + corner,
        threshold=options.threshold,
        spacing_mm=lesion.spacing_mm,
        quality=_quality(strategy, label, image, axes, measured, masks, options),
        network_window=proposal.window if proposal else None,
    )


def recist_quality(
    label: Label, given: np.ndarray, measured: np.ndarray, threshold: float
) -> float:
    """How far axes and image bear out a soft mask made from RECIST axes.

    The product of `recist_agreement` and of the Dice of the soft mask with what GrabCut found.

    Args:
      label: of `label_from_recist`.
      given: (8,) axes that it was made from.
      measured: (8,) axes of its soft mask.
      threshold: at which they were measured.

    Returns:
      0 to 1 (all the same).
    """
    found = float(dice(binarise(label.alpha, threshold), label.grabcut))
    return recist_agreement(given, measured) * found


def mask_quality(image: np.ndarray, mask: np.ndarray, alpha: np.ndarray, threshold: float) -> float:
    """How far the image bears out a soft mask made from one binary mask.

    The Dice of the soft mask with what GrabCut finds from the mask's axes alone. The mask itself
    tells nothing: the soft mask hardly leaves it, also where there is no lesion.

    Args:
      image: (h, w) float in [0, 1].
      mask: (h, w) bool.
      alpha: (r h, r w) its soft mask.
      threshold: of the soft mask.

    Returns:
      0 to 1 (all the same).
    """
    axes = measure_axes(mask, 0.5)
    found = grabcut_mask(image, axes, scale=alpha.shape[0] // mask.shape[0])
    return float(dice(binarise(alpha, threshold), found))


def crop_box(extent: Box, shape: tuple[int, int]) -> Box:
    """The part of an image that is looked at to label a lesion.

    Args:
      extent: of the marks.
      shape: (H, W) of the image.

    Returns:
      The extent with a margin that grows with it, cut at the image's border.
    """
    margin = max(_LEAST_MARGIN, int(np.ceil(_MARGIN * max(extent.shape))))
    return extent.grown(margin).clipped(shape)


def _check_values(lesion: Lesion, source: np.ndarray, image: np.ndarray) -> None:
    if not np.isfinite(source).all():
        raise UserError(
            lesion.annotation.image,
            found="NaN or infinite values in the surroundings of the lesion",
            expected="finite ones",
            remedy="correct the file",
        )
    if image.min() < image.max():
        return
    low, high = lesion.window
    raise UserError(
        lesion.annotation.image,
        found=(
            f"the surroundings of the lesion, {source.min():g} to {source.max():g}, "
            f"without any contrast in the window {low:g} to {high:g}"
        ),
        expected="a window that shows the lesion",
        remedy="give another",
    )


def _label(
    image: np.ndarray,
    axes: np.ndarray | None,
    masks: np.ndarray | None,
    scale: int,
    readers_strategy: str,
) -> tuple[str, Label]:
    if axes is not None:
        return "recist", label_from_recist(image, axes, scale)
    assert masks is not None, "marks are axes or masks"
    if masks.shape[2] == 1:
        return "mask", label_from_binary(image, masks[..., 0], scale)
    return "readers", label_from_readers(image, masks, scale, strategy=readers_strategy)


def _quality(
    strategy: str,
    label: Label,
    image: np.ndarray,
    given: np.ndarray | None,
    measured: np.ndarray,
    masks: np.ndarray | None,
    options: LabelOptions,
) -> float:
    if strategy == "network":
        found = grabcut_mask(image, measured, scale=len(label.alpha) // len(image))
        return float(dice(binarise(label.alpha, options.threshold), found))
    if given is not None:
        return recist_quality(label, given, measured, options.threshold)
    assert masks is not None, "marks are axes or masks"
    if strategy == "readers":
        readers = np.moveaxis(masks, 2, 0)
        return float(np.mean([dice(a, b) for a, b in itertools.combinations(readers, 2)]))
    return mask_quality(image, masks[..., 0], label.alpha, options.threshold)
