"""Ablation: what the soft label, SR, the adversarial term and the prior bring, each by itself."""

from __future__ import annotations

from casgan_jax.experiments.plan import Column, DataSet, Experiment, Row, prepares
from launch.experiments import table1
from launch.experiments.table2 import FOUR_READERS

VARIANTS = {
    "": "full size on LIDC, 5 seeds (one GPU)",
    "cpu": "a quarter of the widths on LIDC, 500 steps, 2 seeds (2 CPU cores)",
    "quick": "narrow networks on 480 phantoms, 200 steps a row (minutes on 2 CPU cores)",
}
COLUMNS = (
    Column("consensus_dice", "Dice, consensus", read=FOUR_READERS),
    Column("consensus_dice_128", "Dice, consensus, 128/255", read=FOUR_READERS),
    Column("label_soft_mae", "soft MAE", higher_is_better=False, digits=4),
)
NOTES = (
    "Each row but CasGAN, binary is compared with the row that differs from it by one thing: "
    "CasGAN, soft and CasGAN++ with CasGAN, binary; the rows without a part with CasGAN, soft. "
    "Without GAN: no discriminator, `loss.adversarial=0`.",
    "Dice is against the 50% consensus of four readers on native pixels, at the threshold chosen "
    "on validation and at 128/255; soft MAE against the data set's soft mask. CasGAN, binary and "
    "CasGAN++ learn the consensus, the others the soft mask.",
)
_SEEDS = {"": (0, 1, 2, 3, 4), "cpu": (0, 1), "quick": (0,)}
_BUDGETS = table1.BUDGETS | {"cpu": table1.BUDGETS["cpu"] | {"train.steps": "500"}}


def rows(variant: str) -> tuple[Row, ...]:
    """The rows, of configs of a variant."""
    suffix = f":{variant}" if variant else ""

    def casgan(name: str, against: str, fields: dict[str, str], **uses: str) -> Row:
        return Row(name, f"softgan{suffix}", "casgan", fields, uses, against=against)

    binary, soft = "CasGAN, binary", "CasGAN, soft"
    of_readers, matted = {"data.label": "consensus"}, {"data.label": "alpha"}
    return (
        Row("SRGAN", f"srgan{suffix}", "casgan", shown=False),
        casgan(binary, "", of_readers, sr="SRGAN"),
        casgan(soft, binary, matted, sr="SRGAN"),
        casgan("CasGAN, without SR", soft, matted | {"sr": "none"}),
        casgan("CasGAN, without GAN", soft, matted | {"loss.adversarial": "0"}, sr="SRGAN"),
        casgan("CasGAN++", binary, of_readers, sr="SRGAN", prior=soft),
    )


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    lidc = DataSet("lidc/x4", (prepares("lidc/x4", "LIDC-IDRI-slices"),))
    return Experiment(
        name="ablation",
        variant=variant,
        title="Ablation: what each part of CasGAN brings",
        columns=COLUMNS,
        rows=rows(variant),
        data_sets=(table1.phantoms("quick") if variant == "quick" else lidc,),
        seeds=_SEEDS[variant],
        fields=_BUDGETS[variant],
        notes=NOTES,
    )
