"""The paper's selections of LIDC lesions."""

import collections

import pytest

from datasets.lidc.builder import Builder
from datasets.lidc.selection import select
from datasets.task import Task
from tests.datasets.trees import disc, nodule, write_lidc_slice
from tests.faults import fault_of


def lesions(patients, each=2, slices=3):
    """{lesion: its slices} of so many patients with so many lesions."""
    names = [f"P{p}/nodule-{n}" for p in range(patients) for n in range(each)]
    return {
        name: [Task("train", f"{name}/slice-{i}", (name, i)) for i in range(slices)]
        for name in names
    }


def selected(found, count, bad=()):
    return select(
        found,
        count,
        patient_of=lambda lesion: lesion.partition("/")[0],
        is_good=lambda task: task.arguments[0] not in bad,
    )


def sizes(tasks):
    return collections.Counter(task.split for task in tasks)


def test_119_lesions_split_by_patient():
    found = lesions(100)
    bad = [name for name in found if name.startswith("P7/")]
    tasks = selected(found, 119, bad)
    assert len(tasks) == 119
    assert 48 <= sizes(tasks)["test"] <= 49  # 40%; patients have one or two of the lesions
    assert 6 <= sizes(tasks)["validation"] <= 8
    assert all(task.key.endswith("/slice-1") for task in tasks)  # the middle one
    of_patient = collections.defaultdict(set)
    for task in tasks:
        of_patient[task.key.partition("/")[0]].add(task.split)
    assert all(len(splits) == 1 for splits in of_patient.values())
    assert "P7" not in of_patient
    assert tasks == selected(dict(reversed(found.items())), 119, bad)


def test_500_lesions_are_for_testing():
    assert sizes(selected(lesions(300), 500)) == {"test": 500}


def test_too_few_lesions_get_a_line():
    error = fault_of(selected, lesions(50), 119)
    assert (
        error.what == "manual_dir" and "100 lesions" in error.found and "4 agreeing" in error.found
    )


def test_selection_from_the_tree(tmp_path):
    image, full, missed = nodule(5, 0), [disc(5)] * 4, [disc(5)] * 3
    for patient in range(60):
        for number in range(2):
            key = f"LIDC-IDRI-{patient:04d}/nodule-{number}/slice-0"
            write_lidc_slice(tmp_path / "tree", key, image, full)
    write_lidc_slice(tmp_path / "tree", "LIDC-IDRI-0099/nodule-0/slice-0", image, missed)
    builder = Builder(data_dir=tmp_path / "data", config="119")
    tasks = builder.tasks(tmp_path / "tree")
    assert len(tasks) == 119 and 48 <= sizes(tasks)["test"] <= 49
    assert not any("0099" in task.key for task in tasks)
    assert builder.info.metadata["selection"] == "119 lesions"


@pytest.mark.parametrize(
    ("name", "layout", "window"), [("500", "slices", [0, 255]), ("tcia-500", "tcia", [-1000, 400])]
)
def test_configs_of_both_layouts(tmp_path, name, layout, window):
    builder = Builder(data_dir=tmp_path, config=name)
    assert builder.builder_config.layout == layout
    assert builder.info.metadata["window"] == window
