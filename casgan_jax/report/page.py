"""What the HTML pages share: their templates, and pictures that need no other file.

    html = render("review.html", title="Soft masks to review", ...)

A page is one file: style and script are in it, and its policy forbids it to fetch anything. Text is
escaped, but for what is `markupsafe.Markup`.
"""

from __future__ import annotations

import base64
import functools
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup


def render(name: str, **values: object) -> Markup:
    """A template of this package with values in it, as HTML."""
    return Markup(_templates().get_template(name).render(**values))


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("casgan_jax.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def as_base64(file: bytes) -> str:
    """A picture file as text that JSON can hold, too."""
    return base64.b64encode(file).decode()


def picture_address(coded: str) -> str:
    """The address of a picture that is in the page itself.

    Args:
      coded: a PNG or JPEG file, of `as_base64`.
    """
    kind = "png" if coded.startswith("iVBOR") else "jpeg"
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
    return jpeg_file(picture)


def jpeg_file(picture: np.ndarray) -> bytes:
    """A picture as a JPEG file: uint8, (H, W), or (H, W, 3) BGR."""
    encoded: Any = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 85))[1]
    return encoded.tobytes()
