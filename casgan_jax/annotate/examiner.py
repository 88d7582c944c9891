"""What is done while nobody works: the solver is compiled, and the qualities of lesions are found.

with Examiner(place, idle=lambda: True):
    ...  # the worst lesions come to be known
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Self

import numpy as np

from casgan_jax.annotate.workplace import Workplace
from casgan_jax.soft_mask.label import label_from_recist

_RADII = (5, 8, 12, 18, 26)  # pixels, of the lesions whose sizes are compiled first
_PAUSE = 0.2  # seconds between looks whether somebody works


class Examiner:
    """Works in a thread until all is done or it is stopped.

    Args:
      place: whose lesions are examined.
      idle: whether nobody works just now.
    """

    def __init__(self, place: Workplace, *, idle: Callable[[], bool]) -> None:
        self._place, self._idle = place, idle
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # XLA brings the process down that ends while it compiles: what is begun is waited for.
        self._end.set()
        self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Whether all is done within a time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for work in self._works():
            if self._end.is_set():
                return
            work()

    def _works(self) -> Iterator[Callable[[], object]]:
        for radius in _RADII:
            yield functools.partial(_compile, radius, self._place.options.scale)
        if self._place.network is not None:
            yield self._place.network.compile
        for key in self._place.unexamined():
            while not (self._idle() or self._end.wait(_PAUSE)):
                pass
            yield functools.partial(self._place.examine, key)


def _compile(radius: int, scale: int) -> None:
    y, x = np.mgrid[-64:64, -64:64].astype(np.float32)
    image = 1 / (1 + np.exp(np.hypot(x, y) - radius))
    axes = np.array([-radius, 0, radius, 0, 0, -radius, 0, radius], np.float32) + np.float32(64)
    label_from_recist(image.astype(np.float32), axes, scale)
