"""Numbers as Decimal Strings (PS3.5, 6.2): at most 16 characters each."""

from __future__ import annotations

from collections.abc import Iterable

MAXIMUM_LENGTH = 16


def decimal_string(number: float) -> str:
    """Return the number in at most 16 characters, with as many of its digits as fit."""
    text = repr(float(number))
    if text.endswith(".0"):
        text = text[:-2]
    if text == "-0":
        return "0"
    digits = MAXIMUM_LENGTH
    while len(text) > MAXIMUM_LENGTH:
        digits -= 1
        text = f"{number:.{digits}g}"
    return text


def decimal_strings(numbers: Iterable[float]) -> str:
    """Return the numbers as one multi-valued text."""
    return "\\".join(decimal_string(number) for number in numbers)
