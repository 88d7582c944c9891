"""The segmentation network that a config names: any module that maps condition images to masks.

A network is a `flax.linen.Module` called as (condition (N, S, S, C), train=) -> (N, S, S, 1) in
[0, 1], with the attributes `axis_name` and `dtype`; its other attributes are set by the fields of
the config's section `model` of the same names, and `scale` by that of the data. One with several
outputs for deep supervision returns them as channels, (N, S, S, K), where `train` is true.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import flax.linen as nn

from casgan_jax.configs.schema.softgan import SoftganModel
from casgan_jax.configs.schema.tree import entries
from casgan_jax.errors import UserError, one_line


def find_network(name: str) -> type[nn.Module]:
    """The class of a dotted name such as `casgan_jax.models.unet.UNet`.

    Raises:
      UserError: there is none, or it is no segmentation network.
    """
    module, _, attribute = name.rpartition(".")
    expected = "MODULE.CLASS of a network"
    remedy = "set `model.network=casgan_jax.models.unet.UNet`"
    try:
        network = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            "model.network",
            found=f"{name!r} ({one_line(error)})",
            expected=expected,
            remedy=remedy,
        ) from error
    fields = _fields(network)
    if (
        not (isinstance(network, type) and issubclass(network, nn.Module))
        or not {
            "axis_name",
            "dtype",
        }
        <= fields
    ):
        raise UserError(
            "model.network",
            found=f"{name!r}, which is no flax.linen.Module with axis_name and dtype",
            expected=expected,
            remedy=remedy,
        )
    return network


def build_segmentor(
    model: SoftganModel, *, scale: int, axis_name: str | None, dtype: Any
) -> nn.Module:
    """The network `model.network` with those of the other fields that it has as attributes.

    Args:
      model: section of a config.
      scale: r of the config's data, for a network with that attribute.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: of the computation.

    Raises:
      UserError: see `find_network`.
    """
    network = find_network(model.network)
    fields = _fields(network)
    known = entries(model) | {"scale": scale}
    options = {name: value for name, value in known.items() if name in fields}
    return network(**options, axis_name=axis_name, dtype=dtype)


def _fields(network: Any) -> set[str]:
    known = dataclasses.fields(network) if dataclasses.is_dataclass(network) else ()
    return {field.name for field in known}
