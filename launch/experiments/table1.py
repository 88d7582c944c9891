"""Table 1: 2D segmentation networks and CasGAN's ablation on lesions with soft masks."""

from __future__ import annotations

from casgan_jax.experiments.plan import Column, DataSet, Experiment, Row, prepares

VARIANTS = {
    "": "full size on LNSM, LIDC and phantoms (one GPU)",
    "cpu": "a quarter of the widths on LIDC and phantoms, 1,000 steps, two seeds (2 CPU cores)",
    "quick": "narrow networks on 480 phantoms, 200 steps a row (minutes on 2 CPU cores)",
}
COLUMNS = (
    Column("label_dice_128", "Dice", "Dice"),
    Column("label_iou_128", "IoU", "IoU"),
    Column("label_acc_128", "ACC", "ACC"),
    Column("label_soft_mae", "soft MAE", higher_is_better=False, digits=4),
    Column("network_soft_mae", "soft MAE, true alpha", higher_is_better=False, digits=4),
    Column(
        "network_gradient_error", "gradient error, true alpha", higher_is_better=False, digits=1
    ),
)
LNSM = DataSet(
    "lnsm/best1500",
    (prepares("lnsm", "DeepLesion"),),
    "the paper's data set, made again from DeepLesion",
)
NOTES = (
    "Labels are the data set's soft masks: networks that tell classes apart learn them at 128/255, "
    "as in the paper (4.1), and all are measured against them at 128/255.",
    "Every row has the same budget: batch, steps, optimiser and augmentation of one config. No row "
    "was tuned for this table.",
    "Networks of other papers see patches enlarged bilinearly, without SR.",
    "The paper's table ends with CasGAN, soft. The rows after it are the systems of its tables 3 "
    "and 4, so that each is measured against the same label and, on phantoms, the true alpha. "
    "Graph cut, deep prior + graph cut and the level set are not trained, and the last two refine "
    "this table's U-Net; their masks are binary, of native pixels, and measured on the networks' "
    "grid. Graph cut has a click in the middle of the patch. CasGAN++ and CE-Net++ learn the "
    "binary label and see the soft mask of CasGAN, soft (Figure 5).",
)

OWN_NOTES = (
    "The last two rows are not the paper's: CasGAN with a segmentor that works on native pixels, "
    "and the one that sees marks, as the network of the package does, here by a click alone.",
)
QUICK_NOTES = (
    "Quick: an eighth of the networks' widths (CasGAN's segmentor: a quarter), 200 steps of 8 "
    "examples, one seed. It shows that everything runs, not which system is better.",
)
# The configs are for trainings that are ten and fifty times as long: what they warm up for and
# average over is shorter here. The scale is for the methods that are not trained, whose own is 1:
# every row is measured on one grid.
BUDGETS = {
    "": {"data.scale": "4"},
    "cpu": {
        "data.scale": "2",
        "optim.warmup_steps": "100",
        "optim.average": "0.99",
        "predict.symmetries": "false",
        "train.steps": "1000",
        "train.evaluate_every": "500",
    },
    "quick": {
        "data.scale": "2",
        "optim.warmup_steps": "20",
        "optim.average": "0.95",
        "optim.lr": "2e-3",
        "predict.symmetries": "false",
        "train.steps": "200",
        "train.evaluate_every": "100",
        "train.checkpoint_every": "100",
    },
}
# What the project trains by default.
OWN = (
    Row("CasGAN, native pixels", "softgan:native", "casgan", {"data.label": "alpha"}),
    Row("CasGAN, marked", "softgan:marked", "casgan", {"data.label": "alpha"}),
)


def lidc(size: str) -> DataSet:
    """LIDC at the scale of the networks of a size."""
    return DataSet(
        f"lidc/{size}",
        (prepares(f"lidc/{size}", "LIDC-IDRI-slices"),),
        "LIDC with soft masks of the readers' disagreement, not the paper's LNSM",
    )


def phantoms(config: str) -> DataSet:
    """The embedded phantoms."""
    return DataSet(
        f"phantom/{config}",
        (prepares(f"phantom/{config}"),),
        "phantoms, whose true alpha is known, not the paper's LNSM",
    )


def rows(size: str) -> tuple[Row, ...]:
    """The table's rows, of configs of a variant."""
    suffix = f":{size}" if size else ""

    def paper(dice: float, iou: float, acc: float) -> dict[str, float]:
        return {"Dice": dice, "IoU": iou, "ACC": acc}

    def network(name: str, config: str, *figures: float) -> Row:
        return Row(name, config + suffix, paper=paper(*figures))

    def casgan(name: str, label: str, *figures: float, **uses: str) -> Row:
        fields = {"data.label": label} | ({} if uses else {"sr": "none"})
        return Row(name, f"softgan{suffix}", "casgan", fields, uses, paper(*figures))

    return (
        network("U-Net", "unet", 0.831, 0.753, 0.990),
        network("SegNet", "segnet", 0.832, 0.748, 0.989),
        network("DeepLabv3+", "deeplab", 0.854, 0.764, 0.989),
        network("UNet++", "unet_plus_plus", 0.893, 0.824, 0.993),
        network("CE-Net", "ce_net", 0.913, 0.858, 0.995),
        Row("SRGAN", f"srgan{suffix}", "casgan", shown=False),
        casgan("CasGAN, binary", "binary", 0.911, 0.852, 0.993, sr="SRGAN"),
        casgan("CasGAN, without SR", "alpha", 0.916, 0.843, 0.993),
        casgan("CasGAN, soft", "alpha", 0.919, 0.864, 0.994, sr="SRGAN"),
        Row("Graph cut", f"graph_cut{suffix}"),
        Row("Deep prior + graph cut", f"deep_prior{suffix}", uses={"prior": "U-Net"}),
        Row("CF-CNN", f"cf_cnn{suffix}"),
        Row("Level set", f"level_set{suffix}", uses={"prior": "U-Net"}),
        Row(
            "CasGAN++",
            f"softgan{suffix}",
            "casgan",
            {"data.label": "binary"},
            {"sr": "SRGAN", "prior": "CasGAN, soft"},
        ),
        Row("CE-Net++", f"ce_net{suffix}", "casgan", uses={"prior": "CasGAN, soft"}),
        *(OWN if size == "cpu" else ()),
    )


def get_experiment(variant: str) -> Experiment:
    """The experiment of a variant (VARIANTS)."""
    data_sets = {
        "": (LNSM, lidc("x4"), phantoms("full")),
        "cpu": (lidc("x2"), phantoms("medium")),
        "quick": (phantoms("quick"),),
    }[variant]
    return Experiment(
        name="table1",
        variant=variant,
        title="Table 1: 2D segmentation networks and ablation",
        columns=COLUMNS,
        rows=rows(variant),
        data_sets=data_sets,
        seeds={"": (0, 1, 2), "cpu": (0, 1), "quick": (0,)}[variant],
        fields=BUDGETS[variant],
        notes=NOTES + {"": (), "cpu": OWN_NOTES, "quick": QUICK_NOTES}[variant],
    )
