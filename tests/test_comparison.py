"""Systems measured on the same lesions: means over seeds, paired differences."""

import math

import numpy as np
import pytest
from scipy import stats

from casgan_jax.comparison import Values, best, difference, json_interval, mean_of, read_values


def values(numbers, patients=None):
    patients = patients or [f"p{i}" for i in range(len(numbers))]
    lesions = {
        (patient, f"{i}"): float(v)
        for i, (patient, v) in enumerate(zip(patients, numbers, strict=True))
    }
    return Values(lesions, [float(np.mean(numbers))])


def test_a_lesion_counts_with_its_mean_over_the_seeds(tmp_path):
    for seed, (a, b) in enumerate([(0.5, 0.9), (0.7, 0.5)]):
        (tmp_path / f"{seed}.csv").write_text(f"key,patient,dice,other\n1,Ann,{a},\n2,Bob,{b},\n")
    files = [tmp_path / "0.csv", tmp_path / "1.csv"]
    found = read_values(files, "dice")
    assert found.by_lesion == pytest.approx({("Ann", "1"): 0.6, ("Bob", "2"): 0.7})
    assert found.by_seed == pytest.approx([0.7, 0.6])
    assert mean_of(found).mean == pytest.approx(0.65)
    assert read_values(files, "other") is None
    assert read_values(files, "missing") is None


def test_p_is_that_of_the_exact_permutation_test():
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(0.3, 1, 10), rng.normal(0, 1, 10)
    exact = stats.permutation_test(
        (ours - theirs,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    found = difference(values(ours), values(theirs))
    assert found.p == pytest.approx(exact.pvalue, abs=0.015)
    assert found.interval.mean == pytest.approx((ours - theirs).mean())
    assert found.interval.low < found.interval.mean < found.interval.high


def test_equal_systems_do_not_differ_and_lesions_of_one_patient_are_one_draw():
    same = values([0.1, 0.2, 0.3])
    assert difference(same, same).p == 1.0
    many = values(np.linspace(0.5, 0.6, 20), ["Ann"] * 10 + ["Bob"] * 10)
    # Two patients: of four draws of signs two are as extreme.
    assert difference(many, values(np.zeros(20), ["Ann"] * 10 + ["Bob"] * 10)).p > 0.4
    assert math.isnan(difference(values([1.0]), values([0.0])).p)


def test_the_best_is_the_largest_or_the_smallest():
    systems = {"a": values([0.1, 0.2]), "b": values([0.3, 0.4])}
    assert best(systems, higher_is_better=True) == "b"
    assert best(systems, higher_is_better=False) == "a"
    assert best({}, higher_is_better=True) is None


def test_what_is_not_known_is_none_in_json():
    one = json_interval(mean_of(values([0.5])), [0.5])
    assert one == {"mean": 0.5, "low": None, "high": None, "seeds": [0.5]}
