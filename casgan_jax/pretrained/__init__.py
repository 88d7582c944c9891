"""Weights that come with the package, by the name that is given for a workdir.

    folder_of("pretrained")  # of the system that sees marks

marked.md, their card, says what they are, and what they are not for. They were made by this
project's own training, and are sealed like all weights.
"""

from __future__ import annotations

from pathlib import Path

from casgan_jax.files import expand_user
from casgan_jax.workdir.layout import CONFIG, SYSTEM

NAME = "pretrained"
MARKED = Path(__file__).parent / "marked"


def folder_of(workdir: str | Path) -> Path:
    """The folder that a workdir names: a user's own or, for NAME, one of the package's.

    A user's own run or weights of that name go first; a folder that only holds what was measured
    does not.
    """
    folder = expand_user(workdir)
    own = any((folder / name).is_file() for name in (CONFIG, SYSTEM))
    return MARKED if str(folder) == NAME and not own else folder
