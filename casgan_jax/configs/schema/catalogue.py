"""Names of configs and experiments: modules of a package, each with VARIANTS and their texts."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from types import ModuleType

from casgan_jax.errors import UserError


def names(package: ModuleType) -> list[str]:
    """Every module of a package."""
    return sorted(
        module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg
    )


def help_text(package: ModuleType) -> str:
    """A line for each module and for each of its variants.

    Raises:
      UserError: a module has no variants.
    """
    lines = []
    for name in names(package):
        module = _module(package, name)
        lines.append((name, (module.__doc__ or "").partition("\n")[0]))
        lines += [
            (f"  {name}:{variant}" if variant else f"  {name}", text)
            for variant, text in module.VARIANTS.items()
        ]
    width = 2 + max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}{text}" for name, text in lines)


def find(package: ModuleType, spec: str) -> tuple[ModuleType, str]:
    """The module and the variant of NAME[:VARIANT], as --config has it.

    Raises:
      UserError: there is none; the line has the nearest name. Or the module has no variants.
    """
    name, _, variant = spec.partition(":")
    remedy = "`config=help` lists them"
    if name not in names(package):
        raise unknown("config=", name, names(package), remedy)
    module = _module(package, name)
    if variant not in module.VARIANTS:
        variants = [known for known in module.VARIANTS if known]
        raise unknown(f"config={name}:", variant, variants, remedy)
    return module, variant


def unknown(prefix: str, found: str, valid: list[str], remedy: str) -> UserError:
    """That a name is none of the valid ones, with the nearest of them."""
    found = " ".join(found.split())  # one line, whatever was typed
    # A field may have been given without its section, or a section's field by its last name.
    section = [name for name in valid if name.startswith(f"{found}.")]
    names_of = {name: name.split(".")[-1] for name in valid}
    near = difflib.get_close_matches(found.split(".")[-1], names_of.values(), n=1)
    meant = [*section, *(name for name, last in names_of.items() if last in near)]
    hint = f"did you mean {meant[0]!r}? " if meant else ""
    return UserError(
        f"{prefix}{found}",
        found="no such name",
        expected="one that there is",
        remedy=f"{hint}{remedy}",
    )


def _module(package: ModuleType, name: str) -> ModuleType:
    module = importlib.import_module(f"{package.__name__}.{name}")
    if not hasattr(module, "VARIANTS"):
        raise UserError(
            module.__name__,
            found="no VARIANTS",
            expected="{variant: its line of help}",
            remedy="define it, or import it and name it in __all__",
        )
    return module
