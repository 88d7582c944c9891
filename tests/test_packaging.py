"""What the built wheel would put on a user's machine."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_casgan_jax_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in listed:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"casgan_jax"}
    assert "casgan_jax/soft_mask/closed_form.py" in names
    assert "casgan_jax/training/loop.py" in names
    assert "casgan_jax/labelling/review.html" in names
    assert {"casgan_jax/annotate/page/index.html", "casgan_jax/annotate/page/main.js"} <= set(names)
    assert {"casgan_jax/py.typed", "casgan_jax/commands/casgan.py"} <= set(names)
