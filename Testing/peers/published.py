"""Is the published table still true?"""

from __future__ import annotations

from peers.measuring import Measurement
from peers.table import Table
from peers.transport import Deliveries


def changes(fresh: Measurement, published: Table) -> list[str]:
    """Return a sentence for each cell in which a reader got better or worse than the table says."""
    column = published.columns.get(fresh.reader.id)
    if column is None:
        return [f"{fresh.reader.title} is not in the published table. {_REMEDY}"]
    return [
        f"{fresh.reader.title}, '{plan_id}', {case_id}: {cell.outcome.value} now ({fresh.version}), "
        f"{column.cells[plan_id, case_id].outcome.value} in the published table ({column.version}). {_REMEDY}"
        for (plan_id, case_id), cell in fresh.cells.items()
        if (plan_id, case_id) in column.cells and cell.outcome is not column.cells[plan_id, case_id].outcome
    ] + [
        f"{fresh.reader.title}, '{plan_id}', {case_id}: not in the published table. {_REMEDY}"
        for plan_id, case_id in fresh.cells
        if (plan_id, case_id) not in column.cells
    ]


def changed_deliveries(fresh: Deliveries, published: Table) -> list[str]:
    """Return a sentence for each file that arrives otherwise than the table says, or of which it says nothing."""
    told = []
    for way, by_plan in fresh.items():
        for plan_id, found in by_plan.items():
            known = published.deliveries.get(way, {}).get(plan_id)
            if known is None or found.outcome != known.outcome:
                before = f"{known.outcome} in" if known else "and not in"
                told.append(f"'{plan_id}' from {way}: {found.outcome} now, {before} the published table. {_REMEDY}")
    return told


_REMEDY = (
    "Run 'python3 tasks.py peers --all --update' and correct the texts in encoding/plan.py and "
    "Testing/peers/known_failures.py."
)
