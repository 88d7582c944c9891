"""The segmentation system of a workdir, whatever made it: a trained cascade or a classical method.

system = load_system("runs/softgan-quick")
out = system(patches)  # (N, 64, 64) in [0, 1] -> {"super_resolution": ..., "alpha": ...}
"""

from __future__ import annotations

from pathlib import Path

from casgan_jax.cascade import TRAINED, Cascade, load_cascade, read_config
from casgan_jax.classical.system import ClassicalSystem, classical_system


def load_system(workdir: str | Path, *, batch_size: int = 16) -> Cascade | ClassicalSystem:
    """The system that a run left in its workdir.

    Args:
      workdir: of a finished `launch.train`.
      batch_size: patches that a network sees at once.

    Raises:
      UserError: no run in the folder, one that segments nothing, or one that has not finished.
    """
    config = read_config(workdir, names=(*TRAINED, "classical"))
    if config.name == "classical":
        return classical_system(config)
    return load_cascade(workdir, batch_size=batch_size)
