"""Numbers with their nouns, and the first of many names."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, one: str, several: str = "") -> str:
    """Return `1 voxel` or `2 voxels`; `several` is for what does not only get an s: `1 voxel lies`, `2 voxels lie`."""
    return f"{count} {one}" if count == 1 else f"{count} {several or one + 's'}"


def first_of(names: Sequence[object], most: int) -> str:
    """Return the first `most` of the names, and `...` if there are more: `ribs, left lung, ...`."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")
