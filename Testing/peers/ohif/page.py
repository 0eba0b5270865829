"""What the real OHIF shows, for people: README.md beside this file, made of ohif_table.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peers.ohif.cases import WAYS
from peers.ohif.known_failures import KNOWN_FAULTS, KnownFault

TABLE = Path(__file__).with_name("ohif_table.json")
PAGE = Path(__file__).with_name("README.md")

_HEAD = """# What the real OHIF shows

`@ohif/app` as npm has it, in headless Chromium; voxels, names and colors are read out of the live page.
`python3 tasks.py peers --ohif [VERSION...]` measures it again and keeps pictures. This page is made of
`ohif_table.json`. Files go in twice: through the /local page, byte for byte, and through an Orthanc by DICOMweb, which
hands compressed files over uncompressed, if it can.

`saved_by_ohif_3.13.2.dcm` was saved by OHIF itself, of what it showed of `three-64x64` as `rle`: `peers --ohif
3.13.2 --way local --case three-64x64 --encoding rle --save`.

"Right" is every voxel, name and color of every segment, and nothing else listed. "Error" is a message on the screen.
**"Wrong" is wrong without a word**; the export says so before, where it is to be expected. Where two words stand in a
cell, the first is of the /local page, the second via Orthanc.

![24 segments, each in its color, in OHIF 3.13.2](ohif-3.13.2-24-segments.png)
"""


def page_of(table: dict[str, Any]) -> str:
    """Return the page: for each version, the encodings down and the cases across."""
    parts = [_HEAD]
    reasons: list[str] = []
    for version, ways in table.items():
        cells = {(way, cell["encoding"], cell["case"]): cell for way in ways for cell in ways[way]["cells"]}
        encodings = list(dict.fromkeys(encoding for _, encoding, _ in cells))
        cases = list(dict.fromkeys(case for _, _, case in cells))
        measured = ", ".join(f"{WAYS[way]} {ways[way]['measured']}" for way in ways)
        parts.append(f"\n## OHIF {version}, measured: {measured}\n")
        parts.append(f"| | {' | '.join(cases)} |\n|---|{'---|' * len(cases)}")
        for encoding in encodings:
            shown = [_cell([cells.get((way, encoding, case)) for way in ways], reasons) for case in cases]
            parts.append(f"| `{encoding}` | {' | '.join(shown)} |")
    parts.append("")
    parts.extend(f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))
    parts.append("\n## Why, and what would mend it\n")
    parts.append("| OHIF | files through | encoding | how | why | in whose code |\n|---|---|---|---|---|---|")
    parts.extend(_fault(fault) for fault in KNOWN_FAULTS)
    return "\n".join(parts) + "\n"


def _fault(fault: KnownFault) -> str:
    encodings = ", ".join(f"`{encoding}`" for encoding in fault.encodings)
    cases = f" ({', '.join(fault.cases)})" if fault.cases else ""
    ways = ", ".join(WAYS[way] for way in fault.ways)
    how = f"**{fault.outcome}**" if fault.outcome == "wrong" else fault.outcome
    return f"| {', '.join(fault.versions)} | {ways} | {encodings}{cases} | {how} | {fault.why} | {fault.where} |"


def _cell(by_way: list[dict[str, str] | None], reasons: list[str]) -> str:
    words = [_word(cell, reasons) for cell in by_way if cell is not None]
    return " / ".join(dict.fromkeys(words))


def _word(cell: dict[str, str], reasons: list[str]) -> str:
    if not cell["why"]:
        return cell["outcome"]
    reason = cell["why"].replace("|", "/")
    if reason not in reasons:
        reasons.append(reason)
    outcome = f"**{cell['outcome']}**" if cell["outcome"] == "wrong" else cell["outcome"]
    return f"{outcome} ({reasons.index(reason) + 1})"


def load() -> dict[str, Any]:
    """Return the published table."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table
