import cv2
import numpy as np

from casgan_jax.data import readers_mean, segmentation_planes
from casgan_jax.grid import decode_alpha
from casgan_jax.records.prepared import load_split
from tests.faults import fault_of


def test_labels_are_what_their_names_say(discs):
    def planes(label):
        return segmentation_planes(discs, "train", label=label, patch=16, scale=2)

    record = load_split(discs, "train")[0]
    mean = readers_mean(record)
    up = cv2.resize(mean, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(decode_alpha(planes("readers")[0]["target"]), up, atol=1 / 255)
    assert set(np.unique(planes("consensus")[0]["target"])) == {0, 255}
    alpha, binary = (planes(label)[0]["target"] for label in ("alpha", "binary"))
    np.testing.assert_array_equal(binary, np.where(alpha >= 128, 255, 0))
    error = fault_of(planes, "true_alpha")
    assert error.what == "data.label" and error.found == "'true_alpha'"


def test_the_readers_label_needs_readers(discs):
    record = load_split(discs, "train")[0] | {"n_readers": 0}
    error = fault_of(readers_mean, record)
    assert error.what == "data.label" and "data.label=alpha" in error.remedy
