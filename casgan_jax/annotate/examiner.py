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
from casgan_jax.soft_mask.volume_label import label_volume
from casgan_jax.soft_mask.volume_marks import VolumeMark

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
        if any(one.may_be_volume for one in self._place.pictures.values()):
            for radius in _RADII:
                self._wait_for_peace()
                yield functools.partial(_compile_volume, radius)
        for key in self._place.unexamined():
            self._wait_for_peace()
            yield functools.partial(self._place.examine, key)

    def _wait_for_peace(self) -> None:
        while not (self._idle() or self._end.wait(_PAUSE)):
            pass


def _compile(radius: int, scale: int) -> None:
    label_from_recist(*_disc(radius), scale)


def _compile_volume(radius: int) -> None:
    image, axes = _disc(radius)
    beside = np.zeros_like(image)
    label_volume(np.stack([beside, image, beside]), (1.0, 1.0, 1.0), [VolumeMark(1, axes)])


def _disc(radius: int) -> tuple[np.ndarray, np.ndarray]:
    """(128, 128) float32 in [0, 1] of a disc, and its axes."""
    y, x = np.mgrid[-64:64, -64:64].astype(np.float32)
    image = 1 / (1 + np.exp(np.hypot(x, y) - radius))
    axes = np.array([-radius, 0, radius, 0, 0, -radius, 0, radius], np.float32) + np.float32(64)
    return image.astype(np.float32), axes
