"""What is wrong with the input is told in one line: what, found, expected, remedy."""

import errno
import re
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax import losses
from casgan_jax import prediction as pr
from casgan_jax.cascade import load_cascade
from casgan_jax.data import load_split, read_metadata, training_batches
from casgan_jax.errors import UserError
from casgan_jax.evaluation import evaluate
from casgan_jax.files import make_folder, read_json, write_whole
from casgan_jax.images import read_image, write_png
from casgan_jax.models.vgg19 import load_vgg19
from casgan_jax.record_checks import open_data_set, read_record
from casgan_jax.training.checks import check, check_values
from casgan_jax.training.data_checks import check_data
from casgan_jax.training.loop import keep_config
from datasets.base import prepare
from datasets.deeplesion import builder as deeplesion
from datasets.lidc import builder as lidc
from launch.config_flag import load_config
from tests import damage
from tests.datasets import toy
from tests.launch.test_commands import command
from tests.test_evaluation import METADATA, _record
from tests.test_evaluation import BrightIsLesion as Evaluated
from tests.test_prediction import BrightIsLesion
from tests.training.test_loop import TINY, tiny_config

LINE = re.compile(r".+: found .+, expected .+")
LINE_WITH_REMEDY = re.compile(r".+: found .+, expected .+; .+")


def line_of(function, *arguments, told_remedy=True, **options):
    """The one line that a call fails with."""
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    line = str(caught.value)
    assert (LINE_WITH_REMEDY if told_remedy else LINE).fullmatch(line), line
    return line


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
    ({"data.augmentation.contrast": "-0.1"}, "data.augmentation.contrast: found -0.1"),
    ({"data.augmentation.brightness": "2"}, "data.augmentation.brightness: found 2.0"),
    ({"data.augmentation.noise": "-1"}, "data.augmentation.noise: found -1.0"),
    ({"model.features": "0"}, "model.features: found 0, expected a whole number in [1, 4096]; set"),
    ({"model.features": "-3"}, "model.features: found -3"),
    ({"model.levels": "-1"}, "model.levels: found -1"),
    ({"model.levels": "9"}, "model.levels: found 9 for targets of 32 x 32 pixels, expected 1 to 5"),
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
    ({"train.best": "iou"}, "train.best: found 'iou', expected one of dice, soft_mae"),
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
    ({"data__dir": "/nowhere"}, "data.dir: found no prepared data set under /nowhere"),
    ({"data__patch": 64}, "data.patch: found 64 for records of 32 x 32 pixels, expected 1 to 32"),
    ({"data__scale": 8, "sr": "none"}, "data.scale: found 8, expected a divisor of the data"),
    ({"data__label": "true_alpha"}, "data.label: found 'true_alpha', expected one of alpha"),
    ({"optim__batch_size": 3}, "optim.batch_size: found 3 for 2 devices, expected a multiple of 2"),
    ({"optim__batch_size": 46}, "optim.batch_size: found 46, expected at most the 44 records"),
    ({"sr": "trian"}, "sr: found 'trian', which is no folder with a config.json"),
    ({"srgan__data__patch": 32}, "srgan.data.patch: found 32, expected at most 16"),
    ({"srgan__optim__batch_size": 3}, "srgan.optim.batch_size: found 3 for 2 devices"),
    ({"srgan__data__dir": "/nowhere"}, "srgan.data.dir: found no prepared data set under /nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "start"), DATA, ids=lambda case: str(case)[:40])
def test_config_against_its_data(discs, changes, start):
    line = line_of(check_data, tiny_config("softgan:quick", discs, **changes), told_remedy=False)
    assert line.startswith(start)


SHARD = "discs-train.array_record-00000-of-00001"
BROKEN = [
    (lambda d: damage.cut(d / SHARD, 10), f"{SHARD}: found record 0 damaged (ArrayRecord file"),
    (lambda d: damage.cut(d / SHARD, 0), f"{SHARD}: found record 0 damaged (ArrayRecord file"),
    (lambda d: damage.cut(d / SHARD, 98304), f"{SHARD}: found record 0 damaged (Corrupted"),
    (lambda d: damage.flip(d / SHARD, 60521), f"{SHARD}: found record"),
    (lambda d: (d / SHARD).unlink(), f"{SHARD}: found no such file, expected a shard of the train"),
    (lambda d: damage.cut(d / "dataset_info.json", 40), "dataset_info.json: found broken JSON"),
    (lambda d: (d / "dataset_info.json").write_text("{}"), "1.0.0: found a dataset_info.json or"),
    (
        lambda d: damage.change(d / "dataset_info.json", fileFormat="tfrecord"),
        "dataset_info.json: found the file format tfrecord, expected array_record",
    ),
    (lambda d: (d / "features.json").unlink(), "features.json: found no such file"),
    (lambda d: (d / "features.json").write_text("[]"), "features.json: found a list, expected"),
    (lambda d: (d / "features.json").write_text("{}"), "1.0.0: found a dataset_info.json or"),
    (
        lambda d: damage.replace(d / "features.json", '"32"', '"33"'),
        "features.json: alpha: found the shape (128, 128), expected (132, 132)",
    ),
    (
        lambda d: damage.replace(d / "features.json", '"trimap"', '"trimpa"'),
        f"{SHARD}: found record 0 damaged",
    ),
    (lambda d: (d / "metadata.json").unlink(), "metadata.json: found no such file"),
    (lambda d: damage.cut(d / "metadata.json", 9), "metadata.json: found broken JSON"),
    (lambda d: damage.change(d / "metadata.json", kind="x"), "metadata.json: found kind 'x'"),
    (lambda d: damage.change(d / "metadata.json", scale=2), "features.json: alpha: found the"),
    (lambda d: damage.change(d / "metadata.json", scale=0), "metadata.json: found scale 0"),
    (lambda d: damage.change(d / "metadata.json", window=[5, 5]), "metadata.json: found window [5"),
    (
        lambda d: damage.change(d / "metadata.json", window=[0, float("nan")]),
        "metadata.json: found window [0, nan]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("damaged", "part"), BROKEN, ids=[part[-40:] for _, part in BROKEN])
def test_a_broken_data_set_names_the_file(discs, tmp_path, damaged, part):
    directory = damage.copied(discs, tmp_path)
    damaged(directory)

    def read():
        list(load_split(directory, "train"))
        read_metadata(directory)

    line = line_of(read)
    assert part in line and str(directory) in line


def test_a_damaged_record_stops_a_training_before_it_begins_and_later(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.flip(damage.shard(directory, "train"), 60521)
    line = line_of(check, tiny_config("softgan:quick", directory))
    assert f"{SHARD}: found record" in line
    batches, _ = training_batches(
        directory, kind="segmentation", patch=16, scale=2, batch_size=44, seed=0
    )
    assert f"{SHARD}: found record" in line_of(lambda: next(iter(batches)))


def test_another_kind_of_data_set_is_refused(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.change(directory / "metadata.json", kind="super_resolution")
    line = line_of(check_data, tiny_config("softgan:quick", directory), told_remedy=False)
    assert "found a data set of kind 'super_resolution', expected 'segmentation'" in line


def test_a_patient_in_two_splits_is_found_before_training(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.repeat_train_as_validation(directory)
    line = line_of(check_data, tiny_config("softgan:quick", directory))
    assert re.match(r"patient patient-\d+: found in the splits 'train' and 'validation'", line)


def test_a_record_of_numbers_that_are_none(discs):
    source = open_data_set(discs).as_data_source(split="test")
    nan = {"mark": np.array([np.nan, 1.0], np.float32)}
    features = SimpleNamespace(deserialize_example_np=lambda _: nan)
    line = line_of(read_record, source, features, 3)
    assert "found record 3 damaged (mark: NaN or infinite)" in line


def test_evaluation_goes_on_and_lists_a_damaged_record(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.flip(damage.shard(directory, "test"), 3000)
    records = load_split(directory, "test")
    measured = evaluate(Evaluated(), records, read_metadata(directory), progress=False)
    assert len(measured.cases) == len(records) - 1
    (failure,) = measured.failures
    assert LINE_WITH_REMEDY.fullmatch(failure.reason) and str(directory) in failure.reason
    assert measured.summary()["failures"] == [failure._asdict()]


def test_a_record_whose_planes_do_not_fit_is_listed():
    odd = _record(1) | {"alpha": np.zeros((30, 30), np.uint8)}
    measured = evaluate(Evaluated(), [_record(0), odd], METADATA, progress=False)
    (failure,) = measured.failures
    assert failure.reason.startswith("alpha: found the shape (30, 30), expected")


def test_a_label_without_a_lesion_is_background_and_no_error():
    empty = np.zeros((32 * 2, 32 * 2), np.uint8)
    record = _record(0, readers=0, alpha=empty, trimap=empty)
    assert evaluate(Evaluated(), [record], METADATA, progress=False).rows[0]["label_dice"] == 0.0
    output, target = jnp.full((1, 8, 8, 1), 0.3), jnp.zeros((1, 8, 8, 1))
    terms = (losses.mse, losses.l1, losses.cross_entropy, losses.soft_dice)
    gradients = jax.jit(lambda output: [jax.grad(term)(output, target) for term in terms])(output)
    for gradient in gradients:
        assert np.isfinite(gradient).all() and (gradient >= 0).all()


@pytest.fixture
def a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    return path


def test_a_workdir_that_cannot_be_written(discs, a_file, tmp_path, monkeypatch):
    config = tiny_config("softgan:quick", discs)
    for workdir in (a_file, a_file / "below"):
        assert line_of(keep_config, config, workdir, told_remedy=False).startswith(
            "workdir: found "
        )
    assert a_file.read_text() == "kept"

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    line = line_of(keep_config, config, tmp_path / "run", told_remedy=False)
    assert line.startswith("workdir: found Read-only file system at")


def test_folders_that_cannot_be_written(a_file, tmp_path, monkeypatch):
    assert line_of(make_folder, a_file, field="--output").startswith("--output: found a file at ")
    line = line_of(make_folder, a_file / "below", field="--output")
    assert line.startswith("--output: found Not a directory at ")
    monkeypatch.setattr("os.access", lambda *_: False)
    line = line_of(make_folder, tmp_path / "new", field="--output")
    assert line.startswith("--output: found that nothing can be written to ")


def test_a_full_disk_leaves_the_old_file_and_no_half_written_one(a_file, monkeypatch):
    def fill(path, data):
        with path.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    assert "(No space left on device)" in line_of(write_whole, a_file, b"another")
    assert a_file.read_text() == "kept"
    assert [path.name for path in a_file.parent.iterdir()] == ["file"]


WORKDIRS = [
    ({}, "workdir: found no config.json in "),
    ({"config.json": "{"}, "config.json: found broken JSON"),
    ({"config.json": "[]"}, "config.json: found a list, expected an object"),
    ({"config.json": "{}"}, "config.json: found name None, expected srgan or softgan"),
    ({"config.json": '{"name": "srgan"}'}, "workdir: found a run of 'srgan' in "),
    ({"config.json": '{"name": "softgan"}'}, "workdir: found no finished training in "),
    (
        {"config.json": '{"name": "softgan"}', "softgan/result.json": '{"st'},
        "softgan/result.json: found broken JSON",
    ),
    (
        {"config.json": '{"name": "softgan"}', "softgan/result.json": "{}"},
        "softgan/result.json: found threshold None, expected a number",
    ),
]


@pytest.mark.parametrize(("files", "part"), WORKDIRS, ids=[part for _, part in WORKDIRS])
def test_workdirs_that_cannot_be_used(tmp_path, files, part):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert part in line_of(load_cascade, tmp_path, told_remedy=False)


def test_json_that_is_no_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}")
    line = line_of(read_json, tmp_path / "a.json", remedy="write it again")
    assert "a.json: found the byte 0xff at 0, expected UTF-8 text" in line


@pytest.fixture
def scan(tmp_path):
    image = np.random.default_rng(0).integers(1, 255, (40, 50)).astype(np.uint8)
    return write_png(tmp_path / "scan.png", image)


def npy(path, array):
    np.save(path, array, allow_pickle=True)
    return path


IMAGES = [
    (lambda f: damage.cut(f / "scan.png", 200) or f / "scan.png", "found 200 bytes whose parts"),
    (lambda f: damage.cut(f / "scan.png", 0) or f / "scan.png", "found 0 bytes whose parts"),
    (lambda f: damage.flip(f / "scan.png", 300) or f / "scan.png", "checksums are not right"),
    (lambda f: f / "none.png", "found no such file"),
    (lambda f: f / ("long" * 100 + ".png"), "found no such file"),
    (lambda f: f, "found a folder"),
    (lambda f: npy(f / "a.npy", np.full((40, 50), np.nan)), "found NaN or infinite values"),
    (lambda f: npy(f / "a.npy", np.full((40, 50), 1e300)), "found NaN or infinite values"),
    (lambda f: npy(f / "a.npy", np.zeros((3, 40, 50))), "found an array of shape (3, 40, 50)"),
    (lambda f: npy(f / "a.npy", np.zeros((40, 50, 4))), "found transparent pixels"),
    (lambda f: npy(f / "a.npy", np.array([{}])), "cannot be decoded (Object arrays"),
    (lambda f: npy(f / "a.npy", np.zeros((40, 50), complex)), "found values of type complex128"),
    (lambda f: npy(f / "a.npy", np.zeros((40, 50), bool)), "found values of type bool"),
    (lambda f: npy(f / "a.npy", np.zeros((40, 50), "i4,f4")), "found values of type ["),
]


@pytest.mark.parametrize(("make", "part"), IMAGES, ids=[part for _, part in IMAGES])
def test_images_that_cannot_be_read(scan, make, part):
    path = make(scan.parent)
    line = line_of(read_image, path)
    assert part in line and line.startswith(str(path))


def test_an_image_that_may_not_be_read(scan, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "scan.png: found that it cannot be read (Permission denied)" in line_of(read_image, scan)


def test_prediction_goes_on_and_tells_what_failed(scan):
    out = scan.parent / "out"
    (out / "blocked_alpha.png").mkdir(parents=True)
    jobs = [
        pr.Job(scan, (99.0, 3.0), "outside"),
        pr.Job(scan, (20.0, 20.0), "blocked"),
        pr.Job(scan.with_name("none.png"), (1.0, 1.0), "none"),
        pr.Job(scan, (20.0, 20.0), "good"),
    ]
    outside, blocked, none, good = pr.run_jobs(BrightIsLesion(), jobs, out)
    assert "centre: found (99, 3), expected a point of the image" in outside
    assert "blocked_alpha.png: found that it cannot be written (Is a directory)" in blocked
    assert "none.png: found no such file" in none
    assert all(Path(file).is_file() for file in good["files"])


@pytest.mark.parametrize("offset", [np.nan, np.inf, 1e40])
def test_offsets_that_are_none(scan, offset):
    jobs = pr.run_jobs(BrightIsLesion(), [], scan.parent, hu_offset=offset)
    assert line_of(list, jobs).startswith("--hu_offset: found ")


@pytest.mark.parametrize(
    "text", ["0,0", "5,1", "nan,1", "x", "0,inf", "0,1e400", "-1e39,1e39", "16777216,16777217", ""]
)
def test_windows_that_are_none(text):
    line = line_of(pr.parse_window, text, told_remedy=False)
    assert line.startswith(f"--window: found {text!r}, expected ")


TABLES = [
    (b"", "found the columns none, expected file,x,y; add file, x, y"),
    (b"file,x\na.png,1\n", "found the columns file, x, expected file,x,y; add y"),
    (b"file,x,y\n", "found no line below the column names"),
    (b"file,x,y\na.png,nan,3\n", "marks.csv:2: found 'nan,3', expected two numbers"),
    (b"file,x,y\na.png,1,2\nb.png,3\n", "marks.csv:3: found '3,', expected two numbers"),
    (b"file,x,y\n,3,4\n", "marks.csv:2: found no file name"),
    (bytes(range(256)), "found the byte 0x80 at 128, expected UTF-8 text"),
    ("file,x,y\na.png,1,2\n".encode("utf-16"), "found the byte 0xff at 0, expected UTF-8 text"),
    (b"file,x,y\n" + b"a" * 200_000 + b",1,2\n", "found no CSV (field larger than"),
]


@pytest.mark.parametrize(("content", "part"), TABLES, ids=[part[:40] for _, part in TABLES])
def test_tables_of_marks(tmp_path, content, part):
    (tmp_path / "marks.csv").write_bytes(content)
    line = line_of(pr.plan, [], [], tmp_path / "marks.csv", told_remedy=False)
    assert part in line and line.startswith(str(tmp_path))


SPACINGS = [
    (lidc, b"\xff", "found the byte 0xff at 0, expected UTF-8 text"),
    (lidc, b"patient\nA\n", "found the columns patient, expected patient,pixel_spacing_mm"),
    (lidc, b"patient,pixel_spacing_mm\nA,nan\n", "line 2: found pixel_spacing_mm 'nan'"),
    (deeplesion, b"\xff", "found the byte 0xff at 0, expected UTF-8 text"),
    (deeplesion, b"File_name\n", "found the columns File_name, expected File_name,Spacing_mm_px_"),
    (deeplesion, b"File_name,Spacing_mm_px_\na_1.png\n", "line 2: found Spacing_mm_px_ ''"),
    (deeplesion, b"File_name,Spacing_mm_px_\na_1.png,-1\n", "line 2: found Spacing_mm_px_ '-1'"),
]


@pytest.mark.parametrize(("builder", "content", "part"), SPACINGS, ids=[s[2] for s in SPACINGS])
def test_tables_of_pixel_spacing(tmp_path, builder, content, part):
    (tmp_path / "spacing.csv").write_bytes(content)
    line = line_of(builder.read_spacing, tmp_path / "spacing.csv")
    assert part in line and line.startswith(str(tmp_path))


def fill_the_disk(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_build_on_a_full_disk_leaves_nothing(tmp_path):
    line = line_of(prepare, toy.toy(fill_the_disk), tmp_path, workers=0, show_progress=False)
    assert line.startswith(f"--data_dir: found that nothing can be written to {tmp_path} (No space")
    assert [path.name for path in tmp_path.iterdir()] == [".toy.lock"]


def test_a_build_where_nothing_can_be_written(a_file, monkeypatch):
    line = line_of(prepare, toy.Toy, a_file / "below", workers=0)
    assert line.startswith("--data_dir: found Not a directory at ")

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    line = line_of(prepare, toy.Toy, a_file.parent, workers=0)
    assert line.startswith("--data_dir: found that nothing can be written to ")


def vgg19(path, **changes):
    """conv1_1 as an .npz file with Keras names."""
    kernel = np.zeros((3, 3, 3, 64), np.float32)
    arrays = {"block1_conv1_kernel": kernel, "block1_conv1_bias": np.zeros(64, np.float32)}
    np.savez(path, **(arrays | {f"block1_conv1_{name}": a for name, a in changes.items()}))
    return path


WEIGHTS = [
    (lambda f: f / "none.npz", "found no such file"),
    (lambda f: vgg19(f / "a.npz").rename(f / "a.pth"), "found the suffix '.pth', expected .npz"),
    (lambda f: damage.cut(vgg19(f / "a.npz"), 5000) or f / "a.npz", "found no zip archive"),
    (lambda f: damage.flip(vgg19(f / "a.npz"), 3000) or f / "a.npz", "conv1_kernel' damaged"),
    (lambda f: vgg19(f / "a.npz", kernel=np.zeros((3, 3, 1, 64))), "of shape (3, 3, 1, 64), exp"),
    (lambda f: vgg19(f / "a.npz", bias=np.full(64, np.nan)), "found NaN or infinite values in"),
    (lambda f: vgg19(f / "a.npz", bias=np.array(["a"] * 64)), "block1_conv1_bias' damaged (could"),
    (lambda f: vgg19(f / "a.npz", bias=np.array([{}] * 64)), "block1_conv1_bias' damaged (Object"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "part"), WEIGHTS, ids=[part for _, part in WEIGHTS])
def test_weights_of_vgg19(tmp_path, make, part):
    path = make(tmp_path)
    line = line_of(load_vgg19, path, "conv1_1")
    assert part in line and line.startswith(str(path))


def test_weights_of_vgg19_without_their_package(tmp_path, monkeypatch):
    (tmp_path / "a.safetensors").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    line = line_of(load_vgg19, tmp_path / "a.safetensors")
    assert "pip install 'casgan_jax[hub]'" in line


def test_commands_end_with_one_line_and_status_1(scan):
    folder = scan.parent
    (folder / "marks.csv").write_bytes(bytes(range(256)))
    (folder / "tree" / "LIDC-IDRI-0001" / "nodule-0" / "images").mkdir(parents=True)
    for module, arguments, line in [
        ("train", ["--config=softgan:quick", "--config.optim.b1=1", f"--workdir={folder / 'run'}"],
         "error: optim.b1: found 1.0, expected a number in [0, 1); set --config.optim.b1=0.9"),
        ("predict", ["--workdir=none", f"--table={folder / 'marks.csv'}", f"--output={folder}"],
         f"error: {folder / 'marks.csv'}: found the byte 0x80 at 128"),
        ("build", ["--dataset=lidc", f"--manual_dir={folder / 'tree'}", f"--data_dir={scan}/data"],
         "error: --data_dir: found Not a directory at"),
    ]:  # fmt: skip
        done = command(module, *arguments)
        assert done.returncode == 1
        assert line in done.stderr and "Traceback" not in done.stderr + done.stdout
    assert not (folder / "run").exists()
