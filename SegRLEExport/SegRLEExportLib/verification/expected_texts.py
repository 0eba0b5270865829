"""How texts are to be written (PS3.5, 6.2): in one line, and no longer than DICOM allows."""

from __future__ import annotations

UTF_8 = "ISO_IR 192"
"""Specific Character Set (0008,0005) of texts beyond ASCII (PS3.3, C.12.1.1.2)."""

LONG_STRING = 64
"""Characters of an LO."""

SHORT_TEXT = 1024
"""Characters of an ST."""


def in_one_line(text: str) -> str:
    """Return the text with single spaces for blanks and control characters, and slashes for backslashes."""
    printable = (character if character.isprintable() else " " for character in text)
    return " ".join("".join(printable).replace("\\", "/").split())


def cut(text: str, length: int) -> str:
    """Return as many characters of the text, without blanks at its end."""
    return text[:length].rstrip()
