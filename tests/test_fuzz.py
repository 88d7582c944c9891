"""Random configs and damaged files: accepted, or told in one line; never another exception.

The examples are the same in every run (`derandomize`).
"""

import functools
import io
import re
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import flat
from casgan_jax.errors import UserError
from casgan_jax.images import read_image, write_png
from casgan_jax.inference.jobs import read_table
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.training.checks import check_values
from casgan_jax.training.loop import BUILD_STAGE, initial_state
from tests import damage

pytestmark = pytest.mark.slow

fuzz = functools.partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NASTY = [
    "0", "-0.0", "1", "-1", "2", "3", "7", "16", "1.0", "0.5", "1.5", "-1e-9", "1e-300", "1e300",
    "1e400", "nan", "-inf", "inf", "2147483648", "-2147483649", "9" * 400, "9" * 5000, "1e5",
    "0x10", "1_0", "٣", "", " ",
    "\n", "a\nb", "none", "None", "train", "true", "false", "[]", "{}", "é",
    "~a:b", "/", ".", "float16", "bfloat16", "float64", "pixel", "patch", "cosine", "readers",
]  # fmt: skip


SPECS = ["softgan", "softgan:quick", "srgan", "srgan:quick"]
FIELDS = {spec: sorted(flat(load_config(spec, []))) for spec in SPECS}
KNOWN = sorted({field for names in FIELDS.values() for field in names}, key=len, reverse=True)
# A line begins with a field, a section, or what was typed.
NAMED = re.compile(r"(config\.[^\n]*|(srgan\.)?(loss|" + "|".join(map(re.escape, KNOWN)) + r")): ")


@st.composite
def overrides(draw, specs=tuple(SPECS), only=""):
    """A config's name, and (field, text) pairs, most of which make no sense."""
    spec = draw(st.sampled_from(specs))
    field = st.sampled_from([name for name in FIELDS[spec] if name.startswith(only)])
    return spec, draw(st.lists(st.tuples(field, st.sampled_from(NASTY)), min_size=1, max_size=3))


def one_line(error: UserError) -> str:
    line = str(error)
    assert "\n" not in line and len(line) < 7000
    return line


@fuzz(max_examples=400)
@given(overrides())
def test_configs_are_accepted_or_the_field_is_named(chosen):
    spec, pairs = chosen
    try:
        config = load_config(spec, pairs)
        check_values(config)
    except UserError as error:
        line = one_line(error)
        assert NAMED.match(line), line
        assert any(name.split(".")[-1] in line for name, _ in pairs) or "data.patch" in line, line


@fuzz(max_examples=25)
@given(overrides(specs=("softgan:quick",), only="model."), st.sampled_from([4, 12, 16, 24]))
def test_what_is_accepted_can_be_built(chosen, patch):
    spec, pairs = chosen
    common = [("sr", "none"), ("data.patch", str(patch))]
    try:
        config = load_config(spec, [*common, *pairs])
        check_values(config)
    except UserError as error:
        one_line(error)
        return
    stage = BUILD_STAGE["softgan"](config)
    state = jax.eval_shape(lambda: initial_state(config, stage, {}))
    assert state.step.shape == ()


@st.composite
def damages(draw):
    """A function of bytes that flips some, or cuts the end off, or adds to it."""
    share = st.floats(0, 1, exclude_max=True)
    flips = draw(st.lists(st.tuples(share, st.integers(1, 255)), max_size=4))
    end = draw(st.one_of(st.just(1.0), share))
    more = draw(st.binary(max_size=8))

    def apply(data: bytes) -> bytes:
        changed = bytearray(data)
        for position, mask in flips:
            changed[int(position * len(data))] ^= mask
        return bytes(changed[: int(end * len(data))]) + more

    return apply


@pytest.fixture(scope="module")
def whole(discs):
    """The records of the small validation split, as they should be."""
    return list(load_split(discs, "validation"))


def assert_same(records, expected):
    for one, other in zip(records, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


@fuzz(max_examples=150)
@given(damages())
def test_a_damaged_shard_gives_its_records_or_a_line(discs, whole, tmp_path, apply):
    directory = tmp_path / discs.name
    if not directory.exists():
        shutil.copytree(discs, directory)
    path = damage.shard(directory, "validation")
    path.write_bytes(apply(damage.shard(discs, "validation").read_bytes()))
    try:
        records = list(load_split(directory, "validation"))
    except UserError as error:
        assert str(path) in one_line(error)
        return
    assert_same(records, whole)


@fuzz(max_examples=120)
@given(st.sampled_from(["dataset_info.json", "features.json", "metadata.json"]), damages())
def test_damaged_descriptions_of_a_data_set_give_a_line(discs, tmp_path_factory, name, apply):
    directory = damage.copied(discs, tmp_path_factory.mktemp("fuzz"))
    (directory / name).write_bytes(apply((directory / name).read_bytes()))
    try:
        read_metadata(directory)
        list(load_split(directory, "validation"))
    except UserError as error:
        assert str(directory) in one_line(error)


def coded(suffix: str, folder: Path) -> bytes:
    """A small image in a format, as bytes."""
    image = np.random.default_rng(0).integers(0, 256, (9, 7)).astype(np.uint8)
    buffer = io.BytesIO()
    if suffix == ".png":
        return write_png(folder / "whole.png", image).read_bytes()
    if suffix == ".tif":
        tifffile.imwrite(buffer, image.astype(np.float32), compression="zlib")
    elif suffix == ".pgm":
        buffer.write(b"P5 # made here\n7 9\n255\n" + image.tobytes())
    else:
        np.save(buffer, image)
    return buffer.getvalue()


@fuzz(max_examples=150)
@given(st.sampled_from([".png", ".tif", ".npy", ".pgm"]), damages())
def test_damaged_images_give_an_image_or_a_line(tmp_path, suffix, apply):
    path = tmp_path / f"damaged{suffix}"
    data = coded(suffix, tmp_path)
    path.write_bytes(apply(data))
    try:
        image = read_image(path)
    except UserError as error:
        assert str(path) in one_line(error)
        return
    assert image.ndim == 2 and np.isfinite(image).all()
    if suffix == ".png":  # has checksums
        np.testing.assert_array_equal(image, read_image(tmp_path / "whole.png"))


@fuzz(max_examples=150)
@given(st.binary(max_size=60), damages())
def test_damaged_tables_give_marks_or_a_line(tmp_path, more, apply):
    table = tmp_path / "marks.csv"
    table.write_bytes(apply(b"file,x,y\na.png,1,2\nb.png,3.5,-4\n" + more))
    try:
        marks = read_table(table)
    except UserError as error:
        assert str(table) in one_line(error)
        return
    assert marks and np.isfinite([centre for _, centre in marks]).all()
