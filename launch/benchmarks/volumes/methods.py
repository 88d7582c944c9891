"""Ways from the axes of one slice to a soft mask of the volume."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from casgan_jax.grid import area_mean
from casgan_jax.inference.proposing import proposer
from casgan_jax.soft_mask.label import label_from_recist
from casgan_jax.soft_mask.volume_following import Propose
from casgan_jax.soft_mask.volume_label import label_volume
from casgan_jax.soft_mask.volume_marks import VolumeMark
from casgan_jax.systems.cascade import Cascade
from launch.benchmarks.volumes.cases import Case

Method = Callable[[Case, np.ndarray], np.ndarray]  # case, axes -> (S, H, W) soft mask
_SCALE = 4


def methods(cascade: Cascade | None) -> dict[str, Method]:
    """Methods by name; those of a network only with one."""
    found: dict[str, Method] = {
        "2D shape, known ends": _repeated,
        "slice by slice": functools.partial(_volume, propose=None, matted=False),
        "slice by slice, matted": functools.partial(_volume, propose=None, matted=True),
    }
    if cascade is not None:
        propose = proposer(cascade)
        found["network"] = functools.partial(_volume, propose=propose, matted=False)
        found["network, matted"] = functools.partial(_volume, propose=propose, matted=True)
    return found


def _repeated(case: Case, axes: np.ndarray) -> np.ndarray:
    label = label_from_recist(case.image[case.key], axes, _SCALE)
    marked = np.reshape(case.truth.any(axis=(1, 2)), (-1, 1, 1))
    return marked * area_mean(label.alpha, _SCALE)


def _volume(case: Case, axes: np.ndarray, propose: Propose | None, matted: bool) -> np.ndarray:
    mark = VolumeMark(case.key, recist=axes)
    spacing = case.spacing_mm
    return label_volume(case.image, spacing, [mark], propose=propose, matted=matted).alpha
