"""JSON of somebody else that is written again: what of it would be lost or change on the way is refused."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

_LONGEST_SHOWN = 60


class ChangedJsonError(ValueError):
    """Something in a text would not be written again as it was; the message is a clause that says what."""


def read_json(text: str) -> Any:
    """Return what the text says; raise `ChangedJsonError`, or `ValueError` or `RecursionError` if it is not JSON."""
    return json.loads(text, object_pairs_hook=_with_each_key_once, parse_constant=_no_number, parse_float=_finite)


def written_json(content: Any) -> bytes:
    """Return the content as UTF-8; half of a pair of surrogates, which UTF-8 cannot hold, as JSON's escape of it."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", errors="backslashreplace")


def _with_each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a key that comes twice, readers keep the last alone (RFC 8259, 4)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ChangedJsonError(f"it has the key '{twice[:_LONGEST_SHOWN]}' twice in one object")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ChangedJsonError(f"it has the number {text[:_LONGEST_SHOWN]}, which is too large to be written again")
    return number


def _no_number(text: str) -> float:
    raise ChangedJsonError(f"it has {text} in the place of a number, which is not JSON")
