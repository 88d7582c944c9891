"""A library's errors in the words of the command that was called."""

import pickle

import pytest
from absl import flags

from casgan_jax.commands import entry
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
