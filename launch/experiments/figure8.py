"""Figure 8: neurons and prostates, their trimaps and soft masks, and CasGAN."""

from __future__ import annotations

import dataclasses

from casgan_jax.experiments.plan import Experiment
from casgan_jax.report.comparison_sheet import softening_sheet
from launch.experiments import table4

VARIANTS = {
    variant: f"CasGAN of table4{variant and ':'}{variant}, trained where it is not there"
    for variant in table4.VARIANTS
}
_ROW = "CasGAN, soft"


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    table = table4.get_experiment(variant)
    return dataclasses.replace(
        table,
        name="figure8",
        title="Figure 8: soft masks of neurons and prostates",
        rows=tuple(row for row in table.rows if row.name == _ROW),
        data_sets=tuple(one for one in table.data_sets if not one.directory.endswith("/paper")),
        seeds=table.seeds[:1],
        notes=("Cases of evenly spaced ranks of Dice, from the best to the worst, not chosen.",),
        rows_of="table4",
        draw=softening_sheet,
    )
