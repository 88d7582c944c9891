"""A process pool that keeps order, bounds its memory, and dies with its parent."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from casgan_jax.errors import UserError

# One thread a worker: the pool already uses every core, and an accelerator has no part in a build.
_WORKER_ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "NPROC": "1",  # XLA's own name for the size of its thread pools
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
CHUNK = 8  # items a message: few enough for an even load, many enough to hide the messages' cost


class OrderedPool:
    """Maps a function over items in worker processes; results come in the items' order.

        with OrderedPool(function, workers=None) as pool:
            for result in pool.map(items): ...

    Args:
      function: picklable, called with one item in a worker.
      workers: number of processes; None for one for each core this process may use; 0 for none,
        everything then runs in this process.
    """

    def __init__(self, function: Callable[[Any], Any], workers: int | None = None):
        self._function = function
        self._workers = len(os.sched_getaffinity(0)) if workers is None else workers
        self._executor: concurrent.futures.ProcessPoolExecutor | None = None

    def __enter__(self) -> OrderedPool:
        if self._workers > 0:
            # spawn: JAX's threads do not survive a fork.
            self._executor = concurrent.futures.ProcessPoolExecutor(
                self._workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def map(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yields function(item) for each item, in order, holding a few chunks of results at most.

        Raises:
          UserError: a worker process died.
          Exception: what the function raised.
        """
        if self._executor is None:
            yield from map(self._function, items)
            return
        left = iter(items)
        chunks = iter(lambda: list(itertools.islice(left, CHUNK)), [])
        pending: collections.deque[concurrent.futures.Future[list[Any]]] = collections.deque()
        try:
            for chunk in itertools.chain(chunks, itertools.repeat(None)):
                if chunk is not None:
                    pending.append(self._executor.submit(_map_chunk, self._function, chunk))
                    if len(pending) < 2 * self._workers + 2:
                        continue
                if not pending:
                    return
                yield from pending.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "worker processes",
                found="that one of them was killed",
                expected="all to live",
                remedy="the machine may be short of memory, try fewer workers",
            ) from None


def _map_chunk(function: Callable[[Any], Any], chunk: list[Any]) -> list[Any]:
    return [function(item) for item in chunk]


def _start_worker() -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the parent, which stops the workers
    use_one_core()
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def use_one_core() -> None:
    """Makes this process one of several that share a machine: one thread, no accelerator."""
    os.environ.update(_WORKER_ENVIRONMENT)
    import cv2
    import jax

    cv2.setNumThreads(1)
    jax.config.update("jax_platforms", "cpu")


def _exit_with_parent() -> None:
    # A parent killed outright cannot stop its workers, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)
