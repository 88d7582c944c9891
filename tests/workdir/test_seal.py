import json

import pytest

from casgan_jax.workdir.seal import MANIFEST, Damaged, read_facts, seal, verify


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "weights").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "inner" / "sizes").write_text("1 2 3")
    seal(tmp_path, {"step": 7, "score": 0.25})
    return tmp_path


def test_an_intact_folder_gives_its_facts(folder):
    assert verify(folder) == read_facts(folder) == {"step": 7, "score": 0.25}
    (folder / "a note of mine").write_text("does not matter")
    assert verify(folder)["step"] == 7


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def change_a_fact(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["content"]["facts"]["score"] = 0.9
    (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: flip(folder / "weights"), r"weights is not what was written \(16384 bytes"),
        (lambda folder: (folder / "weights").write_bytes(b""), "weights is not .* \\(0 bytes"),
        (lambda folder: (folder / "inner" / "sizes").unlink(), "inner/sizes is missing"),
        (lambda folder: (folder / MANIFEST).unlink(), "manifest.json is missing"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "manifest.json cannot be read"),
        (change_a_fact, "manifest.json is not what was written"),
    ],
)
def test_every_damage_is_found_and_named(folder, damage, reason):
    damage(folder)
    with pytest.raises(Damaged, match=reason):
        verify(folder)


def test_an_empty_folder_is_called_so(tmp_path):
    with pytest.raises(Damaged, match="the folder is empty"):
        verify(tmp_path)
