"""The report of an experiment: complete, self-contained, safe with any text, and deterministic."""

import base64
import dataclasses
import re

import cv2
import numpy as np
import pytest
from markupsafe import escape

from casgan_jax.evaluation.summary import Agreement
from casgan_jax.images import write_png
from casgan_jax.json_form import read_as
from casgan_jax.report.experiment import write_report
from casgan_jax.report.experiment_tables import (
    difference_table,
    failed_table,
    measured_table,
    overview_table,
    seeds_table,
    unrun_table,
)
from casgan_jax.report.line_plot import Line, legend_key, line_plot, line_style
from casgan_jax.report.results import (
    Comparison,
    DiceByStep,
    DiceByThreshold,
    Heading,
    Results,
    RowResult,
    TableResult,
    Value,
)
from casgan_jax.report.tables import markdown_text
from tests.elements import parse
from tests.faults import fault_of

DICE = Heading("dice", "Dice", digits=3, higher_is_better=True)
MAE = Heading("mae", "soft MAE", digits=4, higher_is_better=False)
COLUMNS = (DICE, MAE)
UNDRAWN = {"curves": None, "training": None}


def value(mean, *seeds):
    return Value(mean, mean - 0.01, mean + 0.01, seeds or (mean,))


def row(name, dice=0.8, mae=0.05, group="baseline", **more):
    """A row that was measured."""
    measured = RowResult(
        name=name,
        group=group,
        status="done",
        reason="",
        command=f"train {name}",
        values={"dice": value(dice), "mae": value(mae)},
        paper={},
        against={},
        seconds=130.0,
        images_per_second=50.12,
        inference_images_per_second=None,
        parameters=1234567,
        initial_weights="random",
        curves=DiceByThreshold((0.1, 0.5, 0.9), (0.7, dice, 0.6)),
        training=DiceByStep((10, 20), (0.3, dice)),
        worst=None,
        agreement=None,
    )
    return dataclasses.replace(measured, **more)


def unmeasured(name, status, reason, **more):
    costs = ("seconds", "images_per_second", "parameters")
    nothing = dict.fromkeys((*costs, "initial_weights", "curves", "training"))
    return row(name, **({"status": status, "reason": reason, "values": {}} | nothing | more))


def against(difference, low, high, p=0.02, name="UNet++"):
    return Comparison(name, difference, low, high, p)


def results(*rows, **more):
    found = Results(
        experiment="table1",
        variant="quick",
        title="Table 1",
        date="2026-11-24",
        command="python -m launch.experiment --config=table1:quick",
        machine="a machine",
        notes=("a note",),
        agreement=(),
        pictures=(),
        columns=COLUMNS,
        tables=(TableResult("phantom/quick", "stands in", 110, 55, rows),),
    )
    return dataclasses.replace(found, **more)


def write(folder, *rows, **more):
    """(the page, the Markdown) of rows."""
    write_report(results(*rows, **more), folder)
    return (folder / "report.html").read_text(), (folder / "report.md").read_text()


def markdown_rows(table):
    """The cells of each row of a Markdown table, by the row's name."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
    return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}


def measured(*rows, columns=COLUMNS):
    return markdown_rows(measured_table(columns, rows).as_markdown())


def test_all_files_are_written(tmp_path):
    page, markdown = write(tmp_path / "new", row("U-Net"))
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["report.html", "report.md", "results.json"]
    assert read_as(Results, tmp_path / "new" / "results.json", remedy="") == results(row("U-Net"))
    for shown in (page, markdown):
        assert "table1:quick, 2026-11-24, a machine" in shown
        assert "python -m launch.experiment --config=table1:quick" in shown
        assert "train U-Net" in shown
        assert "110 lesions of 55 patients" in shown


def test_equal_results_give_equal_files(tmp_path):
    rows = [row("U-Net"), row("CasGAN", 0.9, group="casgan")]
    for name in "ab":
        write_report(results(*rows), tmp_path / name)
    for name in ("report.html", "report.md", "results.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_page_needs_nothing_else(tmp_path):
    picture = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    write_png(tmp_path / "worst.png", picture)
    page, _ = write(tmp_path, row("U-Net", worst="worst.png"), row("UNet++"))
    elements = parse(page).all()
    names = ("src", "href", "xlink:href")
    addresses = [
        one.attributes[name] for one in elements for name in names if name in one.attributes
    ]
    pictures = [address for address in addresses if not address.startswith("#")]
    (address,) = pictures
    coded = base64.b64decode(address.removeprefix("data:image/jpeg;base64,"), validate=True)
    shown = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(shown.astype(int) - picture).max() <= 8
    ids = {one.attributes.get("id") for one in elements}
    assert ids.issuperset(address[1:] for address in addresses if address.startswith("#"))
    assert ids.issuperset(re.findall(r"url\(#([^)]*)\)", page))
    assert not re.search(r"https?:|//\w+\.\w", page) and "@import" not in page
    assert not re.search(r"url\((?!#)", page)


@pytest.mark.parametrize(
    "text", ['<script>alert("x")</script>', "a' onclick='b", "&lt;{{ title }}{% x %}"]
)
def test_text_stays_text(tmp_path, text):
    def of(text):
        compared = against(0, -1, 1, name=text)
        return [
            row(text, worst="worst.png", command=text, **UNDRAWN),
            unmeasured(text, "failed", text, command=text),
            row("CasGAN", against={"dice": compared}, **UNDRAWN),
        ]

    write_png(tmp_path / "worst.png", np.zeros((2, 2, 3), np.uint8))
    page, markdown = write(tmp_path, *of(text), title=text, notes=(text,))
    plain, _ = write(tmp_path, *of("PLAIN"), title="PLAIN", notes=("PLAIN",))
    assert page == plain.replace("PLAIN", escape(text))
    as_code = f"    {text}\n"  # is shown as it is
    assert as_code in markdown and "<script" not in markdown.replace(as_code, "")


def test_markdown_shows_text_as_it_is():
    assert markdown_text("a|b*c_d`\n[e](f) <i>") == r"a\|b\*c\_d\` \[e\](f) &lt;i&gt;"


def test_rows_without_numbers_say_why(tmp_path):
    rows = [
        unmeasured("R2U-Net", "failed", "found a loss of nan", paper={"dice": 0.796}),
        unmeasured("TransUNet", "not run", "", paper={"dice": 0.8, "mae": 0.1}),
        unmeasured("SegNet", "not run", ""),
    ]
    assert measured_table(COLUMNS, rows) is None
    assert markdown_rows(failed_table(COLUMNS, rows).as_markdown())["R2U-Net"] == [
        *("found a loss of nan", "0.796")
    ]
    assert markdown_rows(unrun_table(COLUMNS, rows).as_markdown())["TransUNet"] == [
        *("0.800", "0.1000")
    ]
    page = parse(write(tmp_path, *rows)[0])
    failed, unrun = page.all("table")
    assert list(failed.rows()) == ["system", "R2U-Net"]
    assert list(unrun.rows()) == ["not run", "TransUNet", "SegNet"]
    folded = page.one("details", "unrun")
    assert folded.all("table") == [unrun] and "open" not in folded.attributes
    assert folded.one("summary").text == "Not run, 2 of 3 rows: TransUNet, SegNet"
    assert not page.all("svg") and not page.all("img")


def test_what_was_run_has_no_other_tables(tmp_path):
    page = parse(write(tmp_path, row("U-Net"))[0])
    assert [list(table.rows()) for table in page.all("table")] == [["system", "U-Net"]]
    assert not page.all("details", "unrun")


def test_a_network_that_predicts_nothing_is_the_best_in_nothing(tmp_path):
    collapsed = row("U-Net", 0.99, 0.0, reason="every mask is empty", paper={"dice": 0.831})
    rows = [collapsed, row("UNet++", 0.7, 0.06), row("CasGAN", 0.8, 0.05, group="casgan")]
    shown = measured(*rows)
    assert shown["U-Net collapsed: every mask is empty"][0].startswith("0.990 \\[")
    assert shown["UNet++"][0].startswith("0.700\N{DAGGER} ")
    assert [cell.startswith("**") for cell in shown["CasGAN"][:2]] == [True, True]
    page = parse(write(tmp_path, *rows)[0])
    lines = page.all("table")[0].rows()
    name, best = lines["U-Netcollapsed: every mask is empty"], lines["CasGAN"]
    assert all("collapsed" in cell.classes for cell in name[:2])
    assert not any(cell.all("b") for cell in name) and best[0].one("b").text == "0.800"
    assert [item.text for item in page.one("ul", "legend").all("li")] == [
        *("U-Net (collapsed)", "UNet++", "CasGAN")
    ]
    alone = measured(row("U-Net", reason="every mask is empty"))
    assert not any("**" in cell for cells in alone.values() for cell in cells)


def test_tables_say_how_they_are_sorted(tmp_path):
    rows = [row("U-Net", 0.8), row("A", 0.9, values={"dice": value(0.9)})]
    page = parse(write(tmp_path, *rows)[0])
    system, dice, mae, time, *_ = page.one("table").one("thead").all("th")
    assert [head.one("button").text for head in (system, dice, mae, time)] == [
        *("system", "Dice \N{UPWARDS ARROW}", "soft MAE \N{DOWNWARDS ARROW}", "time")
    ]
    assert dice.attributes["data-first"] == "descending"
    assert "data-first" not in mae.attributes and "aria-sort" not in dice.attributes
    cells = page.one("table").rows()
    assert cells["U-Net"][0].attributes["data-value"] == "0.8"
    assert cells["U-Net"][2].attributes["data-value"] == "130.0"
    assert "data-missing" in cells["A"][1].attributes
    assert all(line.all("th")[0].attributes["scope"] == "row" for line in page.all("tr")[1:])


def test_each_word_has_its_meaning_on_the_page(tmp_path):
    page = parse(write(tmp_path, row("U-Net"), notes=("Quick, without SR & Dice; Dice",))[0])
    words = page.one("section", "words")
    meanings = {part.attributes["id"]: part.text for part in words.all("dd")}
    told = [one for one in page.all() if "aria-describedby" in one.attributes]
    assert {one.tag for one in told} == {"button"}
    assert {name for one in told for name in one.attributes["aria-describedby"].split()} <= set(
        meanings
    )
    assert [one.text for one in page.one("header").one("ul").all("button", "word")] == [
        "SR",
        "Dice",
    ]
    assert page.one("header").one("ul").text == "Quick, without SR & Dice; Dice"
    assert "twice the shared area" in meanings["word-Dice"]
    assert "word-HU" not in meanings


def test_a_row_shows_value_interval_and_costs():
    shown = measured(row("U-Net", 0.8, 0.05, paper={"dice": 0.831}))
    assert shown["system"] == [
        *("Dice \N{UPWARDS ARROW}", "soft MAE \N{DOWNWARDS ARROW}"),
        *("time", "images/s, training", "parameters"),
    ]
    assert shown["U-Net"] == [
        "**0.800\N{DAGGER}** \\[0.790, 0.810\\] paper 0.831",
        "**0.0500\N{DAGGER}** \\[0.0400, 0.0600\\]",
        *("2.2 min", "50.1", "1.23 M"),
    ]


def test_the_speed_of_what_is_not_trained_has_a_column_of_its_own():
    cut = row("GC", images_per_second=None, parameters=None, inference_images_per_second=39.96)
    shown = measured(row("U-Net"), cut)
    assert shown["system"][3:] == ["images/s, training", "images/s, inference", "parameters"]
    assert shown["U-Net"][3:] == ["50.1", "\N{EN DASH}", "1.23 M"]
    assert shown["GC"][3:] == ["\N{EN DASH}", "40.0", "\N{EN DASH}"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(119.4, "119 s"), (7199, "120.0 min"), (9000, "2.5 h")]
)
def test_times_have_a_unit_that_suits_them(seconds, shown):
    assert measured(row("U-Net", seconds=seconds))["U-Net"][2] == shown


def test_the_best_is_bold_and_the_best_baseline_marked():
    shown = measured(
        row("A", 0.80, 0.05),
        row("B", 0.82, 0.06),
        row("C", 0.90, 0.04, group="casgan"),
        row("D", 0.85, 0.03, group="casgan"),
        unmeasured("E", "failed", "why", values={"dice": value(0.99)}),
    )
    best = {name: [cell.startswith("**") for cell in cells[:2]] for name, cells in shown.items()}
    marked = {name: ["\N{DAGGER}" in cell for cell in cells[:2]] for name, cells in shown.items()}
    none = [False, False]
    assert {name: found for name, found in best.items() if found != none} == {
        "C": [True, False],
        "D": [False, True],
    }
    assert {name: found for name, found in marked.items() if found != none} == {
        "A": [False, True],
        "B": [True, False],
    }


@pytest.mark.parametrize(
    ("column", "found", "words"),
    [
        (DICE, against(0.01, 0.002, 0.018), r"**beats UNet++:** +0.010 \[+0.002, +0.018\]"),
        (DICE, against(-0.004, -0.01, 0.002), r"does not beat UNet++: -0.004 \[-0.010, +0.002\]"),
        (DICE, against(-0.02, -0.03, -0.01), r"is worse than UNet++: -0.020 \[-0.030, -0.010\]"),
        (MAE, against(-0.02, -0.03, -0.01), r"**beats UNet++:** -0.0200 \[-0.0300, -0.0100\]"),
        (MAE, against(0.02, 0.01, 0.03), r"is worse than UNet++: +0.0200 \[+0.0100, +0.0300\]"),
        (DICE, against(-1e-6, -2e-6, -1e-7), r"does not beat UNet++: -0.000 \[-0.000, -0.000\]"),
        (DICE, against(0.01, None, None), "does not beat UNet++: +0.010"),
    ],
)
def test_differences_are_told_in_words(column, found, words):
    made = row("CasGAN", group="casgan", against={column.key: found})
    table = difference_table([column], [row("UNet++"), made])
    assert markdown_rows(table.as_markdown())["CasGAN"] == [f"{words}, p = 0.020"]


def test_interval_and_p_must_agree():
    # As of three patients: whatever they say, p is 0.25 or more.
    found = {"dice": against(0.01, 0.002, 0.018, 0.25)}
    table = difference_table([DICE], [row("CasGAN", against=found)])
    assert "does not beat UNet++" in table.as_markdown()


@pytest.mark.parametrize(
    ("p", "shown"), [(None, "+0.030"), (0.0004, "+0.030, p &lt; 0.001"), (0.0404, "p = 0.040")]
)
def test_probabilities_are_not_shown_finer_than_they_are(p, shown):
    found = {"dice": against(0.03, None, None, p)}
    table = difference_table([DICE], [row("CasGAN", against=found)])
    assert table.as_markdown().splitlines()[-1].removesuffix(" |").endswith(shown)


def test_tables_that_would_be_empty_are_left_out():
    assert difference_table(COLUMNS, [row("U-Net")]) is None
    assert seeds_table(COLUMNS, [row("U-Net")]) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "line"),
    [
        ((None, None), ""),
        (("random", None), "All networks started from random weights."),
        (
            ("ImageNet: a", "random"),
            "Initial weights of encoders: A ImageNet: a; all others random.",
        ),
        (("ImageNet: a", "ImageNet: b"), "of encoders: A ImageNet: a; B ImageNet: b."),
    ],
)
def test_what_networks_started_from_is_said(tmp_path, weights, line):
    rows = [row(name, initial_weights=found) for name, found in zip("AB", weights, strict=True)]
    for shown in write(tmp_path, *rows):
        assert line in shown
        assert ("random" in shown) == ("random" in line)


def test_each_seed_is_shown():
    several = row("U-Net", values={"dice": value(0.81, 0.8, 0.82)})
    table = seeds_table(COLUMNS, [several, row("UNet++")])
    assert markdown_rows(table.as_markdown()) == {
        "system": ["Dice", "soft MAE"],
        "---": ["---", "---"],
        "U-Net": ["0.800, 0.820", "\N{EN DASH}"],
    }


def test_markdown_tables_are_rectangular(tmp_path):
    _, markdown = write(
        tmp_path,
        row("a|b", paper={"dice": 0.8}, **UNDRAWN),
        unmeasured("U-Net", "failed", "x | y"),
        row("C", against={"dice": against(0.1, 0.0, 0.2)}, **UNDRAWN),
    )
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    widths = [{len(re.split(r"(?<!\\)\|", line)) for line in t.splitlines()} for t in tables]
    assert widths == [{8}, {4}, {5}]
    assert [len(table.splitlines()) for table in tables] == [4, 3, 3]


@pytest.mark.parametrize("number", [float("nan"), np.float64("inf")])
def test_a_number_that_is_none_is_refused(tmp_path, number):
    bad = row("U-Net", curves=DiceByThreshold((0.1, 0.5), (0.7, number)))
    error = fault_of(write, tmp_path, row("UNet++"), bad)
    assert error.what == "results.tables[0].rows[1].curves.dice[1]"
    assert not list(tmp_path.iterdir())


def test_a_missing_picture_is_told_before_anything_is_written(tmp_path):
    error = fault_of(write, tmp_path, row("U-Net", worst="worst.png", **UNDRAWN))
    assert error.what.endswith("/worst.png")
    assert not list(tmp_path.iterdir())


def test_curves_are_drawn_with_one_legend(tmp_path):
    page, _ = write(
        tmp_path, row("U-Net"), row("UNet++", training=None), unmeasured("TransUNet", "not run", "")
    )
    legend = parse(page).one("ul", "legend")
    assert [item.text for item in legend.all("li")] == ["U-Net", "UNet++"]
    at_thresholds, training = re.findall("<figure>(.*?)</figure>", page, re.DOTALL)
    assert "128/255" in at_thresholds and "128/255" not in training
    first, second = (line_style(index, strong=False).colour for index in range(2))
    assert first in at_thresholds and second in at_thresholds
    assert first in training and second not in training


def test_the_first_lines_differ_in_colour_or_dashes():
    styles = [line_style(index, strong=False) for index in range(24)]
    assert len(set(styles)) == 24
    assert len({legend_key(style) for style in styles}) == 24
    assert all(a.dashes != b.dashes for a, b in zip(styles, styles[1:6], strict=False))


def test_a_plot_puts_its_lines_where_they_belong():
    style = line_style(1, strong=True)
    svg = line_plot([Line([0.0, 1.0], [0.0, 1.0], style)], x="a<b", y="c")
    (data, drawn) = re.search(
        rf'<path d="([^"]*)"[^>]*style="([^"]*{style.colour}[^"]*)"', svg
    ).groups()
    (left, bottom), (right, top) = re.findall(r"([\d.]+) ([\d.]+)", data)
    assert float(left) < float(right) and float(top) < float(bottom)  # y grows downwards
    assert "stroke-dasharray: 6,2" in drawn and "stroke-width: 2.4" in drawn
    assert 'aria-label="c by a&lt;b"' in svg and "a&lt;b</text>" in svg
    assert "#000000" not in svg and "http" not in svg


def test_plots_of_one_page_share_no_id(tmp_path):
    page = parse(write(tmp_path, row("U-Net"), row("UNet++"))[0])
    ids = [one.attributes["id"] for one in page.all() if "id" in one.attributes]
    assert len(page.all("figure")) == 2 and len(ids) == len(set(ids))
    used = [one.attributes["xlink:href"] for one in page.all("use")]
    assert used and {address[1:] for address in used} <= set(ids)


def test_a_single_point_is_seen():
    style = line_style(0, strong=False)
    svg = line_plot([Line([10], [0.5], style)], x="step", y="Dice")
    assert re.search(f"<use [^>]*{style.colour}", svg)


def test_readers_and_network_with_each_other_stand_beside_the_papers(tmp_path):
    agreement = Agreement(("reader 1", "network"), ((1.0, 0.812), (0.812, 1.0)), (0.751,))
    paper = ((1.0, 0.777), (0.777, 1.0))
    page, text = write(
        tmp_path, row("A", agreement=agreement), row("B", agreement=None), agreement=paper
    )
    assert "| A, Dice | reader 1 | network |" in text and "B, Dice" not in text
    assert "| reader 1 | 1.000 paper 1.000 | 0.812 paper 0.777 |" in text
    assert "| majority of the other three | 0.751 | \N{EN DASH} |" in text
    line = parse(page).all("table")[1].rows()["reader 1"]
    assert [[note.text for note in cell.all("small")] for cell in line] == [
        *(["paper 1.000"], ["paper 0.777"])
    ]


@pytest.mark.slow
def test_several_data_sets_are_seen_side_by_side(tmp_path):
    first, second = (
        (row("A", 0.7), unmeasured("B", "failed", "NaN"), unmeasured("C", "not run", "")),
        (row("A", 0.9), row("B", 0.95), unmeasured("C", "not run", "")),
    )
    tables = (TableResult("honest", "", 9, 3, first), TableResult("leaking", "", 9, 3, second))
    table = overview_table(DICE, tables)
    assert [column.name for column in table.columns] == ["system", "honest", "leaking"]
    assert [[cell.text for cell in line] for line in table.rows] == [
        ["A", "0.700", "0.900"],
        ["B", "failed", "0.950"],
    ]
    _, text = write(tmp_path, tables=tables)
    assert "Dice on every data set." in text
    _, one = write(tmp_path / "one", row("A"))
    assert "on every data set" not in one


def test_columns_that_no_row_has_are_left_out():
    rows = [row("SVM", images_per_second=None, parameters=None), unmeasured("k-NN", "not run", "")]
    shown = measured(*rows)
    assert shown["system"][2:] == ["time"]
    assert shown["SVM"][2:] == ["2.2 min"] and "k-NN" not in shown
