"""Labelled volumes as the objects of a PACS, one set for each series of images, in
volumes/dicom/SERIES."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from casgan_jax.dicom.finding import VOLUME, VOLUME_BY_NETWORK
from casgan_jax.dicom.volumes import (
    PlacedVolume,
    VolumeFinding,
    place_volume,
    volumes_of_series,
    write_volume_objects,
)
from casgan_jax.errors import UserError
from casgan_jax.grid import Box, decode_alpha, encode_alpha
from casgan_jax.labelling.objects import Maker, Record
from casgan_jax.labelling.volumes.files import FOLDER
from casgan_jax.labelling.volumes.labelled import LabelledVolume


def finding_record(label: LabelledVolume) -> dict[str, Any]:
    """What objects need to know of a lesion, JSON-ready.

    Raises:
      UserError: its images are no DICOM files, or none that objects can be made of.
    """
    if not label.sources:
        raise UserError(
            label.marks[0].annotation.image,
            found="an image that is no DICOM file",
            expected="one, as `format` asks for what goes beside it in a PACS",
            remedy="ask for nifti, nrrd or mha",
        )
    longest = label.measures.diameters
    record = {
        "key": label.key,
        "sources": [[str(file.absolute()), frame] for file, frame in label.sources],
        **_coded(label.alpha),
        "threshold": label.threshold,
        "longest": longest.slice,
        "axes": longest.axes.tolist(),
        "diameters_mm": [longest.long_mm, longest.short_mm],
        "volume_mm3": label.measures.volume_mm3,
        "method": VOLUME_BY_NETWORK if label.by_network else VOLUME,
        "mean_hu": label.measures.mean if label.unit == "HU" else None,
    }
    place_volume(_finding(record))
    return record


def _coded(alpha: np.ndarray) -> dict[str, Any]:
    """The crop around the lesion, one slice below the other (8-bit PNG in base64)."""
    box = Box.around(alpha.max(axis=0))
    crop = alpha[:, box.top : box.bottom, box.left : box.right]
    coded = cv2.imencode(".png", encode_alpha(crop.reshape(-1, crop.shape[2])))[1].tobytes()
    return {
        "box": list(box),
        "size": list(alpha.shape[1:]),
        "alpha": base64.b64encode(coded).decode(),
    }


def _decoded(record: Record) -> np.ndarray:
    """(S, H, W), what `_coded` has."""
    box, size = Box(*record["box"]), record["size"]
    coded = np.frombuffer(base64.b64decode(record["alpha"]), np.uint8)
    crop = decode_alpha(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
    count = len(record["sources"])
    alpha = np.zeros((count, *size), np.float32)
    alpha[:, box.top : box.bottom, box.left : box.right] = crop.reshape(count, *box.shape)
    return alpha


def _finding(record: Record) -> VolumeFinding:
    long, short = record["diameters_mm"]
    return VolumeFinding(
        key=record["key"],
        sources=tuple((Path(file), frame) for file, frame in record["sources"]),
        alpha=_decoded(record),
        threshold=record["threshold"],
        longest=record["longest"],
        axes=np.array(record["axes"]),
        diameters_mm=(long, short),
        volume_mm3=record["volume_mm3"],
        mean_hu=record["mean_hu"],
        method=record.get("method", VOLUME),
    )


def _series_of(records: Sequence[Record]) -> Mapping[str, Sequence[PlacedVolume]]:
    return volumes_of_series(list(map(_finding, records)))


MAKER = Maker(f"{FOLDER}/dicom", _series_of, write_volume_objects)
