"""A session at a real server: simulated axes, one end dragged, one stroke; gains and seconds.

Of LIDC the truth is the consensus of four readers, and the axes are its own. Of DeepLesion's key
slices the axes are the radiologist's, and the only masks there are were published as made by
GrabCut from these: what is measured there is agreement with them, not with a truth.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.annotations import read_annotations
from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, Box, area_mean, binarise, decode_alpha
from casgan_jax.images import read_image, write_png
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.soft_mask.hand import drawn_by_hand
from launch.benchmarks.annotating.client import Client, served
from launch.benchmarks.labels.agreement import dice
from launch.benchmarks.labels.corrections import dragged, stroke_on_worst
from launch.benchmarks.labels.quality import Sample

NOISES = (0.5, 1.0)  # pixels, standard deviation of each coordinate
_MASKS = "grabcut_masks"  # folder beside DeepLesion's table


_Scores = dict[str, tuple[float, float]]  # Dice and seconds by what was done


class Case(NamedTuple):
    """A slice to annotate.

    Attributes:
      source: "lidc" or "deeplesion".
      values: (H, W) uint8 or uint16, as they are written to a PNG file.
      window: of the values, that the reader looks in.
      recist: (8,) the axes that are meant.
      mask: (H, W) bool, what soft masks are compared with.
    """

    source: str
    values: np.ndarray
    window: tuple[float, float]
    recist: np.ndarray
    mask: np.ndarray


def consensus_cases(samples: Sequence[Sample]) -> list[Case]:
    """Slices with the consensus of readers."""
    return [
        Case(
            "lidc",
            np.round(255 * one.image).astype(np.uint8),
            (0.0, 255.0),
            one.recist,
            one.consensus,
        )
        for one in samples
    ]


def deeplesion_cases(table: Path) -> list[Case]:
    """The key slices of a `DL_info.csv` that have a mask in `grabcut_masks` beside it.

    Raises:
      UserError: there is none.
    """
    cases = []
    for annotation in read_annotations(table).annotations:
        mask = table.parent / _MASKS / f"{annotation.key}.png"
        if not mask.is_file():
            continue
        lesion = read_lesion(annotation)
        assert lesion.recist is not None, "its marks are axes"
        offset = annotation.hu_offset or 0.0
        low, high = (edge - offset for edge in lesion.window)
        values = (lesion.values - offset).astype(np.uint16)
        cases.append(Case("deeplesion", values, (low, high), lesion.recist, read_image(mask) > 0))
    if not cases:
        raise UserError(
            table, found=f"no mask in {_MASKS} beside it", expected="one of a key slice at least"
        )
    return cases


def rows(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """A row for each noise: mean Dice, and median seconds, of each thing that is done.

    Raises:
      UserError: the server does not start, or refuses an action.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        for number, case in enumerate(cases):
            write_png(folder / "images" / f"{number:03d}.png", case.values)
        with served(folder / "images", folder / "out") as (address, _), Client(address) as client:
            for number, case in enumerate(cases):  # compiles for these sizes
                _session(client, number, case, case.recist)
            for noise in NOISES:
                rng = np.random.default_rng(0)
                found = [
                    _session(client, number, case, _drawn(case, noise, rng))
                    for number, case in enumerate(cases)
                ]
                yield _row(cases[0].source, noise, found)


def _row(source: str, noise: float, found: Sequence[_Scores]) -> dict[str, Any]:
    row: dict[str, Any] = {"session": source, "noise_px": noise, "slices": len(found)}
    for name in found[0]:
        scores, seconds = np.array([one[name] for one in found]).T
        row[f"dice_{name}"] = round(float(scores.mean()), 3)
        row[f"seconds_{name}"] = round(float(np.median(seconds)), 3)
    return row


def _drawn(case: Case, noise: float, rng: np.random.Generator) -> np.ndarray:
    return drawn_by_hand(case.recist, case.mask.shape, rng, noise=noise)


def _session(client: Client, number: int, case: Case, drawn: np.ndarray) -> _Scores:
    """Dice and seconds of the axes alone, then of one end dragged, and of one stroke instead."""
    key = f"{number:03d}"
    last = client.last(key)
    found = {}
    alone, last, found["axes"] = _done(client, key, case, "mark", _mark(case, drawn), last)
    better = dragged(drawn, case.recist)
    _, last, found["one_drag"] = _done(client, key, case, "mark", _mark(case, better), last)
    last = client.act(key, "undo", {}, last)
    stroke = stroke_on_worst(alone, case.mask)
    if stroke is None:
        found["one_stroke"] = found["axes"][0], 0.0
        return found
    points = [list(point) for point in stroke.points]
    body = {"value": stroke.value, "radius": max(1.0, stroke.radius), "points": points}
    _, last, found["one_stroke"] = _done(client, key, case, "stroke", body, last)
    client.act(key, "clear", {}, last)
    return found


def _mark(case: Case, recist: np.ndarray) -> dict[str, Any]:
    points = [round(float(one), 3) for one in recist]
    return {"slice": 0, "recist": points, "window": list(case.window)}


def _done(
    client: Client, key: str, case: Case, kind: str, body: dict[str, Any], last: int
) -> tuple[np.ndarray, int, tuple[float, float]]:
    """The binary mask after an action, the number of its event, Dice and seconds."""
    start = time.perf_counter()
    last = client.act(key, kind, body, last)
    coded, about = client.mask(key)
    seconds = time.perf_counter() - start
    native = area_mean(decode_alpha(coded), about["scale"])
    mask = Box(*about["box"]).paste(np.asarray(binarise(native, PAPER_THRESHOLD)), case.mask.shape)
    return mask, last, (dice(mask, case.mask), seconds)
