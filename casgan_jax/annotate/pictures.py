"""What a lesion to annotate is in: an image or a series, and where that may be read from."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.scan import VOLUMES, open_stack
from casgan_jax.images.series import Series, find_series, open_series
from casgan_jax.images.series_choice import choose_series
from casgan_jax.images.stack import Stack
from casgan_jax.labelling.locate import locate


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """An image or a series that slices are shown of.

    Attributes:
      name: of it within its folder; unique, and the same the next time.
      title: what it is called where it is shown.
      annotation: what is known of it, without marks; its image is a file or the series' folder.
      series: of DICOM files; None: the image is one file.
      roots: the folders that it may be read from.
    """

    name: str
    title: str
    annotation: Annotation
    series: Series | None
    roots: tuple[Path, ...]

    def open(self) -> Stack:
        """Its slices.

        Raises:
          UserError: it cannot be read, or has moved out of the folder.
        """
        files = self.series.files if self.series else (self.annotation.image,)
        for path in files:
            check_within(path, self.roots)
        series = self.found_series
        return open_stack(self.annotation.image) if series is None else open_series(series)

    @property
    def found_series(self) -> Series | None:
        """The series of DICOM files that it is; None: it is one file.

        Raises:
          UserError: the one that a table names is not there.
        """
        one = self.annotation
        if self.series is not None or (one.series is None and not os.path.isdir(one.image)):
            return self.series
        return choose_series(one.image, find_series(one.image), one.series)

    @property
    def may_be_volume(self) -> bool:
        """Whether it seems to have several slices whose places are known; it is not read."""
        if self.series is not None:
            return len(self.series.files) > 1
        image = self.annotation.image
        return image.name.lower().endswith(VOLUMES) or os.path.isdir(image)

    def place(self, index: int, count: int) -> tuple[Path, int | None]:
        """File and slice of one of its `count` slices, as an `Annotation` has them."""
        if self.series:
            return self.series.files[index], None
        return self.annotation.image, index if count > 1 else None


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """A lesion to annotate.

    Attributes:
      key: names it and its files.
      picture: that it is in.
      given: its marks in the table or the study; None: there are none yet.
      index: the slice of the picture that these are on; None: `located` knows.
    """

    key: str
    picture: Picture
    given: Annotation | None = None
    index: int | None = None

    @functools.cached_property
    def located(self) -> Annotation:
        """The given marks with their slice.

        Raises:
          UserError: no or several slices are meant.
        """
        assert self.given is not None, "asked for where there are marks"
        return locate(self.given)


def check_within(path: Path, roots: Sequence[Path]) -> None:
    """Makes sure that a path, its links followed, is in one of the folders.

    Raises:
      UserError: it is not.
    """
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise UserError(
            path,
            found="a path out of the folder",
            expected=f"one in {' or '.join(map(str, roots))}",
            remedy="name the folder of the images by `allow`",
        )
