"""What an evaluation leaves behind: tables, curves and a picture of the worst cases.

    summary = write_evaluation(evaluation, Path("report"), facts={"split": "test"})
    print(markdown_table(summary))

Tables are Markdown, numbers JSON and CSV, pictures PNG.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.evaluation.data_set import Evaluation, Example
from casgan_jax.grid import binarise
from casgan_jax.images import write_png
from casgan_jax.report.sheet import BLUE, ORANGE, colour_error, overlay_contour, sheet
from casgan_jax.workdir.layout import CURVES, LESIONS, METRICS, TABLE, WORST, WORST_ERRORS

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


def write_evaluation(
    evaluation: Evaluation, folder: Path, *, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes metrics.json, lesions.csv, curves.json, table.md, worst.png and worst_errors.png.

    Args:
      evaluation: what was measured.
      folder: made if it is not there; files of the same names are replaced.
      facts: what to say beside the numbers (the split, the data set, the workdir).

    Returns:
      What metrics.json holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    summary = {**facts, **evaluation.summary()}
    (folder / METRICS).write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n")
    (folder / CURVES).write_text(json.dumps(evaluation.curves(), allow_nan=False) + "\n")
    (folder / TABLE).write_text(markdown_table(summary) + "\n")
    write_rows(folder / LESIONS, evaluation.rows)
    write_png(folder / WORST, worst_cases(evaluation.worst, evaluation.threshold))
    write_png(folder / WORST_ERRORS, worst_errors(evaluation.worst, evaluation.threshold))
    return summary


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one line a lesion; a row without a metric that others have stays blank there."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def headline_lines(summary: Mapping[str, Any]) -> list[str]:
    """The few numbers that a training ends with: Dice, IoU, soft MAE, and how they compare."""
    headline = summary["headline"]
    means = summary["metrics"][headline["population"]]
    truth = {"one_reader": "the reader's outline", "all": "the label"}.get(
        headline["population"], "the 50% consensus"
    )
    iou = means[headline["metric"].replace("dice", "iou")]
    chosen = headline["chosen"]
    one_patient = chosen["low"] is None  # has no interval
    interval = "" if one_patient else f" [{chosen['low']:.3f}, {chosen['high']:.3f}]"
    lines = [
        f"Dice {chosen['mean']:.3f}{interval}, "
        f"IoU {iou['mean']:.3f} against {truth} at threshold "
        f"{summary['threshold']['chosen']:.3f}; Dice "
        f"{headline['paper']['mean']:.3f} at 128/255 ({chosen['n']} lesions, "
        f"{chosen['patients']} patients)"
    ]
    if "human" in headline:
        lines.append(f"a reader against the other three: Dice {headline['human']['mean']:.3f}")
    means = summary["metrics"]["all"]
    if "network_soft_mae" in means:
        lines.append(
            f"soft MAE {means['network_soft_mae']['mean']:.4f} against the true alpha "
            f"(closed-form matting: {means['matting_soft_mae']['mean']:.4f})"
        )
    else:
        lines.append(f"soft MAE {means['label_soft_mae']['mean']:.4f} against the label")
    return lines


def markdown_table(summary: Mapping[str, Any]) -> str:
    """The summary of an evaluation as Markdown: means and 95% intervals over patients."""
    parts = [_thresholded_table(summary), _plain_table(summary)]
    parts += [_true_alpha_table(summary)] if _has_true_alpha(summary) else []
    parts += [_agreement_table(summary["agreement"])] if "agreement" in summary else []
    return "\n\n".join([*parts, *remarks(summary)])


def remarks(summary: Mapping[str, Any]) -> list[str]:
    """Sentences on what the numbers say: the true alpha's verdict, empty predictions, failures."""
    lines = []
    if _has_true_alpha(summary):
        lines.append(_verdict(summary["metrics"]["all"]["gain_soft_mae"]))
    for kind, advice in (
        ("empty", "no pixel reaches the chosen threshold"),
        ("full", "every pixel of the patch reaches it"),
    ):
        if n := summary[f"{kind}_predictions"]:
            lines.append(f"{n} of {summary['records']} predictions are {kind}: {advice}.")
    if summary["failed"]:
        first = summary["failures"][0]
        lines.append(
            f"{summary['failed']} records could not be evaluated and are in no mean, the first: "
            f"{first['key']}: {first['reason']}."
        )
    return lines


def worst_cases(examples: Sequence[Example], threshold: float) -> np.ndarray:
    """The worst cases as one picture, two to a row.

    For each: the patch with the outline of the truth (blue: the consensus, or the label at 128/255)
    and of the prediction (orange), the label's alpha, the predicted alpha, and the error (orange
    where the prediction is too high, blue where too low).

    Args:
      examples: `Evaluation.worst`.
      threshold: at which the prediction is outlined.
    """
    panels = [_panel(example, threshold) for example in examples]
    captions = [[f"{e.key}", f"Dice {e.dice:.3f}", "", ""] for e in examples]
    titles = ["blue truth, orange network", "label alpha", "predicted alpha", "error"]
    return sheet(
        [sum(panels[i : i + 2], []) for i in range(0, len(panels), 2)],
        titles=titles * min(2, len(panels)),
        captions=[sum(captions[i : i + 2], []) for i in range(0, len(captions), 2)],
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
        [tiles[i : i + 4] for i in starts], captions=[captions[i : i + 4] for i in starts], tile=240
    )


def _as_fine(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    side = like.shape[::-1]
    return cv2.resize(mask.astype(np.uint8), side, interpolation=cv2.INTER_NEAREST) > 0


def _panel(example: Example, threshold: float) -> list[np.ndarray]:
    side = example.alpha.shape[::-1]
    truth = _as_fine(example.outline, example.alpha)
    patch = cv2.resize(example.patch, side, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    drawn = overlay_contour(patch, truth, BLUE)
    drawn = overlay_contour(drawn, binarise(example.alpha, threshold), ORANGE)
    return [drawn, example.label, example.alpha, colour_error(example.alpha, example.label)]


def _thresholded_table(summary: Mapping[str, Any]) -> str:
    chosen = summary["threshold"]["chosen"]
    lines = [
        f"| | grid | at {chosen:.3f}, the system's threshold | at 128/255 | lesions | patients |",
        "|---|---|---|---|---|---|",
    ]
    for what, where, metric, population in _THRESHOLDED:
        at_chosen = _interval(summary, population, metric)
        if at_chosen.n:
            at_128 = _interval(summary, population, f"{metric}_128")
            counts = f"{at_chosen.n} | {at_chosen.patients}"
            lines.append(f"| {what} | {where} | {at_chosen} | {at_128} | {counts} |")
    return "\n".join(lines)


def _plain_table(summary: Mapping[str, Any]) -> str:
    lines = ["| | mean [95% interval] | lesions | patients |", "|---|---|---|---|"]
    for what, metric, population in _PLAIN:
        interval = _interval(summary, population or summary["headline"]["population"], metric)
        if interval.n:
            lines.append(f"| {what} | {interval} | {interval.n} | {interval.patients} |")
    return "\n".join(lines)


def _true_alpha_table(summary: Mapping[str, Any]) -> str:
    lines = [
        f"| {_TRUE} | network | closed-form matting | matting - network |",
        "|---|---|---|---|",
    ]
    for what, metric in _TRUE_ALPHA:
        cells = (
            _interval(summary, "all", f"{who}_{metric}") for who in ("network", "matting", "gain")
        )
        lines.append(f"| {what} | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _agreement_table(agreement: Mapping[str, Any]) -> str:
    names = [name.replace("_", " ") for name in agreement["names"]]
    lines = ["| Dice, four readers | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for name, values in zip(names, agreement["dice"], strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    others = " | ".join(f"{value:.3f}" for value in agreement["others"])
    lines.append(f"| majority of the other three | {others} | | |")
    return "\n".join(lines)


def _verdict(gain: Mapping[str, Any]) -> str:
    interval = _as_interval(gain)
    if interval.low > 0:
        return (
            "The network is closer to the true alpha than closed-form matting, "
            f"by a soft MAE of {interval}."
        )
    if interval.high < 0:
        return (
            "Closed-form matting is closer to the true alpha than the network, "
            f"by a soft MAE of {-interval.mean:.4f} [{-interval.high:.4f}, {-interval.low:.4f}]."
        )
    return (
        "Network and closed-form matting differ by less than the data can tell: soft MAE by "
        f"{interval} (positive: the network is closer)."
    )


def _has_true_alpha(summary: Mapping[str, Any]) -> bool:
    return "gain_soft_mae" in summary["metrics"]["all"]


def _interval(summary: Mapping[str, Any], population: str, metric: str) -> Interval:
    return _as_interval(summary["metrics"].get(population, {}).get(metric))


def _as_interval(mean: Mapping[str, Any] | None) -> Interval:
    if mean is None:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    return Interval(**{key: np.nan if value is None else value for key, value in mean.items()})


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6g}"
    return value
