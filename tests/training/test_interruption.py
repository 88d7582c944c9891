import os
import signal

import pytest

from casgan_jax.errors import Interrupted
from casgan_jax.training.interruption import Interruption
from casgan_jax.training.loop import train
from tests.training.test_loop import tiny_config
from tests.workdir.processes import training_lines

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_is_noted_and_a_second_acts_as_before(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert interruption.requested(1) is None
        os.kill(os.getpid(), number)
        assert interruption.requested(2) == number
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_an_interrupted_training_saves_leaves_and_goes_on(discs, tmp_path, monkeypatch):
    config = tiny_config("softgan:quick", discs, sr="none", train__checkpoint_every=100)
    with monkeypatch.context() as patch:
        patch.setattr(
            Interruption, "requested", lambda _, step: signal.SIGTERM if step == 3 else None
        )
        with pytest.raises(Interrupted, match="softgan: stopped by SIGTERM after step 3 of 4") as e:
            train(config, tmp_path)
    assert e.value.exit_status == 143
    assert (tmp_path / "softgan" / "checkpoints" / "3" / "manifest.json").is_file()
    assert train(config, tmp_path).steps == 4
    assert [line["step"] for line in training_lines(tmp_path)] == [1, 2, 3, 4]
