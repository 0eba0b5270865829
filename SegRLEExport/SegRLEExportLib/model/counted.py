"""Numbers with their nouns."""

from __future__ import annotations


def counted(count: int, one: str, several: str = "") -> str:
    """Return `1 voxel` or `2 voxels`; `several` is for what does not only get an s: `1 voxel lies`, `2 voxels lie`."""
    return f"{count} {one}" if count == 1 else f"{count} {several or one + 's'}"
