"""Text from files as a terminal may see it: on one line, and with nothing that acts instead of being shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_SPACES = "Zs"
"""Wide and unbreakable spaces stand in names, and do nothing."""


def printable(text: str) -> str:
    r"""Return the text on one line, with characters that would act or hide written as escapes such as \x1b or \u202e.

    Those are controls (ESC, BEL, line ends), format characters (which turn the order of letters round, or join
    them), lone surrogates of names that are not UTF-8, and what Unicode has not assigned. Done twice it is the same.
    """
    if text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else _escape(character) for character in text)


def printable_lines(lines: Iterable[str]) -> str:
    """Return the lines below each other, each of them `printable`: no text within one can pass for another."""
    return "\n".join(printable(line) for line in lines)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == _SPACES


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
