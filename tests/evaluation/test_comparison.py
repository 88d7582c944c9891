"""Systems measured on the same lesions: means over seeds, paired differences."""

import math

import numpy as np
import pytest
from scipy import stats

from casgan_jax.evaluation.comparison import LesionMeans, best


def values(numbers, patients=None):
    patients = patients or [f"p{i}" for i in range(len(numbers))]
    lesions = {
        (patient, f"{i}"): float(v)
        for i, (patient, v) in enumerate(zip(patients, numbers, strict=True))
    }
    return LesionMeans(lesions, [float(np.mean(numbers))])


def test_a_lesion_counts_with_its_mean_over_the_seeds(tmp_path):
    for seed, (a, b) in enumerate([(0.5, 0.9), (0.7, 0.5)]):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        table = f"key,patient,dice,other\n1,Ann,{a},\n2,Bob,{b},\n"
        (folder / "lesions.csv").write_text(table)
    folders = [tmp_path / "0", tmp_path / "1"]
    found = LesionMeans.read(folders, "dice")
    assert found.by_lesion == pytest.approx({("Ann", "1"): 0.6, ("Bob", "2"): 0.7})
    assert found.by_seed == pytest.approx([0.7, 0.6])
    assert found.lesions == [("Ann", "1"), ("Bob", "2")]
    assert found.mean().mean == pytest.approx(0.65)
    assert LesionMeans.read(folders, "other") is None
    assert LesionMeans.read(folders, "missing") is None


def test_lesions_without_another_figure_can_be_left_out(tmp_path):
    table = "key,patient,dice,human\n1,Ann,0.5,0.8\n2,Bob,0.9,\n"
    (tmp_path / "lesions.csv").write_text(table)
    found = LesionMeans.read([tmp_path], "dice", having="human")
    assert found.by_lesion == {("Ann", "1"): 0.5}
    assert LesionMeans.read([tmp_path], "dice").mean().n == 2


def test_p_is_that_of_the_exact_permutation_test():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.3, 1, 10), rng.normal(0, 1, 10)
    exact = stats.permutation_test(
        (ours - theirs,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    found = values(ours).difference(values(theirs))
    assert found.p == pytest.approx(exact.pvalue, abs=0.015)
    assert found.interval.mean == pytest.approx((ours - theirs).mean())
    assert found.interval.low < found.interval.mean < found.interval.high


def test_equal_systems_do_not_differ_and_lesions_of_one_patient_are_one_draw():
    same = values([0.1, 0.2, 0.3])
    assert same.difference(same).p == 1.0
    many = values(np.linspace(0.5, 0.6, 20), ["Ann"] * 10 + ["Bob"] * 10)
    # Two patients: of four draws of signs two are as extreme.
    assert many.difference(values(np.zeros(20), ["Ann"] * 10 + ["Bob"] * 10)).p > 0.4
    assert math.isnan(values([1.0]).difference(values([0.0])).p)


def test_the_best_is_the_largest_or_the_smallest():
    systems = {"a": values([0.1, 0.2]), "b": values([0.3, 0.4])}
    assert best(systems, higher_is_better=True) == "b"
    assert best(systems, higher_is_better=False) == "a"
    assert best({}, higher_is_better=True) is None
