"""A segmentation system as pure functions: what its network sees of a patch, and what it makes of
it.

The condition image is the SR image and the bilinear enlargement side by side (paper 3.2), or the
enlargement alone for a system without SR, for one that is told a prior the soft mask of another
trained system (paper 3.3, Figure 5), and for one that is shown a user's marks their planes
(`casgan_jax.soft_mask.mark_planes`), and for one that sees neighbouring slices these
(`casgan_jax.records.neighbours`), all enlarged like the patch. Variables that are not trained with
the network are "frozen": {"srgan": SRGAN's, "prior": {"variables": ..., "frozen": ...}}, each where
there is one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.models.segmentor import build_segmentor
from casgan_jax.models.srgan import SRGenerator
from casgan_jax.soft_mask.mark_planes import Marks, mark_planes

Variables = Mapping[str, Any]


def super_resolver(config: SrganConfig, *, axis_name: str | None = None) -> SRGenerator:
    """The SRGAN generator that a config describes."""
    return SRGenerator(
        features=config.model.features,
        blocks=config.model.blocks,
        scale=config.data.scale,
        residual_to_interpolation=config.model.residual_to_interpolation,
        axis_name=axis_name,
        dtype=config.dtype,
    )


@dataclasses.dataclass(frozen=True)
class System:
    """Networks without their variables; hashable, so that equal systems share what is compiled.

    Attributes:
      network: condition image -> soft mask, see `casgan_jax.models.segmentor`.
      scale: r.
      upscale: SRGAN's generator, or None for a system without SR.
      prior: the system whose soft mask the network sees, too, or None.
      mark_kinds: the marks that the network sees (`casgan_jax.soft_mask.mark_planes.KINDS`).
      neighbours: how many slices it sees to either side.
    """

    network: nn.Module
    scale: int
    upscale: SRGenerator | None
    prior: System | None
    mark_kinds: tuple[str, ...] = ()
    neighbours: int = 0

    @property
    def channels(self) -> int:
        """Of the condition image."""
        others = (self.upscale is not None) + (self.prior is not None) + len(self.mark_kinds)
        return 1 + others + 2 * self.neighbours

    def condition(
        self,
        frozen: Variables,
        patches: jax.Array,
        marks: jax.Array | None = None,
        neighbours: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """What the network sees.

        Args:
          frozen: see the module.
          patches: (N, P, P, 1) in [0, 1].
          marks: (N, P, P, kinds), their planes; None: a click in the middle of each patch, which is
            all that the prior is told.
          neighbours: (N, P, P, slices) in [0, 1], the nearest first, more than the network sees or
            as many; None: the patch itself in the place of each.

        Returns:
          condition (N, r P, r P, channels) and the SR image, or without SR the enlargement,
          (N, r P, r P, 1), both in [0, 1].
        """
        n, height, width, channels = patches.shape
        shape = (n, self.scale * height, self.scale * width, channels)
        sr = bilinear = jax.image.resize(patches, shape, "bilinear")
        planes = [bilinear]
        if self.upscale is not None:
            upscaled: Any = self.upscale.apply(frozen["srgan"], patches, train=False)
            sr = jnp.clip(upscaled, 0.0, 1.0)
            planes = [sr, bilinear]
        if self.prior is not None:
            told = frozen["prior"]
            planes.append(self.prior.alpha(**told, patches=patches, neighbours=neighbours))
        if self.mark_kinds:
            marks = _click_in_the_middle(self.mark_kinds, patches.shape) if marks is None else marks
            planes.append(jax.image.resize(marks, (*shape[:3], len(self.mark_kinds)), "bilinear"))
        if self.neighbours:
            count = 2 * self.neighbours
            beside = jnp.repeat(patches, count, -1) if neighbours is None else neighbours
            planes.append(jax.image.resize(beside[..., :count], (*shape[:3], count), "bilinear"))
        return jnp.concatenate(planes, axis=-1), sr

    def alpha(
        self,
        variables: Variables,
        frozen: Variables,
        patches: jax.Array,
        neighbours: jax.Array | None = None,
    ) -> jax.Array:
        """The soft mask, (N, r P, r P, 1) in [0, 1], of (N, P, P, 1) patches, which `condition`
        tells of with their `neighbours`."""
        condition, _ = self.condition(frozen, patches, neighbours=neighbours)
        alpha: Any = self.network.apply(variables, condition, train=False)
        return alpha


def _click_in_the_middle(kinds: tuple[str, ...], shape: tuple[int, ...]) -> jax.Array:
    n, height, width, _ = shape
    marks = Marks(click=((width - 1) / 2, (height - 1) / 2))
    planes = mark_planes(kinds, marks, np.arange(width), np.arange(height)[:, None])
    return jnp.broadcast_to(planes, (n, *planes.shape))


def describe_system(config: SoftganConfig, *, axis_name: str | None = None) -> System:
    """The system that a config describes.

    Args:
      config: resolved, where it names a prior.
      axis_name: device axis over which the network's batch statistics are averaged in training.
    """
    prior = None
    if config.prior:
        assert config.prior_config is not None, "a config that names a prior is resolved"
        prior = describe_system(config.prior_config)
    return System(
        network=build_segmentor(
            config.model, scale=config.data.scale, axis_name=axis_name, dtype=config.dtype
        ),
        scale=config.data.scale,
        upscale=None if config.sr == "none" else super_resolver(config.srgan),
        prior=prior,
        mark_kinds=config.data.marks.kinds,
        neighbours=config.data.neighbours,
    )
