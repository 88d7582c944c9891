"""`casgan COMMAND --flag=value ...`: finds the command; imports nothing but it, so that help is
there at once."""

from __future__ import annotations

import importlib
import sys

from casgan_jax.commands.program import COMMANDS, OF_CHECKOUT

_HELP = ("help", "-h", "-help", "--help")


def main() -> int:
    """Runs the command that the first argument names; returns the exit status if it returns."""
    name, *arguments = sys.argv[1:] or [""]
    name = "version" if name == "--version" else name
    if not name or name in _HELP:
        print(_help())
        return 0 if name else 1
    if name not in COMMANDS:
        print(f"error: {_no_command(name)}", file=sys.stderr)
        return 1
    sys.argv[1:] = arguments
    importlib.import_module(f"casgan_jax.commands.{name}").run()
    return 0


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = (f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return "\n".join(
        [
            "casgan COMMAND --flag=value ...: soft segmentation of medical images",
            "",
            *lines,
            "",
            "casgan COMMAND --help teaches each by example. In the checkout,",
            f"python -m launch.X has more: {', '.join(OF_CHECKOUT)}.",
        ]
    )


def _no_command(name: str) -> str:
    if name in OF_CHECKOUT:
        return f"{name}: is not installed; in the checkout, run `python -m launch.{name}`"
    import difflib

    near = difflib.get_close_matches(name, [*COMMANDS, *OF_CHECKOUT], n=1, cutoff=0.4)
    remedy = f"did you mean {near[0]!r}?" if near else "see casgan --help"
    return f"command: found {name!r}, expected one of {', '.join(COMMANDS)}; {remedy}"
