"""Words are told once where they stand, and listed with what their meanings need."""

import pytest

from casgan_jax.report.words import MEANINGS, Words, readers_line


def test_a_word_is_a_button_once_and_its_text_stays():
    words = Words()
    first, again = words.marked("Dice < IoU"), words.marked("Dice")
    button = '<button type="button" class="word" aria-describedby="word-{0}">{0}</button>'
    assert first == f"{button.format('Dice')} &lt; {button.format('IoU')}"
    assert again == "Dice"
    span = '<span class="word" aria-describedby="word-Dice">Dice</span>'
    assert words.hovered("Dice, Dice") == f"{span}, {span}"


def test_the_longest_word_counts_and_parts_of_others_do_not():
    assert Words().ids("soft MAE, true alpha") == "word-soft-MAE word-true-alpha"
    assert Words().ids("SRGAN without SR") == "word-SRGAN word-SR"
    assert Words().ids("xDice Dices HUs 1280px a-p CT-like") == "word-CT"
    assert Words().ids("2.4 mm\N{SUPERSCRIPT TWO}") == "word-mm2"


def test_what_a_meaning_uses_is_listed_too():
    words = Words()
    words.ids("quality")
    listed = [word for word, _, _ in words.listed()]
    assert "quality" in listed and "Dice" in listed and "LNSM" not in listed
    assert listed == [word for word in MEANINGS if word in listed]
    assert Words().listed() == []


def test_ids_are_different():
    words = Words()
    for word in MEANINGS:
        assert words.ids(word)
    ids = [name for _, name, _ in words.listed()]
    assert len(set(ids)) == len(MEANINGS)


@pytest.mark.parametrize(
    ("readers", "line"),
    [
        ([4] * 3 + [1] * 8, "3 of 11 lesions have four readers, 8 have one"),
        ([4, 3, 3, 0], "1 of 4 lesions has four readers, 2 have three"),
        ([1, 0], "1 of 2 lesions has one reader"),
        ([7] * 2000, "2,000 of 2,000 lesions have 7 readers"),
        ([0, 0], ""),
        ([], ""),
    ],
)
def test_populations_are_named(readers, line):
    assert readers_line(readers) == line
