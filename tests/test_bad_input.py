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
from tests.inference.test_predict import BrightIsLesion
from tests.launch.test_commands import command
from tests.lines import line_of
from tests.training.test_loop import tiny_config


@pytest.fixture
def a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    return path


def test_a_workdir_that_cannot_be_written(discs, a_file, tmp_path, monkeypatch):
    config = tiny_config("softgan:quick", discs)
    for workdir in (a_file, a_file / "below"):
        assert line_of(train, config, workdir).startswith("workdir: found ")
    assert line_of(train, config, "~no:user/run").startswith("~no:user/run")
    assert a_file.read_text() == "kept"

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    line = line_of(train, config, tmp_path / "run")
    assert "config.json: found that it cannot be written (Read-only file system)" in line


def test_folders_that_cannot_be_written(a_file, tmp_path, monkeypatch):
    assert line_of(make_folder, a_file, field="output").startswith("output: found a file at ")
    line = line_of(make_folder, a_file / "below", field="output")
    assert line.startswith("output: found Not a directory at ")
    monkeypatch.setattr("os.access", lambda *_: False)
    line = line_of(make_folder, tmp_path / "new", field="output")
    assert line.startswith("output: found that nothing can be written to ")


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
        {"config.json": '{"name": "softgan"}', "softgan/result.json": "{}"},
        "found a finished training and no weights",
    ),
    (
        {"config.json": '{"name": "softgan"}', "softgan/weights/system.json": '{"st'},
        "softgan/weights: found damaged weights: manifest.json is missing",
    ),
]


@pytest.mark.parametrize(("files", "part"), WORKDIRS, ids=[part for _, part in WORKDIRS])
def test_workdirs_that_cannot_be_used(tmp_path, files, part):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
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
    assert line_of(list, jobs).startswith("hu_offset: found ")


@pytest.mark.parametrize(
    "text", ["0,0", "5,1", "nan,1", "x", "0,inf", "0,1e400", "-1e39,1e39", "16777216,16777217", ""]
)
def test_windows_that_are_none(text):
    line = line_of(parse_window, text, told_remedy=False)
    assert line.startswith(f"window: found {text!r}, expected ")


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
    line = line_of(plan, [], [], tmp_path / "marks.csv", told_remedy=False)
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
    assert line.startswith(f"data_dir: found that nothing can be written to {tmp_path} (No space")
    assert [path.name for path in tmp_path.iterdir()] == [".toy.lock"]


def test_a_build_where_nothing_can_be_written(a_file, monkeypatch):
    line = line_of(prepare, toy.Toy, a_file / "below", workers=0)
    assert line.startswith("data_dir: found Not a directory at ")

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    line = line_of(prepare, toy.Toy, a_file.parent, workers=0)
    assert line.startswith("data_dir: found that nothing can be written to ")


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
    (lambda f: float8(f / "a.safetensors"), "'features.0.weight' damaged (module 'numpy' has no"),
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
