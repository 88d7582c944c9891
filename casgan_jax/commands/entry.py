"""What every command shares: one-line errors instead of tracebacks, and the compilation cache."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from types import ModuleType

from absl import app, flags, logging

from casgan_jax.commands.program import OF_CHECKOUT, as_typed, is_installed, typed
from casgan_jax.errors import Interrupted, UserError, one_line
from casgan_jax.progress import keep_above_bars

_HELP = frozenset({"-h", "-help", "--help", "--helpshort", "--helpfull"})
_NAMED = re.compile(r"`([a-z_][\w.]*)(=[^`]*)?`")  # an argument or a field in a library's text


def run_main(main: Callable[[list[str]], int | None]) -> None:
    """Runs `main` under absl; a `UserError` becomes one line on stderr and exit status 1.

    `--help` shows the text and the flags of the module that `main` is in.
    """

    def guarded(arguments: list[str]) -> int | None:
        if len(arguments) > 1:
            raise app.UsageError(
                f"command line: found {arguments[1]!r}, expected only --flag=value; see --help"
            )
        logging.set_verbosity(logging.WARNING)
        keep_above_bars()
        try:
            return main(arguments)
        except UserError as error:
            print(f"error: {error_line(error)}", file=sys.stderr)
            return 1
        except Interrupted as interrupted:
            print(interrupted, file=sys.stderr)
            return interrupted.exit_status
        except Exception:
            # Wherever a command first asked JAX for its devices; many never do.
            told = _platform_that_lacks()
            if told is None:
                raise
            print(f"error: {told}", file=sys.stderr)
            return 1

    _show_in_help(sys.modules[main.__module__])
    try:
        app.run(guarded, flags_parser=_parse)
    except SystemExit:
        # absl leaves with 1 after printing help; asking for help is no failure.
        if not _HELP.isdisjoint(sys.argv[1:]):
            sys.exit(0)
        raise
    except BrokenPipeError:
        # Whoever reads what is printed, such as `head`, has read enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


def _parse(arguments: list[str]) -> list[str]:
    """What is left of a command line after its flags; a wrong one is told in one line."""
    try:
        _check_letters()
        return flags.FLAGS(arguments)
    except flags.Error as error:
        told = f"{one_line(error, limit=2000).removeprefix('flag ')}; see --help"
    except UserError as error:
        told = str(error)
    print(f"error: {told}", file=sys.stderr)
    sys.exit(1)


def _check_letters() -> None:
    """Refuses letters that libraries and Python would write to disk in different ways.

    Raises:
      UserError: the command line or the folder has letters beyond ASCII, and file names are not
        UTF-8 for Python.
    """
    encoding = sys.getfilesystemencoding()
    strange = [text for text in (*sys.orig_argv, os.getcwd()) if not text.isascii()]
    if encoding != "utf-8" and strange:
        raise UserError(
            "locale",
            found=f"{strange[0]!a} where names of files are {encoding}",
            expected="UTF-8",
            remedy="set PYTHONUTF8=1",
        )


def _platform_that_lacks() -> UserError | None:
    """What $JAX_PLATFORMS asks for and JAX cannot give, or None; JAX raises an AssertionError."""
    jax = sys.modules.get("jax")
    asked = jax.config.jax_platforms if jax else None
    if jax is None or not asked:
        return None
    try:
        jax.devices()
        return None
    except (AssertionError, RuntimeError) as error:
        reason = f" ({one_line(error)})" if str(error) else ""
    jax.config.update("jax_platforms", None)
    there = sorted({device.platform for device in jax.devices()})
    return UserError(
        "JAX_PLATFORMS",
        found=f"{asked!r}, which JAX cannot use here{reason}",
        expected=f"what is there: {', '.join(there)}",
        remedy=f"set JAX_PLATFORMS={there[0]}, unset it, or install JAX for {asked}",
    )


def error_line(error: UserError) -> str:
    """A library's error in the words of this command: its flags, and commands as they are typed."""
    told = _with_dashes(error)
    line = with_flags(str(told))
    if error.step is not None:
        line += f": `{typed(error.step)}`"
        if is_installed() and error.step.command in OF_CHECKOUT:
            line += " in the checkout"
    return line


def with_flags(text: str) -> str:
    """A library's text, its arguments and config fields in backticks shown as flags.

    What is no flag of this command is shown without the backticks.
    """

    def show(match: re.Match[str]) -> str:
        name, value = match[1], match[2] or ""
        if name in flags.FLAGS or name.startswith("config."):
            return f"--{name}{value}"
        of_config = "config" in flags.FLAGS and ("." in name or value)
        return f"--config.{name}{value}" if of_config else name + value

    return _NAMED.sub(show, text)


def _show_in_help(module: ModuleType) -> None:
    """absl's --help is of the file that was started, whose name is sys.argv[0]."""
    sys.modules["__main__"].__doc__ = as_typed(module.__doc__ or "")
    for flag in flags.FLAGS.get_key_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _with_dashes(error: UserError) -> UserError:
    """The same error, with dashes before a `what` that is one or more of this command's flags."""
    names = re.split("[=.]", error.what)[0].split(", ")
    if not all(name in flags.FLAGS for name in names):
        return error
    shown = error.within("")
    shown.what = ", ".join(f"--{name}" for name in names) + error.what[len(", ".join(names)) :]
    return shown


def keep_compilations() -> None:
    """Keeps what XLA compiles for the next start, in $JAX_COMPILATION_CACHE_DIR, or else in
    `casgan_jax` under $XDG_CACHE_HOME (~/.cache); JAX_ENABLE_COMPILATION_CACHE=false does without.
    """
    if os.environ.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower() in ("false", "0"):
        return
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = os.path.join(cache, "casgan_jax", "jax")
    # JAX would warn at every compilation.
    if problem := _cannot_write(os.environ["JAX_COMPILATION_CACHE_DIR"]):
        print(f"compilations are not kept: {problem}", file=sys.stderr)
        _do_without_compilations()
        return
    # One that fills up later costs time alone.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    # A start has many small compilations beside the large ones.
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    # JAX reads the environment when it is imported, which other systems' runs never do.
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _cannot_write(folder: str) -> str:
    """Why nothing can be written to a folder, which is made; "": something can."""
    if "://" in folder:  # JAX keeps them in buckets, too
        return ""
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"{error.strerror} at {folder}; name another by JAX_COMPILATION_CACHE_DIR"
    return ""


def _do_without_compilations() -> None:
    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    if jax := sys.modules.get("jax"):
        jax.config.update("jax_enable_compilation_cache", False)
