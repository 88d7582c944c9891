"""Prepared data set -> augmented patches -> batches: the input of training.

    data = training_batches(
        "data/phantom", kind="segmentation", label="alpha", patch=64, scale=4, batch_size=8, seed=0
    )
    batch = data.render(next(iter(data.batches_from(0))))
    batch["image"], batch["target"]  # (8, 64, 64, 1) and (8, 256, 256, 1), float32 in [0, 1]

A pipeline is a Grain data set: shuffled, repeated, shared out to the processes. For every example
it draws which record, which motion, which grey levels, from a generator that depends on (seed,
position) alone: the stream depends neither on the number of workers nor on that of processes, and
its position is the number of steps taken. What is drawn is rendered by the host in the pipeline, or
by the devices, which then hold the records and are sent a few numbers an example.
"""

from casgan_jax.data.pipeline import TrainingData, training_batches
from casgan_jax.data.planes import Planes, segmentation_planes, super_resolution_planes
from casgan_jax.data.targets import LABELS, readers_mean

__all__ = [
    "LABELS",
    "Planes",
    "TrainingData",
    "readers_mean",
    "segmentation_planes",
    "super_resolution_planes",
    "training_batches",
]
