"""What the real OHIF shows, for people: README.md beside this file, made of ohif_table.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("ohif_table.json")
PAGE = Path(__file__).with_name("README.md")

_HEAD = """# What the real OHIF shows

`@ohif/app` as npm has it, in headless Chromium; files go in through its /local page, byte for byte, and voxels, names
and colors are read out of the live page: `python3 tasks.py peers --ohif [VERSION...]` measures it again and keeps
pictures. This page is made of `ohif_table.json`.

"Right" is every voxel, name and color of every segment, and nothing else listed. "Error" is a message on the screen.
**"Wrong" is wrong without a word**; the export says so before, where it is to be expected.
"""


def page_of(table: dict[str, Any]) -> str:
    """Return the page: for each version, the encodings down and the cases across."""
    parts = [_HEAD]
    reasons: list[str] = []
    for version, measured in table.items():
        cells = {(cell["encoding"], cell["case"]): cell for cell in measured["cells"]}
        encodings = list(dict.fromkeys(encoding for encoding, _ in cells))
        cases = list(dict.fromkeys(case for _, case in cells))
        parts.append(f"\n## OHIF {version}, measured {measured['measured']}\n")
        parts.append(f"| | {' | '.join(cases)} |\n|---|{'---|' * len(cases)}")
        for encoding in encodings:
            shown = [_cell(cells.get((encoding, case)), reasons) for case in cases]
            parts.append(f"| `{encoding}` | {' | '.join(shown)} |")
    parts.append("")
    parts.extend(f"{number}. {reason}" for number, reason in enumerate(reasons, start=1))
    return "\n".join(parts) + "\n"


def _cell(cell: dict[str, str] | None, reasons: list[str]) -> str:
    if cell is None:
        return ""
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
