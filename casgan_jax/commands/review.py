"""Writes the review page of a labelled folder again, and opens it in the browser.

    casgan review --folder=labels
    casgan review --folder=labels --open

The page then has every lesion that is labelled in the folder, also by earlier or interrupted
commands, the worst first, and the failures that labels.csv tells of. Lesions labelled as volumes
have a page of their own.
"""

from __future__ import annotations

import webbrowser
from pathlib import Path

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.errors import UserError

_FOLDER = define_path("folder", None, "The output of a labelling.")
_OPEN = flags.DEFINE_bool("open", False, "Open the page in the browser.")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> None:
    if not _FOLDER.value:
        raise UserError(
            "folder", found="none", expected="the output of a labelling", remedy="see `help`"
        )
    from casgan_jax.labelling.batch import review_folder
    from casgan_jax.labelling.volumes.batch import review_volumes

    folder = Path(_FOLDER.value)
    pages = review_volumes(folder)
    if not pages or (folder / "labels.csv").is_file():
        pages = [*review_folder(folder), *pages]
    print("\n".join(f"review: {page}" for page in pages))
    if _OPEN.value and not webbrowser.open(pages[0].absolute().as_uri()):
        raise UserError("open", found="no browser", remedy=f"open {pages[0]} in one")
