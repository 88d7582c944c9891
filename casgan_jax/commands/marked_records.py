"""Lesions of tables and studies as records that a trained system is measured on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from casgan_jax.annotations import Annotation, Annotations, read_annotations
from casgan_jax.errors import UserError
from casgan_jax.inference.levels import EIGHT_BIT, trained_window
from casgan_jax.records.features import MAX_READERS

if TYPE_CHECKING:  # so that a command that only shows its help starts at once
    from casgan_jax.labelling.volumes.beside import NeighbourReader


class MarkedRecords(NamedTuple):
    """Records, the metadata of a data set that they would be, and a line for each that is none."""

    records: list[dict[str, Any]]
    metadata: dict[str, Any]
    failures: list[str]


def read_marked(path: Path) -> Annotations:
    """The lesions of a table, or of a study folder.

    Raises:
      UserError: see `read_annotations` and `casgan_jax.labelling.study_lesions`.
    """
    if not path.is_dir():
        return read_annotations(path)
    from casgan_jax.labelling.study import read_study
    from casgan_jax.labelling.study_lesions import study_lesions

    return study_lesions(read_study(path))


def records_of(annotations: Annotations, system: Any) -> MarkedRecords:
    """Every lesion labelled by its marks and cut as the system sees it.

    Args:
      annotations: lesions with masks, readers' masks or axes.
      system: of `casgan_jax.inference.load.load_system`; its window normalises the images.
    """
    from casgan_jax.labelling.locate import locate_all
    from casgan_jax.labelling.volumes.beside import NeighbourReader

    window, reader = trained_window(system), NeighbourReader(system.neighbours)
    found: list[dict[str, Any]] = []
    failures = [failure.reason for failure in annotations.failures]
    for annotation, fault in locate_all(annotations.annotations):
        try:
            if fault is not None:
                raise fault
            found.append(_record(annotation, system, window, reader))
        except UserError as error:
            failures.append(f"{annotation.key}: {error}")
    metadata = {
        "kind": "segmentation",
        "window": list(window),
        "scale": system.scale,
        "neighbours": system.neighbours,
    }
    return MarkedRecords(found, metadata, failures)


def _record(
    annotation: Annotation, system: Any, window: tuple[float, float], reader: NeighbourReader
) -> dict[str, Any]:
    from casgan_jax.labelling.label import LabelOptions, label_read_lesion
    from casgan_jax.labelling.lesion import read_lesion
    from casgan_jax.labelling.record import crop_of, extent_of, lesion_record

    eight_bit = window == EIGHT_BIT
    lesion = read_lesion(annotation)
    if lesion.click is not None:
        raise UserError(
            annotation.image,
            found="a click alone",
            expected="axes, masks or outlines, which predictions can be compared with",
            remedy="leave it out",
        )
    label = label_read_lesion(lesion, LabelOptions(scale=system.scale, least_scale=system.scale))
    height, width = extent_of(label).shape
    readers = 0 if label.masks is None else label.masks.shape[2]
    if readers > MAX_READERS or not crop_of(lesion, system.patch).contains(extent_of(label)):
        many = readers > MAX_READERS
        side = system.patch
        raise UserError(
            annotation.image,
            found=f"{readers} readers" if many else f"a lesion of {width} x {height} pixels",
            expected=f"at most {MAX_READERS}" if many else f"one within {side} x {side}",
            remedy="leave it out",
        )
    beside = reader.read(annotation) if system.neighbours else ()
    image_dtype = np.uint8 if eight_bit else np.int16
    return lesion_record(lesion, label, system.patch, image_dtype, beside)
