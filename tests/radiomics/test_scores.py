"""Out-of-fold scores on disk, and the area under their curve over several seeds."""

import numpy as np
import pytest

from casgan_jax.radiomics.classification import OutOfFold, auc
from casgan_jax.radiomics.scores import AreaUnderCurve, read_scores, write_scores
from casgan_jax.workdir.layout import SCORES
from tests.faults import fault_of

N = 24
KEYS = [f"k{index:02}" for index in range(N)]
PATIENTS = np.array([f"p{index}" for index in range(N)])
POSITIVE = np.arange(N) % 2 == 0


def result(seed, repetitions=2):
    scores = np.random.default_rng(seed).normal(size=(repetitions, N)) + POSITIVE
    folds = np.tile(np.arange(N) % 3, (repetitions, 1))
    return OutOfFold(scores, scores > 0.5, POSITIVE, PATIENTS, folds)


def written(root, *results, keys=KEYS):
    """Folders of evaluations, one a seed."""
    folders = []
    for seed, one in enumerate(results):
        folders.append(root / f"{seed}")
        folders[-1].mkdir(parents=True)
        write_scores(folders[-1] / SCORES, keys, one)
    return folders


def test_scores_are_read_as_they_were_written(tmp_path):
    (folder,) = written(tmp_path, result(0))
    keys, found = read_scores(folder / SCORES)
    assert keys.tolist() == KEYS
    for name, part in result(0)._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), part)


def test_an_area_is_the_mean_of_all_seeds(tmp_path):
    found = AreaUnderCurve.read(written(tmp_path, result(0), result(1)), "auc")
    areas = [auc(result(seed)).mean for seed in (0, 1)]
    assert found.by_seed == areas
    assert found.mean().mean == pytest.approx(np.mean(areas))
    assert found.lesions == list(zip(PATIENTS.tolist(), KEYS, strict=True))


def test_lesions_are_found_by_their_keys(tmp_path):
    turned = OutOfFold(*(part[..., ::-1] for part in result(0)))
    folders = written(tmp_path / "a", result(0))
    others = written(tmp_path / "b", turned, keys=KEYS[::-1])
    first, second = (AreaUnderCurve.read(one, "auc") for one in (folders, others))
    assert first.difference(second).interval[:3] == (0.0, 0.0, 0.0)


def test_a_difference_is_over_the_lesions_of_both(tmp_path):
    fewer = OutOfFold(*(part[..., 2:] for part in result(1)))
    first = AreaUnderCurve.read(written(tmp_path / "a", result(0)), "auc")
    second = AreaUnderCurve.read(written(tmp_path / "b", fewer, keys=KEYS[2:]), "auc")
    found = first.difference(second).interval
    expected = auc(OutOfFold(*(part[..., 2:] for part in result(0)))).mean - auc(fewer).mean
    assert found.mean == pytest.approx(expected)
    assert found.n == N - 2


def test_without_scores_there_is_no_area(tmp_path):
    (folder,) = written(tmp_path, result(0))
    assert AreaUnderCurve.read([folder, tmp_path], "auc") is None
    assert AreaUnderCurve.read([], "auc") is None


def test_refuses_damaged_scores(tmp_path):
    path = tmp_path / SCORES
    for data in (b"", b"nothing", b"PK\x03\x04"):
        path.write_bytes(data)
        assert fault_of(read_scores, path).what.endswith("/scores.npz")
    np.savez(path, keys=np.array(KEYS))
    assert fault_of(read_scores, path).what.endswith("/scores.npz")
