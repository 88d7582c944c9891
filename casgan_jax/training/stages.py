"""The two stages of the cascade as `Stage`s: SRGAN (paper 3.2.1) and SoftGAN (paper 3.2.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from casgan_jax import losses
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.errors import UserError
from casgan_jax.models.discriminators import PatchDiscriminator, PixelDiscriminator
from casgan_jax.models.srgan import SRDiscriminator
from casgan_jax.models.vgg19 import default_layer, load_vgg19, vgg19_features
from casgan_jax.systems.networks import describe_system, super_resolver
from casgan_jax.training.step import AXIS, Batch, Losses, Stage

DISCRIMINATORS = {"pixel": PixelDiscriminator, "patch": PatchDiscriminator}

ContentLoss = Callable[[jax.Array, jax.Array, Any], jax.Array]


def _weighted(
    weights: Mapping[str, float], terms: dict[str, ContentLoss]
) -> Callable[[jax.Array, jax.Array, Any], Losses]:
    """The terms whose weight in the config is not 0, each times its weight."""
    chosen = {name: terms[name] for name, weight in weights.items() if weight}

    def content_losses(output: jax.Array, target: jax.Array, variables: Any) -> Losses:
        # Deep supervision: several outputs, one a channel, that all learn the target.
        heads = jnp.split(output, output.shape[-1] // target.shape[-1], axis=-1)
        return {
            name: weights[name]
            * sum((term(head, target, variables) for head in heads), start=jnp.zeros(()))
            / len(heads)
            for name, term in chosen.items()
        }

    return content_losses


def _vgg19(config: SrganConfig) -> dict[str, Any]:
    """VGG19's variables for the perceptual loss, or nothing where its weight is 0."""
    if not config.loss.perceptual:
        return {}
    advice = (
        "set `loss.vgg19` (of a cascade `srgan.loss.vgg19`) to a FILE (npz with Keras names, "
        "safetensors with torchvision's) or to hf://timm/vgg19.tv_in1k, or train without by "
        "`loss.perceptual=0` (`srgan.loss.perceptual=0`)"
    )
    if not config.loss.vgg19:
        raise UserError(
            "loss.vgg19",
            found=f"no weights for loss.perceptual={config.loss.perceptual}",
            expected="VGG19's",
            remedy=advice,
        )
    try:
        return load_vgg19(config.loss.vgg19)
    except UserError as error:
        told = error.within("loss.vgg19")
        told.remedy = "; ".join(filter(None, (error.remedy, advice)))
        raise told from error


def srgan_stage(config: SrganConfig) -> Stage:
    """SRGAN: low-resolution crop -> high-resolution crop; losses of paper 4, "Training details".

    Args:
      config: `model`, `data.scale`, `loss` and `dtype` are used.
    """
    weights = config.loss
    vgg19 = _vgg19(config)
    layer = default_layer(vgg19) if vgg19 else ""

    def perceptual(output: jax.Array, target: jax.Array, variables: Any) -> jax.Array:
        features = partial(vgg19_features, variables, layer=layer)
        return losses.perceptual(features(output), features(target))

    return Stage(
        name="srgan",
        generator=super_resolver(config, axis_name=AXIS),
        discriminator=SRDiscriminator(
            features=config.model.discriminator_features, axis_name=AXIS, dtype=config.dtype
        ),
        condition=lambda _, batch: batch["image"],
        content_losses=_weighted(
            weights.content,
            {
                "mse": lambda output, target, _: losses.mse(output, target),
                "l1": lambda output, target, _: losses.l1(output, target),
                "perceptual": perceptual,
                "tv": lambda output, _, __: losses.total_variation(output),
            },
        ),
        generator_loss=losses.bce_generator,
        discriminator_loss=losses.bce_discriminator,
        adversarial_weight=weights.adversarial,
        loss_variables=vgg19,
    )


def softgan_stage(config: SoftganConfig) -> Stage:
    """SoftGAN: condition image -> soft mask; least-squares GAN, Eq. 2 and 3.

    Args:
      config: resolved; `data.scale`, `optim`, `train` and `predict` are not used.
    """
    weights = config.loss
    system = describe_system(config, axis_name=AXIS)
    teacher = None
    if config.teacher:
        assert config.teacher_config is not None, "a config that names a teacher is resolved"
        teacher = describe_system(config.teacher_config)

    def targets(frozen: Any, batch: Batch) -> tuple[tuple[float, jax.Array], ...]:
        hard = losses.label_smoothing(batch["target"], weights.label_smoothing)
        if teacher is None:
            return ((1.0, hard),)
        beside = batch.get("neighbours")
        soft = teacher.alpha(**frozen["teacher"], patches=batch["image"], neighbours=beside)
        return ((weights.distillation, soft), (1.0 - weights.distillation, hard))

    return Stage(
        name="softgan",
        generator=system.network,
        discriminator=DISCRIMINATORS[config.model.discriminator](
            features=config.model.discriminator_features, axis_name=AXIS, dtype=config.dtype
        ),
        condition=lambda frozen, batch: system.condition(
            frozen, batch["image"], batch.get("marks"), batch.get("neighbours")
        )[0],
        targets=targets,
        content_losses=_weighted(
            weights.content,
            {
                "mse": lambda output, target, _: losses.mse(output, target),
                "l1": lambda output, target, _: losses.l1(output, target),
                "cross_entropy": lambda output, target, _: losses.cross_entropy(output, target),
                "soft_dice": lambda output, target, _: losses.soft_dice(output, target),
            },
        ),
        generator_loss=losses.lsgan_generator,
        discriminator_loss=losses.lsgan_discriminator,
        adversarial_weight=weights.adversarial,
    )


BUILD_STAGE: Mapping[str, Callable[[Any], Stage]] = {"srgan": srgan_stage, "softgan": softgan_stage}
