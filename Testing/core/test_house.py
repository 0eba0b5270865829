"""How long a function may be: as long as one thought, on one level; what is longer has pieces that deserve a name."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

EXTENSION = Path(__file__).parents[2] / "SegRLEExport"
LONGEST = 50
NINE_OF_TEN = 20


def code_lines(function: ast.AST, lines: list[str]) -> int:
    """Return how many lines a function has, from its `def` on, without docstring and blank ones."""
    first, *_ = function.body
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    documented = range(first.lineno, first.end_lineno + 1) if is_docstring else ()
    own = range(function.lineno, function.end_lineno + 1)
    return sum(1 for number in own if number not in documented and lines[number - 1].strip())


def lengths_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield the length and name of each function, methods and inner ones too."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield code_lines(node, lines), node.name


def all_lengths() -> list[tuple[int, str]]:
    """Return the length of each function of the extension, with the place it stands in."""
    return [
        (length, f"{path.relative_to(EXTENSION)}: {name}")
        for path in sorted(EXTENSION.rglob("*.py"))
        for length, name in lengths_in(path.read_text("utf-8"))
    ]


def test_lengths_are_of_code():
    source = (
        'def outer():\n    """Text.\n\n    More.\n    """\n\n    def inner():\n        return 1\n\n    return inner\n'
    )
    assert sorted(lengths_in(source)) == [(2, "inner"), (4, "outer")]


def test_no_function_is_longer_than_a_page():
    assert [place for length, place in all_lengths() if length > LONGEST] == []


def test_nine_of_ten_functions_are_short():
    lengths = [length for length, _ in all_lengths()]
    assert len(lengths) > 1000
    assert statistics.quantiles(lengths, n=10)[-1] <= NINE_OF_TEN
