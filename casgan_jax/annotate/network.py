"""A trained network that proposes soft masks beside the matted ones, or first.

network = Network("pretrained")
proposal = network.propose(lesion)
network.is_sure(proposal, recist)
network.reload()  # the weights that a training has left since
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from casgan_jax.evaluation.certainty import agreement_with_axes, certainty
from casgan_jax.inference.beside import SlicesBeside
from casgan_jax.inference.levels import trained_window
from casgan_jax.inference.load import LoadedSystem, load_system
from casgan_jax.inference.proposing import propose
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.soft_mask.proposal import Proposal

# Of a soft mask that comes first: the agreement of its own axes with those that were drawn, and its
# certainty. On twelve key slices of DeepLesion the six lesions in the lung have 0.78 to 0.91 and
# 0.80 to 0.87, the others at most 0.77 in certainty. Noise without a lesion that is shown axes has
# 0.75 to 0.82, four of five nodules of LIDC at least 0.80.
_LEAST_CERTAINTY = 0.8
_LEAST_AGREEMENT = 0.75


class Network:
    """The system of a workdir; safe to use from several threads.

    Attributes:
      workdir: of the training, or "pretrained".
      loaded: how often weights were read: proposals of another number are of other weights.
    """

    def __init__(self, workdir: str | Path) -> None:
        """Loads the weights.

        Raises:
          UserError: see `load_system`.
        """
        self.workdir, self.loaded = workdir, 0
        self._lock = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Reads the weights again; where they cannot be read the old ones stay.

        Raises:
          UserError: see `load_system`, or `trained_window`.
        """
        system = load_system(self.workdir)
        window, beside = trained_window(system), SlicesBeside(system)
        with self._lock:
            self._system, self._window, self._beside = system, window, beside
            self.loaded += 1

    def compile(self) -> None:
        """Runs the network once, so that the first lesion need not wait."""
        system, _, _ = self._current()
        shape = 1, system.patch, system.patch
        patch = np.linspace(0, 1, system.patch**2, dtype=np.float32).reshape(shape)
        kinds = len(system.mark_kinds)
        # With and without planes are two compilations; `predict` gives them.
        planes = {"marks": kinds, "neighbours": 2 * system.neighbours}
        system(patch, **{n: np.ones((*shape, k), np.float32) for n, k in planes.items() if k})

    def propose(self, lesion: Lesion) -> Proposal:
        """The soft mask of a lesion, by its axes where the network sees such, else by a point.

        Raises:
          UserError: see `casgan_jax.inference.proposing.propose`.
        """
        system, trained, beside = self._current()
        return propose(system, lesion, trained=trained, beside=beside)

    def is_sure(self, proposal: Proposal, recist: np.ndarray) -> bool:
        """Whether what it proposed of axes is hardly ever a failure
        (`casgan_jax.evaluation.certainty`)."""
        system, _, _ = self._current()
        alpha, threshold = proposal.alpha, system.threshold
        if certainty(alpha, threshold) < _LEAST_CERTAINTY:
            return False
        return agreement_with_axes(alpha, proposal.box, recist, threshold) >= _LEAST_AGREEMENT

    def _current(self) -> tuple[LoadedSystem, tuple[float, float], SlicesBeside]:
        with self._lock:
            return self._system, self._window, self._beside
