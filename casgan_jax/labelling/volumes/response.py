"""How lesions changed between studies, by RECIST 1.1 and by their volumes.

    response(Sums(baseline=52.0, nadir=40.0, now=47.0))  # "SD": 17.5% above the nadir

The sum is of the longest diameters of the target lesions, and of the short axes of those that are
lymph nodes. Source: Eisenhauer et al., New response evaluation criteria in solid tumours: revised
RECIST guideline (version 1.1), European Journal of Cancer 45 (2009), 4.3.1.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Category = Literal["CR", "PR", "SD", "PD", "NE"]

PARTIAL = -0.3  # of the baseline
PROGRESS = 0.2  # of the nadir
LEAST_PROGRESS_MM = 5.0
NODE_MM = 10.0  # short axis, from where a lymph node is not normal
_SAME = 1e-9  # relative difference of sums that is none, as diameters are read from text


class Sums(NamedTuple):
    """Sums of diameters in mm, over the same lesions.

    Attributes:
      baseline: before treatment.
      nadir: the least one before now.
      now: of the study that is looked at.
    """

    baseline: float
    nadir: float
    now: float


def response(sums: Sums | None, *, all_gone: bool = False, new_lesions: bool = False) -> Category:
    """The category of the target lesions.

    Args:
      sums: of the diameters; None: a lesion was not measured, so that there is none.
      all_gone: no target lesion is left, and no lymph node has a short axis of 10 mm or more.
      new_lesions: lesions that were not there before.

    Returns:
      CR, PR, SD or PD; NE where it cannot be said.
    """
    if new_lesions:
        return "PD"
    if sums is None:
        return "NE"
    if all_gone:
        return "CR"
    grown = sums.now - sums.nadir
    if _reaches(grown, LEAST_PROGRESS_MM) and _reaches(grown, PROGRESS * sums.nadir):
        return "PD"
    return "PR" if _reaches(sums.baseline - sums.now, -PARTIAL * sums.baseline) else "SD"


def relative_change(before: float, after: float) -> float | None:
    """(after - before) / before; None where there was nothing."""
    return (after - before) / before if before > 0 else None


def doubling_days(before: float, after: float, days: float) -> float | None:
    """In how many days a volume doubles that grows at the rate of these.

    Args:
      before, after: volumes.
      days: between them.

    Returns:
      Days; less than 0 of a volume that shrinks: in as many it is halved. None where it neither
      grows nor shrinks, there was or is nothing, or no day lies between.
    """
    if before <= 0 or after <= 0 or before == after or days <= 0:
        return None
    return days * math.log(2) / math.log(after / before)


def _reaches(value: float, limit: float) -> bool:
    return value >= limit - _SAME * max(abs(limit), 1.0)
