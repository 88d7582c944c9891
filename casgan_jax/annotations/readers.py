"""Marks of several readers as they are given: files, and which mark of each is meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError


def readers_of(files: Sequence[Path], segments: Sequence[str]) -> dict[str, Any]:
    """The marks of readers as fields of `Annotation`.

    Args:
      files: of masks, one a reader, or one that holds the marks of all.
      segments: which mark is a reader's: none where each file has but one, one of the same name in
        all files, or one a reader.

    Raises:
      UserError: several segments, but not one for each of several files.
    """
    if len(segments) < 2:
        return {"reader_masks": tuple(files), "segment": segments[0] if segments else None}
    if len(files) not in (1, len(segments)):
        raise UserError(
            "segment",
            found=f"{len(segments)} for {len(files)} files of readers",
            expected="one for each file, one for all, or several of one file",
            remedy="name as many as there are readers",
        )
    of_each = tuple(files) * (len(segments) if len(files) == 1 else 1)
    return {"reader_masks": of_each, "reader_segments": tuple(segments), "segment": None}
