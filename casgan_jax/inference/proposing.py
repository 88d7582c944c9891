"""Soft masks that a trained system proposes of lesions with marks, kept with these.

    proposal = propose(system, lesion)
    annotations = with_proposals(system, annotations)  # which labelling then takes

A system sees axes where it was trained with them, else the middle of the marks.

    network = network_of_volumes("pretrained")  # which follows lesions through slices
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotations, Failure
from casgan_jax.errors import UserError
from casgan_jax.evaluation.certainty import agreement_with_axes, certainty, doubt
from casgan_jax.grid import binarise
from casgan_jax.inference.beside import SlicesBeside, shown_slices
from casgan_jax.inference.levels import EIGHT_BIT, levels_of, stretched_side, trained_window
from casgan_jax.inference.load import LoadedSystem, load_system
from casgan_jax.inference.predict import predict
from casgan_jax.labelling.lesion import Lesion, read_lesion
from casgan_jax.labelling.locate import locate_all
from casgan_jax.labelling.volumes.batch import Network
from casgan_jax.pretrained import folder_of
from casgan_jax.progress import followed
from casgan_jax.records.neighbours import slices_beside
from casgan_jax.soft_mask.proposal import Proposal, proposed
from casgan_jax.soft_mask.recist import centre
from casgan_jax.soft_mask.volume_following import Propose
from casgan_jax.workdir.layout import ARRAYS, SYSTEM


def propose(
    system: LoadedSystem,
    lesion: Lesion,
    *,
    trained: tuple[float, float] | None = None,
    beside: SlicesBeside | None = None,
) -> Proposal:
    """The soft mask of a lesion, by its axes where the system sees such, else by a point.

    An image that is not 8-bit is shown to a system of 8-bit images as the reader sees it, but to
    one of stretched crops stretched.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      lesion: with axes or masks.
      trained: of `trained_window`; asked for where it is not given.
      beside: what reads the slices that the system sees beside the lesion's, kept by who asks of
        many lesions.

    Raises:
      UserError: see `predict`, values that the system was not trained for, or a soft mask that
        reaches the system's threshold nowhere.
    """
    trained = trained or trained_window(system)
    values = lesion.values
    x, y = lesion.mark.tolist()
    other = trained == EIGHT_BIT and values.dtype != np.uint8
    as_seen = other and not stretched_side(system)
    given = lesion.window if as_seen else None
    window = levels_of(system, values, (x, y), trained=trained, given=given)
    recist = lesion.recist if "axes" in system.mark_kinds else None
    slices = (beside or SlicesBeside(system)).shown(
        lesion.annotation, (x, y), trained=trained, given=given
    )
    found = predict(system, values, (x, y), window=window, recist=recist, neighbours=slices)
    if not binarise(found.fine_alpha, system.threshold).any():
        raise UserError(
            "network",
            found=f"nothing above its threshold, {system.threshold:.2f}",
            expected="a lesion",
            remedy="mark it otherwise, or keep the matted soft mask",
        )
    return proposed(found.fine_alpha, found.box, values.shape, window)


def network_of_volumes(folder: str | Path) -> Network:
    """A trained network as `casgan_jax.labelling.volumes` asks it.

    Args:
      folder: of `casgan_jax.inference.load.load_system`.

    Raises:
      UserError: no system there, or one that sees no axes, by which lesions are followed.
    """
    system = load_system(folder)
    if "axes" not in system.mark_kinds:
        raise UserError(
            "workdir",
            found=f"a system that sees {', '.join(system.mark_kinds) or 'no marks'}",
            expected="one that sees axes, by which a lesion is followed",
            remedy="leave it out, or train `config=softgan:marked`",
        )
    files = sorted(path for name in (ARRAYS, SYSTEM) for path in folder_of(folder).rglob(name))
    return Network(proposer(system), tuple(files))


def proposer(system: LoadedSystem) -> Propose:
    """What a system that sees axes says of a slice, its threshold moved to one half.

    A system of stretched crops is shown the slice stretched, others by the window that they were
    trained with, or if that was 8-bit images' by the volume's. One that sees the slices beside is
    shown those of the volume, the last one again where it ends.
    """
    power = float(np.log(0.5) / np.log(system.threshold))
    trained = trained_window(system)

    def propose(
        volume: np.ndarray, index: int, recist: np.ndarray, window: tuple[float, float]
    ) -> np.ndarray:
        x, y = centre(recist)
        own = trained if trained != EIGHT_BIT else window
        given = None if stretched_side(system) else own
        values, slices = volume[index], None
        levels = levels_of(system, values, (x, y), trained=trained, given=given)
        if system.neighbours:
            indices = slices_beside(index, 0, len(volume) - 1, system.neighbours)
            beside = [volume[each] for each in indices]
            slices = shown_slices(system, beside, (x, y), trained=trained, given=given)
        found = predict(system, values, (x, y), window=levels, recist=recist, neighbours=slices)
        return (found.alpha**power).astype(np.float32)

    return propose


def with_proposals(
    system: LoadedSystem,
    annotations: Annotations,
    *,
    window: tuple[float, float] | None = None,
    progress: bool = True,
) -> Annotations:
    """Every lesion with what the system proposes of it, and a note where that is to be looked at;
    those without are failures.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      annotations: lesions with axes or masks.
      window: of all lesions, as for labelling; None: see `read_lesion`.
      progress: tell on standard error how far it has come.
    """
    trained, beside = trained_window(system), SlicesBeside(system)
    found, failures = [], list(annotations.failures)
    given = annotations.annotations
    located = zip(given, locate_all(given), strict=True)
    for annotation, (place, fault) in followed(
        located, "network", total=len(given), unit="lesion", show=progress
    ):
        try:
            if fault is not None:
                raise fault
            lesion = read_lesion(place, window=window)
            proposal = propose(system, lesion, trained=trained, beside=beside)
        except UserError as error:
            failures.append(Failure(0, annotation.key, str(error)))
        else:
            told = _doubt(system, lesion, proposal)
            notes = (*annotation.notes, *([told] if told else []))
            found.append(dataclasses.replace(annotation, proposal=proposal, notes=notes))
    return Annotations(tuple(found), tuple(failures))


def _doubt(system: LoadedSystem, lesion: Lesion, proposal: Proposal) -> str:
    """Why a proposal is to be looked at, or "", as `predict` tells it."""
    alpha, agreement = proposal.alpha, None
    if lesion.recist is not None and "axes" in system.mark_kinds:
        agreement = agreement_with_axes(alpha, proposal.box, lesion.recist, system.threshold)
    return doubt(certainty(alpha, system.threshold), agreement)
