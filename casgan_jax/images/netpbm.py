"""Grey images of NetPBM (.pgm), binary (P5) and plain (P2), of 8 and 16 bits.

Read here and not by Pillow, which stretches the values of a file whose white is neither 255 nor
65535. Source: https://netpbm.sourceforge.net/doc/pgm.html
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import damaged, shown

_KIND = "PGM"
_NUMBER = rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})"  # behind spaces and comments
_HEADER = re.compile(rb"P([25])" + 3 * _NUMBER + rb"\s")
_OTHERS = {b"P1": "bits", b"P3": "colour", b"P4": "bits", b"P6": "colour", b"P7": "PAM"}
_WHITEST = 65535
_PLAIN = re.compile("[0-9]{1,5}")


def read_pgm(path: Path) -> np.ndarray:
    """(H, W) values as they are stored; the number of white only says how many bits they have.

    Returns:
      uint8 where white is at most 255, else uint16 (big-endian, as in the file).

    Raises:
      UserError: no grey image, a damaged header, less or more data than it promises.
    """
    data = path.read_bytes()
    if data[:2] in _OTHERS:
        raise UserError(
            path,
            found=f"NetPBM's format for {_OTHERS[data[:2]]}",
            expected="P5 or P2, for grey images",
            remedy="convert it",
        )
    header = _HEADER.match(data)
    if header is None:
        start = shown(data[:20].decode("latin-1"))
        raise damaged(path, _KIND, f"a header that begins with {start}")
    width, height, white = (int(number) for number in header.groups()[1:])
    if not 0 < white <= _WHITEST:
        raise damaged(path, _KIND, f"{white} for white")
    dtype = np.dtype("u1" if white <= np.iinfo(np.uint8).max else ">u2")
    content = data[header.end() :]
    if header[1] == b"2":
        content = _packed(path, content.decode("latin-1"), dtype)
    if len(content) != width * height * dtype.itemsize:
        count = len(content) / dtype.itemsize
        raise damaged(path, _KIND, f"{count:g} values for {width} x {height} pixels")
    return np.frombuffer(content, dtype).reshape(height, width)


def _packed(path: Path, text: str, dtype: np.dtype) -> bytes:
    """The bytes of values that are written as decimal numbers."""
    words, most = text.split(), np.iinfo(dtype).max
    for word in words:
        if not _PLAIN.fullmatch(word) or int(word) > most:
            raise damaged(path, _KIND, f"the value {shown(word)}")
    return np.array([int(word) for word in words], dtype).tobytes()
