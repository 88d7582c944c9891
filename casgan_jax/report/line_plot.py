"""Line plots as SVG within a page: they take its ink, so that they suit light and dark pages.

    styles = [line_style(i, strong=i == 0) for i in range(2)]
    svg = line_plot(lines, x="threshold", y="mean Dice", marked=(128 / 255, "128/255"))

Lines differ in colour and in dashes (see `line_style`), so that colour-blind readers tell them
apart; the same lines always give the same text.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.style
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's palette without those too faint on white or on black.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
_DASHES = ((), (6.0, 2.0), (1.5, 1.5), (6.0, 2.0, 1.5, 2.0))  # points on, points off
_LEAST_HEIGHT = 0.1  # of the vertical axis
_INK = "#000000"  # of all but the lines; becomes the page's
_SETTINGS = {
    "lines.scale_dashes": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "line_plot",
    "text.parse_math": False,
}


class LineStyle(NamedTuple):
    """How a line is drawn: lengths in points."""

    colour: str
    dashes: tuple[float, ...]
    width: float


class Line(NamedTuple):
    """A line of a plot; x and y are equally long."""

    x: Sequence[float]
    y: Sequence[float]
    style: LineStyle


def line_style(index: int, *, strong: bool) -> LineStyle:
    """The style of the line with an index; the first 24 differ in colour or dashes.

    Args:
      index: from 0.
      strong: whether the line is drawn thick.
    """
    rounds, colour = divmod(index, len(_COLOURS))
    dashes = _DASHES[(index + rounds) % len(_DASHES)]
    return LineStyle(_COLOURS[colour], dashes, 2.4 if strong else 1.4)


def legend_key(style: LineStyle) -> Markup:
    """A short piece of the line, as SVG to show beside its name."""
    dashes = " ".join(f"{length:g}" for length in style.dashes)
    return Markup(
        '<svg class="key" width="40" height="10" viewBox="0 0 40 10" aria-hidden="true">'
        '<path d="M0 5H40" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/></svg>'
    ).format(style.colour, style.width, dashes or "none")


def line_plot(
    lines: Sequence[Line], *, x: str, y: str, marked: tuple[float, str] | None = None
) -> Markup:
    """Draws lines over one pair of axes; the vertical one is of shares, 0 to 1.

    Args:
      lines: to draw; one of a single point is drawn as a dot.
      x: what the horizontal axis shows.
      y: what the vertical axis shows.
      marked: (value of x, text) to draw an upright line at.

    Returns:
      An <svg> element as wide as what it is in, without text of other files.
    """
    with matplotlib.style.context(["default", _SETTINGS]):  # whatever the user's own settings are
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.add_subplot(xlabel=x, ylabel=y)
        axes.grid(alpha=0.15, color=_INK)
        axes.spines[["top", "right"]].set_visible(False)
        for line in lines:
            axes.plot(
                line.x,
                line.y,
                color=line.style.colour,
                linestyle=(0, line.style.dashes) if line.style.dashes else "-",
                linewidth=line.style.width,
                marker="o" if len(line.x) == 1 else None,
            )
        if marked:
            axes.axvline(marked[0], color=_INK, alpha=0.5, linewidth=1)
            top = axes.get_xaxis_transform()
            axes.text(marked[0], 1.01, marked[1], transform=top, ha="center", va="bottom")
        _widen(axes, [x for line in lines for x in line.x])
        written = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    return _inline(written.getvalue(), f"{y} by {x}")


def _widen(axes: Axes, places: Sequence[float]) -> None:
    """Lines that are nearly level, as of networks that learnt nothing, do not look like noise, and
    the marks of one step are no fractions of it."""
    low, high = axes.get_ylim()
    if high - low < _LEAST_HEIGHT:
        middle = (low + high) / 2
        low, high = middle - _LEAST_HEIGHT / 2, middle + _LEAST_HEIGHT / 2
        shift = max(0.0, -low) - max(0.0, high - 1.0)
        axes.set_ylim(low + shift, high + shift)
    if all(float(x).is_integer() for x in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _inline(svg: str, label: str) -> Markup:
    """The drawing of an SVG file as an element of a page: its ink, no sizes, no ids of groups."""
    box = svg.split('viewBox="', 1)[1].split('"', 1)[0]
    drawing = svg[svg.index("</defs>") + len("</defs>") :]  # the first ones hold a style sheet
    drawing = re.sub(r'<g id="[^"]*">', "<g>", drawing)
    own = hashlib.sha256(drawing.encode()).hexdigest()[:8]  # ids are one page's, not one plot's
    drawing = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{own}-", drawing)
    drawing = re.sub(r"font-family: [^;]*; ", "", drawing).replace(_INK, "currentColor")
    start = f'<svg viewBox="{box}" fill="currentColor" role="img" aria-label="{escape(label)}">'
    return Markup(start + drawing)
