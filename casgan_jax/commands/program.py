"""How commands are typed: `casgan train` by who has it installed, `python -m launch.train` in the
checkout, each by its path where the shell would find another program or none."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from casgan_jax.errors import Step

COMMANDS = {
    "label": "rough marks on lesions -> soft masks, their sizes, and a page to review them on",
    "annotate": "axes drawn in the browser -> soft masks, corrected there and accepted",
    "compare": "a patient's lesions in several studies, labelled as volumes: RECIST 1.1, growth",
    "review": "the review page of a labelled folder, written again or opened",
    "train": "trains a config, measures it on the test split",
    "evaluate": "measures a trained system on a split of a data set",
    "predict": "soft masks of lesions in whole images, by a trained system",
    "export": "the weights of a run of before version 0.3, from its checkpoints",
    "version": "the versions of casgan_jax and of what it computes with",
}
OF_CHECKOUT = ("build", "benchmark", "experiment")  # which need what is not installed


def is_installed() -> bool:
    """Whether this process was started as `casgan`, not from the checkout."""
    return Path(sys.argv[0]).stem == "casgan"


def words(step: Step) -> list[str]:
    """A command and its options as the user of this process types them."""
    options = [f"--{name}={value}" for name, value in step.options.items()]
    if is_installed() and step.command in COMMANDS:
        return [_as_found(sys.argv[0], "casgan"), step.command, *options]
    return [interpreter(), "-m", f"launch.{step.command}", *options]


def typed(step: Step) -> str:
    """The same as one line for a shell."""
    return shlex.join(words(step))


def typed_again(command: str, options: Sequence[str]) -> str:
    """A command of the checkout with the arguments of this process and more options, one line."""
    return shlex.join([interpreter(), "-m", f"launch.{command}", *sys.argv[1:], *options])


def interpreter() -> str:
    """What starts this Python: `python`, or its path where that is another one or none."""
    return _as_found(sys.executable, "python", "python3")


def as_typed(text: str) -> str:
    """A command's text, with its examples as the user of this process types them."""
    names = "|".join(COMMANDS)

    def show(match: re.Match[str]) -> str:
        return typed(Step(match[1])) if match[1] else shlex.join([interpreter(), "-m"])

    return re.sub(rf"\bcasgan ({names})\b|\bpython -m\b", show, text)


def _as_found(program: str, *names: str) -> str:
    """The first of its names by which the shell finds a program, else its path from here."""
    for name in names:
        found = shutil.which(name)
        if found and _place(found) == _place(program):
            return name
    path = os.path.abspath(program)
    below = os.path.relpath(path)
    return path if below.startswith(os.pardir) else below


def _place(program: str) -> tuple[str, str]:
    """Its folder, and the file that it is in the end: environments share their interpreter."""
    return os.path.realpath(os.path.dirname(program)), os.path.realpath(program)
