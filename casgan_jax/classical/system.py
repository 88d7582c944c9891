"""A classical method as a system like a trained one: native patches -> binary masks.

    system = load_system("runs/graph_cut")
    out = system(patches)  # (N, 64, 64) in [0, 1] -> {"super_resolution": ..., "alpha": ...}

A method that refines a network's soft mask (`casgan_jax.configs.families.method`) has it averaged
down to native pixels, with the threshold that was chosen for that network on validation.

A method works on native pixels. With a `data.scale` of r each of them is r x r pixels of the mask,
so that it is measured on the grid of the networks that enlarge their patches r times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from casgan_jax.configs.families.method import (
    Method,
    find_method,
    parameters_of,
    planes_of,
    wants_prior,
)
from casgan_jax.configs.schema.checks import check_fields
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.errors import Step, UserError
from casgan_jax.grid import area_mean
from casgan_jax.systems.cascade import Cascade


class ClassicalSystem:
    """A method with its parameters, and the trained network that it refines, if any.

    Attributes:
      config: of the method.
      patch: side of the native patches in pixels.
      scale: r, the mask's pixels along a native one; they are equal.
      threshold: 0.5; any other between 0 and 1 makes the same of a binary mask.
      mark_kinds: the marks that it is shown: none.
      neighbours: 0, it sees one slice.
      axis_share: 0, it works on native pixels.
    """

    threshold = 0.5
    mark_kinds: tuple[str, ...] = ()
    axis_share = 0.0
    neighbours = 0

    def __init__(self, config: ClassicalConfig, prior: Cascade | None) -> None:
        """
        Args:
          config: whose parameters the method has.
          prior: the trained network, of the same patch; None for a method that wants none.
        """
        self.config, self.patch, self.scale = config, config.data.patch, config.data.scale
        self._method = find_method(config.method)
        self._parameters = dict(config.parameters)
        self._prior = prior

    def __call__(
        self,
        patches: np.ndarray,
        marks: np.ndarray | None = None,
        neighbours: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Masks of native patches.

        Args:
          patches: (N, P, P) float32 in [0, 1].
          marks, neighbours: None, as it is shown none.

        Returns:
          `alpha`, (N, r P, r P) float32 of 0 and 1, and the patches, enlarged likewise, as
          `super_resolution`.

        Raises:
          UserError: patches of another size, marks or other slices, or a parameter that the method
            refuses.
        """
        for name, shown in (("marks", marks), ("neighbours", neighbours)):
            if shown is not None:
                raise UserError(
                    name,
                    found=f"shape {np.shape(shown)}",
                    expected="none for a method that sees the patch alone",
                )
        patches = np.asarray(patches, np.float32)
        if patches.ndim != 3 or patches.shape[1:] != (self.patch, self.patch):
            raise UserError(
                "patches",
                found=f"shape {patches.shape}",
                expected=f"(N, {self.patch}, {self.patch}), the patch of this system's config",
            )
        alpha = np.zeros(patches.shape, np.float32)
        for mask, planes, options in zip(alpha, *self._inputs(patches), strict=True):
            mask[:] = self._method(*planes, **options, **self._parameters)
        return {"super_resolution": self._enlarge(patches), "alpha": self._enlarge(alpha)}

    def _enlarge(self, planes: np.ndarray) -> np.ndarray:
        return planes.repeat(self.scale, axis=1).repeat(self.scale, axis=2)

    def _inputs(
        self, patches: np.ndarray
    ) -> tuple[list[tuple[np.ndarray, ...]], list[dict[str, float]]]:
        """What the method sees of each patch, and the options that go with it."""
        if self._prior is None:
            return [(patch,) for patch in patches], [{}] * len(patches)
        fine = np.asarray(self._prior(patches)["alpha"])
        soft = [area_mean(plane, len(plane) // self.patch) for plane in fine]
        options = {"threshold": self._prior.threshold}
        return list(zip(patches, soft, strict=True)), [options] * len(patches)


def check_values(config: ClassicalConfig) -> None:
    """Checks all fields, without a look at any file.

    Raises:
      UserError: one is wrong; the line names it.
    """
    check_fields(config)
    method = find_method(config.method)
    if wants_prior(method) != bool(config.prior):
        if wants_prior(method):
            raise UserError(
                "prior",
                found=f"{config.prior!r}",
                expected="the workdir of a trained network that the method refines",
                remedy="train one, and set `prior=runs/unet`",
                step=Step("train", {"config": "unet"}),
            )
        raise UserError(
            "prior",
            found=f"{config.prior!r}",
            expected="'' for a method that sees the patch alone",
            remedy="set `prior=`",
        )
    _check_parameters(method, dict(config.parameters), config.data.patch)


def _check_parameters(method: Method, parameters: dict[str, Any], patch: int) -> None:
    """The method has these parameters, and takes their values for an empty patch."""
    known = parameters_of(method)
    for name in parameters:
        if name not in known:
            raise UserError(
                f"parameters.{name}",
                found=f"none of that name in {method.__name__}",
                expected=f"{', '.join(known) or 'no parameter'}",
                remedy="choose the method's own `config`",
            )
    empty = np.zeros((patch, patch), np.float32)
    try:
        method(*([empty] * len(planes_of(method))), **parameters)
    except UserError as error:
        raise error.within("parameters") from error
