import resource
import shutil
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from casgan_jax.workdir.checkpoints import Checkpoints
from tests.faults import fault_of


def state(step, features=3):
    rng = np.random.default_rng(step)
    return {
        "params": {"kernel": rng.random((4, features), dtype=np.float32)},
        "empty": {},
        "step": np.int32(step),
    }


@pytest.fixture
def lines():
    return []


@pytest.fixture
def checkpoints(tmp_path, lines):
    found = Checkpoints(tmp_path / "checkpoints", keep=2, say=lines.append)
    for step, score in ((1, 0.9), (2, 0.5), (3, None), (4, 0.6)):
        found.save(step, state(step), score=score)
    return found


def flip_a_byte(folder):
    path = max((folder / "state").rglob("*"), key=lambda path: path.stat().st_size * path.is_file())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 64
    path.write_bytes(data)


def test_the_newest_and_the_best_are_kept(checkpoints):
    assert checkpoints.steps() == [1, 3, 4]
    assert (checkpoints.newest(), checkpoints.best(), checkpoints.recover()) == (4, 1, 4)


def test_a_state_comes_back_as_it_was(checkpoints):
    shapes = jax.eval_shape(lambda: state(0))
    jax.tree.map(np.testing.assert_array_equal, checkpoints.restore(shapes, 3), state(3))


def test_nothing_yet_is_a_fresh_start_and_no_checkpoint_to_use(tmp_path):
    empty = Checkpoints(tmp_path / "checkpoints")
    assert empty.recover() is None
    assert fault_of(empty.best).what == "workdir"


def reopened(checkpoints, lines, **of):
    return Checkpoints(checkpoints.directory, say=lines.append, **of)


@pytest.mark.parametrize("now", [{"measure": "soft_mae"}, {"data": "abc"}])
def test_scores_of_another_measure_or_other_data_are_not_compared(checkpoints, lines, now):
    later = reopened(checkpoints, lines, **now)
    assert later.recover() == 4
    (line,) = lines
    assert "the scores of step 1, 4 are of another measure, other data" in line
    assert later.best() == 4, "no score counts: the newest is used"
    later.save(5, state(5), score=-0.07)
    later.save(6, state(6), score=-0.09)
    assert later.best() == 5
    assert later.steps() == [5, 6], "the best of before is no longer kept"


def test_a_score_of_an_earlier_version_does_not_count(checkpoints, lines):
    old = reopened(checkpoints, lines)
    old._of = {}  # which sealed the score alone
    old.save(5, state(5), score=0.99)
    later = reopened(checkpoints, lines, measure="dice")
    later.save(6, state(6), score=0.1)
    assert later.best() == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "is not what was written"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda folder: (shutil.rmtree(folder), folder.mkdir()), "the folder is empty"),
        (lambda folder: shutil.rmtree(folder / "state"), "is missing"),
    ],
)
def test_a_damaged_newest_one_is_named_and_the_one_before_is_used(
    checkpoints, lines, damage, reason
):
    damage(checkpoints.directory / "4")
    assert checkpoints.recover() == 3
    (line,) = lines
    assert f"{checkpoints.directory / '4'}: found it damaged" in line and reason in line
    assert "going on from step 3" in line
    assert checkpoints.steps() == [1, 3]
    assert (checkpoints.directory.parent / "damaged" / "4-0").is_dir()
    checkpoints.save(4, state(4))  # training writes the step again
    assert checkpoints.recover() == 4


def test_with_none_intact_it_stops_and_moves_nothing(checkpoints):
    for step in checkpoints.steps():
        flip_a_byte(checkpoints.directory / str(step))
    error = fault_of(checkpoints.recover, varies=True)  # by Orbax, which chooses the files' sizes
    assert error.what == str(checkpoints.directory)
    assert all(f"step {step}" in error.found for step in (4, 3, 1))
    assert checkpoints.steps() == [1, 3, 4]


def test_a_damaged_best_one_gives_way_to_the_next(checkpoints, lines):
    flip_a_byte(checkpoints.directory / "1")
    assert checkpoints.best() == 4
    (checkpoints.directory / "4" / "manifest.json").unlink()
    assert checkpoints.best() == 3
    assert f"{checkpoints.directory / '1'}: found it damaged" in lines[0]
    assert f"{checkpoints.directory / '4'}: found it damaged" in lines[-1]


def test_what_an_interruption_left_is_cleared(checkpoints):
    for name in (".writing-5", ".deleted-2"):
        (checkpoints.directory / name / "state").mkdir(parents=True)
    assert checkpoints.steps() == [1, 3, 4]
    assert checkpoints.recover() == 4
    assert sorted(path.name for path in checkpoints.directory.iterdir()) == ["1", "3", "4"]


def test_another_architecture_is_named(checkpoints):
    error = fault_of(checkpoints.restore, state(0, features=5), 4)
    assert error.what.endswith("/4") and "(4, 3)" in error.found and "(4, 5)" in error.expected
    assert fault_of(checkpoints.restore, state(0) | {"more": np.zeros(2)}, 4).what.endswith("/4")


def test_a_disk_without_room_is_told_before_anything_is_written(checkpoints, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    large = {"params": np.zeros(200_000)}
    error = fault_of(checkpoints.save, 5, large)
    assert error.what == "checkpoint" and "2 MiB" in error.found
    assert sorted(path.name for path in checkpoints.directory.iterdir()) == ["1", "3", "4"]


def test_a_disk_that_takes_no_more_leaves_the_last_good_one(checkpoints):
    large = {"params": np.random.default_rng(0).random(200_000)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(
            ValueError,
            match=r"step 5 cannot be written .* MiB free, .*; the checkpoint of step 4 stands",
        ) as failure:
            checkpoints.save(5, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(failure.value)
    assert checkpoints.recover() == 4
    assert sorted(path.name for path in checkpoints.directory.iterdir()) == ["1", "3", "4"]
