"""The cascade: SRGAN, then SoftGAN on SR image and interpolated patch -> soft mask."""

from __future__ import annotations

from ml_collections import ConfigDict

from casgan_jax.configs import srgan

VARIANTS = {
    "": "64 -> 256 px, 64 features, losses that work on real patches (one GPU)",
    "paper": "as the paper trains it: 100 L1 + MSE + LSGAN, Adam 0.002, 35 + 35 epochs",
    "cpu": "64 -> 128 px, 16 features (2 CPU cores, under an hour on the LIDC slices)",
    "quick": "the same on the embedded phantoms, a few hundred steps (minutes on 2 CPU cores)",
}


def get_config(variant: str = "") -> ConfigDict:
    """The config of a variant (VARIANTS)."""
    config = ConfigDict(
        dict(
            name="softgan",
            seed=0,
            dtype="float32",  # of the computation; or bfloat16
            spmd="shard_map",  # how the step is mapped over devices; or pmap
            # "train": train the SRGAN stage first, unless it is in the workdir; "none": without SR;
            # or the workdir of a trained SRGAN or cascade.
            sr="train",
            srgan=srgan.get_config(variant),
            # Workdirs of trained cascades: one whose soft mask is shown to the network as a prior
            # (paper 3.3, Figure 5), one to learn from beside the label (Eq. 5).
            prior="",
            teacher="",
            data=dict(
                dir="data/phantom",
                test_dir="",  # another data set, whose test split is measured in the end
                # What to train towards: alpha, alpha_anchored, true_alpha, readers or consensus.
                label="readers",
                patch=64,
                scale=4,
                cache="auto",  # or none, host, device: where decoded records are kept
                workers=0,
                augmentation=dict(
                    flip=True,
                    rotation=180.0,
                    zoom=0.15,
                    shift=4.0,
                    elastic=0.0,
                    contrast=0.2,
                    brightness=0.1,
                    noise=0.02,
                ),
            ),
            model=dict(
                network="casgan_jax.models.unet.UNet",  # or another: MODULE.CLASS
                features=64,
                levels=0,  # 0: as many as the size allows
                dropout=0.5,
                initial_alpha=0.03,
                discriminator="pixel",
                discriminator_features=64,
            ),
            loss=dict(
                mse=0.0,
                l1=0.0,
                cross_entropy=20.0,
                soft_dice=2.0,
                adversarial=0.1,
                label_smoothing=0.0,  # epsilon of Eq. 4
                distillation=0.7,  # alpha of Eq. 5, where there is a teacher
            ),
            optim=dict(
                lr=2e-4,
                b1=0.9,
                schedule="constant_then_linear",
                constant=0.5,
                warmup_steps=300,
                clip=0.0,
                batch_size=8,
                average=0.999,
            ),
            train=dict(
                epochs=70.0,
                steps=0,  # above 0: instead of epochs
                log_every=20,
                evaluate_every=1000,
                checkpoint_every=500,
                validation_records=200,
                best="dice",  # or soft_mae; or last: no choice, the newest
            ),
            predict=dict(symmetries=True),  # average over the eight symmetries of the square
        )
    )
    if variant == "paper":
        config.update(
            dict(
                data=dict(label="alpha"),
                model=dict(initial_alpha=0.5),
                loss=dict(mse=1.0, l1=100.0, cross_entropy=0.0, soft_dice=0.0, adversarial=1.0),
                optim=dict(lr=0.002, b1=0.5, warmup_steps=0, average=0.0),
                predict=dict(symmetries=False),
            )
        )
    if variant in ("cpu", "quick"):
        config.update(
            dict(
                data=dict(scale=2),
                model=dict(features=16, levels=5, discriminator_features=16),
                optim=dict(lr=1e-3, schedule="cosine"),
                train=dict(steps=10000),
            )
        )
    if variant == "quick":
        config.update(
            dict(
                data=dict(label="true_alpha"),
                optim=dict(warmup_steps=50, average=0.99),
                train=dict(
                    steps=500, evaluate_every=250, validation_records=32, checkpoint_every=250
                ),
            )
        )
    config.srgan.data.dir = ""  # the cascade's own
    return config
