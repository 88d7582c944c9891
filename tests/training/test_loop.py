"""The shipped configs, shrunk to a few steps, from data to a cascade that can be used."""

import json
import shutil

import jax
import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.evaluation.data_set import choose_threshold, evaluate
from casgan_jax.grid import normalise
from casgan_jax.inference.load import load_cascade
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.training.loop import train
from casgan_jax.training.restore import restore_stage
from tests.faults import fault_of

pytestmark = pytest.mark.slow

TINY = {
    "seed": "1",
    "data.patch": "16",
    "model.features": "4",
    "model.levels": "2",
    "model.discriminator_features": "4",
    "train.steps": "4",
    "train.evaluate_every": "2",
    "train.checkpoint_every": "1",
    "train.validation_records": "2",
    "train.log_every": "1",
    "optim.batch_size": "4",
    "predict.symmetries": "false",
}
TINY_SR = {
    "srgan.data.patch": "8",
    "srgan.model.features": "4",
    "srgan.model.blocks": "1",
    "srgan.model.discriminator_features": "4",
    "srgan.loss.perceptual": "0",
    "srgan.train.steps": "2",
    "srgan.train.evaluate_every": "2",
    "srgan.train.validation_records": "2",
    "srgan.optim.batch_size": "4",
}


def tiny_config(spec, discs, **changes):
    fields = TINY | TINY_SR | {"data.dir": str(discs), "data.label": "readers"}
    fields |= {name.replace("__", "."): str(value) for name, value in changes.items()}
    return load_config(spec, list(fields.items()))


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    return workdir, train(tiny_config("softgan:quick", discs), workdir)


def test_the_cascade_trains_from_data_to_use(trained, discs):
    workdir, result = trained
    assert result.stage == "softgan" and result.steps == 4
    assert (workdir / "srgan" / "result.json").is_file()
    assert list((workdir / "softgan" / "samples").glob("*.png"))
    assert list((workdir / "softgan" / "tensorboard").iterdir())
    cascade = load_cascade(workdir)
    record = load_split(discs, "test")[0]
    patch = normalise(record["image"], (0, 255))[8:24, 8:24]
    output = cascade(patch[None])
    assert output["alpha"].shape == (1, 32, 32)
    assert cascade.threshold == result.threshold


def test_the_threshold_is_the_one_that_is_chosen_on_validation(trained, discs):
    workdir, result = trained
    cascade = load_cascade(workdir)
    records = load_split(discs, "validation")
    choice = choose_threshold(evaluate(cascade, records, read_metadata(discs), progress=False))
    assert cascade.threshold == result.threshold == choice.threshold
    assert result.validation["dice"] == pytest.approx(choice.dice, abs=1e-6)


def test_the_last_validation_shows_how_far_it_is(trained, discs, tmp_path, capsys):
    # Of all records, by the best checkpoint: with a slow network it takes longer than any other.
    workdir = shutil.copytree(trained[0], tmp_path / "run")
    (workdir / "softgan" / "result.json").unlink()
    result = train(tiny_config("softgan:quick", discs), workdir)
    assert "lesions (100%)" in capsys.readouterr().err
    assert result.validation == trained[1].validation


def test_logs_hold_every_loss_and_every_validation(trained):
    lines = [
        json.loads(line) for line in (trained[0] / "softgan" / "log.jsonl").read_text().splitlines()
    ]
    steps = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in steps] == [1, 2, 3, 4]
    assert {"generator", "discriminator", "adversarial", "cross_entropy"} <= set(steps[0])
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [2, 4]


def test_config_in_the_workdir_is_resolved(trained):
    config = json.loads((trained[0] / "config.json").read_text())
    assert config["data"]["window"] == [0, 255]
    assert config["srgan"]["data"]["dir"] == config["data"]["dir"]


def test_a_finished_run_is_not_trained_again(trained, discs):
    workdir, result = trained
    before = (workdir / "softgan" / "log.jsonl").read_text()
    assert train(tiny_config("softgan:quick", discs), workdir) == result
    assert (workdir / "softgan" / "log.jsonl").read_text() == before


def test_another_config_does_not_touch_the_run(trained, discs):
    error = fault_of(train, tiny_config("softgan:quick", discs, optim__lr=0.5), trained[0])
    assert error.what == "workdir" and "0.001" in error.found and "0.5" in error.found


def test_an_interrupted_run_continues_as_if_it_had_not_been(trained, discs, tmp_path, monkeypatch):
    # The last step's save is where the interruption strikes.
    from casgan_jax.training import loop

    class Interrupted(Exception):
        pass

    def interrupt(checkpoints, step, *arguments, **options):
        if step == 4:
            raise Interrupted
        return save(checkpoints, step, *arguments, **options)

    save = loop.Checkpoints.save
    config = tiny_config("softgan:quick", discs)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Checkpoints, "save", interrupt)
        with pytest.raises(Interrupted):
            train(tiny_config("softgan:quick", discs, sr=trained[0]), tmp_path)
    result = train(tiny_config("softgan:quick", discs, sr=trained[0]), tmp_path)
    assert result.step == trained[1].step
    resolved = loop.resolve(config)
    whole, resumed = (restore_stage(resolved, workdir, 4) for workdir in (trained[0], tmp_path))
    assert int(whole.step) == int(resumed.step)
    jax.tree.map(np.testing.assert_array_equal, whole.generator, resumed.generator)
    jax.tree.map(np.testing.assert_array_equal, whole.discriminator, resumed.discriminator)


def test_the_last_weights_are_used_where_no_checkpoint_is_chosen(discs, tmp_path):
    # So large a learning rate that an earlier step is the best one.
    fields = dict(sr="none", train__evaluate_every=1)
    fields |= dict(optim__lr=0.1, optim__warmup_steps=0, optim__average=0)
    chosen = train(tiny_config("softgan:quick", discs, **fields), tmp_path)
    assert chosen.step < chosen.steps == 4
    # Scores of earlier checkpoints do not count any more.
    (tmp_path / "softgan" / "result.json").unlink()
    config = tiny_config("softgan:quick", discs, train__best="last", **fields)
    last = train(config, tmp_path, accept_config_changes=True)
    assert last.step == 4
    assert last.validation != chosen.validation
    assert restore_stage(config, tmp_path, 4).step == 4


def test_scores_of_another_measure_do_not_choose_the_checkpoint(discs, tmp_path, capsys):
    fields = dict(sr="none", train__evaluate_every=1, train__checkpoint_every=1)
    fields |= dict(optim__lr=1e-9, optim__average=0)
    first = train(tiny_config("softgan:quick", discs, train__steps=2, **fields), tmp_path)
    assert first.validation["dice"] >= 0.0 > -first.validation["soft_mae"]
    config = tiny_config("softgan:quick", discs, train__best="soft_mae", **fields)
    second = train(config, tmp_path, accept_config_changes=True)
    assert second.step in (3, 4)
    assert "the scores of step 1, 2 are of another measure" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_with_its_name(discs, tmp_path):
    config = tiny_config("softgan:quick", discs, sr="none", optim__lr=1e30, optim__warmup_steps=0)
    assert fault_of(train, config, tmp_path).what == "step 1"


def test_srgan_alone_and_perceptual_loss_without_weights(discs, tmp_path):
    fields = {name.removeprefix("srgan."): value for name, value in TINY_SR.items()}
    fields |= {"data.dir": str(discs), "data.cache": "device"}
    result = train(load_config("srgan:quick", list(fields.items())), tmp_path / "sr")
    assert {"psnr", "ssim", "bicubic_psnr"} <= set(result.validation)
    fields |= {"loss.perceptual": "0.008", "loss.vgg19": ""}
    error = fault_of(train, load_config("srgan:quick", list(fields.items())), tmp_path / "vgg")
    assert error.what == "loss.vgg19" and "loss.perceptual=0" in error.found


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"optim__batch_size": 0}, "optim.batch_size"),
        ({"loss__cross_entropy": 0, "loss__soft_dice": 0}, "loss"),
        ({"loss__mse": -1}, "loss.mse"),
        ({"model__discriminator": "pixl"}, "model.discriminator"),
        ({"train__best": "iou"}, "train.best"),
    ],
)
def test_bad_fields_are_named(discs, tmp_path, changes, what):
    error = fault_of(train, tiny_config("softgan:quick", discs, sr="none", **changes), tmp_path)
    assert error.what == what
