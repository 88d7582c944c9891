"""Maps a step over all devices: batches split along their first axis, states replicated.

devices = Devices()
state = devices.replicate(state)
step = devices.map_step(step)
state, losses = step(state, devices.shard(batch), constants)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from casgan_jax.configs.schema.sections import SPMD
from casgan_jax.errors import UserError
from casgan_jax.training.step import AXIS


def device_mesh() -> Mesh:
    """All devices of all processes along one axis."""
    return Mesh(np.array(jax.devices()), (AXIS,))


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run and how a step is mapped over them.

    Attributes:
      mesh: devices along the axis AXIS.
      spmd: "shard_map", or "pmap", JAX's older mapping, which gives the same results.

    Raises:
      UserError: `spmd` is neither.
    """

    mesh: Mesh = dataclasses.field(default_factory=device_mesh)
    spmd: str = "shard_map"

    def __post_init__(self) -> None:
        if self.spmd not in SPMD:
            raise UserError(
                "spmd",
                found=f"{self.spmd!r}",
                expected=f"one of {', '.join(SPMD)}",
            )

    def replicate(self, tree: Any) -> Any:
        """Puts a tree of arrays on every device."""
        return jax.device_put(tree, NamedSharding(self.mesh, P()))

    def scalar(self, value: np.floating) -> jax.Array:
        """A number on every device, equal in all processes, which do not compare theirs: that would
        be a step of all of them."""
        sharding = NamedSharding(self.mesh, P())
        return jax.make_array_from_callback((), sharding, lambda _: np.asarray(value))

    def shard(self, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """This process's part of a global batch -> arrays split over the devices.

        Raises:
          UserError: the examples do not divide by the devices.
        """
        local = len(self.mesh.local_devices)
        for name, array in batch.items():
            if len(array) % local:
                raise UserError(
                    "optim.batch_size",
                    found=f"{len(array)} examples of {name!r} for {local} devices of this process",
                    expected=f"a multiple of {local}",
                )
        if self.spmd == "pmap":
            return {
                name: array.reshape(local, len(array) // local, *array.shape[1:])
                for name, array in batch.items()
            }
        sharding = NamedSharding(self.mesh, P(AXIS))
        return {
            name: jax.make_array_from_process_local_data(sharding, array)
            for name, array in batch.items()
        }

    def map_step(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """(state, batch, constants) -> (state, metrics), compiled for all devices; the state's
        buffers are reused."""
        return self._map(step, donate_argnums=(0,))

    def map_look(self, look: Callable[..., Any]) -> Callable[..., Any]:
        """(states, batch, constants) -> what is equal on all devices; the states stay.

        On a CPU it is compiled quickly rather than well.
        """
        return self._map(look, donate_argnums=(), compiler_options=self._quickly)

    def once(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that is called once, on one device, compiled.

        On a CPU it is compiled quickly rather than well: the initial weights of `softgan:marked`
        took 52 s to compile and 0.1 s to draw, and take 9 s and 0.3 s.
        """
        return jax.jit(function, compiler_options=self._quickly)

    @property
    def _quickly(self) -> dict[str, Any] | None:
        """Compiler options."""
        on_cpu = self.mesh.devices.flat[0].platform == "cpu"
        return {"xla_backend_optimization_level": 0} if on_cpu else None

    def _map(
        self,
        function: Callable[..., Any],
        *,
        donate_argnums: tuple[int, ...],
        compiler_options: dict[str, Any] | None = None,
    ) -> Callable[..., Any]:
        if self.spmd == "pmap":
            return jax.pmap(
                function,
                axis_name=AXIS,
                in_axes=(None, 0, None),
                out_axes=None,
                devices=list(self.mesh.devices.flat),
                donate_argnums=donate_argnums,
            )
        # check_vma=True would make the gradients of replicated parameters sums over the devices
        # already, and the step's explicit means would leave them N times too large.
        mapped = jax.shard_map(
            function,
            mesh=self.mesh,
            in_specs=(P(), P(AXIS), P()),
            out_specs=P(),
            check_vma=False,
        )
        return jax.jit(mapped, donate_argnums=donate_argnums, compiler_options=compiler_options)
