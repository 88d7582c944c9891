"""What is shown of an evaluation: tables, the headline in words, pictures of the worst cases.

print(markdown_table(evaluation.summary()))
write_png("worst.png", worst_cases(evaluation.worst, evaluation.threshold))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from casgan_jax.errors import counted
from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.evaluation.example import Example
from casgan_jax.evaluation.summary import Agreement, Summary
from casgan_jax.grid import Box, binarise
from casgan_jax.images import write_png
from casgan_jax.report.scale_bar import with_scale_bar
from casgan_jax.report.sheet import (
    BLUE,
    ERROR_COLOURS,
    ORANGE,
    YELLOW,
    as_picture,
    colour_error,
    overlay_contour,
    sheet,
)
from casgan_jax.report.words import populations_line
from casgan_jax.workdir.layout import TABLE, WORST, WORST_ERRORS

_FINE = "fine grid, against the label at 128/255"
_NATIVE = "native grid"
_TRUE = "fine grid, against the true alpha"
# (what, where, metric without threshold suffix, population wanted); several_readers means >= 2.
_THRESHOLDED = (
    ("Dice, 50% consensus, four readers", _NATIVE, "consensus_dice", "four_readers"),
    ("IoU, 50% consensus, four readers", _NATIVE, "consensus_iou", "four_readers"),
    ("Dice, each reader, four readers", _NATIVE, "readers_dice", "four_readers"),
    ("IoU, each reader, four readers", _NATIVE, "readers_iou", "four_readers"),
    ("Dice, 50% consensus, two readers or more", _NATIVE, "consensus_dice", "several_readers"),
    ("Dice, the one reader", _NATIVE, "consensus_dice", "one_reader"),
    ("IoU, the one reader", _NATIVE, "consensus_iou", "one_reader"),
    ("ACC, the one reader", _NATIVE, "consensus_acc", "one_reader"),
    ("Dice", _FINE, "label_dice", "all"),
    ("IoU", _FINE, "label_iou", "all"),
    ("ACC", _FINE, "label_acc", "all"),
)
_PLAIN = (
    ("Dice, a reader against the majority of the other three", "human_dice", "four_readers"),
    ("IoU, a reader against the majority of the other three", "human_iou", "four_readers"),
    ("Dice, the label at 128/255 against the consensus", "label_against_consensus_dice_128", None),
    ("AUC against the label at 128/255", "label_auc", "all"),
    ("Soft MAE against the label", "label_soft_mae", "all"),
)
_TRUE_ALPHA = (
    ("Soft MAE", "soft_mae"),
    ("Soft MAE, unknown band", "soft_mae_unknown"),
    ("Gradient error", "gradient_error"),
    ("Gradient error, unknown band", "gradient_error_unknown"),
)
_TITLES = ("image, patch framed", "blue truth, orange network", "label", "prediction", "error")
_TILE = 224  # pixels; five beside each other fit a page


def write_evaluation(summary: Summary, worst: Sequence[Example], folder: Path) -> None:
    """Writes table.md, worst.png and worst_errors.png.

    Args:
      summary: of the evaluation.
      worst: its worst cases, worst first.
      folder: exists; files of the same names are replaced.
    """
    (folder / TABLE).write_text(markdown_table(summary) + "\n")
    write_png(folder / WORST, worst_cases(worst, summary.threshold.chosen))
    write_png(folder / WORST_ERRORS, worst_errors(worst, summary.threshold.chosen))


def headline_lines(summary: Summary) -> list[str]:
    """The few numbers that a training ends with: Dice, IoU, soft MAE, and how they compare."""
    headline, chosen = summary.headline, summary.headline.chosen
    truth = {"one_reader": "the reader's outline", "all": "the label"}.get(
        headline.population, "the 50% consensus"
    )
    iou = summary.mean(headline.population, headline.metric.replace("dice", "iou"))
    lines = [
        f"Dice {chosen.mean:.3f}{_brackets(chosen)}, "
        f"IoU {iou.mean:.3f} against {truth} at threshold "
        f"{summary.threshold.chosen:.3f}; Dice "
        f"{headline.paper.mean:.3f} at 128/255 ({counted(chosen.n, 'lesion')}, "
        f"{counted(chosen.patients, 'patient')})"
    ]
    if headline.human is not None:
        lines.append(f"a reader against the other three: Dice {headline.human.mean:.3f}")
    network = summary.mean("all", "network_soft_mae")
    if network.n:
        matting = summary.mean("all", "matting_soft_mae")
        lines.append(
            f"soft MAE {network.mean:.4f} against the true alpha "
            f"(closed-form matting: {matting.mean:.4f})"
        )
    else:
        label = summary.mean("all", "label_soft_mae")
        lines.append(f"soft MAE {label.mean:.4f} against the label")
    return lines


def markdown_table(summary: Summary) -> str:
    """The summary of an evaluation as Markdown: means and 95% intervals over patients."""
    parts = [_thresholded_table(summary), _plain_table(summary)]
    parts += [_true_alpha_table(summary)] if _has_true_alpha(summary) else []
    parts += [_agreement_table(summary.agreement)] if summary.agreement is not None else []
    return "\n\n".join([*parts, *remarks(summary)])


def remarks(summary: Summary) -> list[str]:
    """Sentences on what the numbers say: populations, the true alpha's verdict, empty predictions,
    failures."""
    populations = _populations(summary)
    lines = [f"{populations}."] if populations else []
    if _has_true_alpha(summary):
        lines.append(_verdict(summary.mean("all", "gain_soft_mae")))
    for kind, n, advice in (
        ("empty", summary.empty_predictions, "no pixel reaches the chosen threshold"),
        ("full", summary.full_predictions, "every pixel of the patch reaches it"),
    ):
        if n:
            lines.append(f"{n} of {summary.records} predictions are {kind}: {advice}.")
    if summary.failures:
        first = summary.failures[0]
        lines.append(
            f"{summary.failed} records could not be evaluated and are in no mean, the first: "
            f"{first.key}: {first.reason}."
        )
    return lines


def worst_cases(examples: Sequence[Example], threshold: float) -> np.ndarray:
    """The worst cases as one picture, one to a row.

    For each: all of the record's image with the patch framed, the patch with the outline of the
    truth (blue: the consensus, or the label at 128/255) and of the prediction (orange), both with a
    bar of a known length, the label's alpha, the predicted alpha, and the error (orange where the
    prediction is too high, blue where too low).

    Args:
      examples: `Evaluation.worst`.
      threshold: at which the prediction is outlined.
    """
    return sheet(
        [_panel(example, threshold) for example in examples],
        titles=_TITLES,
        note=ERROR_COLOURS,
        captions=[[f"{one.key}", f"Dice {one.dice:.3f}", "", "", ""] for one in examples],
        tile=_TILE,
    )


def worst_errors(examples: Sequence[Example], threshold: float) -> np.ndarray:
    """The same cases without a pixel of their images, to be shown where those must not be.

    For each: grey where truth and prediction agree on lesion, blue what the prediction misses,
    orange what it adds.
    """
    tiles = [
        colour_error(binarise(e.alpha, threshold), _as_fine(e.outline, e.alpha)) for e in examples
    ]
    captions = [f"{e.key}  {e.dice:.3f}" for e in examples]
    starts = range(0, len(tiles), 4)
    return sheet(
        [tiles[i : i + 4] for i in starts],
        captions=[captions[i : i + 4] for i in starts],
        note="grey: found, blue: missed, orange: added",
        tile=240,
    )


def _as_fine(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    side = like.shape[::-1]
    return cv2.resize(mask.astype(np.uint8), side, interpolation=cv2.INTER_NEAREST) > 0


def _panel(example: Example, threshold: float) -> list[np.ndarray]:
    drawn = _outlined(example, threshold)
    spacing, finer = example.spacing_mm, len(drawn) / len(example.patch)
    return [
        with_scale_bar(_framed(example.image, example.box), spacing, tile=_TILE),
        with_scale_bar(drawn, spacing / finer, tile=_TILE),
        example.label,
        example.alpha,
        colour_error(example.alpha, example.label),
    ]


def _framed(image: np.ndarray, box: Box) -> np.ndarray:
    """An image with the edge of a box in it drawn."""
    picture = as_picture(image).copy()
    left, top, right, bottom = box
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), YELLOW, 1)
    return picture


def _outlined(example: Example, threshold: float) -> np.ndarray:
    """The patch at the scale of the soft masks, with the outlines of truth and prediction."""
    side = example.alpha.shape[::-1]
    truth = _as_fine(example.outline, example.alpha)
    patch = cv2.resize(example.patch, side, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    drawn = overlay_contour(patch, truth, BLUE)
    return overlay_contour(drawn, binarise(example.alpha, threshold), ORANGE)


def _thresholded_table(summary: Summary) -> str:
    chosen = summary.threshold.chosen
    lines = [
        f"| | grid | at {chosen:.3f}, the system's threshold | at 128/255 | lesions | patients |",
        "|---|---|---|---|---|---|",
    ]
    for what, where, metric, population in _THRESHOLDED:
        at_chosen = summary.mean(population, metric)
        if at_chosen.n:
            at_128 = summary.mean(population, f"{metric}_128")
            counts = f"{at_chosen.n} | {at_chosen.patients}"
            lines.append(f"| {what} | {where} | {at_chosen} | {at_128} | {counts} |")
    return "\n".join(lines)


def _plain_table(summary: Summary) -> str:
    lines = ["| | mean [95% interval] | lesions | patients |", "|---|---|---|---|"]
    for what, metric, population in _PLAIN:
        mean = summary.mean(population or summary.headline.population, metric)
        if mean.n:
            lines.append(f"| {what} | {mean} | {mean.n} | {mean.patients} |")
    return "\n".join(lines)


def _true_alpha_table(summary: Summary) -> str:
    lines = [
        f"| {_TRUE} | network | closed-form matting | matting - network |",
        "|---|---|---|---|",
    ]
    for what, metric in _TRUE_ALPHA:
        cells = (summary.mean("all", f"{who}_{metric}") for who in ("network", "matting", "gain"))
        lines.append(f"| {what} | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _agreement_table(agreement: Agreement) -> str:
    names = [name.replace("_", " ") for name in agreement.names]
    lines = ["| Dice, four readers | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, values in zip(names, agreement.dice, strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    others = " | ".join(f"{value:.3f}" for value in agreement.others)
    lines.append(f"| majority of the other three | {others} | | |")
    return "\n".join(lines)


def _verdict(gain: Interval) -> str:
    if gain.low is not None and gain.low > 0:
        return (
            "The network is closer to the true alpha than closed-form matting, "
            f"by a soft MAE of {gain}."
        )
    if gain.low is not None and gain.high is not None and gain.high < 0:
        return (
            "Closed-form matting is closer to the true alpha than the network, "
            f"by a soft MAE of {-gain.mean:.4f} [{-gain.high:.4f}, {-gain.low:.4f}]."
        )
    return (
        "Network and closed-form matting differ by less than the data can tell: soft MAE by "
        f"{gain} (positive: the network is closer)."
    )


def _populations(summary: Summary) -> str:
    """How many readers the lesions have, as far as populations tell."""
    four, several, one = (
        summary.mean(name, "label_soft_mae").n
        for name in ("four_readers", "several_readers", "one_reader")
    )
    counts = {"four": four, "two or three": several - four, "one": one}
    return populations_line(counts, summary.records)


def _has_true_alpha(summary: Summary) -> bool:
    return summary.mean("all", "gain_soft_mae").n > 0


def _brackets(mean: Interval) -> str:
    return "" if mean.low is None else f" [{mean.low:.3f}, {mean.high:.3f}]"
