"""Which value representations state their length in 32 bits: the one list, for all who write or read elements."""

from __future__ import annotations

LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Two reserved bytes and a length of 32 bits follow these; a length of 16 bits follows all others (PS3.5, 7.1.2)."""
