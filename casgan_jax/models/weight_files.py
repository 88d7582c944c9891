"""Arrays of pretrained networks in `.npz` and `.safetensors` files and on the Hugging Face hub."""

from __future__ import annotations

import contextlib
import dataclasses
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from casgan_jax.errors import UserError, install, one_line

# A damaged archive, or an array of objects, of texts or of numbers that NumPy does not have.
_ARRAY_ERRORS = (
    AttributeError,
    EOFError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_HUB = "hf://"

# Of RGB images in 0..1, as torchvision's networks were trained.
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


@dataclasses.dataclass(frozen=True)
class Weights:
    """What is to be loaded, as messages tell it.

    Attributes:
      network: "VGG19".
      names: whose names each kind of file has, {".npz": "Keras", ".safetensors": "torchvision"}.
      example: address of a repository that has them, "hf://OWNER/NAME".
      otherwise: what makes them unnecessary, "set loss.perceptual=0".
    """

    network: str
    names: dict[str, str]
    example: str
    otherwise: str

    def locate(self, source: str | Path) -> Path:
        """The file at a path, or `model.safetensors` of `hf://OWNER/NAME`, which is downloaded once
        into the hub's cache.

        Raises:
          UserError: it is another kind of file, or there is none.
        """
        if str(source).startswith(_HUB):
            return self._download(str(source).removeprefix(_HUB))
        path = Path(source)
        if path.suffix not in self.names:
            kinds = ", ".join(f"{suffix} ({whose} names)" for suffix, whose in self.names.items())
            raise UserError(
                path,
                found=f"the suffix {path.suffix!r}",
                expected=f"{kinds} or {_HUB}OWNER/NAME",
                remedy=f"give one of these or {self.otherwise}",
            )
        if not path.is_file():
            raise UserError(
                path,
                found="no such file",
                expected=f"{self.network} weights as .npz or .safetensors",
                remedy=f"give their path, {self.example}, or {self.otherwise}",
            )
        return path

    def _download(self, repository: str) -> Path:
        try:
            from huggingface_hub import hf_hub_download
        except ImportError as error:
            raise self._without_extra("huggingface_hub") from error

        try:
            return Path(hf_hub_download(repository, "model.safetensors"))
        # The hub's HTTP and cache errors are OSErrors, a name that cannot be one is a ValueError.
        except (OSError, ValueError) as error:
            reason = str(error).strip().split("\n")[0]
            raise UserError(
                f"{_HUB}{repository}",
                found=f"no model.safetensors ({type(error).__name__}: {reason})",
                expected=f"a reachable repository such as {self.example}",
                remedy=f"give a local .npz or .safetensors file, or {self.otherwise}",
            ) from error

    def _without_extra(self, package: str) -> UserError:
        return UserError(
            f"{self.network} weights",
            found=f"no package {package}",
            expected="the extra hub, for files of the hub",
            remedy=f"{install('hub')}, give a local file, or {self.otherwise}",
        )

    @contextlib.contextmanager
    def open(self, path: Path) -> Iterator[WeightFile]:
        """The arrays of a file, closed afterwards.

        Raises:
          UserError: the file is damaged or a package is missing.
        """
        is_npz = path.suffix == ".npz"
        archive: Any = self._open_npz(path) if is_npz else self._open_safetensors(path)
        with archive as arrays:
            read = arrays.__getitem__ if is_npz else arrays.get_tensor
            yield WeightFile(path, frozenset(arrays.keys()), read, self.otherwise)

    def _open_npz(self, path: Path) -> np.lib.npyio.NpzFile:
        if not zipfile.is_zipfile(path):
            raise UserError(
                path,
                found="no zip archive",
                expected="an .npz file",
                remedy="fetch it again",
            )
        try:
            return np.load(path)
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise UserError(
                path,
                found=f"{one_line(error)}",
                expected="an .npz file",
                remedy="fetch it again",
            ) from error

    def _open_safetensors(self, path: Path) -> contextlib.AbstractContextManager[Any]:
        try:
            return safe_open(path, framework="numpy")
        except SafetensorError as error:
            raise UserError(
                path,
                found=f"{error}",
                expected="a .safetensors file",
                remedy="fetch it again",
            ) from error


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """An open file: its path, the names of its arrays, and how to read one."""

    path: Path
    names: frozenset[str]
    _read: Callable[[str], np.ndarray]
    _otherwise: str

    def read(self, name: str) -> np.ndarray:
        """A float32 array of one of `names`.

        Raises:
          UserError: it is damaged, not of numbers, or not finite.
        """
        try:
            array = np.asarray(self._read(name), np.float32)
        except _ARRAY_ERRORS as error:
            raise UserError(
                self.path,
                found=f"{name!r} damaged ({one_line(error)})",
                expected="an array of numbers",
                remedy=f"fetch it again or {self._otherwise}",
            ) from error
        if not np.isfinite(array).all():
            raise UserError(
                self.path,
                found=f"NaN or infinite values in {name!r}",
                expected="finite weights",
                remedy=f"fetch it again or {self._otherwise}",
            )
        return array
