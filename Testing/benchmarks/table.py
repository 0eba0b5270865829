"""From runs to rows: medians, and how many times as much as ours the others take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from contestants import Contestant
from measuring import Measured

NOT_VERIFIED = ", not verified"


@dataclass(frozen=True)
class Row:
    """One program on one workload; seconds and megabytes are medians of its runs."""

    workload: str
    name: str
    runs: list[Measured]
    compares: str
    times_ours: float | None
    """CPU seconds divided by those of our run that is comparable, verification included."""
    times_ours_not_verified: float | None

    def cpu_s(self, what: str) -> float:
        """Return the CPU seconds of the `stage` or the `process`."""
        return _cpu_s(self.runs, what)

    def to_json(self) -> dict[str, Any]:
        """Return the row with every run."""
        return asdict(self)


def rows_of(workload: str, contestants: Sequence[Contestant], runs: dict[str, list[Measured]]) -> list[Row]:
    """Return a row for each contestant that finished at least once."""
    return [
        Row(
            workload,
            contestant.name,
            runs[contestant.name],
            contestant.compares,
            _ratio(contestant, runs, contestant.ours),
            _ratio(contestant, runs, f"{contestant.ours}{NOT_VERIFIED}"),
        )
        for contestant in contestants
        if runs[contestant.name]
    ]


def text_table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the comparison."""
    lines = [
        f"{'':2} {'':30} {'export':>8} {'export':>8} {'process':>8} {'process':>8} {'above':>7} {'peak':>7} {'':>13} "
        f"{'x ours':>7} {'x ours, not':>11}",
        f"{'':2} {'':30} {'CPU s':>8} {'wall s':>8} {'CPU s':>8} {'wall s':>8} {'labels':>7} {'MB':>7} {'bytes':>13} "
        f"{'':>7} {'verified':>11}",
    ]
    return lines + [_line(row) for row in rows]


def _line(row: Row) -> str:
    columns = [
        _middle([run.stage_cpu_s for run in row.runs], "8.3f"),
        _middle([run.stage_wall_s for run in row.runs], "8.3f"),
        _middle([run.process_cpu_s for run in row.runs], "8.2f"),
        _middle([run.process_wall_s for run in row.runs], "8.2f"),
        _middle([run.stage_peak_mb for run in row.runs], "7.0f"),
        _middle([run.process_peak_mb for run in row.runs], "7.0f"),
        _middle([run.bytes for run in row.runs], "13,.0f"),
        _middle([row.times_ours], "7.1f"),
        _middle([row.times_ours_not_verified], "11.1f"),
    ]
    return f"{row.workload:2} {row.name:30} {' '.join(columns)}"


def _ratio(contestant: Contestant, runs: dict[str, list[Measured]], ours: str | None) -> float | None:
    if contestant.ours is None or not runs[contestant.name] or not runs.get(ours or ""):
        return None
    return _cpu_s(runs[contestant.name], contestant.compares) / _cpu_s(runs[ours or ""], contestant.compares)


def _cpu_s(runs: Sequence[Measured], what: str) -> float:
    return median(run.process_cpu_s if what == "process" else run.stage_cpu_s or 0.0 for run in runs)


def _middle(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    width = int(form.partition(".")[0].rstrip(","))
    return format(median(known), form) if known else " " * width
