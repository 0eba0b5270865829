"""What attributes are to say, and the words in which it is told that a file says something else.

An expectation is a dict by keyword: a text, a number or a tuple of them is wanted just so; a list of expectations is a
sequence; a `Wanted` accepts more than one value. What an expectation does not name is not to be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydicom.datadict import dictionary_description

from SegRLEExportLib.verification.stated import Items, Stated, Value

Expectation = Mapping[str, Any]
EMPTY: tuple[()] = ()
"""The attribute is there and has no value."""

_TEXT_TOLERANCE = 1e-9
"""What the 16 characters of a Decimal String may cut off, as a part of the number or in its unit."""

_SHOWN_CHARACTERS = 80


class Wanted(Protocol):
    """Something that more than one value may fulfil; `str()` of it says what."""

    def accepts(self, found: Value | None) -> bool:
        """Tell whether an attribute may say that; None: it is not there."""


@dataclass(frozen=True)
class Decimals:
    """Numbers as Decimal Strings."""

    numbers: tuple[float, ...]
    tolerance: float = _TEXT_TOLERANCE
    """What each may be off, as a part of it or in its unit."""

    def accepts(self, found: Value | None) -> bool:
        return (
            isinstance(found, tuple)
            and len(found) == len(self.numbers)
            and all(_is_number(text, wanted, self.tolerance) for text, wanted in zip(found, self.numbers))
        )

    def __str__(self) -> str:
        return "\\".join(f"{number:.12g}" for number in self.numbers)


@dataclass(frozen=True)
class Anything:
    """What is compared elsewhere, or by nobody."""

    may_be_absent: bool = False

    def accepts(self, found: Value | None) -> bool:
        return self.may_be_absent or found is not None

    def __str__(self) -> str:
        return "any value"


@dataclass(frozen=True)
class NewUid:
    """A UID of its own."""

    taken: frozenset[str]
    """UIDs that name something else."""

    def accepts(self, found: Value | None) -> bool:
        return isinstance(found, tuple) and len(found) == 1 and bool(found[0]) and found[0] not in self.taken

    def __str__(self) -> str:
        return "a UID that names nothing else"


def differences(found: Stated, wanted: Expectation, where: str = "") -> Iterator[str]:
    """Yield a sentence for each attribute that does not say what is wanted."""
    for keyword, value in wanted.items():
        yield from _difference(found.get(keyword), value, where + name_of(keyword))
    for keyword in found:
        if keyword not in wanted:
            yield f"{where}{name_of(keyword)} {_is(found.get(keyword))}, and should not be there"


def name_of(keyword: str) -> str:
    """Return an attribute's name for a person."""
    try:
        return dictionary_description(keyword)
    except (KeyError, ValueError):
        return keyword


def shown(value: object) -> str:
    """Return a value for a message, harmless and not too long."""
    if isinstance(value, (list, Items)):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if value is None:
        return "nothing"
    if value == EMPTY:
        return "empty"
    text = repr(value) if isinstance(value, (str, bytes, int, float, tuple)) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _is(found: Value | None) -> str:
    return "is missing" if found is None else f"is {shown(found)}"


def _difference(found: Value | None, wanted: Any, name: str) -> Iterator[str]:
    if isinstance(wanted, list):
        if not isinstance(found, Items) or len(found) != len(wanted):
            yield f"{name} {_is(found)}, and should be {shown(wanted)}"
            return
        for number, (item, expected) in enumerate(zip(found, wanted), start=1):
            which = f"{name} {number}, " if len(wanted) > 1 else f"{name}, "
            yield from differences(item, expected, which)
    elif not (wanted.accepts(found) if hasattr(wanted, "accepts") else found == _as_value(wanted)):
        told = wanted.difference_of(found) if hasattr(wanted, "difference_of") else ""
        yield f"{name} {told}" if told else f"{name} {_is(found)}, and should be {shown(wanted)}"


def _as_value(wanted: str | int | Sequence[Any]) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _is_number(text: object, wanted: float, tolerance: float) -> bool:
    try:
        return abs(float(str(text)) - wanted) <= tolerance * max(1.0, abs(wanted))
    except ValueError:
        return False
