"""What is made of marks, one after the other in one thread, and the last of it kept.

maker = Maker()
labels = Kept(maker, most=64)
label = labels.find(name, lambda: label_read_lesion(lesion, options))
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Maker:
    """One thread: the C library keeps memory back for every thread that has asked for much of
    it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="maker")

    def make(self, work: Callable[[], Made]) -> Made:
        """What work gives or raises, once all that was asked for before is made."""
        return self._thread.submit(work).result()

    def settle(self) -> None:
        """Waits for what is being made: a process must not end within it."""
        self.make(int)


class Kept(Generic[Made]):
    """What was made, by a name of all that it was made of; safe to use from several threads.

    Args:
      maker: makes it.
      most: of the latest that are kept.
    """

    def __init__(self, maker: Maker, most: int) -> None:
        self._maker, self._most = maker, most
        self._kept: OrderedDict[tuple[object, ...], Made] = OrderedDict()

    def find(self, name: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """What is kept by a name, made first if it is not there."""

        def find() -> Made:
            if name not in self._kept:
                self._kept[name] = make()
            self._kept.move_to_end(name)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[name]

        return self._maker.make(find)
