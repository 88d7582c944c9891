"""The command `casgan`, in processes of their own."""

import shlex
import subprocess
import sys

import pytest

from casgan_jax.commands.program import COMMANDS, OF_CHECKOUT
from tests.labelling import lesions

pytestmark = pytest.mark.slow

_PROGRAM = """
import atexit, sys
sys.argv[0] = "casgan"
from casgan_jax.commands.casgan import main
imported = lambda: sorted({"absl", "numpy", "jax"} & set(sys.modules))
atexit.register(lambda: print(imported(), file=sys.stderr))
sys.exit(main())
"""


def casgan(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_help_lists_the_commands_and_imports_nothing():
    for arguments, status in ((["--help"], 0), (["help"], 0), ([], 1)):
        done = casgan(*arguments)
        assert done.returncode == status
        lines = [line.split() for line in done.stdout.splitlines()]
        assert {line[0] for line in lines if line} >= set(COMMANDS)
        assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_teaches_by_example(name):
    done = casgan(name, "--help")
    assert done.returncode == 0
    assert f"    casgan {name}" in done.stdout and "launch" not in done.stdout
    assert "'jax'" not in done.stderr  # it takes more than a second


def test_a_mistake_is_told_before_what_computes_is_imported():
    for name, arguments in (("label", ["--recist=1"]), ("predict", ["--center=1"])):
        done = casgan(name, "--input=a.png", *arguments)
        assert done.returncode == 1 and done.stderr.startswith("error: ")
        assert "'jax'" not in done.stderr


def test_unknown_commands_get_the_nearest_name_and_those_of_the_checkout_the_way():
    done = casgan("lable")
    assert done.returncode == 1
    assert "error: command: found 'lable', expected one of label, " in done.stderr
    assert "did you mean 'label'?" in done.stderr
    for name in OF_CHECKOUT:
        done = casgan(name, "--anything")
        assert done.returncode == 1 and f"`python -m launch.{name}`" in done.stderr


def test_a_version():
    for name in ("version", "--version"):
        done = casgan(name)
        assert done.returncode == 0 and done.stdout.startswith("casgan_jax ")


def test_the_page_of_a_folder_is_written_again_and_opened(tmp_path):
    lesions.write_image(tmp_path / "a.png", lesions.picture(8, (90, 60)))
    lesions.write_mask(tmp_path / "m.png", lesions.disc(8, (90, 60)))
    output = tmp_path / "out"
    (tmp_path / "t.csv").write_text("image,mask\na.png,m.png\nb.png,m.png\n")
    done = casgan("label", f"--table={tmp_path / 't.csv'}", f"--output={output}", "--noprogress")
    assert "1 of 2 lesions failed" in done.stderr
    page = output / "review.html"
    before = page.read_text()
    page.unlink()
    browser = tmp_path / "browser"
    opened = shlex.quote(str(tmp_path / "opened"))
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    shown_by = f"{shlex.quote(str(browser))} %s"
    done = casgan("review", f"--folder={output}", "--open", env={"BROWSER": shown_by})
    assert done.returncode == 0, done.stderr
    assert f"review: {page}" in done.stdout
    assert page.read_text() == before
    assert (tmp_path / "opened").read_text().strip() == page.as_uri()


def test_a_folder_without_labels_gets_one_line(tmp_path):
    done = casgan("review", f"--folder={tmp_path}")
    assert done.returncode == 1
    assert "error: --folder: found no labels in" in done.stderr
    assert not list(tmp_path.iterdir())
