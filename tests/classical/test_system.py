"""Classical methods behind the interface of a trained system, and their configs."""

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from casgan_jax.classical.deep_prior import deep_prior_cut
from casgan_jax.classical.graph_cut import click_cut
from casgan_jax.classical.system import ClassicalSystem, check_values
from casgan_jax.configs.families.method import find_method, parameters_of
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.setting import Options
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.evaluation.files import read_metrics
from casgan_jax.inference.classical import run
from casgan_jax.inference.load import classical_system, load_system
from casgan_jax.metrics import dice
from casgan_jax.workdir.config import read_config
from tests.classical.patches import disc, noisy
from tests.faults import fault_of

CONFIGS = ("graph_cut", "deep_prior", "level_set")
SIDE = 32
LESIONS = np.stack([disc(SIDE, 6), disc(SIDE, 9)])
PATCHES = np.stack([noisy(lesion) for lesion in LESIONS]).astype(np.float32)


class Blurred:
    """A trained network: the lesions, blurred, twice as fine as the patches."""

    threshold = 0.4

    def __call__(self, patches):
        assert patches.dtype == np.float32 and patches.shape[1:] == (SIDE, SIDE)
        fine = LESIONS[: len(patches)].repeat(2, axis=1).repeat(2, axis=2)
        return {"alpha": gaussian_filter(fine.astype(np.float32), (0, 3, 3))}


def config_of(name, **fields):
    fields = {"data.patch": SIDE} | {key.replace("__", "."): text for key, text in fields.items()}
    return load_config(name, [(key, str(text)) for key, text in fields.items()])


def checked_system(config):
    check_values(config)
    return classical_system(config)


def own_method(image, *, level=0.5):
    """Bright is lesion."""
    return image >= level


def test_a_click_in_the_middle_finds_the_disc_there():
    assert dice(click_cut(PATCHES[0]), LESIONS[0]) > 0.97
    assert fault_of(click_cut, PATCHES[0], radius=0).what == "radius"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_method_is_a_system(name):
    prior = None if name == "graph_cut" else Blurred()
    system = ClassicalSystem(config_of(name, prior="a network" if prior else ""), prior)
    found = system(PATCHES)
    assert (system.patch, system.scale, system.threshold) == (SIDE, 1, 0.5)
    np.testing.assert_array_equal(found["super_resolution"], PATCHES)
    assert found["alpha"].dtype == np.float32 and set(np.unique(found["alpha"])) == {0, 1}
    assert (dice(found["alpha"] >= system.threshold, LESIONS) > 0.9).all()
    np.testing.assert_array_equal(system(PATCHES[:1])["alpha"], found["alpha"][:1])
    assert system(PATCHES[:0])["alpha"].shape == (0, SIDE, SIDE)
    error = fault_of(system, np.zeros((1, 8, 8), np.float32), told_remedy=False)
    assert error.what == "patches" and "(1, 8, 8)" in error.found


def test_masks_on_the_grid_of_networks_are_those_of_native_pixels():
    native = ClassicalSystem(config_of("graph_cut"), None)(PATCHES)
    system = ClassicalSystem(config_of("graph_cut", data__scale=3), None)
    found = system(PATCHES)
    assert system.scale == 3
    for name, planes in native.items():
        np.testing.assert_array_equal(found[name], np.kron(planes, np.ones((3, 3))))


def test_a_network_s_mask_is_averaged_down_and_its_threshold_used():
    system = ClassicalSystem(config_of("deep_prior", prior="a network"), Blurred())
    fine = Blurred()(PATCHES)["alpha"]
    native = fine.reshape(2, SIDE, 2, SIDE, 2).mean(axis=(2, 4))
    expected = [
        deep_prior_cut(*planes, threshold=0.4) for planes in zip(PATCHES, native, strict=True)
    ]
    np.testing.assert_array_equal(system(PATCHES)["alpha"], np.stack(expected))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("variant", ["", ":cpu", ":quick"])
def test_configs_have_the_methods_parameters(name, variant):
    config = load_config(name + variant, [])
    found = dict(config.parameters)
    assert found == parameters_of(find_method(config.method)) and len(found) > 3
    assert not {"threshold", "spacing", "image", "probability"} & set(found)


def test_parameters_reach_the_method():
    config = config_of("graph_cut", parameters__radius=8.0)
    found = ClassicalSystem(config, None)(PATCHES[:1])["alpha"][0] > 0
    np.testing.assert_array_equal(found, click_cut(PATCHES[0], radius=8.0))
    assert found.sum() > click_cut(PATCHES[0]).sum()


def test_a_method_of_one_s_own():
    config = config_of("graph_cut", method=f"{__name__}.own_method")
    assert fault_of(checked_system, config).what == "parameters.radius"
    config = replaced(config, parameters=Options(level=0.6))
    found = classical_system(config)(PATCHES)["alpha"]
    np.testing.assert_array_equal(found > 0, PATCHES >= 0.6)


@pytest.mark.parametrize(
    ("name", "fields", "what"),
    [
        ("deep_prior", {}, "prior"),
        ("graph_cut", {"prior": "runs/unet"}, "prior"),
        ("level_set", {"prior": "/nowhere"}, "prior: workdir"),
        ("graph_cut", {"method": "nonsense"}, "method"),
        ("graph_cut", {"method": "casgan_jax.classical"}, "method"),
        ("graph_cut", {"method": "casgan_jax.metrics.dice"}, "method"),
        ("graph_cut", {"method": ""}, "method"),
        ("graph_cut", {"parameters.sigma": "nan"}, "parameters: sigma"),
        ("graph_cut", {"parameters.regional": "-1"}, "parameters: regional"),
        ("deep_prior", {"prior": "x", "parameters.prior": "2"}, "parameters: prior"),
        (
            "level_set",
            {"prior": "x", "parameters.region": "nan"},
            "parameters: region, length, shape",
        ),
        ("level_set", {"prior": "x", "parameters.iterations": "-1"}, "parameters: iterations"),
        ("graph_cut", {"data.patch": "0"}, "data.patch"),
        ("graph_cut", {"data.scale": "17"}, "data.scale"),
        ("graph_cut", {"data.dir": ""}, "data.dir"),
    ],
)
def test_mistakes_get_one_line(name, fields, what):
    assert fault_of(checked_system, config_of(name, **fields), told_remedy=False).what == what


def test_a_prior_of_another_patch_or_kind(tmp_path):
    config = config_of("deep_prior", prior=tmp_path)
    for found, what in (
        ({"name": "softgan", "data": {"patch": 16}}, "prior"),
        ({"name": "classical"}, f"prior: {tmp_path}/config.json"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(found))
        assert fault_of(checked_system, config).what == what


@pytest.mark.slow
def test_a_run_is_measured_and_found_again(discs, tmp_path, capsys):
    config = config_of("graph_cut", data__dir=discs)
    done = run(config, tmp_path)
    assert "lesion" in capsys.readouterr().err  # the progress bar
    result = json.loads((tmp_path / "classical" / "result.json").read_text())
    assert result == {"stage": "classical", "images_per_second": done.result.images_per_second}
    assert done.result.images_per_second > 0
    measured = tmp_path / "evaluation" / "test" / "metrics.json"
    summary = json.loads(measured.read_text())
    assert summary["metrics"]["four_readers"]["consensus_dice"]["mean"] > 0.7
    assert read_metrics(measured.parent) == (done.measured.subject, done.measured.summary)
    system = load_system(tmp_path)
    assert system.config.data.window == (0, 255)
    np.testing.assert_array_equal(
        system(PATCHES)["alpha"], ClassicalSystem(config, None)(PATCHES)["alpha"]
    )
    run(config_of("graph_cut", data__dir=discs, parameters__radius=12.0), tmp_path)
    assert json.loads(measured.read_text())["metrics"] != summary["metrics"]


def test_a_run_leaves_other_runs_alone(discs, tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"name": "softgan"}')
    error = fault_of(run, config_of("graph_cut", data__dir=discs), tmp_path)
    assert error.what == "workdir" and "'softgan'" in error.found
    assert read_config(tmp_path).name == "softgan"
    config = config_of("graph_cut", data__dir=discs, data__patch=64)
    error = fault_of(run, config, tmp_path / "other")
    assert error.what == "data.patch" and "64 for records of 32 x 32" in error.found
    assert not (tmp_path / "other").exists()
