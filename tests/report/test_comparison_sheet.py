"""The comparison sheets show each case with all that is compared."""

import numpy as np
import pytest

from casgan_jax.evaluation.compared import compared_case
from casgan_jax.evaluation.prediction import predict_records
from casgan_jax.records.prepared import load_split
from casgan_jax.report.comparison_sheet import readers_sheet, softening_sheet


class Echo:
    """Sees the patch itself as its soft mask."""

    patch, scale, threshold, mark_kinds = 16, 2, 0.5, ()
    axis_share, neighbours = 0.0, 0

    def __call__(self, patches):
        return {"alpha": patches.repeat(2, axis=1).repeat(2, axis=2)}


@pytest.fixture
def cases(discs):
    records = [load_split(discs, "test")[i] for i in range(2)]
    return [compared_case(item, 0.5) for item in predict_records(Echo(), records, (0, 255))]


def test_a_row_for_each_case(cases):
    both, one = readers_sheet(cases), readers_sheet(cases[:1])
    assert both.dtype == np.uint8 and both.shape[2] == 3
    assert both.shape[1] == one.shape[1] and both.shape[0] > 1.8 * (one.shape[0] - 20)
    # image, four readers, consensus, outline, soft mask
    assert one.shape[1] == 8 * 196 + 4


def test_the_soft_mask_is_shown_as_it_is(cases):
    picture = softening_sheet(cases[:1])
    assert picture.shape[1] == 6 * 196 + 4
    tile = picture[24:216, 3 * 196 + 4 : 4 * 196]  # below a line of titles
    patch = np.round(255 * cases[0].patch)
    assert abs(float(tile[..., 0].mean()) - float(patch.mean())) < 2
