"""Out-of-fold scores on disk, and the area under their ROC curve as a figure of an experiment."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from casgan_jax.errors import UserError, one_line
from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.evaluation.comparison import Difference, Lesion
from casgan_jax.files import write_whole
from casgan_jax.radiomics.classification import OutOfFold, auc, auc_difference
from casgan_jax.workdir.layout import SCORES


@dataclasses.dataclass(frozen=True)
class AreaUnderCurve:
    """Area under the ROC curve of the pooled out-of-fold scores, mean over repetitions.

    Attributes:
      keys: (N,) of the lesions.
      result: their scores; the repetitions of all seeds.
      by_seed: the area of each seed.
    """

    keys: np.ndarray
    result: OutOfFold
    by_seed: Sequence[float]

    @classmethod
    def read(cls, folders: Sequence[Path], column: str) -> AreaUnderCurve | None:
        """The scores of a system's seeds, on the lesions that all have; None where there are none.

        Args:
          folders: of evaluations, one a seed.
          column: of no matter; an evaluation has scores of one kind.
        """
        del column
        if not folders or not all((folder / SCORES).is_file() for folder in folders):
            return None
        seeds = [read_scores(folder / SCORES) for folder in folders]
        shared = sorted(set.intersection(*(set(keys) for keys, _ in seeds)))
        parts = [_of_lesions(keys, result, shared) for keys, result in seeds]
        stacked = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("scores", "predicted", "folds")
        }
        return cls(
            np.asarray(shared),
            parts[0]._replace(**stacked),
            [auc(result).mean for _, result in seeds],
        )

    @property
    def lesions(self) -> Sequence[Lesion]:
        """The lesions that it was measured on."""
        return list(zip(self.result.patients.tolist(), self.keys.tolist(), strict=True))

    def mean(self) -> Interval:
        """The area, with its interval."""
        return auc(self.result)

    def difference(self, other: Self) -> Difference:
        """This area minus the other, on the lesions that both have, which met the same folds."""
        shared = sorted(set(self.keys.tolist()) & set(other.keys.tolist()))
        return auc_difference(*(_of_lesions(one.keys, one.result, shared) for one in (self, other)))


def write_scores(path: Path, keys: Sequence[str] | np.ndarray, result: OutOfFold) -> None:
    """Writes the scores of lesions, by their keys."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, keys=np.asarray(keys, str), **result._asdict())
    write_whole(path, buffer.getvalue())


def read_scores(path: Path) -> tuple[np.ndarray, OutOfFold]:
    """(keys, scores) of a file that `write_scores` wrote.

    Raises:
      UserError: it is none.
    """
    found = read_arrays(path, ("keys", *OutOfFold._fields), remedy="make it again")
    return found.pop("keys"), OutOfFold(**found)


def read_arrays(path: Path, names: Sequence[str], *, remedy: str) -> dict[str, np.ndarray]:
    """Arrays of an npz file.

    Raises:
      UserError: it cannot be read or lacks one of them.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            path,
            found=f"that it cannot be read ({one_line(error)})",
            expected=f"the arrays {', '.join(names)}",
            remedy=f"{remedy}",
        ) from error


def _of_lesions(keys: np.ndarray, result: OutOfFold, wanted: Sequence[str]) -> OutOfFold:
    place = {key: index for index, key in enumerate(keys.tolist())}
    chosen = [place[key] for key in wanted]
    return OutOfFold(*(part[..., chosen] for part in result))
