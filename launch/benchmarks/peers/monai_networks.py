"""MONAI's networks, trained as its tutorials train them in 2D, and asked as a cascade is asked.

The tutorials of 2D segmentation (Project-MONAI/tutorials, `2d_segmentation`) take Adam at 1e-3,
batches of images turned by quarters and flipped, and a Dice loss of sigmoid outputs; `DiceCELoss`
is what MONAI's own later pipelines use. Cosine decay and the mean over eight symmetries, which make
it better, are given to it as well. The networks see the patch around the mark, native pixels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.losses import DiceCELoss
from monai.networks.nets import BasicUNet, DynUNet
from torch import nn

from casgan_jax.evaluation.data_set import choose_threshold, evaluate
from casgan_jax.grid import PAPER_THRESHOLD, normalise
from casgan_jax.records.patches import marked_patch
from casgan_jax.records.prepared import load_split, read_metadata
from launch.benchmarks.peers.trained import VALIDATED, VALIDATIONS, Point, Trained

BATCH = 8
LEARNING_RATE = 1e-3


def basic_unet() -> nn.Module:
    """MONAI's BasicUNet as it comes (1.9 M parameters)."""
    network: nn.Module = BasicUNet(spatial_dims=2, in_channels=1, out_channels=1)
    return network


def dynunet() -> nn.Module:
    """MONAI's DynUNet with nnU-Net's widths for patches of this size, up to 256 channels."""
    strides = [1, 2, 2, 2]
    network: nn.Module = DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        kernel_size=[3] * len(strides),
        strides=strides,
        upsample_kernel_size=strides[1:],
        res_block=True,
    )
    return network


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "MONAI BasicUNet": basic_unet,
    "MONAI DynUNet": dynunet,
}


class MonaiSystem:
    """A trained network as `casgan_jax.evaluation` asks a system (`looking.Cascade`).

    Attributes:
      patch: side of the native patches in pixels.
      scale: 1, masks are as fine as the image.
      threshold: chosen on validation.
      mark_kinds: none.
      neighbours: 0, it sees one slice.
      axis_share: 0, patches are native pixels.
    """

    scale = 1
    mark_kinds = ()
    neighbours = 0
    axis_share = 0.0

    def __init__(self, network: nn.Module, patch: int, *, symmetries: bool = True) -> None:
        self.network, self.patch, self.threshold = network, patch, PAPER_THRESHOLD
        self._symmetries = symmetries

    def __call__(
        self,
        patches: np.ndarray,
        marks: np.ndarray | None = None,
        neighbours: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Soft masks (N, P, P) in [0, 1] of patches (N, P, P) in [0, 1]."""
        self.network.eval()
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            seen = torch.from_numpy(np.asarray(patches, np.float32)[:, None]).to(device)
            masks = [
                _turned(torch.sigmoid(self.network(_turned(seen, k))), k, back=True)
                for k in range(8 if self._symmetries else 1)
            ]
            alpha = torch.stack(masks).mean(0)[:, 0]
        return {"alpha": alpha.cpu().numpy()}


def _turned(x: torch.Tensor, index: int, *, back: bool = False) -> torch.Tensor:
    """One of the eight symmetries of the square, or its inverse, of (N, C, S, S)."""
    if back:
        x = torch.rot90(x, -(index % 4), (2, 3))
        return x.flip(3) if index >= 4 else x
    x = x.flip(3) if index >= 4 else x
    return torch.rot90(x, index % 4, (2, 3))


def train_monai(name: str, data_dir: Path, patch: int, seconds: float, *, seed: int = 0) -> Trained:
    """Trains one of NETWORKS for so many seconds, on the records' consensus.

    Args:
      name: of NETWORKS.
      data_dir: prepared data set.
      patch: side of the patch around the mark, in native pixels.
      seconds: of the budget.
      seed: of weights and batches.
    """
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    started = clock()
    network = NETWORKS[name]().to(device)
    metadata = read_metadata(data_dir)
    batches = _batches(data_dir, metadata, patch, seed, device)
    loss_of = DiceCELoss(sigmoid=True)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    validation = _first(load_split(data_dir, "validation"))
    steps, curve, lost = 0, list[Point](), 0.0

    def spent() -> float:
        return clock() - started - lost

    # The share of the budget that is spent stands for that of the steps: how long a step takes
    # changes with what else runs on the machine.
    while (share := spent() / seconds) < 1 or steps < VALIDATIONS:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * min(share, 1.0))) / 2
        network.train()
        images, masks = next(batches)
        optimizer.zero_grad(set_to_none=True)
        loss_of(network(images), masks).backward()
        optimizer.step()
        steps += 1
        if spent() / seconds * VALIDATIONS >= len(curve) + 1:
            before = spent()
            quick = MonaiSystem(network, patch, symmetries=False)
            curve.append(Point(before, _dice(quick, validation, metadata)))
            lost += spent() - before
    trained = spent()
    system = MonaiSystem(network, patch)
    chosen = evaluate(system, load_split(data_dir, "validation"), metadata, progress=False)
    system.threshold = choose_threshold(chosen).threshold
    return Trained(system, trained, steps, tuple(curve))


def keep(system: Any, folder: Path) -> None:
    """Writes the weights of a `MonaiSystem` as weights.pt."""
    torch.save(system.network.state_dict(), folder / "weights.pt")


def _first(records: Any) -> list[Any]:
    return [records[index] for index in range(min(VALIDATED, len(records)))]


def _dice(system: MonaiSystem, records: list[Any], metadata: Mapping[str, Any]) -> float:
    return choose_threshold(evaluate(system, records, metadata, progress=False)).dice


def _batches(
    data_dir: Path, metadata: Mapping[str, Any], patch: int, seed: int, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches without end: images (B, 1, P, P) in [0, 1] and masks, 0 or 1, flipped and turned."""
    records = load_split(data_dir, "train", features=("image", "consensus", "mark"))
    decoded = [records[index] for index in range(len(records))]
    window = metadata["window"]
    images = np.stack([normalise(marked_patch(r, "image", patch), window) for r in decoded])
    masks = np.stack([marked_patch(r, "consensus", patch) > 0 for r in decoded]).astype(np.float32)
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            pairs = np.stack([images[chosen], masks[chosen]], axis=1)
            turned = np.stack([_moved(pair, rng) for pair in pairs])
            both = torch.from_numpy(turned).to(device)
            yield both[:, :1], both[:, 1:]


def _moved(planes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the eight symmetries of the square of (C, S, S), drawn."""
    turned = np.rot90(planes, int(rng.integers(4)), (1, 2))
    return turned[..., ::-1] if rng.integers(2) else turned
