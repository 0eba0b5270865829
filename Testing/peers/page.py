"""The page for people: the blocks of README.md that are made from the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from SegRLEExportLib.encoding.plan import PLANS

from peers.known_failures import KNOWN_FAILURES
from peers.measuring import Outcome
from peers.ohif import page as ohif
from peers.ohif.cases import WAYS
from peers.recipients import RECIPIENTS
from peers.table import Column, Table
from peers.transport import Delivery

PATH = Path(__file__).with_name("README.md")

_SIGNS = {
    Outcome.RIGHT: "right",
    Outcome.WRONG: "**WRONG**",
    Outcome.ERROR: "error",
    Outcome.CRASH: "crash",
    Outcome.NOT_APPLICABLE: "-",
}


def write(table: Table) -> None:
    """Bring the generated blocks up to date."""
    PATH.write_text(filled(PATH.read_text("utf-8"), table), "utf-8")


def filled(page: str, table: Table) -> str:
    """Return the page with each generated block made anew."""
    for name, lines in (
        ("recipients", _recipients()),
        ("silently wrong", _silently_wrong(table)),
        ("table", _table(table)),
        ("ohif", _ohif()),
        ("deliveries", _deliveries(table)),
        ("sizes", _sizes(table)),
        ("known failures", _known_failures(table)),
    ):
        block = "\n".join(["", *lines, ""])
        pattern = rf"(<!-- begin {name} -->).*(<!-- end {name} -->)"
        page = re.sub(pattern, lambda marks, text=block: marks[1] + text + marks[2], page, flags=re.DOTALL)
    return page


def _recipients() -> Iterator[str]:
    yield "| the file goes to | choose | why |"
    yield "|---|---|---|"
    yield from (f"| {recipient.who} | `{recipient.plan_id}` | {recipient.why} |" for recipient in RECIPIENTS)


def _silently_wrong(table: Table) -> Iterator[str]:
    yield "| reader | encodings | cases | what is wrong, for example |"
    yield "|---|---|---|---|"
    cases: dict[tuple[str, str], list[str]] = {}
    messages: dict[str, str] = {}
    for reader_id, plan_id, case_id, cell in table.of_outcome(Outcome.WRONG):
        cases.setdefault((reader_id, plan_id), []).append(case_id)
        messages.setdefault(f"{reader_id} {case_id}", cell.message.split(";")[0])
    plans: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (reader_id, plan_id), found in cases.items():
        plans.setdefault((reader_id, tuple(found)), []).append(f"`{plan_id}`")
    for (reader_id, found), encodings in plans.items():
        example = messages[f"{reader_id} {found[0]}"]
        yield f"| {table.columns[reader_id].title} | {', '.join(encodings)} | {_listed(found, table)} | {example} |"
    yield from _silently_wrong_in_ohif()


def _silently_wrong_in_ohif() -> Iterator[str]:
    for title, cells in _shown_by_ohif():
        found: dict[tuple[str, str], list[str]] = {}
        for cell in cells:
            if cell["outcome"] == "wrong":
                found.setdefault((cell["case"], cell["why"].split(";")[0]), []).append(f"`{cell['encoding']}`")
        for (case, why), encodings in found.items():
            yield f"| {title} | {', '.join(encodings)} | {case} | {why} |"


def _ohif() -> Iterator[str]:
    """Yield one row for each release and way; 1-bit RLE was not given to it."""
    yield "| OHIF | " + " | ".join(f"`{plan_id}`" for plan_id in PLANS) + " |"
    yield "|---|" + "---|" * len(PLANS)
    for title, cells in _shown_by_ohif():
        by_plan = [[cell["outcome"] for cell in cells if cell["encoding"] == plan_id] for plan_id in PLANS]
        yield f"| {title} | " + " | ".join(_counted(outcomes) for outcomes in by_plan) + " |"


def _shown_by_ohif() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for version, ways in ohif.load().items():
        for way, measured in ways.items():
            yield f"OHIF {version}, {WAYS[way]}", measured["cells"]


def _counted(outcomes: list[str]) -> str:
    kinds = [kind for kind in ("wrong", "error", "right") if kind in outcomes]
    words = {"wrong": "**WRONG**"}
    if len(kinds) == 1:
        return words.get(kinds[0], kinds[0])
    return ", ".join(f"{words.get(kind, kind)} {outcomes.count(kind)}" for kind in kinds) or "-"


def _table(table: Table) -> Iterator[str]:
    yield "| reader | version | " + " | ".join(f"`{plan_id}`" for plan_id in PLANS) + " |"
    yield "|---|---|" + "---|" * len(PLANS)
    for column in table.columns.values():
        cells = " | ".join(_cell(column, plan_id) for plan_id in PLANS)
        yield f"| {column.title} | {column.version} | {cells} |"
    yield ""
    yield from (f"- *{column.title}* ({column.measured}): {column.what}." for column in table.columns.values())


def _cell(column: Column, plan_id: str) -> str:
    outcomes = column.outcomes(plan_id)
    if not outcomes:
        return "-"
    kinds = [outcome for outcome in Outcome if outcome in outcomes.values()]
    if len(kinds) == 1:
        return _SIGNS[kinds[0]]
    counts = {kind: list(outcomes.values()).count(kind) for kind in kinds}
    return ", ".join(f"{_SIGNS[kind]} {count}" for kind, count in counts.items())


def _deliveries(table: Table) -> Iterator[str]:
    yield "| from and to | " + " | ".join(f"`{plan_id}`" for plan_id in PLANS) + " |"
    yield "|---|" + "---|" * len(PLANS)
    for way, by_plan in table.deliveries.items():
        yield f"| {way} | " + " | ".join(_outcome(by_plan.get(plan_id)) for plan_id in PLANS) + " |"


def _outcome(delivery: Delivery | None) -> str:
    return "-" if delivery is None else delivery.outcome


def _sizes(table: Table) -> Iterator[str]:
    yield "| what | " + " | ".join(f"`{plan_id}`" for plan_id in PLANS) + " |"
    yield "|---|" + "---:|" * len(PLANS)
    for name, by_plan in table.sizes.items():
        yield f"| {name} | " + " | ".join(_size(by_plan.get(plan_id)) for plan_id in PLANS) + " |"


def _size(count: int | None) -> str:
    if count is None:
        return "-"
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _known_failures(table: Table) -> Iterator[str]:
    yield "| who | encoding | how | why | upstream |"
    yield "|---|---|---|---|---|"
    for known in KNOWN_FAILURES:
        who = ", ".join(table.columns[reader].title for reader in known.readers if reader in table.columns)
        plans = ", ".join(f"`{plan_id}`" for plan_id in known.plans)
        cases = f" ({', '.join(known.cases)})" if known.cases else ""
        yield f"| {who} | {plans}{cases} | {known.outcome.value} | {known.why} | {known.upstream} |"


def _listed(cases: Sequence[str], table: Table) -> str:
    return "all" if len(cases) >= len(table.cases) - 1 else ", ".join(cases)
