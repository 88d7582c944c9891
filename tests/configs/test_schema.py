"""What a config's fields say of themselves, and that tables and named choices are the same."""

import dataclasses

import pytest

from casgan_jax.configs.schema import radiomics, sections, softgan, srgan
from casgan_jax.configs.schema.checks import check_fields
from casgan_jax.configs.schema.field_help import field_help
from casgan_jax.configs.schema.kinds import KINDS
from casgan_jax.configs.schema.load import config_names, load_config
from casgan_jax.configs.schema.tree import flat, flat_settings, replaced
from casgan_jax.data import LABELS
from casgan_jax.models.srgan import SCALES
from casgan_jax.radiomics.classification import CLASSIFIERS, FEWEST
from casgan_jax.radiomics.feature_sets import FEATURE_SETS
from casgan_jax.training.optimizers import learning_rate
from casgan_jax.training.stages import DISCRIMINATORS
from tests.faults import fault_of


@pytest.fixture(params=config_names())
def config(request):
    return load_config(request.param, [])


def test_every_field_has_a_type_a_meaning_and_a_good_value(config):
    known, values = flat_settings(config), flat(config)
    assert list(known) == list(values)
    for name, setting in known.items():
        assert setting.allows(values[name]), name
        assert setting.meaning or name.startswith(("model.", "parameters.")), name
        if setting.allowed is not None:
            typed = setting.kind(setting.example.strip("'"))
            assert setting.allows(typed), f"{name}: the example is not allowed"


def test_annotations_are_the_types_that_are_checked():
    for kind in KINDS.values():
        parts = [kind()]
        while parts:
            part = parts.pop()
            for field in dataclasses.fields(part):
                value = getattr(part, field.name)
                if dataclasses.is_dataclass(value):
                    parts.append(value)
                elif "setting" in field.metadata:
                    assert field.type == field.metadata["setting"].kind.__name__, field.name


@pytest.mark.parametrize("loss", [softgan.SoftganLoss(), srgan.SrganLoss()])
def test_every_weight_is_one_of_a_loss_that_is_trained_with(loss):
    known = {field.name: field.metadata["setting"] for field in dataclasses.fields(loss)}
    weights = {name for name, one in known.items() if one.meaning.startswith("weight of ")}
    assert weights == {*loss.content, "adversarial"}
    assert all(loss.content[name] == getattr(loss, name) for name in loss.content)


def test_help_has_a_line_for_every_field_with_its_meaning(config):
    lines = field_help(config).splitlines()
    assert [line.split("=")[0] for line in lines] == list(flat(config))
    for line in lines:
        name, told = line.split("  ", 1)
        assert ";" in told.strip(), f"{name} has no meaning"


def test_help_shows_values_ranges_choices_and_what_a_network_or_method_says_of_its_options():
    lines = {
        line.split("=")[0]: line
        for line in field_help(load_config("softgan:quick", [])).splitlines()
    }
    assert lines["optim.lr"].split(maxsplit=1) == [
        "optim.lr=0.001",
        "largest learning rate; a number in (0, inf)",
    ]
    assert lines["dtype"].endswith("; one of float32, bfloat16, float16")
    assert lines["data.augmentation.flip"].startswith("data.augmentation.flip=true ")
    assert "the same in use; 0: as in training" in field_help(load_config("cf_cnn", []))
    assert "weights >= 0 of the three terms" in field_help(load_config("level_set", []))


def test_help_of_a_network_that_is_none_names_it():
    made = load_config("cf_cnn", [("model.network", "nowhere.Net")])
    error = fault_of(field_help, made)
    assert error.what == "model.network" and "nowhere.Net" in error.found


def test_named_choices_are_the_keys_of_the_tables_that_implement_them():
    assert tuple(LABELS) == softgan.LABELS
    assert tuple(DISCRIMINATORS) == softgan.DISCRIMINATORS
    assert SCALES == srgan.SR_SCALES
    assert CLASSIFIERS == radiomics.CLASSIFIERS and FEWEST == radiomics.FEWEST
    assert tuple(FEATURE_SETS) == radiomics.FEATURE_SETS


def test_every_schedule_is_another_learning_rate():
    rates = {
        name: float(learning_rate(sections.Optim(schedule=name), 1000)(900))
        for name in sections.SCHEDULES
    }
    assert len(set(rates.values())) == len(rates)


def test_fields_of_the_other_kinds_are_checked_by_the_same_rules():
    made = load_config("radiomics", [])
    assert fault_of(check_fields, replaced(made, name="x")).what == "name"
    error = fault_of(check_fields, replaced(made, classifier="forest"))
    assert error.what == "classifier" and "classifier='decision tree" in error.remedy
    made = load_config("graph_cut", [])
    error = fault_of(check_fields, replaced(made, seed=-1))
    assert error.what == "seed" and error.found == "-1"
