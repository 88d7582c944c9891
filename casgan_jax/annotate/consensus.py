"""The soft mask that several readers' accepted ones lead to, as `casgan label` makes it of masks.

    label = consensus_label("ct_12", places)
    batch = export_consensus(places, Path("labels/consensus"), BatchOptions())

A reader's mask is the accepted soft mask at its threshold, on the image's own grid. Only readers
count who have decided on every lesion of their list; two have to have accepted a lesion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from casgan_jax.annotate.workplace import Workplace
from casgan_jax.annotations import Annotation, Annotations
from casgan_jax.annotations.annotation import Failure
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.grid import area_mean, binarise
from casgan_jax.images import write_png
from casgan_jax.labelling.batch import Batch, BatchOptions, forget_others, label_batch
from casgan_jax.labelling.label import LesionLabel, label_read_lesion
from casgan_jax.labelling.lesion import Lesion

_MASKS = "readers"  # folder of their masks


def finished(places: Sequence[Workplace]) -> list[Workplace]:
    """Those of readers who have decided on every lesion."""
    return [place for place in places if place.is_finished()]


def consensus_label(key: str, places: Sequence[Workplace]) -> LesionLabel:
    """The consensus of readers on a lesion, in the window of the first one.

    Args:
      key: of the lesion.
      places: of readers who have finished.

    Raises:
      UserError: fewer than two accepted it, on one slice, or their masks have no pixel in common.
    """
    accepted = _accepted(key, places)
    first = accepted[0]
    masks = np.stack([reader_mask(place, key) for place in accepted], axis=2)
    lesion = first.lesion(key)
    annotation = dataclasses.replace(
        lesion.annotation, recist=None, axes=None, shape=None, proposal=None, strokes=()
    )
    joined: Lesion = dataclasses.replace(lesion, annotation=annotation, recist=None, masks=masks)
    return label_read_lesion(joined, first.options)


def export_consensus(
    places: Sequence[Workplace], folder: Path, options: BatchOptions, *, workers: int | None = 0
) -> Batch:
    """Writes the consensus of all lesions that two readers accepted, and the readers' masks.

    Args:
      places: of all readers.
      folder: to write to; made if it is not there.
      options: of the files.
      workers: see `label_batch`.

    Raises:
      UserError: no two readers have finished and accepted one lesion, or the folder cannot be
        written to.
    """
    done = finished(places)
    found: list[Annotation] = []
    failures: list[Failure] = []
    for key in dict.fromkeys(key for place in done for key in place.items):
        if sum(place.state(key).decision == "accepted" for place in done) < 2:
            continue
        try:
            found.append(_annotation(key, _accepted(key, done), folder / _MASKS))
        except UserError as error:
            failures.append(Failure(0, key, str(error)))
    if not (found or failures):
        raise UserError(
            "consensus",
            found=f"{len(done)} of {len(places)} readers who have finished, no lesion of two",
            expected="a lesion that two have accepted who have decided on every one",
        )
    make_folder(folder, field="output")
    forget_others(folder, [one.key for one in found])
    told = Annotations(tuple(found), tuple(failures))
    return label_batch(told, folder, options, workers=workers, progress=False)


def reader_mask(place: Workplace, key: str) -> np.ndarray:
    """(H, W) bool: a reader's soft mask at its threshold on the image's grid."""
    label, lesion = place.label(key), place.lesion(key)
    assert label is not None, "what is accepted has a soft mask"
    native = binarise(area_mean(label.alpha, label.scale), label.threshold)
    return label.box.paste(np.asarray(native), lesion.values.shape)


def _accepted(key: str, places: Sequence[Workplace]) -> list[Workplace]:
    """Readers who accepted a lesion, on one slice.

    Raises:
      UserError: there are not two, or they did so on different slices.
    """
    found = [place for place in places if place.state(key).decision == "accepted"]
    if len(found) < 2:
        raise UserError(
            "consensus",
            found=f"{len(found)} who accepted it among {len(places)} readers who have finished",
            expected="two at least",
        )
    slices = {(place.item(key).picture.name, place.slice(key)) for place in found}
    if len(slices) > 1:
        raise UserError("consensus", found="readers on different slices", expected="the same one")
    return found


def _annotation(key: str, accepted: Sequence[Workplace], folder: Path) -> Annotation:
    """The lesion with its readers' masks in files."""
    one = accepted[0].annotation(key)
    assert one is not None, "what is accepted has marks"
    files = []
    for place in accepted:
        make_folder(folder / place.reader, field="output")
        mask = reader_mask(place, key).astype(np.uint8) * np.uint8(255)
        files.append(write_png(folder / place.reader / f"{key}.png", mask))
    window = accepted[0].lesion(key).window
    return dataclasses.replace(
        one,
        recist=None,
        axes=None,
        shape=None,
        mask=None,
        segment=None,
        component=None,
        diameters_mm=None,
        reader_masks=tuple(files),
        reader_segments=(),
        window=window,
        strokes=(),
        proposal=None,
    )
