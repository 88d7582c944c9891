"""The paper's selections of LIDC lesions, drawn by chance: which ones it took is not known.

- 119 lesions (section 4.2, table 3): 60% of them for training, 40% for testing.
- 500 lesions (section 4.1, table 2): a network that never saw LIDC is compared with the readers on
  them, so that all of them are for testing.

One slice stands for a lesion, the middle one, if four readers marked it and agree on a pixel.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Mapping, Sequence

from casgan_jax.errors import UserError
from casgan_jax.records.splits import position_of, split_by_counts
from datasets.task import Task

READERS = 4
_TEST_SHARE = {119: 0.4, 500: 1.0}
_VALIDATION_SHARE = 0.1  # of what is not for testing; the paper has no validation split
COUNTS = tuple(_TEST_SHARE)


def select(
    slices_of: Mapping[str, Sequence[Task]],
    count: int,
    *,
    patient_of: Callable[[str], str],
    is_good: Callable[[Task], bool],
) -> list[Task]:
    """One slice of each of `count` lesions, split by patient.

    Args:
      slices_of: the slices of each lesion, in order.
      count: one of COUNTS.
      patient_of: the patient of a lesion.
      is_good: whether four readers marked the slice and agree on a pixel.

    Raises:
      UserError: there are fewer such lesions.
    """
    chosen: dict[str, Task] = {}
    for lesion in sorted(slices_of, key=position_of):
        middle = slices_of[lesion][len(slices_of[lesion]) // 2]
        if len(chosen) < count and is_good(middle):
            chosen[lesion] = middle
    if len(chosen) < count:
        raise UserError(
            "manual_dir",
            found=f"{len(chosen)} lesions with {READERS} agreeing readers on their middle slice",
            expected=f"at least {count}",
            remedy="build from the whole data set, or without the selection",
        )
    test = round(_TEST_SHARE[count] * count)
    splits = split_by_counts(
        collections.Counter(patient_of(lesion) for lesion in chosen),
        test=test,
        validation=round(_VALIDATION_SHARE * (count - test)),
    )
    return [task._replace(split=splits[patient_of(lesion)]) for lesion, task in chosen.items()]
