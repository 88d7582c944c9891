"""A page to look through labels on, the worst first: image, trimap, soft mask, outlines.

    pages = write_review(Path("out"), batch.rows, lambda key: read_tiles(Path("out"), key))

A page is one HTML file that needs nothing else, neither a network nor the lesions' files. Many
lesions fill several pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from casgan_jax.files import write_whole
from casgan_jax.grid import encode_alpha, normalise
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.labelling.outlines import lesion_outlines
from casgan_jax.report.page import as_base64, as_text, picture_address, read_template

_LARGEST_PAGE = 20_000_000  # characters; browsers open it in about a second
_LARGEST_TILE = 320  # pixels
_CAPTIONS = {
    "image": "image",
    "trimap": "trimap",
    "alpha": "soft mask",
    "spread": "readers' spread",
}

Row = Mapping[str, Any]


def tiles(label: LesionLabel) -> dict[str, str]:
    """What the page shows of a lesion, as text that JSON can hold.

    Returns:
      image, trimap, alpha and, where there are readers, spread (white: half of them marked it):
      PNG files in base64; given, found: outlines, the data of SVG paths; size: "width height" of
      the crop, in whose pixels the outlines are.
    """
    made = {
        "image": encode_alpha(normalise(label.image, label.window)),
        "trimap": label.trimap,
        "alpha": encode_alpha(label.alpha),
    }
    if label.readers_spread is not None:
        made["spread"] = encode_alpha(2 * label.readers_spread)
    outlines = lesion_outlines(label)
    return {name: _coded(picture) for name, picture in made.items()} | {
        "given": _path(outlines.given),
        "found": _path(outlines.found),
        "size": f"{label.image.shape[1]} {label.image.shape[0]}",
    }


def review_pages(folder: Path) -> list[Path]:
    """The pages that are in a folder, the first one first."""
    rest = [path for path in folder.glob("review-*.html") if path.stem[7:].isdecimal()]
    first = folder / "review.html"
    return [first] * first.is_file() + sorted(rest, key=lambda path: int(path.stem[7:]))


def write_review(
    folder: Path,
    rows: Sequence[Row],
    tiles_of: Callable[[str], Mapping[str, str]],
) -> list[Path]:
    """Writes review.html, and review-2.html and so on where one page would be too large.

    Args:
      folder: to write to; pages that are there are replaced.
      rows: as of `casgan_jax.labelling.files`.
      tiles_of: key of a labelled lesion -> its `tiles`.

    Returns:
      The pages.

    Raises:
      UserError: a page cannot be written.
    """
    labelled = [row for row in rows if row["status"] == "labelled"]
    failed = [row for row in rows if row["status"] != "labelled"]
    labelled.sort(key=lambda row: (row["quality"], row["key"]))
    for path in review_pages(folder):
        path.unlink()
    articles = (_article(row, tiles_of(row["key"])) for row in labelled)
    written, shown = [], 0
    for number, (page, is_last) in enumerate(_pages(articles), start=1):
        text = _TEMPLATE.substitute(
            summary=_summary(len(labelled), len(failed), shown, len(page)),
            links=_links(number, is_last),
            failures=_failures(failed) if number == 1 else "",
            lesions="\n".join(page),
        )
        written.append(write_whole(folder / _page_name(number), text.encode()))
        shown += len(page)
    return written


def _pages(articles: Iterable[str]) -> Iterator[tuple[list[str], bool]]:
    """(articles of a page, whether it is the last); one page at least."""
    page: list[str] = []
    size = 0
    for article in articles:
        if page and size + len(article) > _LARGEST_PAGE:
            yield page, False
            page, size = [], 0
        page.append(article)
        size += len(article)
    yield page, True


def _page_name(number: int) -> str:
    return "review.html" if number == 1 else f"review-{number}.html"


def _summary(labelled: int, failed: int, before: int, here: int) -> str:
    text = f"{labelled} labelled, {failed} failed"
    if here < labelled:
        text += f"; lesions {before + 1} to {before + here} on this page"
    return text


def _links(number: int, is_last: bool) -> str:
    links = []
    if number > 1:
        links.append(f'<a href="{_page_name(number - 1)}">previous page</a>')
    if not is_last:
        links.append(f'<a href="{_page_name(number + 1)}">next page</a>')
    return " ".join(links)


def _failures(failed: Sequence[Row]) -> str:
    if not failed:
        return ""
    lines = "\n".join(
        f"<tr><td>{as_text(row['key'])}</td><td>{as_text(row['reason'])}</td></tr>"
        for row in failed
    )
    return (
        f'<details id="failures" open><summary>{len(failed)} failed</summary>\n'
        f"<div><table>\n{lines}\n</table></div></details>"
    )


def _article(row: Row, pictures: Mapping[str, str]) -> str:
    """One lesion; what it is sorted by is in its data attributes."""
    difference = _difference(row)
    figures = "".join(
        _figure(_image(pictures[name], caption), caption)
        for name, caption in _CAPTIONS.items()
        if name in pictures
    )
    figures += _figure(_outlined(pictures), "outlines")
    return (
        f'<article tabindex="-1" data-key="{as_text(row["key"])}"'
        f' data-quality="{row["quality"]:.6f}" data-diameter="{_value(row, "long"):.6g}"'
        f' data-difference="{"" if difference is None else f"{abs(difference):.6g}"}">'
        f"<h2>{as_text(row['key'])}</h2><p>{' &middot; '.join(_facts(row))}</p>"
        f'<div class="tiles">{figures}</div></article>'
    )


def _facts(row: Row) -> list[str]:
    """What is worth knowing of a lesion, as HTML."""
    readers = f"{row['readers']} readers" if row["strategy"] == "readers" else row["strategy"]
    facts = [
        f"quality <b>{row['quality']:.3f}</b>",
        as_text(readers),
        f"{_length(row, 'long')} x {_length(row, 'short')} {_unit(row)}",
    ]
    if "given_long_px" in row:
        given = _length(row, "given_long")
        if "given_short_px" in row:
            given += f" x {_length(row, 'given_short')}"
        facts.append(f"given {given}, difference {_difference(row):+.1f}")
    area = f"{row['area_mm2']:.1f} mm&sup2;" if "area_mm2" in row else f"{row['area_px']:.1f} px"
    unit = "HU" if row["unit"] == "HU" else ""
    return [*facts, f"area {area}", f"window {as_text(row['window'])} {unit}"]


def _figure(content: str, caption: str) -> str:
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


def _image(coded: str, caption: str) -> str:
    kind = ' class="source"' if caption == _CAPTIONS["image"] else ""
    return f'<img{kind} src="{picture_address(coded)}" alt="{caption}">'


def _outlined(pictures: Mapping[str, str]) -> str:
    image = picture_address(pictures["image"])
    return (
        f'<svg viewBox="0 0 {pictures["size"]}" role="img" aria-label="outlines">'
        f'<image class="source" href="{image}" width="100%" height="100%"/>'
        f'<path class="given" d="{pictures["given"]}"/>'
        f'<path class="found" d="{pictures["found"]}"/></svg>'
    )


def _unit(row: Row) -> str:
    return "mm" if "long_mm" in row else "px"


def _value(row: Row, name: str) -> float:
    return row[f"{name}_{_unit(row)}"]


def _length(row: Row, name: str) -> str:
    return f"{_value(row, name):.1f}"


def _difference(row: Row) -> float | None:
    """Of the long diameters, measured minus given; None where no axes were given."""
    if "given_long_px" not in row:
        return None
    return _value(row, "long") - _value(row, "given_long")


def _path(lines: Sequence[np.ndarray]) -> str:
    """The data of an SVG path."""
    return "".join("M" + "L".join(f"{x:.5g} {y:.5g}" for x, y in line.tolist()) for line in lines)


def _coded(picture: np.ndarray) -> str:
    factor = _LARGEST_TILE / max(picture.shape[:2])
    if factor < 1:
        size = [max(1, round(side * factor)) for side in picture.shape[1::-1]]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return as_base64(cv2.imencode(".png", picture)[1].tobytes())


_TEMPLATE = read_template(__package__, "review.html")
