"""Maps a step over all devices: batches split along their first axis, states replicated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from casgan_jax.errors import UserError
from casgan_jax.training.step import AXIS


def device_mesh() -> Mesh:
    """All devices of all processes along one axis."""
    return Mesh(np.array(jax.devices()), (AXIS,))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Puts a tree of arrays on every device."""
    return jax.device_put(tree, NamedSharding(mesh, P()))


def shard(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
    """This process's part of a global batch -> global arrays split over the devices.

    Raises:
      UserError: the examples do not divide by the devices.
    """
    local = len(mesh.local_devices)
    sharding = NamedSharding(mesh, P(AXIS))
    for name, array in batch.items():
        if len(array) % local:
            raise UserError(
                f"optim.batch_size: found {len(array)} examples of {name!r} for {local} devices of "
                f"this process, expected a multiple of {local}"
            )
    return {
        name: jax.make_array_from_process_local_data(sharding, array)
        for name, array in batch.items()
    }


def map_step(step: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """(state, batch, constants) -> (state, metrics), jitted over the mesh; the state's buffers are
    reused."""
    # check_vma=True would make the gradients of replicated parameters sums over the devices
    # already,
    # and the step's explicit means would leave them N times too large.
    mapped = jax.shard_map(
        step, mesh=mesh, in_specs=(P(), P(AXIS), P()), out_specs=(P(), P()), check_vma=False
    )
    return jax.jit(mapped, donate_argnums=0)
