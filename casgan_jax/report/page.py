"""What the HTML pages share: their templates, text of a user, pictures that need no other file."""

from __future__ import annotations

import base64
import html
import importlib.resources
import string

import cv2
import numpy as np


def read_template(package: str, name: str) -> string.Template:
    """A page of a package, such as "review.html", with $placeholders."""
    page = importlib.resources.files(package).joinpath(name)
    return string.Template(page.read_text(encoding="utf-8"))


def as_text(value: object) -> str:
    """HTML that shows a value as it is, within an element or a quoted attribute."""
    return html.escape(str(value))


def as_base64(file: bytes) -> str:
    """A picture file as text that JSON can hold, too."""
    return base64.b64encode(file).decode()


def picture_address(coded: str, *, kind: str = "png") -> str:
    """The address of a picture that is in the page itself.

    Args:
      coded: of `as_base64`.
      kind: "png" or "jpeg".
    """
    return f"data:image/{kind};base64,{coded}"


def as_jpeg(png: bytes) -> bytes:
    """A PNG file as a JPEG file, for a page of many large pictures: of images with noise a fifth of
    the size.

    Raises:
      ValueError: not a PNG file.
    """
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("picture: found a file that is no picture, expected a PNG file")
    return cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
