"""What somebody gave for an argument, in words."""

from __future__ import annotations

from numbers import Number
from typing import Any


def told(value: Any) -> str:
    """Return what a value is, in a few words that may follow "is"."""
    if value is None or isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return f"the text '{value[:60]}'"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(getattr(value, "GetClassName", None)):
        return f"a {value.GetClassName()}"
    return f"of the type {type(value).__name__}"
