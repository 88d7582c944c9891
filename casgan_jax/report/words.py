"""What the words and abbreviations of pages mean, told where they stand and listed at the end.

words = Words()
words.marked("Dice against the consensus")  # HTML; each word is told on hover and on focus
words.ids("soft MAE")  # ids of the meanings, for aria-describedby
words.listed()  # [(word, id, meaning)] of those that were asked for
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup, escape

MEANINGS = {
    "128/255": "the paper's threshold: a pixel at or above it belongs to the binary mask",
    "95% interval": "from drawing whole patients again with replacement, 2,000 times",
    "ACC": "accuracy: the share of pixels, or of lesions, that are told rightly",
    "AUC": "area under the ROC curve: 1 is a perfect order of lesion and background, 0.5 a guess",
    "CF-CNN": "central focused convolutional network (Wang et al. 2017)",
    "CPU": "the processor, without an accelerator",
    "CT": "computed tomography",
    "Dice": "twice the shared area over the sum of both areas: 1 is the same, 0 nothing shared",
    "GPU": "a graphics processor that computes",
    "HU": "Hounsfield units of CT: air is -1000, water 0",
    "IoU": "intersection over union: shared area over the area of either mask, 0 to 1",
    "ISBI": "ISBI 2012: membranes of neurons in electron microscopy",
    "LIDC": "Lung Image Database Consortium: nodules in CT, outlined by up to four readers",
    "LNSM": "the paper's own data set: soft masks of 1,500 lung nodules of DeepLesion",
    "PROMISE12": "prostates in magnetic resonance images",
    "PSNR": "peak signal-to-noise ratio in dB, higher is closer",
    "RECIST": "the lesion's longest diameter and the longest one across it",
    "ROC": "share of lesions found against the share of false alarms, over all thresholds",
    "SR": "super-resolution: the image made two or four times as fine by a network",
    "SRGAN": "the network that makes images two or four times as fine",
    "SVM": "support vector machine, a classifier",
    "collapsed": "every mask is empty or full, or mean Dice is below 0.05 at the threshold that "
    "was chosen on validation: nothing was learnt",
    "consensus": "the pixels that at least half of the readers marked",
    "difference of diameters": "the long one as measured minus as given",
    "gradient error": "how far the slopes of two soft masks differ, summed over the patch",
    "hard volume": "of the voxels that reach the threshold; the volume itself sums the soft mask",
    "images/s": "images a second",
    "mm\N{SUPERSCRIPT TWO}": "square millimetres: the sum of the soft mask times a pixel's area",
    "mm\N{SUPERSCRIPT THREE}": "cubic millimetres: the sum of the soft mask times a voxel's volume",
    "native": "of the image's own pixels",
    "p": "how often chance alone would make a difference as large",
    "parameters": "numbers that training sets; M: millions",
    "patch": "the square piece of the image that a network sees",
    "px": "pixels of the image",
    "quality": "0 to 1, how well marks and image agree on the soft mask: for axes, given against "
    "measured ones times Dice with a cut by intensity; for readers, their mean Dice with each "
    "other; for one mask or a network, Dice with that cut",
    "readers' spread": "where readers disagree: white where half of them marked a pixel",
    "soft MAE": "mean absolute difference of two soft masks, 0 to 1",
    "soft mask": "how far a pixel belongs to the lesion: black 0, white 1",
    "threshold": "a pixel of the soft mask at or above it belongs to the binary mask",
    "trimap": "white: surely lesion, black: surely not, grey: to be found",
    "true alpha": "the soft mask that a phantom was drawn with",
    "window": "values shown black and white",
}
_LONGEST_FIRST = sorted(map(re.escape, MEANINGS), key=len, reverse=True)
_ANY = re.compile(rf"(?<![\w-])(?:{'|'.join(_LONGEST_FIRST)})(?!\w)")
_BUTTON = Markup('<button type="button" class="word" aria-describedby="{}">{}</button>')
_SPAN = Markup('<span class="word" aria-describedby="{}">{}</span>')
_NUMBERS = ("no", "one", "two", "three", "four")


class Words:
    """The words of one page: which were used, and which were marked already."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._marked: set[str] = set()

    def ids(self, text: object) -> str:
        """The ids of the meanings of a text's words, with spaces between."""
        found = list(dict.fromkeys(_ANY.findall(str(text))))
        self._used.update(found)
        return " ".join(_id(word) for word in found)

    def marked(self, text: object) -> Markup:
        """The text as HTML; a word is a button that tells its meaning, once on a page."""
        return self._with(text, self._button)

    def hovered(self, text: object) -> Markup:
        """The text as HTML; a word tells its meaning under the mouse, wherever it stands."""
        return self._with(text, lambda word: _SPAN.format(self.ids(word), word))

    def listed(self) -> list[tuple[str, str, str]]:
        """(word, id, meaning) of all that were used, in their order; also what these use."""
        while True:
            found = {other for word in self._used for other in _ANY.findall(MEANINGS[word])}
            if found <= self._used:
                break
            self._used |= found
        return [(word, _id(word), MEANINGS[word]) for word in MEANINGS if word in self._used]

    def _with(self, text: object, shown: Callable[[str], Markup]) -> Markup:
        parts, end, text = [], 0, str(text)
        for match in _ANY.finditer(text):
            parts += [escape(text[end : match.start()]), shown(match[0])]
            end = match.end()
        return Markup("").join([*parts, escape(text[end:])])

    def _button(self, word: str) -> Markup:
        ids = self.ids(word)
        if word in self._marked:
            return escape(word)
        self._marked.add(word)
        return _BUTTON.format(ids, word)


def readers_line(readers: Iterable[int]) -> str:
    """How many readers lesions have: "3 of 11 lesions have four readers, 8 have one".

    Args:
      readers: of each lesion.

    Returns:
      "" where no lesion was read.
    """
    counts = collections.Counter(readers)
    by_name = {
        _NUMBERS[number] if number < len(_NUMBERS) else f"{number}": counts[number]
        for number in sorted(filter(None, counts), reverse=True)
    }
    return populations_line(by_name, counts.total())


def populations_line(counts: Mapping[str, int], total: int) -> str:
    """The same of lesions that are counted: {"four": 3, "two or three": 0, "one": 8}, of 11."""
    told: list[str] = []
    for readers, count in counts.items():
        if count:
            verb = "has" if count == 1 else "have"
            of = "" if told else f" of {total:,} lesions"
            unit = "" if told else " reader" if readers == "one" else " readers"
            told.append(f"{count:,}{of} {verb} {readers}{unit}")
    return ", ".join(told)


def _id(word: str) -> str:
    return "word-" + re.sub(r"\W+", "-", word.replace("\N{SUPERSCRIPT TWO}", "2"))
