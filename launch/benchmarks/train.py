"""The adversarial step beside the same networks, losses and optimisers in PyTorch.

Both sides start from the same weights and see the same batch; they are measured in turn, each in a
process of its own, with all cores. The perceptual loss is off and no SR network stands before
SoftGAN. On a GPU, PyTorch gets `torch.compile` and channels-last memory. Model FLOPs are those of
convolutions and matrix products of PyTorch's step, and the peak is that of a measured matrix
product of the same type.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.configs import softgan, srgan
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.errors import UserError, install
from casgan_jax.training.loop import make_step
from casgan_jax.training.parallel import Devices
from casgan_jax.training.restore import initial_state
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.step import Constants
from launch.benchmarks.running.apart import Held, apart

DTYPES = ("float32", "bfloat16")
_CONSTANT_RATE = dict(schedule="constant", warmup_steps=0)
SECONDS = 0.5  # of one measurement, at least; a step is repeated until then


@dataclasses.dataclass(frozen=True)
class Case:
    """One size: networks and losses of a config, and the examples of a step."""

    name: str
    config: StageConfig
    batch_size: int

    def batch(self) -> dict[str, np.ndarray]:
        """Smooth discs as soft targets of noise: (N, P, P, 1) and (N, r P, r P, 1)."""
        patch, side = self.config.data.patch, self.config.data.patch * self.config.data.scale
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        disc = np.clip(side / 6 - np.hypot(x, y), 0, 1).astype(np.float32)
        target = np.tile(disc[None, :, :, None], (self.batch_size, 1, 1, 1))
        image = np.random.default_rng(0).random((self.batch_size, patch, patch, 1), np.float32)
        return {"image": image, "target": target}


class Side(NamedTuple):
    """A step, ready to be timed.

    Attributes:
      step: returns its losses.
      wait: until losses are there.
      memory: at the peak, by what it is the peak of.
      facts: what else is known.
    """

    step: Callable[[], Mapping[str, Any]]
    wait: Callable[[Any], Any]
    memory: Callable[[], dict[str, int]]
    facts: dict[str, Any]


def cases(dtype: str) -> list[Case]:
    """SoftGAN and SRGAN at the sizes of `docs/performance.md`."""
    small = dict(scale=2), dict(features=16, discriminator_features=16)
    return [
        _softgan("softgan 128 px, 16 features", 8, dtype, *small),
        _softgan("softgan 256 px, 64 features", 1, dtype, {}, {}),
        _softgan("softgan:marked 128 px, 24 features", 8, dtype, {}, {}, "marked"),
        _srgan("srgan 22 -> 88 px, 64 features", 4, dtype, dict(patch=22)),
    ]


def _softgan(
    name: str, batch_size: int, dtype: str, data: Any, model: Any, variant: str = ""
) -> Case:
    """Of what a config sees, the image alone."""
    unmarked = dict(marks=dict(click=0.0, axes=0.0, anywhere=0.0, share=0.0))
    config = replaced(
        softgan.get_config(variant),
        sr="none",
        dtype=dtype,
        data=unmarked | data,
        model=model,
        optim=_CONSTANT_RATE,
    )
    return Case(name, config, batch_size)


def _srgan(name: str, batch_size: int, dtype: str, data: Any) -> Case:
    config = replaced(
        srgan.get_config(),
        dtype=dtype,
        data=data,
        loss=dict(perceptual=0.0),
        optim=_CONSTANT_RATE,
    )
    return Case(name, config, batch_size)


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row a size, then the summary.

    Raises:
      UserError: PyTorch is not installed, or `dtype` is neither of DTYPES.
    """
    if options.dtype not in DTYPES:
        raise UserError(
            "dtype",
            found=f"{options.dtype!r}",
            expected=f"one of {', '.join(DTYPES)}",
        )
    if importlib.util.find_spec("torch") is None:
        raise UserError(
            "torch",
            found="none",
            expected="the extra bench",
            remedy=install("bench"),
        )
    peak = apart(matrix_product_flops, options.dtype)
    ratios = {}
    for case in cases(options.dtype):
        row = measure(case, options.repeats, peak)
        ratios[case.name] = row["ratio_vs_pytorch"]
        yield row
    yield {
        "torch": importlib.metadata.version("torch"),
        "threads": os.cpu_count(),
        "dtype": options.dtype,
        "peak_gigaflops_measured": round(peak / 1e9, 1),
        "ratio_vs_pytorch": ratios,
    }


def measure(case: Case, repeats: int, peak: float) -> dict[str, Any]:
    """Medians of interleaved measurements of both sides, and what else is known of the step."""
    with Held(jax_side, case) as ours, Held(torch_side, case) as theirs:
        pairs = [(ours(_seconds, SECONDS), theirs(_seconds, SECONDS)) for _ in range(repeats)]
        facts, reference_facts = ours(_facts), theirs(_facts)
    seconds, reference = (statistics.median(column) for column in zip(*pairs, strict=True))
    flops = reference_facts.pop("model_flops")
    return {
        "case": case.name,
        "batch": case.batch_size,
        "images_per_second": round(case.batch_size / seconds, 2),
        "pytorch_images_per_second": round(case.batch_size / reference, 2),
        "ratio_vs_pytorch": round(reference / seconds, 3),
        "model_gigaflops_per_step": round(flops / 1e9, 2),
        "model_gigaflops_per_second": round(flops / seconds / 1e9, 1),
        "share_of_peak": round(flops / seconds / peak, 3),
        **facts,
        **{f"pytorch_{name}": fact for name, fact in reference_facts.items()},
    }


def jax_side(case: Case) -> Side:
    """The step of `casgan_jax.training`, compiled for all devices."""
    config = case.config
    stage, devices = BUILD_STAGE[config.name](config), Devices()
    state = devices.replicate(initial_state(config, stage, {}))
    batch = devices.shard(case.batch())
    step: Any = make_step(config, stage, devices)
    constants = Constants({}, np.float32(config.optim.lr))
    lowered = step.lower(state, batch, constants)
    start = time.perf_counter()
    compiled = lowered.compile()
    facts = {"compile_seconds": round(time.perf_counter() - start, 1)}

    def once() -> Mapping[str, Any]:
        nonlocal state
        state, losses = compiled(state, batch, constants)
        return losses

    return Side(once, jax.block_until_ready, _memory, facts)


def torch_side(case: Case) -> Side:
    """The same step in PyTorch, from the weights that `jax_side` starts with."""
    # JAX is here for the weights alone, and leaves the GPU's memory to PyTorch.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(os.cpu_count() or 1)
    device = torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")
    training = torch_training(case.config, device)
    image, target = (
        torch.tensor(array.transpose(0, 3, 1, 2), device=device) for array in case.batch().values()
    )
    counter = FlopCounterMode(display=False)
    with counter:
        training.step(image, target)
    facts = {"model_flops": counter.get_total_flops()}
    if device.type == "cuda":
        start = time.perf_counter()
        training.generator.compile()
        training.discriminator.compile()
        training.step(image, target)
        torch.cuda.synchronize()
        facts["compile_seconds"] = round(time.perf_counter() - start, 1)

    def wait(_: Any) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    def memory() -> dict[str, int]:
        if device.type == "cuda":
            return {"peak_megabytes": torch.cuda.max_memory_allocated() // 2**20}
        return _process_memory()

    return Side(lambda: training.step(image, target), wait, memory, facts)


def torch_training(config: StageConfig, device: Any) -> Any:
    """`AdversarialTraining` of a config, with the weights of its Flax modules."""
    import torch

    from launch.benchmarks.pytorch import networks, step

    state = initial_state(config, BUILD_STAGE[config.name](config), {})
    scale, width = config.data.scale, config.model.discriminator_features
    if isinstance(config, SoftganConfig):
        generator = _segmentor(config)
        discriminator = networks.PixelDiscriminator(1, width)
        condition = functools.partial(step.interpolated, scale=scale)
        content = step.softgan_content(config.loss)
        criterion: Callable[[Any, bool], Any] = step.least_squares
    else:
        generator = networks.SRGenerator(config.model.features, config.model.blocks, scale)
        discriminator = networks.SRDiscriminator(width)
        condition = torch.nn.Identity()
        content, criterion = step.srgan_content(config.loss), step.logistic
    networks.load_flax(generator, state.generator.variables)
    networks.load_flax(discriminator, state.discriminator.variables)
    memory = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    return step.AdversarialTraining(
        generator.to(device, memory_format=memory),
        discriminator.to(device, memory_format=memory),
        condition=condition,
        content=content,
        criterion=criterion,
        adversarial_weight=config.loss.adversarial,
        optim=config.optim,
        dtype=config.dtype,
    )


def _segmentor(config: SoftganConfig) -> Any:
    """The segmentor's twin."""
    from launch.benchmarks.pytorch import networks

    features, scale = config.model.features, config.data.scale
    options: Mapping[str, Any] = config.model.options
    if config.model.network.endswith(".NativeUNet"):
        cell = scale * options["fold"]
        return networks.NativeUNet(features, options["levels"], options["widest"], cell)
    levels = options["levels"] or (config.data.patch * scale).bit_length() - 1
    return networks.UNet(1, features, levels, options["dropout"])


def _seconds(side: Side, at_least: float) -> float:
    """Mean seconds of a step over one measurement."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < at_least:
        losses = side.step()
        side.wait(losses)
        count += 1
    return (time.perf_counter() - start) / count


def matrix_product_flops(dtype: str) -> float:
    """FLOP/s of the best of five square matrix products on one device."""
    size = 8192 if jax.default_backend() == "gpu" else 2048
    a = jnp.ones((size, size), dtype)
    product = jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    best = np.inf
    for _ in range(5):
        start = time.perf_counter()
        product(a, a).block_until_ready()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def _facts(side: Side) -> dict[str, Any]:
    return {**side.facts, **side.memory()}


def _memory() -> dict[str, int]:
    """Peak of the first device, or of the process where the device keeps none."""
    statistics_ = jax.local_devices()[0].memory_stats() or {}
    if "peak_bytes_in_use" in statistics_:
        return {"peak_megabytes": statistics_["peak_bytes_in_use"] // 2**20}
    return _process_memory()


def _process_memory() -> dict[str, int]:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"process_peak_megabytes": kilobytes // 2**10}
