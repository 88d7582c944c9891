"""Soft masks of lesions in whole images: image and mark in, soft mask on the image's own grid out.

    cascade, image = load_system(workdir), read_image("slice.png")
    prediction = predict(cascade, image, (212, 305), window=(0, 255))
    mask = binarise(prediction.alpha, cascade.threshold)

Pixel centres lie at integer coordinates (x to the right, y down). The patch of a mark is the one
that evaluation cuts (`casgan_jax.grid.Box.centred`, moved inside the image): of the same image and
mark the system sees what it saw when it was measured.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from casgan_jax.dicom.finding import Finding
from casgan_jax.dicom.objects import KINDS_OF_FORMATS
from casgan_jax.errors import UserError
from casgan_jax.evaluation.looking import Cascade, Lesion, soft_masks
from casgan_jax.files import make_folder
from casgan_jax.grid import Box, area_mean, binarise, encode_alpha, normalise
from casgan_jax.images import read_scan, write_npy, write_png
from casgan_jax.images.stack import Scan
from casgan_jax.inference.jobs import Job, Point
from casgan_jax.inference.objects import (
    ObjectsFailed,
    ObjectsWritten,
    predicted_finding,
    write_findings,
)
from casgan_jax.inference.volumes import check_formats, write_volumes
from casgan_jax.json_form import to_json
from casgan_jax.records.prepared import read_metadata
from casgan_jax.report.sheet import ORANGE, overlay_contour, sheet
from casgan_jax.soft_mask.mark_planes import Marks
from casgan_jax.soft_mask.recist import check_axes, check_recist, measure_axes, recist_agreement
from casgan_jax.soft_mask.view import view_of_axes

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.inference.load import LoadedSystem

EIGHT_BIT = (0.0, 255.0)
LEAST_AGREEMENT = 0.6  # of a mask with its axes, below which it is told
LARGEST_OFFSET = 1e6  # far beyond the offsets between stored values and Hounsfield units


class Prediction(NamedTuple):
    """The soft mask of one lesion.

    Attributes:
      alpha: (H, W) float32 in [0, 1] on the image's grid, 0 outside of the patch.
      fine_alpha: (r P, r P) float32 in [0, 1], the patch r times as fine.
      patch: (P, P) float32 in [0, 1], what the cascade saw; where it saw the lesion by its axes the
        image around that, which need not be square.
      box: the patch in the image; leaves it where the image is smaller than the patch, or the
        lesion near its border.
    """

    alpha: np.ndarray
    fine_alpha: np.ndarray
    patch: np.ndarray
    box: Box


class Written(NamedTuple):
    """What was written of a lesion.

    Attributes:
      threshold: that made the binary mask.
      area_px: of the binary mask.
      soft_area_px: the sum of the soft one.
      cut_off: the lesion reaches the patch's border: what lies beyond was not looked at.
      files: all of them.
      agreement: how well the mask's own axes agree with those that it was shown, 0 to 1
        (`recist_agreement`); None where it was shown none.
    """

    threshold: float
    area_px: int
    soft_area_px: float
    cut_off: bool
    files: tuple[str, ...]
    agreement: float | None = None

    @property
    def warning(self) -> str:
        """What is wrong with a mask that has little to do with its axes; "" where nothing is."""
        if self.agreement is None or self.agreement >= LEAST_AGREEMENT:
            return ""
        return (
            f"the mask agrees with its axes by {self.agreement:.2f} alone (1 is the same): "
            "the system may not know such lesions, look at it"
        )


class Predicted(NamedTuple):
    """A job that is done: the source values that were 0 and 1, and what was written."""

    job: Job
    window: tuple[float, float]
    written: Written

    def as_json(self) -> dict[str, Any]:
        """One object of all that is worth telling."""
        place: dict[str, Any] = {"file": str(self.job.file), "center": list(self.job.centre)}
        if self.job.recist is not None:
            place["recist"] = self.job.recist.tolist()
        return {**place, "window": list(self.window), **to_json(self.written)}


class Failed(NamedTuple):
    """A job that could not be done."""

    job: Job
    error: UserError

    @property
    def place(self) -> str:
        """The file and the mark, in words."""
        x, y = self.job.centre
        return f"{self.job.file} at {x:g},{y:g}"


def predict(
    cascade: Cascade,
    image: np.ndarray,
    centre: Point,
    *,
    window: tuple[float, float],
    recist: np.ndarray | None = None,
) -> Prediction:
    """Predicts the soft mask of the lesion at `centre`.

    Args:
      cascade: the trained system.
      image: (H, W) source values.
      centre: (x, y) of the mark in pixels; the patch around it is moved inside the image, and
        padded with the image's edge only where the image is smaller than the patch.
      window: source values that map to 0 and 1.
      recist: (8,) axes of the lesion, which a system that sees axes is shown in place of a click.

    Raises:
      UserError: the mark lies outside of the image, the axes cannot be a lesion's or the system
        sees none, the patch is all black or all white in this window, or the prediction is not
        finite.
    """
    box = patch_box(image.shape, centre, cascade.patch)
    marks = _marks(cascade, image.shape, centre, recist)
    if cascade.axis_share and recist is not None:
        box = view_of_axes(recist, cascade.patch, share=cascade.axis_share).extent(cascade.patch)
    source = box.crop(image, padded=True)
    patch = normalise(source, window)
    if patch.min() == patch.max() and patch.min() in (0.0, 1.0):
        colour = "white" if patch.min() else "black"
        raise UserError(
            "window",
            found=f"the patch all {colour} in ({window[0]:g}, {window[1]:g})",
            expected=f"grey levels of its values, {source.min():g} to {source.max():g}",
            remedy="correct `window` or `hu_offset`",
        )
    (fine,) = soft_masks(cascade, [Lesion(normalise(image, window), box, marks)])
    if not np.isfinite(fine).all():
        raise UserError(
            "prediction",
            found="NaN or Inf",
            expected="finite values",
            remedy="the workdir's weights are damaged, train again",
        )
    native = area_mean(fine, cascade.scale)
    return Prediction(box.paste(native, image.shape), fine, patch, box)


def _marks(
    cascade: Cascade, shape: tuple[int, int], centre: Point, recist: np.ndarray | None
) -> Marks:
    if recist is None:
        return Marks(click=centre)
    check_recist(recist, shape)
    if "axes" not in cascade.mark_kinds:
        raise UserError(
            "recist",
            found="axes for a system that was trained without",
            expected="one that sees them, such as `config=softgan:marked` trains",
            remedy="give the lesion's `center` instead",
        )
    return Marks(recist=recist)


def patch_box(shape: tuple[int, int], centre: Point, size: int) -> Box:
    """The patch around a mark, moved inside an image (H, W) that is not smaller.

    Raises:
      UserError: the mark lies outside of the image.
    """
    height, width = shape
    x, y = centre
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise UserError(
            "centre",
            found=f"({x:g}, {y:g})",
            expected=f"a point of the image, x in [0, {width - 1}] and y in [0, {height - 1}]",
            remedy="x counts columns and comes first",
        )
    box = Box.centred(centre, size)
    return box.inside(shape) if min(shape) >= size else box


def choose_window(
    image: np.ndarray,
    *,
    trained: tuple[float, float],
    given: tuple[float, float] | None,
) -> tuple[float, float]:
    """The source values that map to 0 and 1: the given ones, or those of the training data.

    Raises:
      UserError: no window is given, and image and training data are not both 8-bit or both not.
    """
    if given is not None:
        return given
    eight_bit = image.dtype == np.uint8
    if eight_bit and trained != EIGHT_BIT:
        raise UserError(
            "image",
            found="8-bit grey levels",
            expected=f"the training data's values, windowed to ({trained[0]:g}, {trained[1]:g})",
            remedy="for an image exported with that window give `window=0,255`",
        )
    if not eight_bit and trained == EIGHT_BIT:
        raise UserError(
            "image",
            found=f"{image.dtype} values from {image.min():g} to {image.max():g}",
            expected="8-bit grey levels as in training",
            remedy="give the values that are black and white: `window=LOW,HIGH`",
        )
    return trained


def levels_of(
    system: LoadedSystem,
    image: np.ndarray,
    centre: Point,
    *,
    trained: tuple[float, float],
    given: tuple[float, float] | None,
) -> tuple[float, float]:
    """The source values that map to 0 and 1 for a system: the given ones, the extremes around the
    mark if it was trained on stretched crops, or else the window of its training data.

    Raises:
      UserError: see `extremes_around` and `choose_window`.
    """
    stretched = getattr(system.config.data, "stretched", 0)  # a classical method's data have none
    if stretched and given is None:
        return extremes_around(image, centre, stretched)
    return choose_window(image, trained=trained, given=given)


def extremes_around(image: np.ndarray, centre: Point, side: int) -> tuple[float, float]:
    """The smallest and the largest value of the crop around a mark.

    Args:
      image: (H, W) source values; those that are not finite do not count.
      centre: (x, y) of the mark.
      side: of the crop in pixels, which is moved inside the image.

    Raises:
      UserError: the mark lies outside of the image, or the crop has one value alone.
    """
    crop = patch_box(image.shape, centre, side).clipped(image.shape).crop(image)
    values = crop[np.isfinite(crop)]
    if not len(values) or values.min() == values.max():
        raise UserError(
            "image",
            found=f"no grey levels within {side} pixels around the mark",
            expected="more than one value",
            remedy="correct the mark, or give `window=LOW,HIGH`",
        )
    return float(values.min()), float(values.max())


def trained_window(system: LoadedSystem) -> tuple[float, float]:
    """The window of the data that a system was trained on: of its config, or of its data set."""
    data = system.config.data
    low, high = data.window or read_metadata(data.dir)["window"]
    return float(low), float(high)


def run_jobs(
    system: LoadedSystem,
    jobs: Sequence[Job],
    output: Path,
    *,
    threshold: float | None = None,
    window: tuple[float, float] | None = None,
    hu_offset: float = 0.0,
    formats: Collection[str] = (),
) -> Iterator[Predicted | Failed | ObjectsWritten | ObjectsFailed]:
    """Reads, predicts and writes every job.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      jobs: of `plan`.
      output: folder, made if it is not there.
      threshold: of the binary mask; the system's by default.
      window: see `levels_of`.
      hu_offset: added to the images' values first.
      formats: of `casgan_jax.inference.volumes`, beside what is always written.

    Yields:
      What was written for every job, in order, or why it failed; in the end the same of each series
      of images whose objects were written.

    Raises:
      UserError: the output folder cannot be made, `hu_offset` is no offset, or `formats` are none.
    """
    if not abs(hu_offset) <= LARGEST_OFFSET:
        raise UserError(
            "hu_offset",
            found=f"{hu_offset:g}",
            expected=f"a number in [-{LARGEST_OFFSET:g}, {LARGEST_OFFSET:g}]",
            remedy="DeepLesion's files need -32768",
        )
    check_formats(formats, output)
    make_folder(output, field="output")
    threshold = system.threshold if threshold is None else threshold
    trained = trained_window(system) if window is None else window
    findings: list[Finding] = []
    for job in jobs:
        try:
            scan = read_scan(job.file, slice_index=job.slice_index)
            image = _values(job, scan, hu_offset)
            levels = levels_of(system, image, job.centre, trained=trained, given=window)
            prediction = predict(system, image, job.centre, window=levels, recist=job.recist)
            if KINDS_OF_FORMATS.keys() & set(formats):
                fine, box = prediction.fine_alpha, prediction.box
                findings.append(predicted_finding(job.name, scan, fine, box, threshold))
            written = write_prediction(
                output,
                job.name,
                normalise(image, levels),
                prediction,
                threshold=threshold,
                recist=job.recist,
            )
            alpha = prediction.alpha
            more = write_volumes(output, job.name, alpha, scan, formats, threshold)
            written = written._replace(files=(*written.files, *map(str, more)))
        except UserError as error:
            yield Failed(job, error)
        else:
            yield Predicted(job, levels, written)
    yield from write_findings(output, findings, formats)


def _values(job: Job, scan: Scan, hu_offset: float) -> np.ndarray:
    """The values of a job's slice, with its own offset or else the one for all."""
    offset = job.hu_offset or hu_offset
    if not offset:
        return scan.values
    if scan.unit == "HU":
        raise UserError(
            "hu_offset",
            found=f"{offset:g} for an image that is in HU already",
            expected="none",
            remedy="leave it out",
        )
    return scan.values.astype(np.float32) + np.float32(offset)


def write_prediction(
    folder: Path,
    name: str,
    image01: np.ndarray,
    prediction: Prediction,
    *,
    threshold: float,
    recist: np.ndarray | None = None,
) -> Written:
    """Writes soft mask, binary mask and overlay.

    NAME_alpha.png and NAME_alpha.npy hold the soft mask on the image's grid (8-bit and float32),
    NAME_alpha_xR.png the patch r times as fine, NAME_mask.png the binary mask (0 / 255) at
    `threshold`, NAME_overlay.png a picture for the eye.

    Args:
      image01: (H, W) the image in [0, 1].
      threshold: that makes a binary mask of the soft one.
      recist: (8,) the lesion's axes, if they were shown.
    """
    mask = binarise(prediction.alpha, threshold)
    scale = len(prediction.fine_alpha) // len(prediction.patch)
    files = [
        write_png(folder / f"{name}_alpha.png", encode_alpha(prediction.alpha)),
        write_png(folder / f"{name}_alpha_x{scale}.png", encode_alpha(prediction.fine_alpha)),
        write_png(folder / f"{name}_mask.png", mask.astype(np.uint8) * 255),
        write_png(folder / f"{name}_overlay.png", overlay(image01, prediction, threshold)),
        write_npy(folder / f"{name}_alpha.npy", prediction.alpha),
    ]
    fine = binarise(prediction.fine_alpha, threshold)
    return Written(
        threshold=threshold,
        area_px=int(mask.sum()),
        soft_area_px=round(float(prediction.alpha.sum(dtype=np.float64)), 2),
        cut_off=bool(fine[[0, -1]].any() or fine[:, [0, -1]].any()),
        files=tuple(str(path) for path in files),
        agreement=None if recist is None else _agreement(recist, prediction, threshold),
    )


def _agreement(recist: np.ndarray, prediction: Prediction, threshold: float) -> float:
    fine, box = prediction.fine_alpha, prediction.box
    if fine.max() < threshold:
        return 0.0
    measured = measure_axes(fine, threshold, scale=len(fine) // box.shape[0])
    measured = measured + np.tile(box.corner, 4).astype(np.float32)
    try:
        check_axes(measured)
    except UserError:  # of a mask that is no lesion's, one pixel wide for instance
        return 0.0
    return round(recist_agreement(recist, measured), 3)


def overlay(image01: np.ndarray, prediction: Prediction, threshold: float) -> np.ndarray:
    """Three tiles: the image with the outline and the patch's frame, the patch outlined, alpha."""
    frame = prediction.box.clipped(image01.shape)
    whole = overlay_contour(image01, binarise(prediction.alpha, threshold), ORANGE)
    last = (frame.right - 1, frame.bottom - 1)
    cv2.rectangle(whole, frame.corner, last, (255, 255, 255), 1)
    side = prediction.fine_alpha.shape
    patch = cv2.resize(prediction.patch, side, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    outlined = overlay_contour(patch, binarise(prediction.fine_alpha, threshold), ORANGE)
    titles = ["image", f"patch, outline at {threshold:.3f}", "soft mask"]
    return sheet([[whole, outlined, prediction.fine_alpha]], titles=titles, tile=384)
