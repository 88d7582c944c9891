"""The discs of conftest.py with the patients of two splits exchanged."""

from datasets.base import prepare
from datasets.task import Task
from tests.conftest import Discs

_EXCHANGED = {"train": "test", "test": "train", "validation": "validation"}


class ExchangedDiscs(Discs, skip_registration=True):
    """Soft discs, one a patient; who was to be trained on is tested on."""

    name = "discs"

    def tasks(self, manual_dir):
        return [
            Task(_EXCHANGED[task.split], task.key, task.arguments)
            for task in super().tasks(manual_dir)
        ]


def build_exchanged(root):
    """Builds them over the discs that are in `root`."""
    return prepare(ExchangedDiscs, root, workers=0, show_progress=False, overwrite=True).path
