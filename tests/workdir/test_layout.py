"""A run's files have names in one module, and are where its docstring draws them."""

import ast
from pathlib import Path

from casgan_jax.workdir import layout
from tests.rooms import ROOT, source_files

# The rooms that read and write runs; others have files of the same names.
ROOMS = {
    *("commands", "experiments", "inference", "radiomics", "training", "report", "evaluation"),
    *("classical", "systems", "workdir", "launch"),
}
NAMES = {value for name, value in vars(layout).items() if name.isupper()} - {"weights"}


def literals(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & NAMES


def test_no_other_module_spells_a_name():
    layout_file = Path(layout.__file__)
    assert literals(layout_file) == NAMES
    files = [path for path in source_files() if ROOMS & set(path.relative_to(ROOT).parts)]
    spelt = {path.name: literals(path) for path in files if path != layout_file}
    assert {name: found for name, found in spelt.items() if found} == {}


def test_files_are_where_they_are_drawn(tmp_path):
    found = {
        layout.config_file(tmp_path),
        layout.result_file(tmp_path, "softgan"),
        layout.log_file(tmp_path, "softgan"),
        layout.checkpoints_folder(tmp_path, "srgan"),
        layout.weights_folder(tmp_path, "srgan"),
        layout.evaluation_folder(tmp_path, "test"),
        layout.evaluation_folder(tmp_path, "test", marks="axes", noise=0.5),
    }
    assert {path.relative_to(tmp_path).as_posix() for path in found} == {
        *("config.json", "softgan/result.json", "softgan/log.jsonl"),
        *("srgan/checkpoints", "srgan/weights", "evaluation/test", "evaluation/test-axes-0.5px"),
    }
