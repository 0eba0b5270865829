"""The page of a batch for a person: one file that needs nothing else, made of the journal and the pictures."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from html import escape
from pathlib import Path

from SegRLEExportLib.batch.folder import GO_ON, BatchFolder
from SegRLEExportLib.batch.foreign import PAGE_START
from SegRLEExportLib.batch.outcome import Outcome, alike, written_text
from SegRLEExportLib.errors import BatchFolderError
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
td:last-child { width: 100%; overflow-wrap: anywhere } td.number { text-align: right; white-space: nowrap }
td.name { white-space: nowrap; font-weight: bold }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(9em, 1fr)); gap: 1em }
.case { font-size: .85em; overflow-wrap: anywhere }
.case .shown { height: 96px; line-height: 96px; margin-bottom: .3em; color: #6b7884 }
.case img { height: 96px; image-rendering: pixelated; background: #000 }
.failed { color: #a02020 } .bar { height: .6em; background: #a02020 } .bar div { height: 100%; background: #2c7a4b }
"""


def write_page(outcomes: Sequence[Outcome], folder: BatchFolder, stood: int) -> None:
    """Write report.html anew; the journal stays what counts. `stood` cases were written before this run.

    Raises `BatchFolderError`.
    """
    begun = folder.page.with_name(f".{folder.page.name}.part")
    try:
        begun.write_text("\n".join(_lines(outcomes, folder, stood)), encoding="utf-8")
        begun.replace(folder.page)
    except OSError as error:
        with suppress(OSError):
            begun.unlink()
        raise BatchFolderError(folder.page, f"{error.strerror or error}. {GO_ON}") from error


def _lines(outcomes: Sequence[Outcome], folder: BatchFolder, stood: int) -> Iterable[str]:
    written = [outcome for outcome in outcomes if outcome.is_written]
    yield f"{PAGE_START}<style>{_STYLE}</style>"
    yield f"<h1>{written_text(outcomes, stood)}</h1>"
    yield f'<div class=bar><div style="width: {100 * len(written) / max(1, len(outcomes)):.2f}%"></div></div>'
    seconds = sum(outcome.seconds for outcome in outcomes)
    size = size_text(sum(outcome.bytes for outcome in written))
    yield f"<p>{size}, {seconds:.1f} s of work in {_text(folder.out)}</p>"
    yield from _endings(outcomes)
    yield from _worst_findings(outcomes)
    yield from _failed([outcome for outcome in outcomes if not outcome.is_written])
    yield from _written(written, folder)
    yield "</html>"


def _endings(outcomes: Sequence[Outcome]) -> Iterable[str]:
    yield "<h2>How they ended</h2><table><tr><th>cases<th>ended<th>reason"
    for one in alike(outcomes):
        yield f"<tr><td class=number>{len(one.cases)}<td class=name>{_text(one.ending.value)}<td>{_text(one.reason)}"
    yield "</table>"


def _failed(outcomes: Sequence[Outcome]) -> Iterable[str]:
    if not outcomes:
        return
    yield "<h2>Not written</h2><table class=failed><tr><th>case<th>ended<th>reason"
    for outcome in outcomes:
        name, ending = _text(outcome.case), _text(outcome.ending.value)
        yield f"<tr><td class=name>{name}<td class=name>{ending}<td>{_all_reasons(outcome)}"
    yield "</table>"


def _all_reasons(outcome: Outcome) -> str:
    """Return the first reason, the others folded away below it."""
    others = "<br>".join(_text(line) for line in outcome.reason.strip().splitlines()[1:])
    first = _text(outcome.short_reason)
    return f"<details><summary>{first}</summary>{others}</details>" if others else first


def _written(outcomes: Sequence[Outcome], folder: BatchFolder) -> Iterable[str]:
    yield "<h2>Written</h2><div class=cases>"
    for position, outcome in enumerate(outcomes):
        yield _case(outcome, folder.picture(outcome.case) if position < _MOST_PICTURES else None)
    yield "</div>"


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
            yield f"<tr><td class=number>{count}<td class=name>{_text(severity)}<td>{_text(what)}"
        yield "</table>"


def _case(outcome: Outcome, picture: Path | None) -> str:
    shown = "no picture"
    if picture is not None and picture.exists():
        shown = f'<img alt="" src="data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}">'
    told = f"{size_text(outcome.bytes)}, {outcome.seconds:.2f} s"
    return f"<div class=case><div class=shown>{shown}</div><b>{_text(outcome.case)}</b><br>{told}</div>"


def _text(value: object) -> str:
    return escape(printable(str(value)))
