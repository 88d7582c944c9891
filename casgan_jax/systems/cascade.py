"""A trained system as one function: native patches -> SR images and soft masks (paper 3.2).

cascade = load_cascade("runs/softgan-quick")
out = cascade(patches)  # (N, 64, 64) in [0, 1] -> {"super_resolution": ..., "alpha": ...}
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.systems.networks import System, Variables, describe_system


def _symmetry(x: jax.Array, index: int) -> jax.Array:
    """One of the eight symmetries of the square, applied to (N, S, S, C)."""
    x = x[:, :, ::-1] if index >= 4 else x
    return jnp.rot90(x, index % 4, axes=(1, 2))


def _undo_symmetry(x: jax.Array, index: int) -> jax.Array:
    x = jnp.rot90(x, -(index % 4), axes=(1, 2))
    return x[:, :, ::-1] if index >= 4 else x


def symmetries_of(config: SoftganConfig) -> tuple[int, ...]:
    """Those of the square that predictions are the mean over.

    Where a lesion's long axis lies horizontally only those that leave it there.
    """
    if not config.predict.symmetries:
        return (0,)
    return (0, 2, 4, 6) if config.data.marks.share else tuple(range(8))


# A function of the module, so that all cascades of the same networks share its compilations: in
# training one is made for every validation, and once more for the test split.
@functools.partial(jax.jit, static_argnames=("system", "symmetries"))
def _predict(
    variables: tuple[Variables, Variables],
    patches: jax.Array,
    marks: jax.Array | None = None,
    neighbours: jax.Array | None = None,
    *,
    system: System,
    symmetries: tuple[int, ...],
) -> tuple[jax.Array, jax.Array]:
    """SR image and soft mask, (N, r P, r P, 1) each, of (N, P, P, 1) patches."""
    segmentor_variables, frozen = variables
    condition, sr = system.condition(frozen, patches, marks, neighbours)

    def predicted(seen: jax.Array) -> jax.Array:
        alpha: Any = system.network.apply(segmentor_variables, seen, train=False)
        return alpha

    # One after the other, by a network that is compiled once: as many copies take as many times as
    # long to compile.
    turned = jnp.stack([_symmetry(condition, index) for index in symmetries])
    masks = jax.lax.map(predicted, turned) if len(symmetries) > 1 else predicted(condition)[None]
    undone = [_undo_symmetry(mask, index) for mask, index in zip(masks, symmetries, strict=True)]
    return sr, functools.reduce(jnp.add, undone) / len(symmetries)


def check_finite(images: np.ndarray) -> None:
    """Refuses what networks make of finite images where it is not finite itself.

    Raises:
      UserError: NaN or infinite values; the line names the weights.
    """
    if not np.isfinite(images).all():
        raise UserError(
            "weights",
            found="that they make NaN or infinite values of an image",
            expected="weights that can be used",
            remedy="train again with a lower `optim.lr` or `optim.clip=1`",
        )


def _checked(name: str, planes: np.ndarray, shape: tuple[int, ...], count: int) -> np.ndarray:
    """Planes beside patches, float32.

    Raises:
      UserError: there are others than `count` for each patch.
    """
    if np.shape(planes) != (*shape, count):
        raise UserError(
            name,
            found=f"shape {np.shape(planes)}",
            expected=f"{(*shape, count)}, what this system was trained with",
        )
    return np.asarray(planes, np.float32)


class Cascade:
    """SRGAN and SoftGAN's segmentor with their variables.

    Attributes:
      config: the run's.
      patch: side of the native patches in pixels.
      scale: r.
      threshold: chosen on validation; the paper's is 128/255.
      mark_kinds: the marks that it is shown, see `casgan_jax.soft_mask.mark_planes`.
      neighbours: how many slices it sees to either side.
      axis_share: of the patch, that the long axis of a lesion with axes takes
        (`casgan_jax.soft_mask.view`); 0: patches are native pixels.
    """

    def __init__(
        self,
        config: SoftganConfig,
        variables: Variables,
        frozen: Variables,
        *,
        threshold: float = PAPER_THRESHOLD,
        batch_size: int = 16,
    ) -> None:
        """
        Args:
          config: resolved, where it names a prior.
          variables: the segmentor's params and batch_stats.
          frozen: variables of what the network builds on, see `casgan_jax.systems.networks`.
          threshold: stored as an attribute, applied by nobody here.
          batch_size: patches that go through the networks at once.
        """
        self.config, self.threshold = config, threshold
        self.patch, self.scale = config.data.patch, config.data.scale
        self.mark_kinds = config.data.marks.kinds
        self.axis_share = config.data.marks.share
        self.neighbours = config.data.neighbours
        # On the device, once: a checkpoint's are numpy arrays, and would go there at every call.
        self._variables = jax.device_put((variables, frozen))
        self._batch_size = batch_size
        self._predict = functools.partial(
            _predict,
            system=describe_system(config),
            symmetries=symmetries_of(config),
        )

    def with_variables(self, variables: Variables) -> Cascade:
        """The same compiled cascade with other segmentor variables (for validation in training)."""
        other = object.__new__(Cascade)
        other.__dict__.update(self.__dict__)
        other._variables = (jax.device_put(variables), self._variables[1])
        return other

    def __call__(
        self,
        patches: np.ndarray,
        marks: np.ndarray | None = None,
        neighbours: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Soft masks of native patches.

        Args:
          patches: (N, P, P) float32 in [0, 1].
          marks: (N, P, P, kinds) planes of the marks that the system is shown, float32 in [0, 1];
            None: a click in the middle of each patch.
          neighbours: (N, P, P, slices) of the slices beside, float32 in [0, 1], two for each that
            the system sees to either side (`casgan_jax.records.neighbours`); None: each patch
            itself.

        Returns:
          `super_resolution` and `alpha`, (N, r P, r P) float32 in [0, 1].

        Raises:
          UserError: patches of another size, other marks or slices, or weights that make values of
            finite patches that are not finite.
        """
        patches = np.asarray(patches, np.float32)
        if patches.ndim != 3 or patches.shape[1:] != (self.patch, self.patch):
            raise UserError(
                "patches",
                found=f"shape {patches.shape}",
                expected=f"(N, {self.patch}, {self.patch}), the patch this system was trained for",
            )
        planes = {"patches": patches[..., None]}
        if marks is not None:
            planes["marks"] = _checked("marks", marks, patches.shape, len(self.mark_kinds))
        if neighbours is not None:
            count = 2 * self.neighbours
            planes["neighbours"] = _checked("neighbours", neighbours, patches.shape, count)
        sr: list[np.ndarray] = []
        alpha: list[np.ndarray] = []
        for start in range(0, len(patches), self._batch_size):
            parts = {name: p[start : start + self._batch_size] for name, p in planes.items()}
            # Each number of patches would be another compilation, which takes seconds; of powers of
            # two there are few, and at most every other patch is padding.
            count = len(parts["patches"])
            missing = min(self._batch_size, 1 << (count - 1).bit_length()) - count
            width = ((0, missing), (0, 0), (0, 0), (0, 0))
            padded = {name: np.pad(part, width) for name, part in parts.items()}
            for results, result in zip(
                (sr, alpha), self._predict(self._variables, **padded), strict=True
            ):
                results.append(np.asarray(result)[:count, ..., 0])
        side = self.scale * self.patch
        empty = np.zeros((0, side, side), np.float32)
        output = {
            "super_resolution": np.concatenate([empty, *sr]),
            "alpha": np.concatenate([empty, *alpha]),
        }
        if np.isfinite(patches).all():
            check_finite(output["alpha"])
        return output
