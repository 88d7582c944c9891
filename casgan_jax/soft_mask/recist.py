"""RECIST axes: what they enclose, how long they are, and measuring them again from a soft mask.

A measurement is float32 (8,): the long axis x1, y1, x2, y2, then the short axis x3, y3, x4, y4, in
pixels, x (column) before y (row). The centre of the image's first pixel is (0, 0) and its outer
corner (-0.5, -0.5); fine pixel k of a mask at r times the resolution lies at (k - (r - 1) / 2) / r.

    recist = measure_axes(alpha, PAPER_THRESHOLD, scale=4)  # alpha at 4 times the native resolution
    axis_lengths(recist, spacing_mm=(0.7, 0.7))  # (long, short) in mm
"""

from __future__ import annotations

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box

_LEAST_LENGTH = 0.5  # pixels; below it an axis is a click, not a measurement
_LEAST_ANGLE = 20.0  # degrees between the axes; drawn by hand they are seldom exactly 90
_LONGER = 1.1  # times the long axis and half a pixel, from where the order is wrong
_ALIKE = 0.05  # pixels, by which axes may differ and still be as long as each other
EXCHANGED = "the axes were exchanged: the second one given is the longer"  # a note where they were
EXPONENT = 1.7  # of the superellipse through the ends of the axes
# Where axes cross: of 12 that radiologists drew (DeepLesion) within 0.18 of an axis' middle, of 249
# that were measured on readers' masks within 0.41.
_OFF_MIDDLE = 0.4
_SLIP = 2.0  # pixels beyond that
_QUARTER_POINTS = 16
_MARGIN = 3  # pixels


def check_recist(
    recist: np.ndarray, shape: tuple[int, int], spacing_mm: tuple[float, float] = (1.0, 1.0)
) -> None:
    """Makes sure that two axes can be those of a lesion in an image.

    An end may lie outside the image, as it does for lesions that the field of view cuts; the middle
    of the axes may not.

    Args:
      recist: (8,), see the module.
      shape: (H, W) of the image.
      spacing_mm: (row, column) distance of pixels, in which the long axis is the longer one.

    Raises:
      UserError: see `check_axes`, or the lesion is outside the image.
    """
    check_axes(recist, spacing_mm)
    x, y = centre(recist)
    if not (-0.5 <= x <= shape[1] - 0.5 and -0.5 <= y <= shape[0] - 0.5):
        raise UserError(
            "recist",
            found=f"its middle at x = {x:.1f}, y = {y:.1f}",
            expected=f"it within the image of {shape[1]} x {shape[0]} pixels",
            remedy="give pixels of this image, x before y",
        )


def check_axes(recist: np.ndarray, spacing_mm: tuple[float, float] = (1.0, 1.0)) -> None:
    """Makes sure that two axes can be those of a lesion, in whatever image.

    Args:
      recist: (8,), see the module.
      spacing_mm: (row, column) distance of pixels, in which the long axis is the longer one.

    Raises:
      UserError: not eight finite numbers, an axis of no length, the short axis longer than the long
        one, or both in one direction.
    """
    recist = np.asarray(recist)
    if recist.shape != (8,) or not np.issubdtype(recist.dtype, np.number):
        raise UserError(
            "recist",
            found=f"{recist.dtype} of shape {recist.shape}",
            expected=(
                "the 8 numbers x1, y1, x2, y2 of the long axis and x3, y3, x4, y4 of the short one"
            ),
        )
    if not np.isfinite(recist).all():
        raise UserError(
            "recist",
            found=f"{_written(recist)}",
            expected="8 finite numbers",
        )
    long, short = axis_lengths(recist)
    if min(long, short) < _LEAST_LENGTH:
        name = "long" if long < _LEAST_LENGTH else "short"
        raise UserError(
            "recist",
            found=f"a {name} axis of {min(long, short):.2g} pixels",
            expected=f"at least {_LEAST_LENGTH}",
            remedy="give both ends of each axis, in pixels",
        )
    pixel = max(spacing_mm)
    long, short = axis_lengths(recist, spacing_mm)
    if short > _LONGER * long + 0.5 * pixel:  # in round lesions the order is chance
        unit = "pixels" if spacing_mm == (1.0, 1.0) else "mm"
        raise UserError(
            "recist",
            found=f"a short axis of {short:.1f} {unit} and a long one of {long:.1f}",
            expected="the long axis first",
            remedy="swap the two",
        )
    if _angle(recist) < _LEAST_ANGLE:
        raise UserError(
            "recist",
            found=f"axes at {_angle(recist):.0f} degrees to each other",
            expected="about 90",
            remedy="the order is x1, y1, x2, y2 of the long axis, then those of the short one",
        )


def axis_lengths(
    recist: np.ndarray, spacing_mm: tuple[float, float] = (1.0, 1.0)
) -> tuple[float, float]:
    """Lengths of the long and of the short axis.

    Args:
      recist: (8,), see the module.
      spacing_mm: (row, column) distance of pixels; (1, 1) gives pixels.

    Returns:
      (long, short) in mm.
    """
    x, y = _vectors(recist).T
    lengths = np.hypot(x * spacing_mm[1], y * spacing_mm[0])
    return float(lengths[0]), float(lengths[1])


def longer_first(recist: np.ndarray, spacing_mm: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """The same axes, the longer one first.

    Args:
      recist: (8,), see the module.
      spacing_mm: (row, column) distance of pixels; where they are not square, the axis that is
        longer in mm need not be the one that is longer in pixels.

    Returns:
      `recist` itself where its order is right, or both axes are as long as each other.
    """
    first, second = axis_lengths(recist, spacing_mm)
    return np.roll(recist, 4) if second > first + _ALIKE * max(spacing_mm) else recist


def check_diameters(
    recist: np.ndarray,
    diameters: tuple[float, float],
    spacing_mm: tuple[float, float] = (1.0, 1.0),
) -> None:
    """Compares axes with the diameters that were written down beside them.

    Args:
      recist: (8,), in pixels.
      diameters: (long, short) in mm.
      spacing_mm: (row, column) distance of pixels; (1, 1) where the diameters are in pixels.

    Raises:
      UserError: a length is off by more than a tenth and by more than a pixel.
    """

    def agree(found: tuple[float, float]) -> bool:
        pixel = max(spacing_mm)
        return all(abs(a - b) <= max(pixel, 0.1 * b) for a, b in zip(found, diameters, strict=True))

    lengths = axis_lengths(recist, spacing_mm)
    if agree(lengths):
        return
    in_mm = agree(axis_lengths(recist))
    raise UserError(
        "recist",
        found=(
            f"axes of {lengths[0]:.1f} and {lengths[1]:.1f} where the diameters are "
            f"{diameters[0]:.1f} and {diameters[1]:.1f}"
        ),
        expected="equal lengths",
        remedy=(
            "the axes seem to be in mm, divide them by the spacing" if in_mm else "correct one"
        ),
    )


def centre(recist: np.ndarray) -> np.ndarray:
    """(x, y) of a point within the four ends: where the axes cross, or between them elsewhere.

    Axes that do not cross, or at their very ends, are first drawn in by a tenth of their length, so
    that the point has lesion on all sides.

    Args:
      recist: (8,), axes that are not parallel.

    Returns:
      (2,) float64.
    """
    ends = np.asarray(recist, np.float64).reshape(2, 2, 2)
    places = np.clip(_crossing(recist), 0.1, 0.9)
    return (ends[:, 0] + places[:, None] * _vectors(recist)).mean(axis=0)


def slips(recist: np.ndarray, shape: tuple[int, int]) -> tuple[str, ...]:
    """What says that axes were not drawn where they were meant, in a few words each.

    Args:
      recist: (8,) in pixels, axes that are not parallel.
      shape: (H, W) of the image.
    """
    ends = np.asarray(recist, np.float64).reshape(4, 2)
    height, width = shape
    found = []
    if (ends < -1).any() or (ends > (width, height)).any():
        found.append(f"an end of the axes lies outside of the {width} x {height} pixels")
    beyond = (abs(_crossing(recist) - 0.5) - _OFF_MIDDLE) * np.linalg.norm(_vectors(recist), axis=1)
    if (beyond > _SLIP).any():
        found.append("the axes cross at an end or not at all")
    return tuple(found)


def _crossing(recist: np.ndarray) -> np.ndarray:
    """(2,) where the lines of the axes cross: 0 and 1 are the ends of each."""
    ends, vectors = np.asarray(recist, np.float64).reshape(2, 2, 2), _vectors(recist)
    # start_long + s * long = start_short + t * short
    lines = np.stack([vectors[0], -vectors[1]], axis=1)
    return np.asarray(np.linalg.solve(lines, ends[1, 0] - ends[0, 0]))


def outline(recist: np.ndarray) -> np.ndarray:
    """The closed curve that four quarters of superellipses draw through the ends of the axes.

    With x and y along the two half axes that a quarter joins, it is |x|^1.7 + |y|^1.7 = 1. Exponent
    2 would be an ellipse and 1 the quadrilateral; docs/labels.md compares them. The curve is convex
    where the axes cross, and drawn to its convex hull where they do not.

    Args:
      recist: (8,), axes that are not parallel.

    Returns:
      (N, 2) float32 vertices x, y, in the order of their direction from `centre`.
    """
    middle = centre(recist)
    a, b, c, d = np.asarray(recist, np.float64).reshape(4, 2) - middle
    angle = np.linspace(0, np.pi / 2, _QUARTER_POINTS, endpoint=False)[:, None]
    along, across = np.cos(angle) ** (2 / EXPONENT), np.sin(angle) ** (2 / EXPONENT)
    quarters = [along * start + across * stop for start, stop in ((a, c), (c, b), (b, d), (d, a))]
    return cv2.convexHull((np.concatenate(quarters) + middle).astype(np.float32))[:, 0]


def relative_distance(recist: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How far out each pixel is: 0 at the centre of the axes, 1 on their `outline`, 2 twice as far.

    Args:
      recist: (8,), axes that are not parallel.
      shape: (H, W).

    Returns:
      (H, W) float32.
    """
    return relative_distance_at(recist, np.arange(shape[1]), np.arange(shape[0])[:, None])


def relative_distance_at(recist: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`relative_distance` of any points.

    Args:
      recist: (8,), axes that are not parallel.
      x, y: of the points, of shapes that broadcast.

    Returns:
      float32 of their common shape.
    """
    middle = centre(recist)
    vertices = outline(recist) - middle
    direction = np.arctan2(vertices[:, 1], vertices[:, 0])
    order = np.argsort(direction)
    x = (x - middle[0]).astype(np.float32)
    y = (y - middle[1]).astype(np.float32)
    edge = np.searchsorted(direction[order].astype(np.float32), np.arctan2(y, x))
    # Towards an edge of the polygon the distance is linear in x and y, and 1 at its two vertices.
    stop = vertices[order]
    start = np.roll(stop, 1, axis=0)
    area = start[:, 0] * stop[:, 1] - start[:, 1] * stop[:, 0]
    slopes = np.stack([stop[:, 1] - start[:, 1], start[:, 0] - stop[:, 0]]) / area
    per_x, per_y = slopes[:, edge % len(stop)].astype(np.float32)
    return per_x * x + per_y * y


def surroundings(recist: np.ndarray, shape: tuple[int, int]) -> Box:
    """The part of an image around a lesion: twice its extent, and a few pixels more.

    Args:
      recist: (8,), axes that are not parallel.
      shape: (H, W) of the image.
    """
    middle, vertices = centre(recist), outline(recist)
    low = np.floor(2 * vertices.min(axis=0) - middle).astype(int) - _MARGIN
    high = np.ceil(2 * vertices.max(axis=0) - middle).astype(int) + _MARGIN + 1
    return Box(*(int(edge) for edge in (*low, *high))).clipped(shape)


def to_scale(recist: np.ndarray, scale: float) -> np.ndarray:
    """The same axes in pixels of an image at r times the resolution, (8,) float64."""
    return (np.asarray(recist, np.float64) + 0.5) * scale - 0.5


def recist_agreement(given: np.ndarray, measured: np.ndarray) -> float:
    """How well two measurements of a lesion agree, a part of what ranks labels for review.

    It is the Dice overlap of what the axes enclose (`outline`), exact and not in pixels. Ends may
    be swapped, and the axes of a round lesion, which have no direction, turned.

    Args:
      given, measured: (8,) each, axes that are not parallel.

    Returns:
      0 (apart) to 1 (the same).
    """
    first, second = outline(given), outline(measured)
    areas = cv2.contourArea(first) + cv2.contourArea(second)
    common = cv2.intersectConvexConvex(first, second)[0]
    return float(np.clip(2 * common / areas, 0, 1))


def measure_axes(alpha: np.ndarray, threshold: float, *, scale: int = 1) -> np.ndarray:
    """The longest diameter of a soft mask's outline and the longest one perpendicular to it.

    The outline is where alpha, interpolated linearly between pixel centres, crosses the threshold;
    outside the image alpha is 0. Of several parts the largest counts. A diameter reaches from one
    side to the other, over hollows too.

    Args:
      alpha: (r * H, r * W) float in [0, 1], or bool.
      threshold: in (0, 1]; 0.5 for a bool mask.
      scale: r.

    Returns:
      (8,) float32 in native pixels, see the module.

    Raises:
      UserError: no pixel reaches the threshold.
    """
    segments = _outline_segments(_largest_part(alpha, threshold), threshold)
    points = segments.reshape(-1, 2)
    hull = points[cv2.convexHull(points.astype(np.float32), returnPoints=False)[:, 0]]
    apart = np.linalg.norm(hull[:, None] - hull[None], axis=2)
    start, stop = hull[list(np.unravel_index(np.argmax(apart), apart.shape))]
    ends = np.stack([start, stop, *_longest_across(segments, start, stop)])
    return ((ends - (scale - 1) / 2) / scale).astype(np.float32).reshape(8)


def _written(recist: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in recist)


def _vectors(recist: np.ndarray) -> np.ndarray:
    """(2, 2): from start to end, of the long and of the short axis."""
    ends = np.asarray(recist, np.float64).reshape(2, 2, 2)
    return ends[:, 1] - ends[:, 0]


def _angle(recist: np.ndarray) -> float:
    """Degrees between the axes, 0 to 90."""
    (ax, ay), (bx, by) = _vectors(recist)
    return float(np.degrees(np.arctan2(abs(ax * by - ay * bx), abs(ax * bx + ay * by))))


def _largest_part(alpha: np.ndarray, threshold: float) -> np.ndarray:
    """Alpha with a border of zeros, and zero in all parts of the mask but the largest."""
    padded = np.pad(alpha.astype(np.float64), 1)
    n_parts, parts, table, _ = cv2.connectedComponentsWithStats(
        (padded >= threshold).astype(np.uint8), connectivity=8
    )
    if n_parts == 1:
        raise UserError(
            "alpha",
            found=f"at most {padded.max():.3g}",
            expected=f"a pixel of at least {threshold:.3g}",
            remedy="there is no lesion to measure",
        )
    largest = 1 + int(np.argmax(table[1:, cv2.CC_STAT_AREA]))
    return np.where((parts == 0) | (parts == largest), padded, 0.0)


def _outline_segments(padded: np.ndarray, threshold: float) -> np.ndarray:
    """Marching squares: (N, 2 ends, xy) pieces of the outline, in pixels without the border."""
    level = padded - threshold
    inside = level >= 0
    cells = inside[:-1, :-1].astype(int) + inside[:-1, 1:] + inside[1:, 1:] + inside[1:, :-1]
    rows, columns = np.nonzero((cells > 0) & (cells < 4))
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
    values = np.stack([level[rows + y, columns + x] for y, x in corners], axis=1)
    following = np.roll(values, -1, axis=1)
    crossed = (values >= 0) != (following >= 0)
    share = np.where(crossed, values / np.where(crossed, values - following, 1), 0)[..., None]
    side = np.roll(corners, -1, axis=0) - corners
    places = np.stack([rows, columns], axis=1)[:, None] + corners + share * side - 1
    # A cell has two crossed sides, or four at a saddle: then two segments, in the sides' order.
    order = np.argsort(~crossed, axis=1, kind="stable")
    pairs = np.take_along_axis(places[..., ::-1], order[..., None], axis=1).reshape(-1, 2, 2, 2)
    return np.concatenate([pairs[:, 0], pairs[crossed.all(axis=1), 1]])


def _longest_across(segments: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """(2, xy) ends of the longest extent of the outline perpendicular to start-stop.

    The extent is linear between the positions, along start-stop, of neighbouring vertices, so that
    the longest one is at a vertex.
    """
    along = (stop - start) / max(float(np.linalg.norm(stop - start)), 1e-12)
    across = np.array([-along[1], along[0]])
    position, height = (segments - start) @ along, (segments - start) @ across
    order = np.argsort(position, axis=1)
    position = np.take_along_axis(position, order, axis=1)
    height = np.take_along_axis(height, order, axis=1)
    places = np.unique(position)
    first = np.searchsorted(places, position[:, 0])
    count = np.searchsorted(places, position[:, 1], side="right") - first
    which = np.repeat(np.arange(len(segments)), count)
    place = np.arange(count.sum()) - np.repeat(count.cumsum() - count - first, count)
    width = np.maximum(position[which, 1] - position[which, 0], 1e-12)
    share = (places[place] - position[which, 0]) / width
    reached = height[which, 0] * (1 - share) + height[which, 1] * share
    top, bottom = np.full(len(places), -np.inf), np.full(len(places), np.inf)
    np.maximum.at(top, place, reached)
    np.minimum.at(bottom, place, reached)
    best = int(np.argmax(top - bottom))
    return start + places[best] * along + np.array([[top[best]], [bottom[best]]]) * across
