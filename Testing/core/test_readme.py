"""README and Docs say what the code does: the table is made from the table of encodings, and the commands exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from encodings_table import BEGIN, END, table_of_encodings
from SegRLEExportLib.cli.entry import parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "Docs").glob("*.md")))}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
SHELL_LINES = sorted({line for text in TEXTS.values() for line in re.findall(r"^segrle .*$", text, re.MULTILINE)})
LINKS = sorted(
    {
        (name, target)
        for name, text in TEXTS.items()
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    }
)

MOST_LINES = 120
"""Of a README that is read."""


def test_its_table_is_that_of_the_code():
    shown = TEXTS["encodings.md"].partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == table_of_encodings().strip(), "run: python3 tasks.py pages"


def test_the_readme_is_short():
    assert len(README.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("line", SHELL_LINES)
def test_shell_lines_are_understood(line):
    parsed = parser().parse_args(line.split()[1:])
    assert callable(parsed.command)


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_links_lead_somewhere(page, target):
    assert target.startswith("http") or (PAGES[page].parent / target).exists()


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"README.md", "CHANGELOG.md"}))
def test_every_page_is_named_by_the_readme(page):
    assert f"Docs/{page}" in README


@pytest.mark.parametrize(
    ("recipe", "method"), [("console", "exportSegmentation"), ("loading", "loadSegmentation")], ids=["export", "load"]
)
def test_its_console_recipes_are_the_docstrings(recipe, method):
    module = ast.parse((ROOT / "SegRLEExport/SegRLEExport.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    docstring = ast.get_docstring(functions[method])
    indented = [line[4:] for line in docstring.splitlines() if line.startswith("    ")]
    shown = re.search(rf"<!-- {recipe} recipe.*?```python\n(.*?)```", README, re.DOTALL)[1]
    assert shown.splitlines() == indented


def test_its_tasks_exist():
    named = {task for text in TEXTS.values() for task in re.findall(r"python3 tasks\.py (\w+)", text)}
    known = set(re.findall(r'"(\w+)": \1', (ROOT / "tasks.py").read_text(encoding="utf-8")))
    assert named
    assert named <= known
