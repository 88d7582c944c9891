"""Writes records as the same bytes whichever process made them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow_datasets as tfds
from tensorflow_datasets.proto import tf_example_pb2


class StableWriter(tfds.core.ExampleWriter):
    """TFDS's writer; it takes the features of a record in the order of their names.

    As TFDS leaves them, they are in an order that is another one in every process.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        """Writes the (key, serialised example) pairs to a file."""
        return super().write(path, ((key, _sorted(example)) for key, example in examples))


def _sorted(example: bytes) -> bytes:
    return tf_example_pb2.Example.FromString(example).SerializeToString(deterministic=True)
