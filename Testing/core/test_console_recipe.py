"""The recipe for Slicer's console is one text: in the README and in the docstring, which a running Slicer tests."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def docstring_of_logic() -> str:
    tree = ast.parse((ROOT / "SegRLEExport" / "SegRLEExport.py").read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    (function,) = [node for node in functions if node.name == "exportSegmentation"]
    return inspect.cleandoc(ast.get_docstring(function))


def test_readme_and_docstring_have_the_same_recipe():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- console recipe.*?-->\s*```python\n(.*?)```", readme, re.DOTALL)
    recipe = textwrap.dedent(docstring_of_logic().split("\n\n")[1])
    assert block is not None
    assert block[1].strip() == recipe.strip()
    assert "exportSegmentation(" in recipe
