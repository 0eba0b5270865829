"""Names of files that stand beside a file while it is written: what is to become it, and what it replaces."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

PART, EARLIER = ".part", ".earlier"
"""What such a name ends with: a file on its way, or the one that was there before."""

_LONGEST_NAME = 200
"""Bytes of a name that such a name repeats: 255 are allowed, and the marks need some."""


def beside(final: Path, mark: str) -> Path:
    """Return a name beside `final` that nobody else uses, with one of the two marks, hidden where a dot hides."""
    name = os.fsdecode(os.fsencode(final.name)[:_LONGEST_NAME])
    return final.with_name(f".{name}.{secrets.token_hex(8)}{mark}")


def final_name(path: Path) -> str:
    """Return the name that a file was to get, or had; that of any other file as it is."""
    return re.sub(rf"^\.(.+)\.[0-9a-f]{{16}}({re.escape(PART)}|{re.escape(EARLIER)})$", r"\1", path.name)
