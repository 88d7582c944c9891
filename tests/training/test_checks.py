"""What is wrong with a config is told in one line before anything is trained."""

import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.training.checks import check_values
from casgan_jax.training.data_checks import check_data
from datasets.base import prepare
from tests.conftest import Discs
from tests.faults import fault_of
from tests.training.test_loop import TINY, tiny_config

pytestmark = pytest.mark.slow

VALUES = [
    ({"seed": "-1"}, "seed"),
    ({"dtype": "float33"}, "dtype"),
    ({"dtype": "int32"}, "dtype"),
    ({"data.dir": ""}, "data.dir"),
    ({"data.label": "alhpa"}, "data.label"),
    ({"data.patch": "0"}, "data.patch"),
    ({"data.patch": "4000"}, "data.patch"),
    ({"data.patch": "17"}, "data.patch"),
    ({"data.patch": "24", "model.levels": "0"}, "model.levels"),
    ({"data.scale": "0"}, "data.scale"),
    ({"data.scale": "3", "data.patch": "16"}, "data.scale"),
    ({"data.workers": "-1"}, "data.workers"),
    ({"data.augmentation.rotation": "-1"}, "data.augmentation.rotation"),
    ({"data.augmentation.zoom": "inf"}, "data.augmentation.zoom"),
    ({"data.augmentation.shift": "nan"}, "data.augmentation.shift"),
    ({"data.augmentation.elastic": "-1"}, "data.augmentation.elastic"),
    ({"data.augmentation.contrast": "-0.1"}, "data.augmentation.contrast"),
    ({"data.augmentation.brightness": "2"}, "data.augmentation.brightness"),
    ({"data.augmentation.noise": "-1"}, "data.augmentation.noise"),
    ({"model.features": "0"}, "model.features"),
    ({"model.features": "-3"}, "model.features"),
    ({"model.levels": "-1"}, "model.levels"),
    (
        {"model.levels": "9"},
        "model.levels",
    ),
    ({"model.network": "unet"}, "model.network"),
    (
        {"model.network": "casgan_jax.models.ce_net.CENet", "data.patch": "24"},
        "model.network",
    ),
    (
        {"model.network": "casgan_jax.models.unet_plus_plus.UNetPlusPlus"},
        "loss.adversarial",
    ),
    ({"loss.label_smoothing": "2"}, "loss.label_smoothing"),
    ({"loss.distillation": "nan"}, "loss.distillation"),
    ({"model.dropout": "1.5"}, "model.dropout"),
    ({"model.dropout": "nan"}, "model.dropout"),
    ({"model.initial_alpha": "0"}, "model.initial_alpha"),
    ({"model.initial_alpha": "1"}, "model.initial_alpha"),
    ({"model.discriminator": "pixl"}, "model.discriminator"),
    ({"model.discriminator_features": "0"}, "model.discriminator_features"),
    ({"loss.mse": "nan"}, "loss.mse"),
    ({"loss.adversarial": "-1"}, "loss.adversarial"),
    ({"loss.l1": "inf"}, "loss.l1"),
    ({"loss.cross_entropy": "0", "loss.soft_dice": "0"}, "loss"),
    ({"optim.lr": "nan"}, "optim.lr"),
    ({"optim.lr": "inf"}, "optim.lr"),
    ({"optim.lr": "0"}, "optim.lr"),
    ({"optim.b1": "1"}, "optim.b1"),
    ({"optim.schedule": "linear"}, "optim.schedule"),
    ({"optim.constant": "2"}, "optim.constant"),
    ({"optim.warmup_steps": "-1"}, "optim.warmup_steps"),
    ({"optim.clip": "-1"}, "optim.clip"),
    ({"optim.average": "1.0"}, "optim.average"),
    ({"optim.batch_size": "0"}, "optim.batch_size"),
    ({"train.steps": "-1"}, "train.steps"),
    ({"train.epochs": "-1"}, "train.epochs"),
    ({"train.epochs": "nan"}, "train.epochs"),
    ({"train.epochs": "0", "train.steps": "0"}, "train.steps"),
    ({"train.log_every": "0"}, "train.log_every"),
    ({"train.evaluate_every": "0"}, "train.evaluate_every"),
    ({"train.checkpoint_every": "0"}, "train.checkpoint_every"),
    ({"train.validation_records": "-1"}, "train.validation_records"),
    ({"train.best": "iou"}, "train.best"),
    ({"name": "softgn"}, "name"),
    ({"srgan.data.scale": "0"}, "srgan.data.scale"),
    ({"srgan.data.patch": "4"}, "srgan.data.patch"),
    ({"srgan.model.blocks": "-1"}, "srgan.model.blocks"),
    ({"srgan.loss.tv": "-1"}, "srgan.loss.tv"),
    ({"srgan.loss.mse": "0", "srgan.loss.tv": "0"}, "srgan.loss"),
    ({"srgan.optim.b1": "nan"}, "srgan.optim.b1"),
    ({"srgan.data.augmentation.noise": "-1"}, "srgan.data.augmentation.noise"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "what"), VALUES, ids=lambda case: str(case)[:40])
def test_config_values(fields, what):
    config = load_config("softgan:quick", list((TINY | fields).items()))
    assert fault_of(check_values, config).what == what


@pytest.mark.parametrize("name", ["srgan", "softgan"])
@pytest.mark.parametrize("variant", ["", "paper", "cpu", "quick"])
def test_the_shipped_configs_are_good(name, variant):
    check_values(load_config(f"{name}:{variant}" if variant else name, []))


DATA = [
    ({"data__dir": "/nowhere"}, "data.dir"),
    ({"data__dir": "nowhere"}, "data.dir"),
    ({"data__dir": "long" * 100}, "data.dir"),
    ({"sr": "nowhere"}, "sr"),
    ({"sr": "long" * 100}, "sr"),
    ({"data__patch": 64}, "data.patch"),
    ({"data__scale": 8, "sr": "none"}, "data.scale"),
    ({"data__label": "true_alpha"}, "data.label"),
    ({"optim__batch_size": 3}, "optim.batch_size"),
    ({"optim__batch_size": 46}, "optim.batch_size"),
    ({"sr": "trian"}, "sr"),
    ({"data__test_dir": "/nowhere"}, "data.test_dir"),
    ({"srgan__data__patch": 32}, "srgan.data.patch"),
    ({"srgan__optim__batch_size": 3}, "srgan.optim.batch_size"),
    ({"srgan__data__dir": "/nowhere"}, "srgan.data.dir"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "what"), DATA, ids=lambda case: str(case)[:40])
def test_config_against_its_data(discs, changes, what):
    error = fault_of(check_data, tiny_config("softgan:quick", discs, **changes), told_remedy=False)
    assert error.what == what


class TestDiscs(Discs, skip_registration=True):
    """The first disc alone, as a test split."""

    name = "test_discs"
    __test__ = False  # no test class

    def tasks(self, manual_dir):
        return [task._replace(split="test") for task in super().tasks(manual_dir)[:1]]


def test_a_patient_who_is_learnt_from_is_not_tested_on(discs, tmp_path):
    other = prepare(TestDiscs, tmp_path, workers=0, show_progress=False).path
    config = tiny_config("softgan:quick", discs, data__test_dir=str(other))
    error = fault_of(check_data, config, told_remedy=False)
    assert (
        error.what == "data.test_dir" and "1 (patient-0" in error.found and "train" in error.found
    )
    check_data(tiny_config("softgan:quick", discs, data__test_dir=str(discs)))
