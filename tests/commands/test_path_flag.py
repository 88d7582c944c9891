"""Flags that are paths: a leading ~ is the user's home."""

import pytest
from absl import flags

from casgan_jax.commands.path_flag import define_multi_path, define_path, define_paths


@pytest.fixture
def parse(monkeypatch):
    """Defines the three kinds among flags of their own; parses a command line to them."""
    monkeypatch.setenv("HOME", "/home/someone")
    own = flags.FlagValues()
    define = flags.DEFINE, flags.DEFINE_multi
    for name, function in zip(("DEFINE", "DEFINE_multi"), define, strict=True):
        monkeypatch.setattr(flags, name, _among(own, function))
    one = define_path("output", "data", "help")
    several = define_paths("masks", None, "help")
    repeated = define_multi_path("input", [], "help")

    def parse(*arguments):
        own(["command", *arguments])
        return one.value, several.value, repeated.value

    return parse


def _among(own, function):
    return lambda *arguments, **options: function(*arguments, flag_values=own, **options)


def test_a_leading_tilde_is_the_users_home(parse):
    found = parse("--output=~/out", "--masks=~/a.png,b~.png", "--input=~/*.png", "--input=c.png")
    assert found == (
        "/home/someone/out",
        ["/home/someone/a.png", "b~.png"],
        ["/home/someone/*.png", "c.png"],
    )


@pytest.mark.parametrize("text", ["", "gs://bucket/data", "a//b/", "a/~/b", "."])
def test_other_text_stays_as_it_is(parse, text):
    assert parse(f"--output={text}")[0] == text


def test_defaults_need_no_flag(parse):
    assert parse() == ("data", None, [])


@pytest.mark.parametrize("flag", ["output", "masks", "input"])
def test_an_unknown_user_is_told_in_one_line(parse, flag):
    with pytest.raises(flags.IllegalFlagValueError) as caught:
        parse(f"--{flag}=~no such user/x")
    line = str(caught.value)
    assert "\n" not in line
    assert f"--{flag}" in line and "no user of that name" in line


def test_a_flag_belongs_to_the_module_that_defines_it():
    name = "a_path_of_this_test"
    define_path(name, None, "help")
    assert name in {flag.name for flag in flags.FLAGS.get_key_flags_for_module(__name__)}
    delattr(flags.FLAGS, name)
