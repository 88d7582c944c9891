"""What every launcher shares: one-line errors instead of tracebacks, and the compilation cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from absl import app, logging

from casgan_jax.errors import Interrupted, UserError

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
        except Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            return interrupted.exit_status

    try:
        app.run(guarded)
    except SystemExit:
        # absl leaves with 1 after printing help; asking for help is no failure.
        if not _HELP.isdisjoint(sys.argv[1:]):
            sys.exit(0)
        raise


def keep_compilations() -> None:
    """Keeps what XLA compiles for the next start, in $JAX_COMPILATION_CACHE_DIR, or else in
    `casgan_jax` under $XDG_CACHE_HOME (~/.cache); JAX_ENABLE_COMPILATION_CACHE=false does without.
    """
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = os.path.join(cache, "casgan_jax", "jax")
    # A start has many small compilations beside the large ones.
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # JAX reads the environment when it is imported, which other systems' runs never do.
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
