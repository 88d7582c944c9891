"""Draws -> training examples on the devices, which hold the planes of all records.

The twin of `casgan_jax.data.host_rendering`: the same geometry (OpenCV before version 5 rounds
source positions to 1/32 pixel), and other noise of the same distribution.

    make_example = functools.partial(render_segmentation, patch=64, scale=4)
    render = device_renderer(planes, make_example, mesh)
    batch = render(draws)  # draws split over the mesh -> image and target, split in the same way
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from casgan_jax.data.elastic import node_weights
from casgan_jax.data.planes import Planes
from casgan_jax.errors import UserError
from casgan_jax.grid import decode_alpha
from casgan_jax.records.neighbours import FEATURE

SHARE = 0.25  # of a device's memory, at most, for the planes: the rest is the training step's

Arrays = Mapping[str, jax.Array]
Render = Callable[[Arrays], dict[str, jax.Array]]


def device_renderer(
    planes: Planes, render: Callable[[Arrays, Arrays], dict[str, jax.Array]], mesh: Mesh
) -> Render:
    """Puts all planes on every device and returns what makes batches of draws there.

    Every device holds every record, also where there are several processes: the order is drawn over
    the whole split in each epoch, so that any device may be asked for any record.

    Args:
      planes: of the split that is trained on.
      render: (planes of all records, one draw) -> one example.
      mesh: the devices, along one axis.

    Raises:
      UserError: the planes need more than SHARE of a device's memory.
    """
    limit = memory_for_planes(mesh)
    if planes.nbytes > limit:
        raise UserError(
            "data.cache",
            found=f"{_gibibytes(planes.nbytes)} of planes for device memory",
            expected=f"at most {_gibibytes(limit)} ({SHARE:.0%} of a device's)",
            remedy="use `data.cache=host`",
        )
    (axis,) = mesh.axis_names
    mapped = jax.shard_map(
        jax.vmap(render, in_axes=(None, 0)),
        mesh=mesh,
        in_specs=(P(), P(axis)),
        out_specs=P(axis),
        check_vma=False,
    )
    return functools.partial(
        jax.jit(mapped), jax.device_put(planes.stacked(), NamedSharding(mesh, P()))
    )


def memory_for_planes(mesh: Mesh) -> int:
    """Bytes that the planes may take on each device."""
    return int(SHARE * min(_memory(device) for device in mesh.local_devices))


def _memory(device: jax.Device) -> int:
    """Bytes of a device; of a CPU device, its part of the machine's. 0 where it does not tell."""
    if device.platform == "cpu":
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return physical // jax.local_device_count()
    return (device.memory_stats() or {}).get("bytes_limit", 0)


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.2f} GiB"


def render_segmentation(
    planes: Arrays, draw: Arrays, *, patch: int, scale: int
) -> dict[str, jax.Array]:
    """One augmented pair: `image` (patch, patch, 1) and `target` (scale * patch, ..., 1) in [0, 1].

    Args:
      planes: of N records, `image` (N, H, W) in [0, 1], `target` (N, scale H, scale W) coded uint8
        `mark` (N, 2), and `neighbours` (N, H, W, slices) in [0, 1] where they are seen: the example
        has them, too, see the twin.
      draw: of `draw_segmentation`.
    """
    record, matrix, nodes = draw["record"], draw["matrix"], draw.get("nodes")
    mark, shape = planes["mark"][record], planes["image"].shape[1:]
    centre = jnp.where(draw["whole_pixels"], _patch_centre(mark, patch, shape), mark)
    centre = centre + draw["shift"]
    key = jax.random.key(draw["noise_seed"])
    image = _adjust(_sample(planes["image"][record], patch, matrix, centre, nodes), draw, key)
    fine_centre = scale * centre + (scale - 1) / 2
    fine_nodes = None if nodes is None else scale * nodes
    coded = _sample(planes["target"][record], scale * patch, matrix, fine_centre, fine_nodes)
    example = {"image": image[..., None], "target": decode_alpha(coded)[..., None]}
    if FEATURE in planes:
        sample = jax.vmap(lambda plane: _sample(plane, patch, matrix, centre, nodes), -1, -1)
        beside = sample(planes[FEATURE][record])
        example[FEATURE] = _adjust(beside, draw, jax.random.fold_in(key, 1))
    return example


def render_super_resolution(
    planes: Arrays, draw: Arrays, *, patch: int, scale: int
) -> dict[str, jax.Array]:
    """One pair for SRGAN: a high-resolution crop and its area mean (paper 3.2.1), with noise.

    Args:
      planes: `image` (N, H, W) in [0, 1], at least scale * patch pixels a side.
      draw: of `draw_super_resolution`.
    """
    corner, side = draw["corner"], scale * patch
    start = (draw["record"], corner[0], corner[1])
    crop = jax.lax.dynamic_slice(planes["image"], start, (1, side, side))[0]
    turns = [functools.partial(jnp.rot90, k=k) for k in range(4)]
    turned = jax.lax.switch(draw["turns"], turns, crop)
    target = jnp.where(draw["mirror"], turned[:, ::-1], turned)
    mean = target.reshape(patch, scale, patch, scale).mean((1, 3))
    image = _adjust(mean, draw, jax.random.key(draw["noise_seed"]))
    return {"image": image[..., None], "target": target[..., None]}


def _patch_centre(mark: jax.Array, patch: int, shape: tuple[int, ...]) -> jax.Array:
    """Of the patch around a mark, as `casgan_jax.records.patches.marked_box` has it; x and y."""
    half = (patch - 1) / 2
    last = jnp.array([shape[1] - patch, shape[0] - patch], mark.dtype)
    return jnp.clip(jnp.round(mark - half), 0, last) + half


def _sample(
    plane: jax.Array,
    size: int,
    matrix: jax.Array,
    centre: jax.Array,
    nodes: jax.Array | None,
) -> jax.Array:
    """Samples a `size` square around `centre`, (x, y) in the plane's pixels, as are the `nodes`;
    integers stay so."""
    offset = jnp.arange(size, dtype=jnp.float32) - (size - 1) / 2
    across, down = jnp.meshgrid(offset, offset)
    x = matrix[0, 0] * across + matrix[0, 1] * down + centre[0]
    y = matrix[1, 0] * across + matrix[1, 1] * down + centre[1]
    if nodes is not None:
        # Positions of a pixel's hundredth: more than a GPU's or TPU's own products have.
        weights = node_weights(size)
        moved = jnp.einsum("ri,dij,cj->drc", weights, nodes, weights, precision="highest")
        x, y = x + moved[0], y + moved[1]
    # JAX's own function multiplies the integers of a coded plane by float32 weights.
    with jax.numpy_dtype_promotion("standard"):
        return map_coordinates(plane, [y, x], order=1, mode="nearest")


def _adjust(patch: jax.Array, draw: Arrays, key: jax.Array) -> jax.Array:
    """Contrast, brightness and noise of (P, P, ...) patches, clipped to [0, 1]."""
    noise = draw["noise"] * jax.random.normal(key, patch.shape)
    return jnp.clip((patch - 0.5) * draw["contrast"] + 0.5 + draw["brightness"] + noise, 0.0, 1.0)
