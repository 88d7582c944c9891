"""Soft masks that a trained system proposes of lesions with marks, kept with these.

    proposal = propose(system, lesion)
    annotations = with_proposals(system, annotations)  # which labelling then takes

A system sees axes where it was trained with them, else the middle of the marks.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from casgan_jax.annotations import Annotations, Failure
from casgan_jax.errors import UserError
from casgan_jax.grid import binarise
from casgan_jax.inference.levels import EIGHT_BIT, levels_of, stretched_side, trained_window
from casgan_jax.inference.load import LoadedSystem
from casgan_jax.inference.predict import predict
from casgan_jax.labelling.lesion import Lesion, read_lesion
from casgan_jax.labelling.locate import locate_all
from casgan_jax.progress import followed
from casgan_jax.soft_mask.proposal import Proposal, proposed


def propose(
    system: LoadedSystem, lesion: Lesion, *, trained: tuple[float, float] | None = None
) -> Proposal:
    """The soft mask of a lesion, by its axes where the system sees such, else by a point.

    An image that is not 8-bit is shown to a system of 8-bit images as the reader sees it, but to
    one of stretched crops stretched.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      lesion: with axes or masks.
      trained: of `trained_window`; asked for where it is not given.

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
    found = predict(system, values, (x, y), window=window, recist=recist)
    if not binarise(found.fine_alpha, system.threshold).any():
        raise UserError(
            "network",
            found=f"nothing above its threshold, {system.threshold:.2f}",
            expected="a lesion",
            remedy="mark it otherwise, or keep the matted soft mask",
        )
    return proposed(found.fine_alpha, found.box, values.shape)


def with_proposals(
    system: LoadedSystem,
    annotations: Annotations,
    *,
    window: tuple[float, float] | None = None,
    progress: bool = True,
) -> Annotations:
    """Every lesion with what the system proposes of it; those without are failures.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      annotations: lesions with axes or masks.
      window: of all lesions, as for labelling; None: see `read_lesion`.
      progress: tell on standard error how far it has come.
    """
    trained = trained_window(system)
    found, failures = [], list(annotations.failures)
    given = annotations.annotations
    located = zip(given, locate_all(given), strict=True)
    for annotation, (place, fault) in followed(
        located, "network", total=len(given), unit="lesion", show=progress
    ):
        try:
            if fault is not None:
                raise fault
            proposal = propose(system, read_lesion(place, window=window), trained=trained)
        except UserError as error:
            failures.append(Failure(0, annotation.key, str(error)))
        else:
            found.append(dataclasses.replace(annotation, proposal=proposal))
    return Annotations(tuple(found), tuple(failures))
