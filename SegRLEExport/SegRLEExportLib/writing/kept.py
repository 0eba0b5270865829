"""Files that were there before, lie beside those written, and look as if they were of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from SegRLEExportLib.model.counted import first_of
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.writing.names import is_folder

_NUMBERED = re.compile(r"(.+_)(\d+)(\.\D.*)")
"""A name of one of several files: up to its number, the number, and its suffix."""

_NAMED = 3


def kept_findings(target: Path | str, written: Sequence[Path]) -> Iterator[Finding]:
    """Tell of a file of the very name that was given, beside numbered ones, and of those with higher numbers."""
    path = Path(target)
    if path in written or is_folder(target):
        return
    if os.path.lexists(path):
        yield Finding(
            "earlier-file-kept",
            Severity.NOTE,
            "The file was there before and was not replaced: several files were needed, and they were written beside "
            f"it, {written[0].name} the first.",
            where=path.name,
            help="Remove it if it is of an earlier export.",
        )
    higher = [other.name for one in written for other in _of_higher_numbers(one, set(written))]
    if higher:
        yield Finding(
            "earlier-file-kept",
            Severity.WARNING,
            "There before and not replaced, since fewer files were needed now: whoever takes all that are numbered "
            "takes two exports for one.",
            where=first_of(higher, _NAMED),
            help="Remove what is of an earlier export.",
        )


def kept_masks(masks: Sequence[Path], written: Sequence[Path]) -> Iterator[Finding]:
    """Tell of masks in the folder that were there before: whoever takes the folder takes them, too."""
    kept = [path.name for path in masks if path not in written]
    if kept:
        yield Finding(
            "earlier-file-kept",
            Severity.WARNING,
            "There before and not replaced: whoever takes the folder takes these masks for segments, too.",
            where=first_of(kept, _NAMED),
            help="Remove what is of an earlier conversion, or choose a new folder.",
        )


def _of_higher_numbers(path: Path, written: set[Path]) -> Iterator[Path]:
    """Yield what lies there under the next numbers, up to the first that is free."""
    match = _NUMBERED.fullmatch(path.name)
    if match is None:
        return
    number = int(match[2]) + 1
    while (other := path.with_name(f"{match[1]}{number}{match[3]}")) not in written and os.path.lexists(other):
        yield other
        number += 1
