"""The README says what the code does: its table is made from the table of encodings, and its commands exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from readme_table import BEGIN, END, table_of_encodings
from SegRLEExportLib.cli.entry import parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_table_is_that_of_the_code():
    shown = README.partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == table_of_encodings().strip(), "run: python3 Testing/readme_table.py"


@pytest.mark.parametrize("line", re.findall(r"^segrle .*$", README, re.MULTILINE))
def test_its_shell_lines_are_understood(line):
    parsed = parser().parse_args(line.split()[1:])
    assert callable(parsed.command)


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README)) | set(re.findall(r'src="([^"]+)"', README)))
)
def test_its_links_lead_somewhere(target):
    assert target.startswith("http") or (ROOT / target).exists()


def test_its_console_recipe_is_the_docstrings():
    module = ast.parse((ROOT / "SegRLEExport/SegRLEExport.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    docstring = ast.get_docstring(functions["exportSegmentation"])
    indented = [line[4:] for line in docstring.splitlines() if line.startswith("    ")]
    shown = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert shown.splitlines() == indented


def test_its_tasks_exist():
    named = set(re.findall(r"python3 tasks\.py (\w+)", README))
    known = set(re.findall(r'"(\w+)": \1', (ROOT / "tasks.py").read_text(encoding="utf-8")))
    assert named
    assert named <= known
