"""What several tests of the annotation take long to make."""

import pytest

from casgan_jax.training.loop import train
from tests.annotate.browser import opened_browser
from tests.training.test_loop import tiny_config


@pytest.fixture(scope="package")
def browser():
    """A real browser; its absence skips."""
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def marked(discs, tmp_path_factory):
    """Workdir of a tiny network that sees axes, trained until it finds discs."""
    changes = dict(
        train__steps=150,
        train__evaluate_every=150,
        train__checkpoint_every=150,
        train__log_every=50,
        optim__lr=0.01,
        optim__warmup_steps=5,
        optim__average=0.9,
        model__features=8,
        loss__adversarial=0.0,
    )
    folder = tmp_path_factory.mktemp("marked")
    train(tiny_config("softgan:marked", discs, **changes), folder)
    return folder
