"""A reader that behaves badly on request, for the tests of the harness."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from peers.reading.found import FoundSegment


def version(_options: dict[str, Any]) -> str:
    """Return a version."""
    return "1"


def read(_path: Path, options: dict[str, Any]) -> list[FoundSegment]:
    """Die, hang, refuse or show nothing."""
    if options["behaviour"] == "dies":
        os.abort()
    if options["behaviour"] == "hangs":
        time.sleep(60)
    if options["behaviour"] == "refuses":
        raise ValueError("not this file")
    return []
