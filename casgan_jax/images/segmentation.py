"""DICOM segmentations: which frame shows which segment, and where.

A frame is known by its segment and its place, or by the image that it was drawn on, never by its
number: frames may be left out or be in any order. Values are 0 and 1, or of a FRACTIONAL
segmentation float32 from 0 to 1. Source: DICOM PS3.3, C.8.20 and A.51.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images import dicom_tags
from casgan_jax.images.dicom_tags import Frame
from casgan_jax.images.frames import PlacedFrame, volumes_of
from casgan_jax.images.stack import Segment

CLASSES = (
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation Storage
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage
)

ReadFrame = Callable[[int], np.ndarray]


def is_segmentation(dataset: Any) -> bool:
    """Whether a file is one."""
    return dataset.get("SOPClassUID") in CLASSES


def open_segments(path: Path, dataset: Any, count: int, stored: ReadFrame) -> tuple[Segment, ...]:
    """The segments of a file, by their numbers.

    Args:
      path: of the file, for errors.
      dataset: of it.
      count: of its frames.
      stored: index of a frame -> its stored values.

    Raises:
      UserError: frames of no segment, or a FRACTIONAL segmentation without its greatest value.
    """
    frames = [Frame(path, dataset, index) for index in range(count)]
    names = {
        int(item.SegmentNumber): str(item.get("SegmentLabel", ""))
        for item in dataset.get("SegmentSequence") or ()
    }
    if dataset.get("SegmentationType") == "LABELMAP":
        return tuple(
            _segment(number, name, frames, functools.partial(_labelled, stored, number))
            for number, name in sorted(names.items())
            if number != 0 or len(names) == 1  # 0 is the background
        )
    of_segment = defaultdict(list)
    for frame in frames:
        of_segment[_number(frame)].append(frame)
    read, soft = _reader(path, dataset, stored)
    return tuple(
        _segment(number, names.get(number, ""), of_segment.get(number, []), read, soft=soft)
        for number in sorted(names.keys() | of_segment.keys())
    )


def _labelled(stored: ReadFrame, number: int, index: int) -> np.ndarray:
    """The pixels of a frame that have a segment's number."""
    return _marked(stored(index) == number)


def _segment(
    number: int, name: str, frames: list[Frame], read: ReadFrame, *, soft: bool = False
) -> Segment:
    placed: list[PlacedFrame] = []
    drawn_on: dict[tuple[str, int], tuple[int, ...]] = defaultdict(tuple)
    for frame in frames:
        place = dicom_tags.geometry(frame, dicom_tags.spacing(frame))
        if place is not None:
            placed.append(PlacedFrame(frame.index, place))
        for source in frame.get("SourceImageSequence") or ():
            for image in dicom_tags.referenced_frames(source):
                drawn_on[image] += (frame.index,)
    volumes = volumes_of(placed, read) if placed else ()
    return Segment(number, name, volumes, drawn_on, read, soft)


def _reader(path: Path, dataset: Any, stored: ReadFrame) -> tuple[ReadFrame, bool]:
    """How a frame is read, and whether it has shares of a pixel."""
    if dataset.get("SegmentationType") != "FRACTIONAL":
        return lambda index: _marked(stored(index) != 0), False
    greatest = int(dataset.get("MaximumFractionalValue") or 0)
    if greatest < 1:
        raise UserError(
            path,
            found=f"MaximumFractionalValue {greatest} of a FRACTIONAL segmentation",
            expected="at least 1",
            remedy="export it again",
        )
    return lambda index: np.float32(stored(index) / greatest).clip(0, 1), True


def _marked(where: np.ndarray) -> np.ndarray:
    return where.astype(np.uint8)


def _number(frame: Frame) -> int:
    number = frame.get("ReferencedSegmentNumber")
    if number is None:
        raise UserError(
            frame.path,
            found=f"frame {frame.index + 1} without ReferencedSegmentNumber",
            expected="the segment of every frame",
            remedy="export it again",
        )
    return int(number)
