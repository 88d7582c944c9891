"""What is wrong with a config is told in one line before anything is trained."""

import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.training.checks import check_values
from casgan_jax.training.data_checks import check_data
from datasets.base import prepare
from tests.conftest import Discs
from tests.lines import line_of
from tests.training.test_loop import TINY, tiny_config

pytestmark = pytest.mark.slow

VALUES = [
    ({"seed": "-1"}, "seed: found -1, expected a whole number in [0, 4294967295]"),
    ({"dtype": "float33"}, "dtype: found 'float33', expected one of float32, bfloat16, float16"),
    ({"dtype": "int32"}, "dtype: found 'int32'"),
    ({"data.dir": ""}, "data.dir: found ''"),
    ({"data.label": "alhpa"}, "data.label: found 'alhpa', expected one of alpha, "),
    ({"data.patch": "0"}, "data.patch: found 0, expected a whole number in [1, 4096]"),
    ({"data.patch": "4000"}, "data.patch: found 4000 at data.scale=2, expected targets of at most"),
    ({"data.patch": "17"}, "data.patch: found 17 at data.scale=2, expected a target side"),
    ({"data.patch": "24", "model.levels": "0"}, "model.levels: found 0 for targets of 48 x 48"),
    ({"data.scale": "0"}, "data.scale: found 0"),
    ({"data.scale": "3", "data.patch": "16"}, "data.scale: found 3, expected one of 2, 4 for"),
    ({"data.workers": "-1"}, "data.workers: found -1"),
    ({"data.augmentation.rotation": "-1"}, "data.augmentation.rotation: found -1.0, expected"),
    ({"data.augmentation.zoom": "inf"}, "data.augmentation.zoom: found inf"),
    ({"data.augmentation.shift": "nan"}, "data.augmentation.shift: found nan"),
    ({"data.augmentation.elastic": "-1"}, "data.augmentation.elastic: found -1.0"),
    ({"data.augmentation.contrast": "-0.1"}, "data.augmentation.contrast: found -0.1"),
    ({"data.augmentation.brightness": "2"}, "data.augmentation.brightness: found 2.0"),
    ({"data.augmentation.noise": "-1"}, "data.augmentation.noise: found -1.0"),
    ({"model.features": "0"}, "model.features: found 0, expected a whole number in [1, 4096]; set"),
    ({"model.features": "-3"}, "model.features: found -3"),
    ({"model.levels": "-1"}, "model.levels: found -1"),
    (
        {"model.levels": "9"},
        "model.levels: found 9 for targets of 32 x 32 pixels (data.patch=16 at data.scale=2), "
        "expected 1 to 5; set `model.levels=5`",
    ),
    ({"model.network": "unet"}, "model.network: found 'unet'"),
    (
        {"model.network": "casgan_jax.models.ce_net.CENet", "data.patch": "24"},
        "model.network: found that casgan_jax.models.ce_net.CENet cannot see targets of 48 pixels",
    ),
    (
        {"model.network": "casgan_jax.models.unet_plus_plus.UNetPlusPlus"},
        "loss.adversarial: found 0.1 for a network with ",
    ),
    ({"loss.label_smoothing": "2"}, "loss.label_smoothing: found 2.0"),
    ({"loss.distillation": "nan"}, "loss.distillation: found nan"),
    ({"model.dropout": "1.5"}, "model.dropout: found 1.5, expected a number in [0, 1)"),
    ({"model.dropout": "nan"}, "model.dropout: found nan"),
    ({"model.initial_alpha": "0"}, "model.initial_alpha: found 0.0, expected a number in (0, 1)"),
    ({"model.initial_alpha": "1"}, "model.initial_alpha: found 1.0"),
    ({"model.discriminator": "pixl"}, "model.discriminator: found 'pixl', expected one of pixel"),
    ({"model.discriminator_features": "0"}, "model.discriminator_features: found 0"),
    ({"loss.mse": "nan"}, "loss.mse: found nan"),
    ({"loss.adversarial": "-1"}, "loss.adversarial: found -1.0"),
    ({"loss.l1": "inf"}, "loss.l1: found inf"),
    ({"loss.cross_entropy": "0", "loss.soft_dice": "0"}, "loss: found no weight above 0 among mse"),
    ({"optim.lr": "nan"}, "optim.lr: found nan, expected a number in (0, inf)"),
    ({"optim.lr": "inf"}, "optim.lr: found inf"),
    ({"optim.lr": "0"}, "optim.lr: found 0.0"),
    ({"optim.b1": "1"}, "optim.b1: found 1.0, expected a number in [0, 1)"),
    ({"optim.schedule": "linear"}, "optim.schedule: found 'linear', expected one of constant"),
    ({"optim.constant": "2"}, "optim.constant: found 2.0"),
    ({"optim.warmup_steps": "-1"}, "optim.warmup_steps: found -1"),
    ({"optim.clip": "-1"}, "optim.clip: found -1.0"),
    ({"optim.average": "1.0"}, "optim.average: found 1.0, expected a number in [0, 1)"),
    ({"optim.batch_size": "0"}, "optim.batch_size: found 0"),
    ({"train.steps": "-1"}, "train.steps: found -1"),
    ({"train.epochs": "-1"}, "train.epochs: found -1.0"),
    ({"train.epochs": "nan"}, "train.epochs: found nan"),
    ({"train.epochs": "0", "train.steps": "0"}, "train.steps: found 0 and train.epochs=0"),
    ({"train.log_every": "0"}, "train.log_every: found 0, expected a whole number in [1, "),
    ({"train.evaluate_every": "0"}, "train.evaluate_every: found 0"),
    ({"train.checkpoint_every": "0"}, "train.checkpoint_every: found 0"),
    ({"train.validation_records": "-1"}, "train.validation_records: found -1"),
    ({"train.best": "iou"}, "train.best: found 'iou', expected one of dice, soft_mae, last"),
    ({"name": "softgn"}, "name: found 'softgn', expected 'softgan'"),
    ({"srgan.data.scale": "0"}, "srgan.data.scale: found 0"),
    ({"srgan.data.patch": "4"}, "srgan.data.patch: found 4 at data.scale=2, expected"),
    ({"srgan.model.blocks": "-1"}, "srgan.model.blocks: found -1"),
    ({"srgan.loss.tv": "-1"}, "srgan.loss.tv: found -1.0"),
    ({"srgan.loss.mse": "0", "srgan.loss.tv": "0"}, "srgan.loss: found no weight above 0 among"),
    ({"srgan.optim.b1": "nan"}, "srgan.optim.b1: found nan"),
    ({"srgan.data.augmentation.noise": "-1"}, "srgan.data.augmentation.noise: found -1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "start"), VALUES, ids=lambda case: str(case)[:40])
def test_config_values(fields, start):
    config = load_config("softgan:quick", list((TINY | fields).items()))
    assert line_of(check_values, config).startswith(start)


@pytest.mark.parametrize("name", ["srgan", "softgan"])
@pytest.mark.parametrize("variant", ["", "paper", "cpu", "quick"])
def test_the_shipped_configs_are_good(name, variant):
    check_values(load_config(f"{name}:{variant}" if variant else name, []))


DATA = [
    ({"data__dir": "/nowhere"}, "data.dir: found no folder '/nowhere', expected a prepared data"),
    ({"data__dir": "nowhere"}, "data.dir: found no folder 'nowhere'"),
    ({"data__dir": "long" * 100}, "data.dir: found no folder 'longlong"),
    ({"sr": "nowhere"}, "sr: found 'nowhere', which is no folder with a config.json"),
    ({"sr": "long" * 100}, "sr: found 'longlong"),
    ({"data__patch": 64}, "data.patch: found 64 for records of 32 x 32 pixels, expected 1 to 32"),
    ({"data__scale": 8, "sr": "none"}, "data.scale: found 8, expected a divisor of the data"),
    ({"data__label": "true_alpha"}, "data.label: found 'true_alpha', expected one of alpha"),
    ({"optim__batch_size": 3}, "optim.batch_size: found 3 for 2 devices, expected a multiple of 2"),
    ({"optim__batch_size": 46}, "optim.batch_size: found 46, expected at most the 44 records"),
    ({"sr": "trian"}, "sr: found 'trian', which is no folder with a config.json"),
    ({"data__test_dir": "/nowhere"}, "data.test_dir: found no folder '/nowhere'"),
    ({"srgan__data__patch": 32}, "srgan.data.patch: found 32, expected at most 16"),
    ({"srgan__optim__batch_size": 3}, "srgan.optim.batch_size: found 3 for 2 devices"),
    ({"srgan__data__dir": "/nowhere"}, "srgan.data.dir: found no folder '/nowhere'"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "start"), DATA, ids=lambda case: str(case)[:40])
def test_config_against_its_data(discs, changes, start):
    line = line_of(check_data, tiny_config("softgan:quick", discs, **changes), told_remedy=False)
    assert line.startswith(start)


class TestDiscs(Discs, skip_registration=True):
    """The first disc alone, as a test split."""

    name = "test_discs"
    __test__ = False  # no test class

    def tasks(self, manual_dir):
        return [task._replace(split="test") for task in super().tasks(manual_dir)[:1]]


def test_a_patient_who_is_learnt_from_is_not_tested_on(discs, tmp_path):
    other = prepare(TestDiscs, tmp_path, workers=0, show_progress=False).path
    config = tiny_config("softgan:quick", discs, data__test_dir=str(other))
    line = line_of(check_data, config, told_remedy=False)
    assert line.startswith("data.test_dir: found 1 patients of its test split in the split 'train'")
    check_data(tiny_config("softgan:quick", discs, data__test_dir=str(discs)))
