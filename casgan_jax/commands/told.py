"""What a run came to, in the lines that `train` prints at its end, and what was measured of a
lesion, in those of `label` and `predict`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from casgan_jax.configs.schema.classical import ClassicalConfig, ClassicalData
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.softgan import SoftganData
from casgan_jax.errors import counted
from casgan_jax.evaluation.summary import Subject
from casgan_jax.labelling.lesion import LUNG_WINDOW
from casgan_jax.records.prepared import feature_names, load_split, read_metadata
from casgan_jax.records.splits import MANY_LESIONS
from casgan_jax.report.evaluation import headline_lines

if TYPE_CHECKING:  # a run of one kind needs nothing of the others
    from casgan_jax.inference.classical import ClassicalRun
    from casgan_jax.inference.evaluate import Measured
    from casgan_jax.radiomics.run import RadiomicsRun


_SOME_RECORDS = 100  # whose windows are looked at
FEW = 3  # lesions, each of which `label` and `predict` tell the sizes of
MOST = 10  # lines of failures, notes or lesions; tables and pages have all of them


def sizes(row: Mapping[str, Any]) -> str:
    """What was measured of a lesion, and what was given: "18.9 x 17.2 mm (given 19.4 x 16.8)".

    Args:
      row: with the columns of `casgan_jax.labelling.files.diameters`, in mm where the spacing is
        known; none where nothing could be measured.
    """
    unit = "mm" if row.get("spacing_mm") else "px"

    def axes(which: str) -> str:
        long, short = (row.get(f"{which}{one}_{unit}") for one in ("long", "short"))
        return f"{float(long):.1f} x {float(short):.1f}" if long and short else ""

    measured, given = axes(""), axes("given_")
    told = f"{measured} {unit}" if measured else "nothing at the threshold"
    return f"{told}{given and f' (given {given})'}"


def lesion_notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a note: of the lesion that has it, or of how many.

    Args:
      rows: with "key", and "note" where there is something to say.
    """
    keys: dict[str, list[str]] = {}
    for row in rows:
        if row.get("note"):
            keys.setdefault(row["note"], []).append(row["key"])
    return [
        f"note: {of[0] if len(of) == 1 else counted(len(of), 'lesion')}: {note}"
        for note, of in keys.items()
    ]


def lung_note(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line where lesions of CT were labelled in the lung's window; none where none was.

    Args:
      rows: of labels.csv or volumes.csv, whose window nobody named.
    """
    low, high = LUNG_WINDOW
    of_lung = {"window": f"{low:g},{high:g}", "unit": "HU"}
    if not any(of_lung.items() <= row.items() for row in rows):
        return []
    return [f"note: window {low:g} to {high:g} HU (lung); --window=LOW,HIGH for another"]


def measured_lines(measured: Measured) -> list[str]:
    """Notes, figures of the split that was measured in the end, and where the pictures are."""
    subject = measured.subject
    why = "" if subject.split == "test" else f", as {subject.data_dir} has no test split"
    return [
        *(f"note: {note}" for note in subject.notes),
        f"{subject.split} split{why}:",
        *(f"  {line}" for line in headline_lines(measured.summary)),
        f"worst cases: {measured.worst_cases}",
    ]


def threshold_lines(data_dir: str) -> list[str]:
    """A note where the threshold hangs on few lesions.

    Args:
      data_dir: the prepared data set whose validation split chose it.
    """
    lesions = len(load_split(data_dir, "validation"))
    if lesions >= MANY_LESIONS:
        return []
    return [
        f"note: {lesions} validation lesions chose the threshold, which makes it a rough one; "
        "Dice at 128/255 does not hang on them"
    ]


def shown_window(data: ClassicalData | SoftganData, subject: Subject) -> dict[str, str]:
    """The option of `predict` that shows images to a run as its training showed them.

    Args:
      data: of the run's config.
      subject: a split of the data set that the run was trained on.

    Returns:
      {"window": "LOW,HIGH"} in the values of the source images, these very letters where they had
      several windows; nothing for a run of stretched crops, which needs none.
    """
    if isinstance(data, SoftganData) and data.stretched:
        return {}
    if "source_window" not in feature_names(subject.data_dir):
        low, high = data.window or read_metadata(subject.data_dir)["window"]
        return {"window": f"{low:g},{high:g}"}
    records = load_split(subject.data_dir, subject.split, features=("source_window",))
    some = (records[k] for k in range(min(len(records), _SOME_RECORDS)))
    windows = {tuple(record["source_window"].tolist()) for record in some}
    if len(windows) != 1:
        return {"window": "LOW,HIGH"}
    ((low, high),) = windows
    return {"window": f"{low:g},{high:g}"}


def classical_lines(config: ClassicalConfig, done: ClassicalRun) -> list[str]:
    """The speed of a method that is not trained, and what it measures."""
    speed = f"{done.result.images_per_second:.1f} images per second"
    return [f"{config.method}: not trained, {speed}", *measured_lines(done.measured)]


def radiomics_lines(config: RadiomicsConfig, done: RadiomicsRun) -> list[str]:
    """Whose features there are, and how well they tell the lesions apart."""
    lesions = f"{counted(done.lesions, 'lesion')} of {counted(done.patients, 'patient')}"
    lines = [f"{config.features}: {done.features} features of {lesions}"]
    if done.scores is None:
        return [*lines, f"features: {done.file}"]
    return [
        *lines,
        f"{config.classifier}, smooth against spiculated, {config.repetitions} x "
        f"{config.folds}-fold cross-validation:",
        f"  ACC {done.scores.acc}",
        f"  AUC {done.scores.auc}",
        f"lesions: {done.file}",
    ]
