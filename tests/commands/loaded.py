"""A command in this process, whose flags and modules are gone afterwards: others have flags of the
same names."""

import contextlib
import importlib
import sys

from absl import flags


@contextlib.contextmanager
def loaded(name):
    """The module of a command."""
    before = set(flags.FLAGS)
    module = f"casgan_jax.commands.{name}"
    found = importlib.import_module(module)
    made = sorted(set(flags.FLAGS) - before)
    try:
        yield found
    finally:
        for flag in made:
            delattr(flags.FLAGS, flag)
        for other in [one for one in sys.modules if one.startswith(module)]:
            del sys.modules[other]
