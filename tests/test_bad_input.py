"""What is wrong with files, folders and flags is told in one line, with the remedy."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from casgan_jax.files import make_folder, read_json, write_whole
from casgan_jax.images import read_image, write_png
from casgan_jax.inference.jobs import Job, parse_window, plan
from casgan_jax.inference.load import load_cascade
from casgan_jax.inference.run import run_jobs
from casgan_jax.models.vgg19 import load_vgg19
from casgan_jax.training.loop import train
from datasets.base import prepare
from datasets.deeplesion import builder as deeplesion
from datasets.lidc import slices as lidc
from tests import damage
from tests.datasets import toy
from tests.faults import fault_of
from tests.inference.test_predict import BrightIsLesion
from tests.launch.test_commands import command
from tests.training.test_loop import tiny_config


@pytest.fixture
def a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    return path


def test_a_workdir_that_cannot_be_written(discs, a_file, tmp_path, monkeypatch):
    config = tiny_config("softgan:quick", discs)
    for workdir in (a_file, a_file / "below"):
        assert fault_of(train, config, workdir).what == "workdir"
    assert fault_of(train, config, "~no:user/run").what == "~no:user/run"
    assert a_file.read_text() == "kept"

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert fault_of(train, config, tmp_path / "run").what.endswith("/config.json")


def test_folders_that_cannot_be_written(a_file, tmp_path, monkeypatch):
    assert fault_of(make_folder, a_file, field="output").what == "output"
    assert fault_of(make_folder, a_file / "below", field="output").what == "output"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert fault_of(make_folder, tmp_path / "new", field="output").what == "output"


def test_a_full_disk_leaves_the_old_file_and_no_half_written_one(a_file, monkeypatch):
    def fill(path, data):
        with path.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    assert fault_of(write_whole, a_file, b"another").what.endswith("/file")
    assert a_file.read_text() == "kept"
    assert [path.name for path in a_file.parent.iterdir()] == ["file"]


WORKDIRS = [
    pytest.param({}, id="no config.json"),
    pytest.param({"config.json": "{"}, id="broken JSON"),
    pytest.param({"config.json": "[]"}, id="a list"),
    pytest.param({"config.json": "{}"}, id="name None"),
    pytest.param({"config.json": '{"name": "srgan"}'}, id="a run of srgan"),
    pytest.param({"config.json": '{"name": "softgan"}'}, id="no finished training"),
    pytest.param(
        {"config.json": '{"name": "softgan"}', "softgan/result.json": "{}"},
        id="a finished training and no weights",
    ),
    pytest.param(
        {"config.json": '{"name": "softgan"}', "softgan/weights/system.json": '{"st'},
        id="damaged weights manifest.json",
    ),
]


@pytest.mark.parametrize("files", WORKDIRS)
def test_workdirs_that_cannot_be_used(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    error = fault_of(load_cascade, tmp_path, told_remedy=False)
    assert error.what == "workdir" or error.what.startswith(str(tmp_path))


def test_json_that_is_no_text(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}")
    error = fault_of(read_json, tmp_path / "a.json", remedy="write it again")
    assert error.what.endswith("/a.json") and "8 text" in error.expected


@pytest.fixture
def scan(tmp_path):
    image = np.random.default_rng(0).integers(1, 255, (40, 50)).astype(np.uint8)
    return write_png(tmp_path / "scan.png", image)


def npy(path, array):
    np.save(path, array, allow_pickle=True)
    return path


IMAGES = [
    pytest.param(
        lambda f: damage.cut(f / "scan.png", 200) or f / "scan.png", id="200 bytes whose parts"
    ),
    pytest.param(
        lambda f: damage.cut(f / "scan.png", 0) or f / "scan.png", id="0 bytes whose parts"
    ),
    pytest.param(
        lambda f: damage.flip(f / "scan.png", 300) or f / "scan.png", id="checksums are not right"
    ),
    pytest.param(lambda f: f / "none.png", id="no such file"),
    pytest.param(lambda f: f / ("long" * 100 + ".png"), id="no such file"),
    pytest.param(lambda f: f, id="a folder"),
    pytest.param(
        lambda f: npy(f / "a.npy", np.full((40, 50), np.nan)), id="NaN or infinite values"
    ),
    pytest.param(lambda f: npy(f / "a.npy", np.full((40, 50), 1e300)), id="NaN or infinite values"),
    pytest.param(lambda f: npy(f / "a.npy", np.zeros((3, 40, 50))), id="an array of shape 3 40 50"),
    pytest.param(lambda f: npy(f / "a.npy", np.zeros((40, 50, 4))), id="transparent pixels"),
    pytest.param(lambda f: npy(f / "a.npy", np.array([{}])), id="cannot be decoded Object arrays"),
    pytest.param(
        lambda f: npy(f / "a.npy", np.zeros((40, 50), complex)), id="values of type complex128"
    ),
    pytest.param(lambda f: npy(f / "a.npy", np.zeros((40, 50), "i4,f4")), id="values of type"),
]


@pytest.mark.parametrize("make", IMAGES)
def test_images_that_cannot_be_read(scan, make):
    path = make(scan.parent)
    assert fault_of(read_image, path).what == str(path)


def test_an_image_that_may_not_be_read(scan, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert fault_of(read_image, scan).what.endswith("/scan.png")


def test_prediction_goes_on_and_tells_what_failed(scan):
    out = scan.parent / "out"
    (out / "blocked_alpha.png").mkdir(parents=True)
    jobs = [
        Job(scan, (99.0, 3.0), "outside"),
        Job(scan, (20.0, 20.0), "blocked"),
        Job(scan.with_name("none.png"), (1.0, 1.0), "none"),
        Job(scan, (20.0, 20.0), "good"),
    ]
    outside, blocked, none, good = run_jobs(BrightIsLesion(), jobs, out)
    assert "centre: found (99, 3), expected a point of the image" in str(outside.error)
    assert "blocked_alpha.png: found that it cannot be written (Is a directory)" in str(
        blocked.error
    )
    assert "none.png: found no such file" in str(none.error)
    assert all(Path(file).is_file() for file in good.written.files)


@pytest.mark.parametrize("offset", [np.nan, np.inf, 1e40])
def test_offsets_that_are_none(scan, offset):
    jobs = run_jobs(BrightIsLesion(), [], scan.parent, hu_offset=offset)
    assert fault_of(list, jobs).what == "hu_offset"


@pytest.mark.parametrize(
    "text", ["0,0", "5,1", "nan,1", "x", "0,inf", "0,1e400", "-1e39,1e39", "16777216,16777217", ""]
)
def test_windows_that_are_none(text):
    error = fault_of(parse_window, text, told_remedy=False)
    assert error.what == "window" and error.found == repr(text)


TABLES = [
    pytest.param(b"", id="the columns none"),
    pytest.param(b"file,x\na.png,1\n", id="the columns file x"),
    pytest.param(b"file,x,y\n", id="no line below the column names"),
    pytest.param(b"file,x,y\na.png,nan,3\n", id="nan 3"),
    pytest.param(b"file,x,y\na.png,1,2\nb.png,3\n", id="3"),
    pytest.param(b"file,x,y\n,3,4\n", id="no file name"),
    pytest.param(bytes(range(256)), id="the byte 0x80 at 128"),
    pytest.param("file,x,y\na.png,1,2\n".encode("utf-16"), id="the byte 0xff at 0"),
    pytest.param(b"file,x,y\n" + b"a" * 200_000 + b",1,2\n", id="no CSV field larger than"),
]


@pytest.mark.parametrize("content", TABLES)
def test_tables_of_marks(tmp_path, content):
    (tmp_path / "marks.csv").write_bytes(content)
    error = fault_of(plan, [], [], tmp_path / "marks.csv", told_remedy=False)
    assert error.what.startswith(str(tmp_path / "marks.csv"))


SPACINGS = [
    pytest.param(lidc, b"\xff", id="the byte 0xff at 0"),
    pytest.param(lidc, b"patient\nA\n", id="the columns patient"),
    pytest.param(lidc, b"patient,pixel_spacing_mm\nA,nan\n", id="pixel_spacing_mm nan"),
    pytest.param(deeplesion, b"\xff", id="the byte 0xff at 0"),
    pytest.param(deeplesion, b"File_name\n", id="the columns File_name"),
    pytest.param(deeplesion, b"File_name,Spacing_mm_px_\na_1.png\n", id="Spacing_mm_px_"),
    pytest.param(deeplesion, b"File_name,Spacing_mm_px_\na_1.png,-1\n", id="Spacing_mm_px_ -1"),
]


@pytest.mark.parametrize(("builder", "content"), SPACINGS)
def test_tables_of_pixel_spacing(tmp_path, builder, content):
    (tmp_path / "spacing.csv").write_bytes(content)
    error = fault_of(builder.read_spacing, tmp_path / "spacing.csv")
    assert error.what.startswith(str(tmp_path / "spacing.csv"))


def fill_the_disk(_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_build_on_a_full_disk_leaves_nothing(tmp_path):
    error = fault_of(prepare, toy.toy(fill_the_disk), tmp_path, workers=0, show_progress=False)
    assert error.what == "data_dir" and str(tmp_path) in error.found
    assert [path.name for path in tmp_path.iterdir()] == [".toy.lock"]


def test_a_build_where_nothing_can_be_written(a_file, monkeypatch):
    assert fault_of(prepare, toy.Toy, a_file / "below", workers=0).what == "data_dir"

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    assert fault_of(prepare, toy.Toy, a_file.parent, workers=0).what == "data_dir"


def vgg19(path, **changes):
    """conv1_1 as an .npz file with Keras names."""
    kernel = np.zeros((3, 3, 3, 64), np.float32)
    arrays = {"block1_conv1_kernel": kernel, "block1_conv1_bias": np.zeros(64, np.float32)}
    np.savez(path, **(arrays | {f"block1_conv1_{name}": a for name, a in changes.items()}))
    return path


def float8(path):
    """conv1_1 as a .safetensors file of a type that NumPy does not have."""
    sizes = {"features.0.weight": [64, 3, 3, 3], "features.0.bias": [64]}
    header, end = {}, 0
    for name, shape in sizes.items():
        start, end = end, end + int(np.prod(shape))
        header[name] = {"dtype": "F8_E4M3", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    return path


WEIGHTS = [
    pytest.param(lambda f: float8(f / "a.safetensors"), id="float8"),
    pytest.param(lambda f: f / "none.npz", id="no such file"),
    pytest.param(lambda f: vgg19(f / "a.npz").rename(f / "a.pth"), id="the suffix .pth"),
    pytest.param(
        lambda f: damage.cut(vgg19(f / "a.npz"), 5000) or f / "a.npz", id="no zip archive"
    ),
    pytest.param(
        lambda f: damage.flip(vgg19(f / "a.npz"), 3000) or f / "a.npz", id="a flipped bit"
    ),
    pytest.param(lambda f: vgg19(f / "a.npz", kernel=np.zeros((3, 3, 1, 64))), id="another shape"),
    pytest.param(
        lambda f: vgg19(f / "a.npz", bias=np.full(64, np.nan)), id="NaN or infinite values"
    ),
    pytest.param(lambda f: vgg19(f / "a.npz", bias=np.array(["a"] * 64)), id="a text"),
    pytest.param(lambda f: vgg19(f / "a.npz", bias=np.array([{}] * 64)), id="an object"),
]


@pytest.mark.parametrize("make", WEIGHTS)
def test_weights_of_vgg19(tmp_path, make):
    path = make(tmp_path)
    assert fault_of(load_vgg19, path, "conv1_1").what == str(path)


@pytest.mark.slow
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
