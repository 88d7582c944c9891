"""What every launcher shares: one-line errors instead of tracebacks."""

from __future__ import annotations

import sys
from collections.abc import Callable

from absl import app, logging

from casgan_jax.errors import UserError

_HELP = frozenset({"-h", "-help", "--help", "--helpshort", "--helpfull"})


def run_main(main: Callable[[list[str]], int | None]) -> None:
    """Runs `main` under absl; a `UserError` becomes one line on stderr and exit status 1."""

    def guarded(arguments: list[str]) -> int | None:
        if len(arguments) > 1:
            raise app.UsageError(
                f"command line: found {arguments[1]!r}, expected only --flag=value; see --help"
            )
        logging.set_verbosity(logging.WARNING)
        try:
            return main(arguments)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1

    try:
        app.run(guarded)
    except SystemExit:
        # absl leaves with 1 after printing help; asking for help is no failure.
        if not _HELP.isdisjoint(sys.argv[1:]):
            sys.exit(0)
        raise
