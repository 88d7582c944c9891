"""A page to look through labelled volumes on: the slices of each lesion beside each other.

    pages = write_volume_review(Path("out"), batch.rows)

First come the lesions whose volume hangs on the threshold most. A page needs nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from casgan_jax.report.page import as_base64, as_jpeg, picture_address, render
from casgan_jax.report.paging import Page, pages_of, write_pages
from casgan_jax.report.tables import failures_table
from casgan_jax.report.words import Words

_STEM = "volumes"  # of the pages' names
_CUBIC = "mm\N{SUPERSCRIPT THREE}"

Row = Mapping[str, Any]


def volume_pages(folder: Path) -> list[Path]:
    """The pages that are in a folder, the first one first."""
    return pages_of(folder, _STEM)


def write_volume_review(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Writes volumes.html, and volumes-2.html and so on where one page would be too large.

    Args:
      folder: that holds the lesions' files, to write to; pages that are there are replaced.
      rows: as of `casgan_jax.labelling.volumes.files`.

    Returns:
      The pages.

    Raises:
      UserError: a page cannot be written.
      FileNotFoundError: a labelled lesion has no sheet.
    """
    labelled = [row for row in rows if row["status"] == "labelled"]
    failed = [row for row in rows if row["status"] != "labelled"]
    labelled.sort(key=lambda row: (-_share(row), row["key"]))

    def draw(page: Page) -> str:
        summary = f"{len(labelled)} labelled, {len(failed)} failed"
        return render(
            "volumes.html",
            words=Words(),
            title="Volumes to review",
            summary=summary + page.told(len(labelled), "lesions"),
            links=page.links,
            failures=failures_table(failed if page.number == 1 else ()),
            lesions=page.articles,
        )

    return write_pages(folder, _STEM, (_article(folder, row) for row in labelled), draw)


def _article(folder: Path, row: Row) -> Markup:
    """One lesion; what it is sorted by is in its data attributes."""
    sheet = as_jpeg((folder / row["sheet"]).read_bytes())
    return render(
        "volume.html",
        words=Words(),
        key=row["key"],
        share=f"{_share(row):.6f}",
        volume=f"{row['volume_mm3']:.6g}",
        facts=_facts(row),
        note=row.get("note", ""),
        sheet=picture_address(as_base64(sheet)),
    )


def _share(row: Row) -> float:
    """Of the volume, by which soft and hard one differ."""
    return abs(row["volume_difference_mm3"]) / row["volume_mm3"]


def _facts(row: Row) -> list[str]:
    """What is worth knowing of a lesion."""
    longest = f"{row['long_mm']:.1f} x {row['short_mm']:.1f} mm in slice {row['long_slice']}"
    facts = [
        f"{row['volume_mm3']:.4g} {_CUBIC}",
        f"hard volume {row['hard_volume_mm3']:.4g} {_CUBIC}",
        f"slices {row['first_slice']} to {row['last_slice']}",
        f"longest diameter {longest}",
    ]
    if "given_long_mm" in row:
        facts.append(f"given {row['given_long_mm']:.1f} mm in slice {row['given_slice']}")
    unit = " HU" if row["unit"] == "HU" else ""
    return [*facts, f"mean {row['mean']:.4g}{unit}", f"window {row['window']}{unit}"]
