"""Training with another trained system: as a prior that is seen, as a teacher learnt from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.configs.schema.tree import replaced
from casgan_jax.inference.load import load_cascade
from casgan_jax.training import other_systems
from casgan_jax.training.loop import resolve, train
from casgan_jax.training.restore import frozen_shapes
from casgan_jax.training.stages import softgan_stage
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow

PATCHES = np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)


@pytest.fixture(scope="module")
def other(discs, tmp_path_factory):
    """Workdir of a trained system without SR and GAN."""
    workdir = tmp_path_factory.mktemp("other")
    train(tiny_config("softgan:quick", discs, sr="none", loss__adversarial=0), workdir)
    return workdir


def test_a_system_with_a_prior_is_whole_without_the_prior_s_folder(discs, other, tmp_path):
    changes = {"sr": "none", "prior": other, "loss__adversarial": 0, "train__steps": 2}
    train(tiny_config("softgan:quick", discs, **changes), tmp_path / "run")
    cascade = load_cascade(tmp_path / "run")
    assert cascade.config.prior_config.model.features == 4
    found = cascade(PATCHES)["alpha"]
    assert found.shape == (2, 32, 32)
    # The prior is the other system's soft mask, and the network looks at it.
    frozen = cascade._variables[1]
    np.testing.assert_allclose(
        load_cascade(other)(PATCHES)["alpha"],
        np.asarray(system_of(cascade).prior.alpha(**frozen["prior"], patches=PATCHES[..., None]))[
            ..., 0
        ],
        atol=1e-5,
    )
    frozen["prior"]["variables"] = zeros(frozen["prior"]["variables"])
    assert np.abs(cascade(PATCHES)["alpha"] - found).max() > 1e-6


def test_the_target_of_a_student_is_the_teacher_s_mask_and_the_label(discs, other):
    changes = {"sr": "none", "teacher": other, "loss__distillation": 0.75}
    config = resolve(tiny_config("softgan:quick", discs, loss__label_smoothing=0.2, **changes))
    stage = softgan_stage(config)
    teacher = load_cascade(other)
    frozen = {"teacher": {"variables": teacher._variables[0], "frozen": {}}}
    target = jnp.ones((2, 32, 32, 1))
    (soft_weight, soft), (hard_weight, hard) = stage.targets(
        frozen, {"image": PATCHES[..., None], "target": target}
    )
    assert (soft_weight, hard_weight) == (0.75, 0.25)  # Eq. 5
    np.testing.assert_allclose(hard, 0.9, rtol=1e-6)  # Eq. 4: 0.8 * 1 + 0.2 / 2
    np.testing.assert_allclose(soft[..., 0], teacher(PATCHES)["alpha"], atol=1e-5)
    assert set(frozen_shapes(config)) == {"teacher"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"prior": "nowhere"}, "prior: workdir"),
        ({"data__patch": "8"}, "teacher"),
    ],
)
def test_a_system_that_does_not_fit_is_named(discs, other, changes, what):
    fields = {"sr": "none", **({"teacher": other} if "prior" not in changes else {}), **changes}
    assert fault_of(resolve, tiny_config("softgan:quick", discs, **fields)).what == what


def system_of(cascade):
    return cascade._predict.keywords["system"]


def zeros(tree):
    return jax.tree.map(jnp.zeros_like, tree)


def test_another_system_that_sees_more_slices_is_refused(discs, monkeypatch):
    config = tiny_config("softgan:quick", discs, sr="none", prior="runs/other")
    more = replaced(config, data=dict(neighbours=1))
    monkeypatch.setattr(other_systems, "read_config", lambda _: more)
    error = fault_of(other_systems.config_of_other_system, config, "prior")
    assert error.what == "prior" and "data.neighbours=1" in error.found
