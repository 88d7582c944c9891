"""SRGAN: super-resolution of native patches, the first stage of the cascade."""

from __future__ import annotations

from ml_collections import ConfigDict

VARIANTS = {
    "": "64 features, 5 blocks, x4; losses of the paper, Adam 1e-4 (one GPU)",
    "paper": "as the paper trains it: Adam 0.01, 40 epochs",
    "cpu": "16 features, 3 blocks, x2, on top of bicubic interpolation, without VGG19 (2 cores)",
    "quick": "the same, a few hundred steps on the phantoms",
}


def get_config(variant: str = "") -> ConfigDict:
    """The config of a variant (VARIANTS)."""
    config = ConfigDict(
        dict(
            name="srgan",
            seed=0,
            dtype="float32",  # of the computation; or bfloat16
            spmd="shard_map",  # how the step is mapped over devices; or pmap
            data=dict(
                dir="data/phantom",
                patch=24,  # low-resolution side; Ledig et al. train 24 -> 96
                scale=4,
                cache="auto",  # or none, host, device: where decoded records are kept
                workers=0,
                augmentation=dict(noise=0.01),
            ),
            model=dict(
                features=64,
                blocks=5,
                residual_to_interpolation=False,
                discriminator_features=64,
            ),
            loss=dict(
                mse=1.0,
                l1=0.0,
                adversarial=0.001,
                perceptual=0.008,
                tv=2e-8,
                vgg19="hf://timm/vgg19.tv_in1k",  # or a local .npz or .safetensors file
            ),
            optim=dict(
                lr=1e-4,
                b1=0.9,
                schedule="constant_then_linear",
                constant=0.5,
                warmup_steps=100,
                clip=0.0,
                batch_size=16,
                average=0.999,
            ),
            train=dict(
                epochs=40.0,
                steps=0,  # above 0: instead of epochs
                log_every=20,
                evaluate_every=1000,
                checkpoint_every=500,
                validation_records=64,
            ),
        )
    )
    if variant == "paper":
        config.update(dict(optim=dict(lr=0.01, schedule="constant", warmup_steps=0)))
    if variant in ("cpu", "quick"):
        config.update(
            dict(
                data=dict(patch=32, scale=2),
                model=dict(
                    features=16,
                    blocks=3,
                    residual_to_interpolation=True,
                    discriminator_features=16,
                ),
                loss=dict(perceptual=0.0),
                optim=dict(lr=1e-3, batch_size=8),
                train=dict(steps=1000),
            )
        )
    if variant == "quick":
        config.update(
            dict(
                optim=dict(batch_size=4, warmup_steps=20),
                train=dict(steps=150, evaluate_every=150, validation_records=24),
            )
        )
    return config
