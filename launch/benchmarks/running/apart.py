"""Work in a process of its own: its processor time is its alone, and its libraries are.

trained = apart(train, "softgan", data)  # what it returns
with Held(jax_side, case) as ours:       # what it returns stays there
    seconds = ours(measure)              # measure(side), there
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Callable
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
U = TypeVar("U")

_held: Any = None  # in a process of `Held`, what it was made to hold


def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, or raises, in a new process."""
    with _process() as pool:
        return pool.submit(work, *args, **kwargs).result()


class Held(Generic[U]):
    """Something that stays in a process of its own and is worked on there, until `with` ends.

    Args:
      make: returns it, there.
      args, kwargs: of `make`.
    """

    def __init__(self, make: Callable[P, U], *args: P.args, **kwargs: P.kwargs) -> None:
        self._pool = _process()
        try:
            self._pool.submit(_hold, make, *args, **kwargs).result()
        except BaseException:
            self._pool.shutdown()
            raise

    def __call__(
        self, work: Callable[Concatenate[U, Q], T], *args: Q.args, **kwargs: Q.kwargs
    ) -> T:
        """What `work` returns, or raises, of what is held."""
        return self._pool.submit(_work_on_held, work, *args, **kwargs).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown()


def _process() -> concurrent.futures.ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, mp_context=context)


def _hold(make: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    global _held
    _held = make(*args, **kwargs)


def _work_on_held(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return work(_held, *args, **kwargs)
