"""A library's errors in the words of the command that was called, and what goes wrong outside of
the library: its flags, its devices, its caches."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from casgan_jax.commands import entry
from casgan_jax.commands.path_flag import define_path
from casgan_jax.errors import Step, UserError
from casgan_jax.soft_mask.trimap import AnnotationError


@pytest.fixture(autouse=True)
def command(monkeypatch):
    """A command with the flags --config, --output and --table."""
    own = flags.FlagValues()
    for name in ("config", "output", "table"):
        flags.DEFINE_string(name, None, "help", flag_values=own)
    own(["command"])
    monkeypatch.setattr(flags, "FLAGS", own)
    monkeypatch.setattr("sys.argv", ["launch/train.py"])


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("output", "--output"),
        ("output, table", "--output, --table"),
        ("config=softgn", "--config=softgn"),
        ("config.optim.lr", "--config.optim.lr"),
        ("data.patch", "data.patch"),
        ("scan.png", "scan.png"),
    ],
)
def test_what_is_a_flag_gets_its_dashes(what, shown):
    line = entry.error_line(UserError(what, found="none", expected="one"))
    assert line == f"{shown}: found none, expected one"


def test_names_in_backticks_are_flags_of_this_command_fields_or_plain_words():
    error = UserError(
        "data.patch",
        found="5 beside `table`",
        expected="64",
        remedy="set `data.patch=64`, `output=~/out` or `window`",
    )
    assert entry.error_line(error) == (
        "data.patch: found 5 beside --table, expected 64; set --config.data.patch=64, "
        "--output=~/out or window"
    )


def test_a_step_is_typed_behind_the_line():
    error = UserError("data.dir", remedy="make one", step=Step("build", {"dataset": "phantom"}))
    line = entry.error_line(error)
    assert line.startswith("data.dir: make one: `")
    assert line.endswith("-m launch.build --dataset=phantom`")


def test_an_error_keeps_its_facts_on_its_way_from_a_worker_and_into_a_place():
    error = AnnotationError("no_mask", "a.png", found="an empty mask", remedy="leave it out")
    sent = pickle.loads(pickle.dumps(error))
    assert (sent.reason, str(sent)) == ("no_mask", "a.png: found an empty mask; leave it out")
    placed = sent.within("lesion 7")
    assert str(placed) == "lesion 7: a.png: found an empty mask; leave it out"
    assert placed.reason == "no_mask" and str(sent).startswith("a.png")


ROOT = Path(__file__).parents[2]


def python(*arguments, folder=ROOT, **environment):
    """What a process prints on stderr, and its exit status."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr, done.returncode


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("--workdir=~nosuchuser/x", "--workdir=~nosuchuser/x: found no user of that name, "),
        ("--wrkdir=x", "Unknown command line flag 'wrkdir'. Did you mean: workdir"),
    ],
)
def test_a_wrong_flag_is_one_line(command, monkeypatch, capsys, argument, line):
    own = flags.FLAGS
    define = flags.DEFINE
    monkeypatch.setattr(flags, "DEFINE", lambda *a, **k: define(*a, flag_values=own, **k))
    define_path("workdir", None, "help")
    with pytest.raises(SystemExit) as ended:
        entry._parse(["command", argument])
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert told.startswith(f"error: {line}") and told.count("\n") == 1


@pytest.mark.slow
def test_a_platform_that_is_not_there_is_one_line():
    code = (
        "from casgan_jax.commands.entry import run_main\n"
        "def main(_):\n"
        "    import jax\n"
        "    jax.numpy.ones(1)\n"
        "run_main(main)"
    )
    told, status = python("-c", code, JAX_PLATFORMS="cuda")
    assert told.startswith("error: JAX_PLATFORMS: found 'cuda', which JAX cannot use here")
    assert "expected what is there: cpu; set JAX_PLATFORMS=cpu" in told
    assert told.count("\n") == 1 and status == 1


def test_a_reader_that_has_read_enough_is_no_failure():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "launch.label", "--help"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_a_mistake_of_the_program_keeps_its_traceback():
    code = (
        "from casgan_jax.commands.entry import run_main\n"
        "def main(_): raise AssertionError('a mistake')\n"
        "run_main(main)"
    )
    told, status = python("-c", code, JAX_PLATFORMS="cuda")
    assert "Traceback" in told and "a mistake" in told and status == 1


@pytest.mark.slow
def test_a_home_that_cannot_be_written_is_one_line_and_nothing_more():
    code = (
        "from casgan_jax.commands.entry import keep_compilations\n"
        "keep_compilations()\n"
        "import jax\n"
        "jax.jit(lambda x: 2 * x)(jax.numpy.ones(3))"
    )
    nowhere = {"JAX_COMPILATION_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": "/proc"}
    told, status = python("-c", code, **nowhere)
    assert told.startswith("compilations are not kept: ") and "/proc/.cache/casgan_jax" in told
    assert told.count("\n") == 1 and status == 0


def test_letters_beyond_ascii_need_names_in_utf8(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from casgan_jax.commands.entry import run_main\ndef main(_): print('done')\nrun_main(main)"
    )
    folder = tmp_path / "Läsion"
    folder.mkdir()
    ascii_names = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    told, status = python(program, folder=folder, **ascii_names)
    assert told.startswith("error: locale: found ") and told.endswith("set PYTHONUTF8=1\n")
    assert status == 1
    assert python(program, folder=folder, **(ascii_names | {"PYTHONUTF8": "1"})) == ("", 0)
