"""What a classical method is: a function of one patch, with parameters that have defaults.

A method is a function MODULE.FUNCTION, of this package or another, of one patch (P, P) in [0, 1]
to a mask (P, P). Either it sees the patch alone, and its lesion is the one in the middle,

    method(image, **parameters)

or it refines what a trained network, the "prior", found in that patch, a soft mask (P, P) that is
undecided at the threshold:

    method(image, probability, threshold=threshold, **parameters)

The parameters of a config are all other options but `spacing`: patches are native.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np

from casgan_jax.errors import UserError, one_line

Method = Callable[..., np.ndarray]

_PLANES = (["image"], ["image", "probability"])
_GIVEN = ("threshold", "spacing")


def find_method(name: str) -> Method:
    """The function of a dotted name such as `casgan_jax.classical.graph_cut.click_cut`.

    Raises:
      UserError: there is none, or it is no method as described above.
    """
    advice = "set `method=casgan_jax.classical.graph_cut.click_cut`"
    try:
        method = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            "method",
            found=f"{name!r} ({one_line(error)})",
            expected="MODULE.FUNCTION",
            remedy=f"{advice}",
        ) from error
    if not inspect.isfunction(method) or planes_of(method) not in _PLANES:
        raise UserError(
            "method",
            found=f"{name!r}",
            expected=(
                "a function of (image) or of (image, probability) whose other arguments have "
                "defaults"
            ),
            remedy=f"{advice}",
        )
    return method


def parameters_of(method: Method) -> dict[str, Any]:
    """The options of a method with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is not parameter.empty and name not in _GIVEN
    }


def wants_prior(method: Method) -> bool:
    """Whether a method refines the soft mask of a trained network."""
    return "probability" in planes_of(method)


def planes_of(method: Method) -> list[str]:
    """Names of the planes that a method sees: its arguments that have no default."""
    parameters = inspect.signature(method).parameters.values()
    return [one.name for one in parameters if one.default is one.empty]
