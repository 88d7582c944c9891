"""Losses of the steps and images per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import jax
import numpy as np

from casgan_jax.errors import UserError


class Meter:
    """Collects losses on the device and reads them now and then, so that no step waits for them."""

    def __init__(self, batch_size: int, *, standing: Callable[[], str]) -> None:
        """
        Args:
          batch_size: images of a step.
          standing: says what was saved, for the line of an error.
        """
        self._batch_size, self._standing = batch_size, standing
        self._pending: list[tuple[int, Mapping[str, jax.Array]]] = []
        self._since, self._count = time.perf_counter(), 0

    def add(self, step: int, losses: Mapping[str, jax.Array]) -> None:
        """Notes the losses of a step."""
        self._pending.append((step, losses))
        self._count += 1
        if len(self._pending) > 100:
            self.check()

    def check(self) -> list[dict[str, float]]:
        """The losses since the last look.

        Raises:
          UserError: one of them is NaN or infinite; the line names the step and the loss.
        """
        values = jax.device_get([losses for _, losses in self._pending])
        steps = [step for step, _ in self._pending]
        self._pending = []
        for step, losses in zip(steps, values, strict=True):
            for name, value in losses.items():
                if not np.isfinite(value):
                    raise UserError(
                        f"step {step}",
                        found=f"{name} = {value}",
                        expected="a finite loss",
                        remedy=(f"{self._standing()}; try a lower `optim.lr` or `optim.clip=1`"),
                    )
        return [{name: float(value) for name, value in losses.items()} for losses in values]

    def read(self) -> dict[str, float]:
        """The last losses and the images per second since the last reading."""
        losses = self.check()[-1]
        speed = self._count * self._batch_size / (time.perf_counter() - self._since)
        self.restart()
        return losses | {"images_per_second": speed}

    def restart(self) -> None:
        """Leaves what was not training (validation, saving) out of the next speed."""
        self._since, self._count = time.perf_counter(), 0
