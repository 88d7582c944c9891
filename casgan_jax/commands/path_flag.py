"""Flags whose values are paths: a leading ~ or ~NAME is that user's home. Most shells leave it as
it is behind the = of a flag.

    _OUTPUT = define_path("output", None, "Folder to write to.")
    _MASKS = define_paths("reader_masks", None, "Files with commas between them.")
    _INPUT = define_multi_path("input", [], "File or glob; may be repeated.")
"""

from __future__ import annotations

from absl import flags

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user

flags.disclaim_key_flags()  # a flag is shown in the help of the command that defines it


class _PathParser(flags.ArgumentParser[str]):
    """Keeps the text: what has no ~ in front may as well be empty, a glob or a URL."""

    syntactic_help = "a path"

    def parse(self, argument: str) -> str:
        if not argument.startswith("~"):
            return argument
        try:
            return str(expand_user(argument))
        except UserError as error:
            error.what = ""  # the flag and its value come first anyway
            raise

    def flag_type(self) -> str:
        return "path"


class _PathsParser(flags.ListParser):
    """Paths with commas between them."""

    def parse(self, argument: str | list[str]) -> list[str]:
        return [_PathParser().parse(path) for path in super().parse(argument)]


def define_path(name: str, default: str | None, help_text: str) -> flags.FlagHolder[str | None]:
    """A flag that is one path.

    A name of no user is refused like any wrong value of a flag, before the command does anything.
    """
    return flags.DEFINE(_PathParser(), name, default, help_text)


def define_paths(
    name: str, default: list[str] | None, help_text: str
) -> flags.FlagHolder[list[str] | None]:
    """A flag that is several paths with commas between them, see `define_path`."""
    return flags.DEFINE(
        _PathsParser(), name, default, help_text, serializer=flags.CsvListSerializer(",")
    )


def define_multi_path(name: str, default: list[str], help_text: str) -> flags.FlagHolder[list[str]]:
    """A flag that may be repeated, a path each time, see `define_path`."""
    return flags.DEFINE_multi(_PathParser(), flags.ArgumentSerializer(), name, default, help_text)
