"""The config of SRGAN: super-resolution of native patches, the first stage of the cascade."""

from __future__ import annotations

import dataclasses

from casgan_jax.configs.schema.sections import Optim, PatchData, Train, TrainingConfig, weight
from casgan_jax.configs.schema.setting import MAX_SIDE, setting

SR_SCALES = (2, 4)  # see `casgan_jax.models.srgan`


@dataclasses.dataclass(frozen=True, kw_only=True)
class SrganAugmentation:
    """What is drawn for each crop beside its place and symmetry."""

    noise: float = setting(
        0.01, "largest deviation of white noise, of the [0, 1] range", "[0, 1]", example=0.02
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class SrganData(PatchData):
    """Crops of the images of a prepared data set."""

    # Ledig et al. train 24 -> 96.
    patch: int = setting(24, "side of the low-resolution crops", f"[1, {MAX_SIDE}]", example=64)
    augmentation: SrganAugmentation = SrganAugmentation()


@dataclasses.dataclass(frozen=True, kw_only=True)
class SrganModel:
    """Generator and discriminator."""

    features: int = setting(64, "channels of the generator", "[1, 4096]")
    blocks: int = setting(5, "residual blocks of the generator", "[0, 1024]")
    residual_to_interpolation: bool = setting(
        False, "whether the generator adds to bicubic interpolation", example="true"
    )
    discriminator_features: int = setting(64, "channels of the discriminator", "[1, 4096]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SrganLoss:
    """Weights of the generator's losses; those of the paper by default."""

    mse: float = weight(1.0, "weight of the squared error", example=1)
    l1: float = weight(0.0, "weight of the absolute error", example=0)
    adversarial: float = weight(0.001, "weight of the discriminator's judgement", example=0.1)
    perceptual: float = weight(0.008, "weight of the difference of VGG19's features", example=0)
    tv: float = weight(2e-8, "weight of the total variation", example=0)
    vgg19: str = setting("hf://timm/vgg19.tv_in1k", "VGG19's weights: hf:// or .npz, .safetensors")

    @property
    def content(self) -> dict[str, float]:
        """The weights of the losses that compare output and target, by name."""
        return {"mse": self.mse, "l1": self.l1, "perceptual": self.perceptual, "tv": self.tv}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SrganConfig(TrainingConfig):
    """Low-resolution crop -> high-resolution crop."""

    name: str = setting("srgan", "kind of the config")
    data: SrganData = SrganData()
    model: SrganModel = SrganModel()
    loss: SrganLoss = SrganLoss()
    optim: Optim = Optim(lr=1e-4, warmup_steps=100, batch_size=16)
    train: Train = Train(epochs=40.0, validation_records=64)
