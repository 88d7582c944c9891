"""The adversarial step of `casgan_jax.training.step` in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from casgan_jax.configs.schema.sections import Optim
from casgan_jax.configs.schema.softgan import SoftganLoss
from casgan_jax.configs.schema.srgan import SrganLoss

Losses = dict[str, torch.Tensor]


def interpolated(image: torch.Tensor, scale: int) -> torch.Tensor:
    """SoftGAN's condition without SR network: the bilinear enlargement."""
    return F.interpolate(image, scale_factor=scale, mode="bilinear", align_corners=False)


def softgan_content(weights: SoftganLoss) -> Callable[[torch.Tensor, torch.Tensor], Losses]:
    """Weighted cross-entropy and soft Dice of (output, target)."""

    def content(output: torch.Tensor, target: torch.Tensor) -> Losses:
        kept = output.clamp(1e-6, 1.0 - 1e-6)
        shared = (output * target).sum((1, 2, 3))
        total = (output.square() + target.square()).sum((1, 2, 3))
        dice = (1.0 - (2.0 * shared + 1.0) / (total + 1.0)).mean()
        return {
            "cross_entropy": weights.cross_entropy * F.binary_cross_entropy(kept, target),
            "soft_dice": weights.soft_dice * dice,
        }

    return content


def srgan_content(weights: SrganLoss) -> Callable[[torch.Tensor, torch.Tensor], Losses]:
    """Weighted squared error and total variation of (output, target)."""

    def content(output: torch.Tensor, target: torch.Tensor) -> Losses:
        vertical, horizontal = output.diff(dim=2), output.diff(dim=3)
        variation = 2.0 * (vertical.square().mean() + horizontal.square().mean())
        return {
            "mse": weights.mse * F.mse_loss(output, target),
            "tv": weights.tv * variation,
        }

    return content


def least_squares(scores: torch.Tensor, real: bool) -> torch.Tensor:
    return (scores - float(real)).square().mean()


def logistic(logits: torch.Tensor, real: bool) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


class AdversarialTraining:
    """Both networks, their Adam optimisers and the generator's moving average."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        condition: Callable[[torch.Tensor], torch.Tensor],
        content: Callable[[torch.Tensor, torch.Tensor], Losses],
        criterion: Callable[[torch.Tensor, bool], torch.Tensor],
        adversarial_weight: float,
        optim: Optim,
        dtype: str = "float32",
    ) -> None:
        """
        Args:
          generator, discriminator: on their device.
          condition: image -> what the generator sees.
          content: (output, target) -> weighted terms.
          criterion: (scores, whether they should say "real") -> scalar.
          adversarial_weight: of the generator's criterion beside the content terms.
          optim: `lr`, `b1` and `average` (decay of the moving average; 0: none).
          dtype: "bfloat16" computes under `torch.autocast`.
        """
        self.generator, self.discriminator = generator, discriminator
        self.condition, self.content, self.criterion = condition, content, criterion
        self.adversarial_weight = adversarial_weight
        betas = (optim.b1, 0.999)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), lr=optim.lr, betas=betas)
            for network in (generator, discriminator)
        )
        self.average = (
            torch.optim.swa_utils.AveragedModel(
                generator, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(optim.average)
            )
            if optim.average
            else None
        )
        self.autocast = dtype == "bfloat16"

    def step(self, image: torch.Tensor, target: torch.Tensor) -> Losses:
        """Trains the discriminator on target and output, then the generator."""
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.autocast):
            condition = self.condition(image)
            output = self.generator(condition)
            real = self.discriminator(condition, target)
            fake = self.discriminator(condition, output.detach())
        loss = 0.5 * (self.criterion(real, True) + self.criterion(fake, False))
        _descend(loss, self.discriminator_optimizer)

        self.discriminator.requires_grad_(False)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.autocast):
            fake = self.discriminator(condition, output)
        terms = self.content(output, target)
        terms["adversarial"] = self.adversarial_weight * self.criterion(fake, True)
        total = sum(terms.values())
        _descend(total, self.generator_optimizer)
        self.discriminator.requires_grad_(True)
        if self.average is not None:
            self.average.update_parameters(self.generator)
        return {"discriminator": loss.detach(), "generator": total.detach(), **terms}


def _descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
