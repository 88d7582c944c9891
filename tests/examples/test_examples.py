"""The examples run, and what they print is so."""

import re

import cv2
import pytest

from examples import comparing_readers, own_data_to_network, recist_to_soft_mask, soft_radiomics

pytestmark = pytest.mark.slow


def test_axes_become_a_soft_mask_and_a_picture(tmp_path, capsys):
    recist_to_soft_mask.main(tmp_path / "soft_mask.png")
    said = capsys.readouterr().out
    assert float(re.search(r"Dice at one half: ([\d.]+)", said)[1]) > 0.9
    assert float(re.search(r"truth: ([\d.]+)", said)[1]) < 0.01
    assert cv2.imread(str(tmp_path / "soft_mask.png")).shape[1] > 1000


def test_the_soft_mask_of_readers_is_nearer_to_the_truth_than_they_are(capsys):
    comparing_readers.main()
    values = [float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[1:]]
    among, each, consensus, soft = values
    assert among < each < consensus < soft < 1


def test_features_move_with_the_threshold(capsys):
    pytest.importorskip("radiomics", reason="pyradiomics is absent, see docs/library.md")
    soft_radiomics.main()
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "feature" and len(lines) == len(soft_radiomics.SHOWN)
    means = [float(text) for text in lines[0].split()[1:]]
    assert means[0] < means[1] < means[2] and means[0] < means[3] < means[2]


def test_own_data_become_a_network(tmp_path, capsys):
    own_data_to_network.main(tmp_path / "own", steps=2, lesions=18)
    said = capsys.readouterr().out
    before, after = re.findall(r"soft MAE from the label ([\d.]+)", said)
    assert float(before) < 0.05 > float(after)
