"""The page of a batch for a person: one file that needs nothing else, made of the journal and the pictures."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.outcome import Outcome
from SegRLEExportLib.model.printable import printable
from SegRLEExportLib.report import size_text

_WORST = 10
_GRAVITY = {"error": 0, "warning": 1, "repair": 2, "note": 3}
_MOST_PICTURES = 2000

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1c2733; }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3em .8em .3em 0; border-bottom: 1px solid #dde3e8; vertical-align: top }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(9em, 1fr)); gap: 1em }
.case { font-size: .85em; overflow-wrap: anywhere }
.case img { height: 96px; image-rendering: pixelated; background: #000 }
.failed { color: #a02020 }
"""


def write_page(outcomes: Sequence[Outcome], folder: BatchFolder) -> None:
    """Write report.html anew; the journal stays what counts."""
    begun = folder.page.with_name(f".{folder.page.name}.part")
    begun.write_text("\n".join(_lines(outcomes, folder)), encoding="utf-8")
    begun.replace(folder.page)


def _lines(outcomes: Sequence[Outcome], folder: BatchFolder) -> Iterable[str]:
    written = [outcome for outcome in outcomes if outcome.is_written]
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>Batch</title><style>{_STYLE}</style>"
    yield f"<h1>{len(written)} of {len(outcomes)} cases written</h1>"
    seconds = sum(outcome.seconds for outcome in outcomes)
    size = size_text(sum(outcome.bytes for outcome in written))
    yield f"<p>{size}, {seconds:.1f} s of work in {_text(folder.out)}</p>"
    yield "<h2>How they ended</h2><table><tr><th>cases<th>ended<th>reason"
    ended = Counter((outcome.ending.value, _general(outcome)) for outcome in outcomes)
    for (ending, reason), count in ended.most_common():
        yield f"<tr><td>{count}<td>{_text(ending)}<td>{_text(reason)}"
    yield "</table>"
    yield from _worst_findings(outcomes)
    yield "<h2>Cases</h2><div class=cases>"
    for position, outcome in enumerate(outcomes):
        yield _case(outcome, folder if position < _MOST_PICTURES else None)
    yield "</div></html>"


def _general(outcome: Outcome) -> str:
    """Return the reason without what is of this case alone, so that alike reasons are counted together."""
    first = outcome.reason.strip().splitlines()[0] if outcome.reason.strip() else ""
    for path in outcome.asked.values():
        if isinstance(path, str) and path:
            first = first.replace(path, "...").replace(Path(path).name, "...")
    return first.replace(outcome.case, "...")


def _worst_findings(outcomes: Sequence[Outcome]) -> Iterable[str]:
    found = Counter(
        (finding.get("severity", "note"), finding.get("what", ""))
        for outcome in outcomes
        for finding in outcome.findings
    )
    worst = sorted(found.items(), key=lambda item: (_GRAVITY.get(item[0][0], len(_GRAVITY)), -item[1]))[:_WORST]
    if worst:
        yield "<h2>What was found most gravely</h2><table><tr><th>times<th>severity<th>finding"
        for (severity, what), count in worst:
            yield f"<tr><td>{count}<td>{_text(severity)}<td>{_text(what)}"
        yield "</table>"


def _case(outcome: Outcome, folder: BatchFolder | None) -> str:
    picture = ""
    path = folder.pictures / f"{outcome.case}.png" if folder else None
    if outcome.is_written and path is not None and path.exists():
        picture = f'<img alt="" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"><br>'
    told = f"{size_text(outcome.bytes)}, {outcome.seconds:.2f} s" if outcome.is_written else _text(outcome.reason)
    kind = "case" if outcome.is_written else "case failed"
    return f'<div class="{kind}">{picture}<b>{_text(outcome.case)}</b><br>{told}</div>'


def _text(value: object) -> str:
    return escape(printable(str(value)))
