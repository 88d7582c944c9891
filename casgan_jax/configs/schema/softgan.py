"""The config of the cascade's second stage, SoftGAN, with that of its first, and of any network
that is trained in SoftGAN's place."""

from __future__ import annotations

import dataclasses

from casgan_jax.configs.schema.sections import Optim, PatchData, Train, TrainingConfig, weight
from casgan_jax.configs.schema.setting import MAX_SIDE, Interval, Options, Setting, options, setting
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import replaced

# See `casgan_jax.data.targets`.
LABELS = ("alpha", "binary", "alpha_anchored", "true_alpha", "readers", "consensus")
DISCRIMINATORS = ("pixel", "patch")  # see `casgan_jax.training.stages`
BEST = ("dice", "soft_mae", "last")  # see `casgan_jax.training.validation`

_KNOWN_OPTIONS = {
    "levels": Setting(
        int, "halvings of the side; 0: as many as it allows", Interval("[0, 12]"), "0"
    ),
    "dropout": Setting(float, "rate of dropout in training", Interval("[0, 1)"), "0.5"),
    "fold": Setting(
        int, "side of the cells whose native pixels become channels", Interval("[1, 16]"), "2"
    ),
    "widest": Setting(
        int, "most channels of a level, times those of the first", Interval("[1, 64]"), "8"
    ),
    "normalisation": Setting(
        str, "over a batch or over each image", ("batch", "instance"), "batch"
    ),
    "encoder_weights": Setting(
        str,
        "a FILE or hf://OWNER/NAME the encoder starts from, {depth} is its depth; empty: random",
        example="hf://timm/resnet{depth}.tv_in1k",
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is drawn for each record; a field is the limit of a uniform draw around no change, but
    for `elastic`, the standard deviation of a normal one.

    The grid of `elastic` is that of `casgan_jax.data.elastic`; Ronneberger et al. 2015 take 10.
    """

    flip: bool = setting(True, "whether half of the records are mirrored", example="true")
    rotation: float = setting(180.0, "largest angle in degrees", "[0, 180]", example=180)
    zoom: float = setting(0.15, "largest logarithm of the magnification", "[0, 3]")
    shift: float = setting(
        4.0, "largest shift in native pixels, each direction", f"[0, {MAX_SIDE}]", example=4
    )
    elastic: float = setting(
        0.0, "deviation of a coarse grid's nodes in native pixels", f"[0, {MAX_SIDE}]", example=10
    )
    contrast: float = setting(0.2, "largest logarithm of the factor about mid-grey", "[0, 3]")
    brightness: float = setting(0.1, "largest offset, of the [0, 1] range", "[0, 1]")
    noise: float = setting(0.02, "largest deviation of white noise, of the [0, 1] range", "[0, 1]")
    whole_pixels: float = setting(
        0.0,
        "share of records that keep their pixels as they are: quarter turns, and shifts by whole "
        "pixels from where the patch lies when it is predicted",
        "[0, 1]",
        example=0.5,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DrawnMarks:
    """What the network sees of a user's marks beside the image, and how they are drawn in training:
    as a hand makes them (`casgan_jax.data.drawn_marks`), each left out at times."""

    click: float = setting(
        0.0, "share of examples with a click; 0: the network sees none", "[0, 1]", example=0.5
    )
    axes: float = setting(
        0.0, "share of examples with RECIST axes; 0: the network sees none", "[0, 1]", example=0.7
    )
    noise: float = setting(
        2.0, "largest deviation of each coordinate in native pixels", f"[0, {MAX_SIDE}]", example=2
    )
    wrong: float = setting(
        0.1, "share of axes with an end that is off by 30% of the long axis", "[0, 1]"
    )
    reader: float = setting(
        0.25, "share of axes that are one reader's instead of the consensus's", "[0, 1]"
    )
    anywhere: float = setting(
        0.0,
        "share of examples whose patch and click lie about any point of the lesion, not its middle",
        "[0, 1]",
        example=0.5,
    )
    share: float = setting(
        0.0,
        "of the patch's side, that the long axis takes, turned so that it lies horizontally; 0: "
        "patches are native pixels",
        "[0, 1]",
        example=0.4,
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The marks that the network sees, see `casgan_jax.soft_mask.mark_planes`."""
        return tuple(name for name in ("click", "axes") if getattr(self, name))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftganData(PatchData):
    """Patches around the marks of a prepared data set, and their labels."""

    test_dir: str = setting(
        "", "another data set, whose test split is measured in the end", example="data/lidc/500"
    )
    label: str = setting("readers", "what to train towards", LABELS, example="alpha")
    stretched: int = setting(
        0,
        "side of the crops that the images are, if each was stretched from its own minimum to its "
        "maximum, as the public LIDC slices are: others are, then, when they are predicted",
        f"[0, {MAX_SIDE}]",
        example=128,
    )
    neighbours: int = setting(
        0, "slices that the network sees to either side of the lesion's", "[0, 8]", example=1
    )
    augmentation: Augmentation = Augmentation()
    marks: DrawnMarks = DrawnMarks()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftganModel:
    """The segmentation network and its discriminator.

    Attributes:
      options: fields that are the network's own, shown flat; those that are no attributes of its
        class are left unused.
    """

    network: str = setting("casgan_jax.models.unet.UNet", "MODULE.CLASS of the network")
    features: int = setting(64, "channels of the network", "[1, 4096]")
    initial_alpha: float = setting(0.03, "mean of the output before training", "(0, 1)")
    discriminator: str = setting("pixel", "what it judges", DISCRIMINATORS)
    discriminator_features: int = setting(64, "channels of the discriminator", "[1, 4096]")
    options: Options = options(_KNOWN_OPTIONS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftganLoss:
    """Weights of the network's losses, and how its targets are made softer."""

    mse: float = weight(0.0, "weight of the squared error", example=1)
    l1: float = weight(0.0, "weight of the absolute error", example=0)
    cross_entropy: float = weight(20.0, "weight of the cross-entropy", example=20)
    soft_dice: float = weight(2.0, "weight of the soft Dice loss", example=2)
    adversarial: float = weight(0.1, "weight of the discriminator's judgement", example=0.1)
    label_smoothing: float = setting(0.0, "epsilon of Eq. 4", "[0, 1]", example=0.1)
    distillation: float = setting(0.7, "alpha of Eq. 5, where there is a teacher", "[0, 1]")

    @property
    def content(self) -> dict[str, float]:
        """The weights of the losses that compare output and target, by name."""
        return {
            "mse": self.mse,
            "l1": self.l1,
            "cross_entropy": self.cross_entropy,
            "soft_dice": self.soft_dice,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftganTrain(Train):
    """How long, what is done on the way, and which weights are used."""

    best: str = setting("dice", "what the used checkpoint is the best in; last: the newest", BEST)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predict:
    """How a trained system is used."""

    symmetries: bool = setting(
        True, "whether the eight symmetries of the square are averaged over", example="true"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SoftganConfig(TrainingConfig):
    """Condition image -> soft mask.

    Attributes:
      prior_config, teacher_config: of the systems that `prior` and `teacher` name, once read.
    """

    name: str = setting("softgan", "kind of the config")
    sr: str = setting(
        "train", "train: SRGAN first, unless it is there; none: without; or a trained run's workdir"
    )
    prior: str = setting(
        "",
        "workdir of a trained cascade whose mask the network sees (3.3, Figure 5)",
        example="runs/softgan",
    )
    teacher: str = setting(
        "",
        "workdir of a trained cascade to learn from beside the label (Eq. 5)",
        example="runs/softgan",
    )
    init: str = setting(
        "",
        "a trained system that the network starts from: a run's workdir, a folder of weights, or "
        "pretrained; empty: random weights",
        example="pretrained",
    )
    data: SoftganData = SoftganData()
    model: SoftganModel = SoftganModel(options=Options(levels=0, dropout=0.5))
    loss: SoftganLoss = SoftganLoss()
    optim: Optim = Optim()
    train: SoftganTrain = SoftganTrain()
    predict: Predict = Predict()
    srgan: SrganConfig = SrganConfig()
    prior_config: SoftganConfig | None = None
    teacher_config: SoftganConfig | None = None

    @property
    def others(self) -> dict[str, tuple[str, SoftganConfig | None]]:
        """Role -> workdir and, once read, config of the other trained systems that are named."""
        roles = {
            "prior": (self.prior, self.prior_config),
            "teacher": (self.teacher, self.teacher_config),
        }
        return {role: other for role, other in roles.items() if other[0]}


def with_own_srgan(config: SoftganConfig) -> SoftganConfig:
    """The config whose SRGAN learns from the same images, at the same scale, on the same
    devices."""
    srgan = replaced(
        config.srgan,
        dtype=config.dtype,
        spmd=config.spmd,
        data=dict(dir=config.srgan.data.dir or config.data.dir, scale=config.data.scale),
    )
    return replaced(config, srgan=srgan)
