"""Figure 7: lesions of LIDC, four readers, their consensus, and CasGAN."""

from __future__ import annotations

import dataclasses

from casgan_jax.experiments.plan import Experiment
from casgan_jax.report.comparison_sheet import readers_sheet
from launch.experiments import table2

VARIANTS = {
    variant: f"CasGAN of table2{variant and ':'}{variant}, trained where it is not there"
    for variant in table2.VARIANTS
}


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    table = table2.get_experiment(variant)
    return dataclasses.replace(
        table,
        name="figure7",
        title="Figure 7: CasGAN beside four readers on LIDC",
        rows=tuple(row for row in table.rows if row.group == "casgan"),
        notes=("Cases of evenly spaced ranks of Dice, from the best to the worst, not chosen.",),
        agreement=(),
        rows_of="table2",
        draw=readers_sheet,
    )
