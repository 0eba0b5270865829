"""Files of an export that made several: which of them each says it is, and which are not given."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.source_series import text_of
from SegRLEExportLib.reading.folder import OF_ONE_EXPORT
from SegRLEExportLib.reading.seg_file import SegFile

_OURS = "SegRLEExport"
"""Manufacturer (0008,0070) of our files: what others end a description with may mean anything."""

_PART_OF_SEVERAL = re.compile(r"(.*) ([1-9]\d{0,5}) of ([1-9]\d{0,5})", re.DOTALL)


class Part(NamedTuple):
    """What Series Description (0008,103E) says of a file."""

    name: str
    """Without "1 of 2" where the file is a part of several."""
    number: int = 1
    total: int = 1


def part_in(description: str) -> Part:
    """Return what a Series Description says, also of other programs' files."""
    match = _PART_OF_SEVERAL.fullmatch(description)
    if match is None or int(match[2]) > int(match[3]):
        return Part(description)
    return Part(match[1], int(match[2]), int(match[3]))


def part_of(seg: SegFile) -> Part:
    """Return what one of our files says; a file of others is the only one."""
    description = text_of(seg.dataset, "SeriesDescription").strip()
    return part_in(description) if text_of(seg.dataset, "Manufacturer") == _OURS else Part(description)


def missing_parts(segs: Sequence[SegFile]) -> Iterator[Finding]:
    """Tell of each of our exports how many of its files are not among these."""
    exports: dict[tuple[str, ...], dict[int, SegFile]] = defaultdict(dict)
    for seg in segs:
        part = part_of(seg)
        if part.total > 1:
            export = tuple(text_of(seg.dataset, keyword) for keyword in OF_ONE_EXPORT)
            exports[export][part.number] = seg
    for given in exports.values():
        total = max(part_of(seg).total for seg in given.values())
        if len(given) < total:
            yield _others_missing({number: given[number].path.name for number in sorted(given)}, total)


def _others_missing(given: dict[int, str], total: int) -> Finding:
    which = "This is file" if len(given) == 1 else "These are files"
    others = "other file" if total - len(given) == 1 else f"other {total - len(given)} files"
    return Finding(
        "part-of-export",
        Severity.WARNING,
        f"{which} {_and(list(map(str, given)))} of {total} of an export: the segments of the {others} are missing.",
        where=", ".join(given.values()),
        help="Give all its files, or their folder.",
    )


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
