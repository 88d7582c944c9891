import errno
import json
import subprocess
import sys

import pytest

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import nested, replaced
from casgan_jax.workdir.changes import keep_config
from casgan_jax.workdir.lock import hold_workdir
from tests.faults import fault_of


def config(**changes):
    found = replaced(SoftganConfig(), optim=dict(lr=0.1), train=dict(steps=10))
    for field, value in changes.items():
        found = replaced(found, **nested(field, value))
    return found


@pytest.fixture
def started(tmp_path):
    keep_config(config(), tmp_path)
    (tmp_path / "softgan" / "checkpoints" / "5").mkdir(parents=True)
    (tmp_path / "softgan" / "result.json").write_text("{}")
    return tmp_path


def test_before_the_first_checkpoint_a_config_may_change(tmp_path):
    keep_config(config(), tmp_path)
    keep_config(config(**{"model.features": 8}), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model"]["features"] == 8


def test_changed_fields_are_all_named_and_stop_the_run(started):
    changed = config(**{"optim.lr": 0.2, "train.steps": 20})
    with pytest.raises(
        ValueError,
        match=r"\(optim.lr: 0.1, now 0.2; train.steps: 10, now 20\).*`accept_config_changes`",
    ):
        keep_config(changed, started)
    assert json.loads((started / "config.json").read_text())["train"]["steps"] == 10


def test_accepted_changes_are_told_kept_and_reopen_a_finished_stage(started):
    changed = config(**{"train.steps": 20, "data.dir": "e", "srgan.data.dir": "e"})
    lines = keep_config(changed, started, accept_changes=True)
    assert "train.steps: 10, now 20" in lines
    assert json.loads((started / "config.json").read_text())["train"]["steps"] == 20
    assert not (started / "softgan" / "result.json").exists()


@pytest.mark.parametrize("field", ["model.features", "data.patch", "srgan.optim.lr"])
def test_another_architecture_or_other_data_are_never_accepted(started, field):
    error = fault_of(keep_config, config(**{field: 7}), started, accept_changes=True)
    assert error.what == "workdir" and field in str(error)


@pytest.mark.slow
def test_one_training_at_a_time(tmp_path):
    """A lock belongs to a process: another one is needed to meet it."""
    code = (
        "import sys; from pathlib import Path; from casgan_jax.workdir.lock import hold_workdir"
        "\nwith hold_workdir(Path(sys.argv[1])): pass"
    )
    with hold_workdir(tmp_path):
        other = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert "found another training at work" in other.stderr
    with hold_workdir(tmp_path):
        pass


def test_a_workdir_that_cannot_be_one_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (file, file / "below"):
        error = fault_of(hold_workdir(path).__enter__)
        assert error.what == "workdir" and str(path) in error.found


def test_a_full_disk_is_one_line(tmp_path):
    def fill():
        with hold_workdir(tmp_path):
            raise OSError(errno.ENOSPC, "No space left on device")

    fault_of(fill)
