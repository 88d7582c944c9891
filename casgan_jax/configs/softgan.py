"""The cascade: SRGAN, then SoftGAN on SR image and interpolated patch -> soft mask."""

from __future__ import annotations

from casgan_jax.configs import srgan
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import replaced

VARIANTS = {
    "": "64 -> 256 px, 64 features, losses that work on real patches (one GPU)",
    "paper": "as the paper trains it: 100 L1 + MSE + LSGAN, Adam 0.002, 35 + 35 epochs",
    "cpu": "64 -> 128 px, 16 features (2 CPU cores, under an hour on the LIDC slices)",
    "quick": "the same on the embedded phantoms, a few hundred steps (minutes on 2 CPU cores)",
    "native": "the segmentor on native pixels, without SR (2 CPU cores)",
    "marked": "the same, and sees a click, RECIST axes, and lesions as these lie (2 CPU cores)",
    "marked25d": "the same, and sees the slices before and after (2 CPU cores)",
    "tune": "the network of the package, which learns your lesions (minutes on 2 CPU cores)",
}
_MARKED = ("marked", "marked25d", "tune")
_NATIVE = ("native", *_MARKED)


def get_config(variant: str = "") -> SoftganConfig:
    """The config of a variant (VARIANTS)."""
    first = srgan.get_config("cpu" if variant in _NATIVE else variant)
    first = replaced(first, data=dict(dir=""))  # the cascade's own
    config = SoftganConfig(srgan=first)
    if variant == "paper":
        config = replaced(
            config,
            data=dict(label="alpha"),
            model=dict(initial_alpha=0.5),
            loss=dict(mse=1.0, l1=100.0, cross_entropy=0.0, soft_dice=0.0, adversarial=1.0),
            optim=dict(lr=0.002, b1=0.5, warmup_steps=0, average=0.0),
            predict=dict(symmetries=False),
        )
    if variant in ("cpu", "quick", *_NATIVE):
        config = replaced(
            config,
            data=dict(scale=2),
            model=dict(features=16, levels=5, discriminator_features=16),
            optim=dict(lr=1e-3, schedule="cosine"),
            train=dict(steps=10000),
        )
    if variant in _NATIVE:
        config = replaced(
            config,
            sr="none",
            model=dict(
                network="casgan_jax.models.native_unet.NativeUNet",
                features=24,
                levels=4,
                fold=1,
                widest=8,
                normalisation="batch",
                dropout=0.0,
                discriminator_features=8,
            ),
        )
    if variant in _MARKED:
        marks = dict(click=0.5, axes=0.7, anywhere=0.5, share=0.4)
        config = replaced(config, data=dict(marks=marks))
    if variant == "tune":
        config = replaced(
            config,
            init="pretrained",
            data=dict(label="alpha"),
            optim=dict(lr=3e-4, warmup_steps=30, average=0.98),
            train=dict(steps=300, evaluate_every=150, best="last"),
        )
    if variant == "marked25d":
        config = replaced(config, data=dict(neighbours=1))
    if variant == "quick":
        config = replaced(
            config,
            data=dict(label="true_alpha"),
            optim=dict(warmup_steps=50, average=0.99),
            train=dict(steps=500, evaluate_every=250, validation_records=32, checkpoint_every=250),
        )
    return config
