"""A trained network that proposes soft masks beside the matted ones.

network = Network(Path("runs/marked"))
proposal = network.propose(lesion)
network.reload()  # the weights that a training has left since
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import binarise
from casgan_jax.inference.levels import EIGHT_BIT, levels_of, stretched_side, trained_window
from casgan_jax.inference.load import LoadedSystem, load_system
from casgan_jax.inference.predict import predict
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.soft_mask.proposal import Proposal, proposed


class Network:
    """The system of a workdir; safe to use from several threads.

    Attributes:
      workdir: of the training.
      loaded: how often weights were read: proposals of another number are of other weights.
    """

    def __init__(self, workdir: Path) -> None:
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
        window = trained_window(system)
        with self._lock:
            self._system, self._window = system, window
            self.loaded += 1

    def compile(self) -> None:
        """Runs the network once, so that the first lesion need not wait."""
        system, _ = self._current()
        shape = 1, system.patch, system.patch
        patch = np.linspace(0, 1, system.patch**2, dtype=np.float32).reshape(shape)
        kinds = len(system.mark_kinds)
        # With and without planes of marks are two compilations; `predict` gives planes.
        system(patch, *([np.ones((*shape, kinds), np.float32)] if kinds else []))

    def propose(self, lesion: Lesion) -> Proposal:
        """The soft mask of a lesion, by its axes where the network sees such, else by a point.

        An image that is not 8-bit is shown to a network of 8-bit images as the reader sees it, but
        to one of stretched crops stretched.

        Raises:
          UserError: see `predict`, values that the network was not trained for, or a soft mask
            that reaches the network's threshold nowhere.
        """
        system, trained = self._current()
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

    def _current(self) -> tuple[LoadedSystem, tuple[float, float]]:
        with self._lock:
            return self._system, self._window
