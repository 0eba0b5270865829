"""How much work something is, counted in calls: the same on every machine, however slow or busy it is."""

from __future__ import annotations

import cProfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Give how often each function was called in here, once it is left; those in C as Python's profiler names them."""
    counted: Counter[str] = Counter()
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield counted
    finally:
        profile.disable()
        for entry in profile.getstats():
            counted[entry.code if isinstance(entry.code, str) else entry.code.co_name] += entry.callcount
