"""The config of a method without a network to train."""

from __future__ import annotations

import dataclasses

from casgan_jax.configs.schema.sections import Window
from casgan_jax.configs.schema.setting import MAX_SIDE, SEEDS, Options, Span, options, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassicalData:
    """What is measured on.

    Attributes:
      window: of the data set, once it is known.
    """

    dir: str = setting("data/phantom", "folder of a prepared data set")
    test_dir: str = setting("", "another data set, whose test split is measured")
    patch: int = setting(64, "side of the patches in native pixels", Span(1, MAX_SIDE))
    # As the networks beside it have it, whose masks are that fine.
    scale: int = setting(1, "r, pixels of the mask along a native one", Span(1, 16))
    window: Window | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassicalConfig:
    """Native patch, or patch and soft mask -> binary mask.

    Attributes:
      parameters: of the method.
    """

    name: str = setting("classical", "kind of the config")
    seed: int = setting(0, "of an experiment's row; methods draw nothing", SEEDS)
    method: str = setting("casgan_jax.classical.graph_cut.click_cut", "MODULE.FUNCTION")
    prior: str = setting(
        "", "workdir, to be kept, of the trained network that is refined; empty: the patch alone"
    )
    data: ClassicalData = ClassicalData()
    parameters: Options = options()
