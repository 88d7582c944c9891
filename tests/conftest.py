"""Two CPU devices, strict promotion, parsed flags, and a tiny prepared data set for every test."""

import atexit
import os
import shutil
import tempfile
from importlib.metadata import version

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# What one process of a run has compiled, its other workers and the commands that tests start load.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="casgan-compiled-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
# Tests compile much and run little: LLVM's full optimisation takes four times as long to compile,
# and MLIR's kernels, which newer releases cannot do without, twice as long again.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    + " --xla_cpu_use_fusion_emitters=false" * version("jaxlib").startswith("0.10."),
)

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from absl import flags

from casgan_jax.grid import encode_alpha
from casgan_jax.records import features as records
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder, prepare
from datasets.task import Task
from tests.faults import messages

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
flags.FLAGS.mark_as_parsed()  # Grain asks for flags

SIZE, SCALE = 32, 4


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that rewrites kept messages."""
    parser.addoption(
        "--update-messages",
        action="store_true",
        help="rewrite the lines that tests/messages.txt keeps of the tests that run",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Messages are rewritten by one process, which has run all of the tests."""
    messages.update = config.getoption("--update-messages")
    if messages.update and config.getoption("numprocesses", None):
        raise pytest.UsageError("--update-messages: found -n, expected one process; add -n 0")


@pytest.hookimpl(tryfirst=True)  # -k and -m leave tests out afterwards
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests with a browser are slow ones."""
    # Where tests are named alone, the others of their file are not collected.
    if not any("::" in argument for argument in config.args):
        messages.collected = {item.nodeid for item in items}
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Messages of a test that fails stay as they are."""
    if report.when == "call" and report.passed:
        messages.passed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Writes the messages, where that was asked."""
    if messages.update:
        messages.write()


@pytest.fixture(scope="session", autouse=True)
def temporary_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kept messages have no folder of this machine."""
    messages.temporary = tmp_path_factory.getbasetemp()


def disc_record(index: int) -> dict:
    """A bright soft disc on noise; four readers of different generosity."""
    rng = np.random.default_rng(index)
    centre, radius = SCALE * (SIZE - 1) / 2 + rng.uniform(-4, 4, 2), rng.uniform(12, 28)
    y, x = np.mgrid[: SCALE * SIZE, : SCALE * SIZE]
    alpha = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / 8 + 0.5, 0, 1)
    native = alpha.reshape(SIZE, SCALE, SIZE, SCALE).mean((1, 3))
    image = 40 + 150 * native + rng.normal(0, 6, native.shape)
    readers = np.stack([native >= level for level in (0.3, 0.4, 0.5, 0.6)], axis=-1)
    patient = f"patient-{index}"
    return {
        "image": image.clip(0, 255).astype(np.uint8),
        "alpha": encode_alpha(alpha),
        "trimap": np.where(alpha >= 1, 255, np.where(alpha <= 0, 0, 128)).astype(np.uint8),
        "reader_masks": readers.astype(np.uint8) * np.uint8(255),
        "consensus": (readers.sum(-1) >= 2).astype(np.uint8) * np.uint8(255),
        "mark": np.full(2, (SIZE - 1) / 2, np.float32),
        "n_readers": 4,
        "spacing_mm": 0.7,
        "patient": patient,
        "lesion": f"{patient}/0",
        "key": f"{patient}/0/0",
    }


class Discs(PreparedBuilder, skip_registration=True):
    """Soft discs, one a patient."""

    name = "discs"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    make_record = staticmethod(disc_record)

    def _info(self):
        features = records.segmentation_features(SIZE, SCALE, np.uint8)
        metadata = records.metadata(kind="segmentation", window=(0, 255), scale=SCALE)
        return self.prepared_info(features, metadata)

    def tasks(self, manual_dir):
        del manual_dir
        return [Task(split_of(f"patient-{i}"), f"patient-{i}/0/0", i) for i in range(60)]


@pytest.fixture(scope="session")
def discs(tmp_path_factory):
    """Directory of a prepared segmentation data set of 60 soft discs, 32 px, stored at x4."""
    root = tmp_path_factory.mktemp("data")
    return prepare(Discs, root, workers=0, show_progress=False).path
