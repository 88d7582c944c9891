"""What the documentation links to is there, and the flags that it prints are flags."""

import importlib.util
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from casgan_jax.annotate import agreement
from casgan_jax.configs.schema.load import HELP, config_names, load_config
from casgan_jax.configs.schema.tree import flat_settings
from casgan_jax.labelling import files
from casgan_jax.labelling.volumes import files as volumes
from casgan_jax.report.experiment import write_report
from tests.report.test_experiment import against, results, row, unmeasured

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
SOURCES = [*PAGES, *ROOT.glob("datasets/*/README.md"), ROOT / "casgan_jax/pretrained/marked.md"]
MANY = re.MULTILINE | re.DOTALL
FENCED = re.compile(r"^( *)```.*?^\1```", MANY)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
COMMAND = re.compile(r"(?:\bcasgan|\bpython -m launch\.)[ ]?(\w+)((?: |$).*)")
FLAG = re.compile(r"(?<=\s)--(\w+)")
FIRST_CELL = re.compile(r"^\| `(.+?)`", re.MULTILINE)
FIELD = re.compile(r"--config\.([a-z_][\w.]*)")


def each(page):
    return str(page.relative_to(ROOT))


def links(page):
    """Path and anchor of every relative link of a page, as written."""
    text = CODE.sub("", FENCED.sub("", page.read_text()))
    return [tuple(link.partition("#")[::2]) for link in LINK.findall(text) if "://" not in link]


@cache
def anchors(page):
    """What a forge and the site call the headings of a page."""
    headings = HEADING.findall(FENCED.sub("", page.read_text()))
    kept = [re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings]
    return {re.sub(r"\s", "-", heading) for heading in kept}


def printed_commands(page):
    """Name and the rest of the line of every command of a page, its lines joined."""
    text = re.sub(r"\\\n *", "", page.read_text())
    return [match.groups() for line in text.splitlines() for match in COMMAND.finditer(line)]


@pytest.fixture(scope="module")
def flags():
    """Command -> the names of its flags, as the pages of the reference have them."""
    done = subprocess.run(
        [sys.executable, ROOT / "docs/site/commands.py"], capture_output=True, text=True, check=True
    )
    return {
        name: {flag["name"] for flag in command["flags"]}
        for name, command in json.loads(done.stdout).items()
    }


@pytest.fixture(scope="module")
def site():
    """Name -> what builds the site, which is no package: `checkout` and `reference`."""
    made = {}
    for name in ("checkout", "reference"):
        spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/site/{name}.py")
        made[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made[name])
    return made


@pytest.mark.parametrize("page", SOURCES, ids=each)
def test_links_lead_to_files_and_headings(page):
    for path, anchor in links(page):
        target = page.parent / path if path else page
        assert target.exists(), f"{path} is not there"
        assert not anchor or anchor in anchors(target), f"{path}#{anchor} is no heading"


@pytest.mark.parametrize("page", SOURCES, ids=each)
def test_printed_flags_are_flags_of_their_commands(page, flags):
    for name, rest in printed_commands(page):
        if rest.strip().startswith("--"):
            assert name in flags, f"{name} is no command"
        for flag in FLAG.findall(rest) if name in flags else ():
            known = flag.removeprefix("no") if flag.startswith("no") else flag
            assert {flag, known} & flags[name] or flag == "help", f"{name} --{flag}"


@pytest.mark.parametrize("page", SOURCES, ids=each)
def test_printed_fields_are_fields_of_a_config(page):
    known = {name for spec in config_names() for name in flat_settings(load_config(spec, []))}
    assert set(FIELD.findall(page.read_text())) <= known | {HELP}


@pytest.mark.parametrize("page", SOURCES, ids=each)
def test_a_forge_and_the_site_see_the_same_blocks(page):
    text = FENCED.sub("", page.read_text())
    odd = re.findall(r"\n\n(?: {1,3}| {5,7})\S.*", text)
    assert not odd, "a block within a list is another thing to the site; leave the list first"


@pytest.mark.parametrize("page", SOURCES, ids=each)
def test_extras_are_installed_by_one_form_of_command(page):
    form = re.compile(r"(--constraint constraints.txt )?--editable ['\"]\.\[[a-z,]+\]")
    for rest in re.findall(r"pip install ([^`\n]*\[[a-z,]+\])", page.read_text()):
        assert form.fullmatch(rest) or "apache-beam" in rest


def test_the_pages_have_links_and_commands_to_look_at():
    assert sum(len(links(page)) for page in PAGES) > 40
    assert sum(len(printed_commands(page)) for page in PAGES) > 80


def test_mistakes_are_found(tmp_path):
    page = tmp_path / "page.md"
    command = "    casgan label --tabel=x \\\n        --y=1\n"
    page.write_text(f"# A page\n\n[away](no.md#x) `[code](c.md)`\n\n{command}")
    assert links(page) == [("no.md", "x")]
    assert anchors(page) == {"a-page"}
    assert [FLAG.findall(rest) for _, rest in printed_commands(page)] == [["tabel", "y"]]


def test_every_page_of_docs_is_in_the_navigation_of_the_site():
    named = set(re.findall(r": ([\w./]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {page.name for page in ROOT.glob("docs/*.md")} <= named


def test_the_page_of_files_has_every_column():
    columns = {*files.COLUMNS, *volumes.COLUMNS, *agreement.COLUMNS}
    text = (ROOT / "docs/files.md").read_text() + (ROOT / "docs/volumes.md").read_text()
    assert columns <= set(re.findall(r"`(\w+)`", text))


def test_links_of_the_site_lead_where_its_pages_are(site):
    moved = site["checkout"].with_addresses
    assert moved("[a](docs/files.md#runs) [b](LICENSE)", "index.md") == (
        "[a](files.md#runs) [b](checkout/LICENSE)"
    )
    assert moved("[a](../README.md) [b](labels.md)", "files.md") == "[a](index.md) [b](labels.md)"
    card = "checkout/casgan_jax/pretrained/marked.md"
    assert moved("[a](../../docs/files.md)", card) == "[a](../../../files.md)"
    assert moved("[a](https://b.org/c.md) [d](no.md)", "files.md") == (
        "[a](https://b.org/c.md) [d](no.md)"
    )
    assert "casgan_jax/pretrained/marked.md" in site["checkout"].linked_files()


def test_the_reference_has_every_flag_field_and_module(site, flags):
    pages = site["reference"].pages()
    for name, of_command in flags.items():
        page = pages["reference/commands.md"]
        (section,) = re.findall(rf"^## {name}$(.*?)(?=^## |\Z)", page, MANY)
        assert set(FIRST_CELL.findall(section)) == {f"--{flag}" for flag in of_command}
    fields = {name for spec in config_names() for name in flat_settings(load_config(spec, []))}
    told = set(FIRST_CELL.findall(pages["reference/configs.md"]))
    assert {name.removeprefix("srgan.") for name in fields} <= told
    for modules in site["reference"].MODULES.values():
        assert all(importlib.util.find_spec(module) for module in modules)


@pytest.fixture(scope="module")
def tables():
    """What writes the tables of the pages, which is no package."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs/tables.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_tables_are_what_was_measured(tables):
    assert [page.name for page in tables.pages() if tables.written(page) != page.read_text()] == []


def test_a_table_is_made_of_the_lines_of_a_benchmark(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "DOCS", tmp_path)
    lines = [{"fold": 0, "system": "A", "dice": "0.12345 [0.1, 0.2]"}, {"system": "B", "steps": 7}]
    lines += [{"system": "C"}]  # of which there is nothing to show
    (tmp_path / "measured").mkdir()
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "measured/a.jsonl").write_text(text)
    asked = {"of": "a.jsonl", "rows": {}, "columns": {"system": "", "dice": "Dice"}}
    asked["columns"]["steps"] = "steps"
    page = tmp_path / "page.md"

    def table(**changed):
        page.write_text(f"<!-- table {json.dumps(asked | changed)} -->\nold\n<!-- end -->\n")
        return tables.written(page).splitlines()[2:-2]

    lines = ["|  | Dice | steps |", "|---|---|---|", "| A | 0.123 [0.1, 0.2] |  |", "| B |  | 7 |"]
    assert table() == lines
    assert table(rows={"fold": 0}) == lines[:3]
    turned = ["|  | A | B |", "|---|---|---|", "| Dice | 0.123 [0.1, 0.2] |  |", "| steps |  | 7 |"]
    assert table(turned=True) == turned
    with pytest.raises(ValueError, match="no row"):
        table(rows={"fold": 5})


def test_a_table_is_made_of_the_results_of_an_experiment(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "DOCS", tmp_path)
    (tmp_path / "measured").mkdir()
    compared = row("SoftGAN", 0.7, against={"dice": against(-0.1, -0.12, -0.08, name="U-Net")})
    write_report(
        results(row("U-Net", 0.8), compared, unmeasured("SegNet", "failed", "why")),
        tmp_path / "run",
    )
    tables.keep(tmp_path / "run/results.json")
    (kept,) = (tmp_path / "measured").iterdir()
    assert str(tmp_path) not in kept.read_text()
    columns = {"system": "", "dice": "Dice", "minutes": "min", "parameters": "parameters"}
    columns |= {"dice_difference": "difference", "against": "from"}
    asked = {"of": kept.name, "rows": {"data_set": "phantom/quick"}, "columns": columns}
    page = tmp_path / "page.md"
    page.write_text(f"<!-- table {json.dumps(asked)} -->\n<!-- end -->\n")
    head, _, *rows = tables.written(page).splitlines()[2:-2]
    assert head == "|  | Dice | min | parameters | difference | from |"
    assert rows == [
        "| U-Net | 0.800 [0.790, 0.810] | 2.2 | 1.23 M |  |  |",
        "| SoftGAN | 0.700 [0.690, 0.710] | 2.2 | 1.23 M "
        "| -0.100 [-0.120, -0.080], p = 0.020 | U-Net |",
    ]
