"""What helps has a key, and each door its own words for every key."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from SegRLEExportLib.cli import words as shell
from SegRLEExportLib.model.remedy import Remedy, worded
from SegRLEExportLib.slicer_side.console import words as console
from SegRLEExportLib.slicer_side.dialog import words as windows

LIBRARY = Path(shell.__file__).parents[1]
DOORS = {
    "shell": shell.WORDS,
    "batch": shell.WORDS_OF_BATCH,
    "console": console.WORDS,
    **{door.name.lower(): words for door, words in windows.WORDS.items()},
}


def core_files() -> list[Path]:
    return [path for path in sorted(LIBRARY.rglob("*.py")) if path.name not in ("remedy.py", "words.py")]


def remedies_named_in(source: str) -> Iterator[str]:
    """Yield the keys that code writes into its sentences."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Remedy":
            yield node.attr


def texts_in(source: str) -> Iterator[str]:
    """Yield all that stands in quotes, adjacent pieces joined."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(getattr(part, "value", "")) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("door", DOORS)
def test_each_door_has_words_for_every_remedy(door):
    assert set(DOORS[door]) == set(Remedy)
    assert all(DOORS[door].values())


def test_every_remedy_is_given_by_something():
    given = {name for path in core_files() for name in remedies_named_in(path.read_text("utf-8"))}
    assert given == {remedy.name for remedy in Remedy}


@pytest.mark.parametrize("path", core_files(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_nobody_writes_the_words_of_a_remedy_again(path):
    again = [remedy for text in texts_in(path.read_text("utf-8")) for remedy in Remedy if remedy.value in text]
    assert again == []


@pytest.mark.parametrize("door", DOORS)
def test_the_words_for_one_remedy_have_no_other_within(door):
    for one, other in itertools.permutations(Remedy, 2):
        assert other.value not in one.value
        assert other.value not in DOORS[door][one]


def test_a_sentence_is_in_the_words_of_its_door():
    text = f"Segment something, or {Remedy.KEEP_EMPTY_FRAMES} if it is to be recorded."
    assert text.startswith("Segment something, or keep empty frames (keep_empty_frames=True in ExportOptions) if it")
    assert worded(text, DOORS["shell"]).startswith("Segment something, or keep empty frames (--keep-empty-frames) if")
