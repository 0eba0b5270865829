"""The files of a folder among which images are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from SegRLEExportLib.errors import NoSourceImagesError


def files_at(where: Path | Sequence[Path]) -> tuple[list[Path], str]:
    """Return the files that were given, or lie in or below a folder, and what they are called together.

    Raises `NoSourceImagesError`.
    """
    if not isinstance(where, Path):
        return list(where), "the file given" if len(where) == 1 else f"the {len(where)} files given"
    if where.is_file():
        return [where], str(where)
    if not where.is_dir():
        raise NoSourceImagesError(str(where), "there is no such folder")
    return sorted(_files_below(where)), str(where)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield every regular file below a folder, also behind links to folders; each folder once, so that loops end.

    Raises `NoSourceImagesError` for a folder that cannot be looked into: its images would be missing without a word.
    """
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise NoSourceImagesError(str(error.filename), f"the folder cannot be read ({error.strerror})")

    for parent, subfolders, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path
