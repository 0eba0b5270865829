"""What an export may cost, and how far ahead of the others it must be: each limit beside what was measured.

The limits are for a machine of the class in README.md (2 processors, about 2.6 GHz), CPU seconds in a warm process with
the headers read from files and the files complete on disk. Ratios are of one run, so that the machine matters less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from contestants import BY_OTHERS
from table import NOT_VERIFIED, Row

WRITTEN_CPU_S = {
    "W1": {"none": 0.08, "rle": 0.08, "deflate": 0.10},
    "W2": {"none": 0.20, "rle": 0.18, "deflate": 0.6},
    "W3": {"none": 0.70, "rle": 0.40, "deflate": 3.0},
    "W4": {"none": 0.30, "rle": 0.25, "deflate": 0.8},
    "W5": {"none": 1.25, "rle": 1.0, "deflate": 1.8},
}
"""Reading back may add as much again for `none` and `rle`, and for `rle` what pydicom's decoder takes.

W5 is W2 with a layer for each segment: thirty times the voxels, and 2.0 s for `rle` and 2.5 s for `none` in all.
"""

ABOVE_LABELS_MB = {"W1": 30, "W2": 40, "W3": 50, "W4": 50, "W5": 50}

TIMES_OURS_WRITTEN = {"highdicom BINARY": 20, "highdicom LABELMAP RLE": 12}
RATIO_WORKLOADS = ("W2", "W3")

TIMES_OURS_VERIFIED = {
    ("W2", "dcmqi merged, BINARY"): 4,
    ("W3", "dcmqi merged, BINARY"): 10,
    ("W2", "Slicer's present flow"): 200,
}

BY_OTHERS_CPU_S = {("W2", "rle"): 6.0, ("W2", "none"): 12.0}
"""Written, read back, and read whole by highdicom and by dcmqi as 3D Slicer calls it, their processes included."""

READ_CPU_S = {
    ("W2", "layers of none"): 0.3,
    ("W3", "layers of none"): 1.5,
    ("W3", "layers of rle"): 0.35,
    ("W3", "inspect of none"): 1.0,
    ("W3", "verify of none"): 2.5,
    ("W3", "convert none to rle"): 2.5,
    ("W3", "convert none to NIfTI"): 3.0,
    ("W3", "convert none to seg.nrrd"): 3.0,
}
"""A SEG to label layers, told what it is, compared with its segmentation, and made another file."""

READ_ABOVE_LAYERS_MB = 50

LOADED_CPU_S = {("W3", "node of none"): 2.5, ("W3", "node of rle"): 0.8}
"""From the file to a segmentation node."""

LOADED_ABOVE_LAYERS_MB = 100

NODE_CPU_S = 0.020
START_UP_WALL_S = {"help": 0.1, "export": 0.8}


@dataclass(frozen=True)
class Budget:
    """One limit."""

    what: str
    measured: float
    limit: float
    is_least: bool = False
    """Whether `measured` must be at least the limit, and not at most."""

    @property
    def is_held(self) -> bool:
        """Whether what was measured keeps the limit."""
        return self.measured >= self.limit if self.is_least else self.measured <= self.limit

    def to_json(self) -> dict[str, Any]:
        """Return the budget as a JSON object."""
        return asdict(self) | {"is_held": self.is_held}


def budgets_of(rows: Sequence[Row], starts: dict[str, float]) -> list[Budget]:
    """Return every budget for which something was measured."""
    row_of = {(row.workload, row.name): row for row in rows}
    return [*_costs(row_of), *_by_others(row_of), *_reading(row_of), *_ratios(row_of), *_start_up(row_of, starts)]


def lines(budgets: Sequence[Budget]) -> list[str]:
    """Return one line for each budget, and how many are held."""
    width = max((len(budget.what) for budget in budgets), default=0)
    return [
        *(
            f"{budget.what:{width}} {budget.measured:9.3f} {'at least' if budget.is_least else 'at most':8} "
            f"{budget.limit:7.3g}  {'held' if budget.is_held else 'MISSED'}"
            for budget in budgets
        ),
        f"budgets held: {sum(budget.is_held for budget in budgets)} of {len(budgets)}",
    ]


def _costs(row_of: dict[tuple[str, str], Row]) -> Iterator[Budget]:
    for workload, limits in WRITTEN_CPU_S.items():
        for encoding, limit in limits.items():
            verified = row_of.get((workload, f"ours {encoding}"))
            written = row_of.get((workload, f"ours {encoding}{NOT_VERIFIED}"))
            if verified is None or written is None:
                continue
            yield Budget(f"{workload} {encoding}, written, CPU s", written.cpu_s("stage"), limit)
            if encoding != "deflate":
                yield Budget(
                    f"{workload} {encoding}, reading back adds, CPU s",
                    verified.cpu_s("stage") - written.cpu_s("stage"),
                    limit + median(run.details.get("pydicom_cpu_s", 0.0) for run in verified.runs),
                )
            yield Budget(
                f"{workload} {encoding}, verified, MB above the labels",
                median(run.stage_peak_mb or 0.0 for run in verified.runs),
                ABOVE_LABELS_MB[workload],
            )


def _by_others(row_of: dict[tuple[str, str], Row]) -> Iterator[Budget]:
    for (workload, encoding), limit in BY_OTHERS_CPU_S.items():
        row = row_of.get((workload, f"ours {encoding}{BY_OTHERS}"))
        if row is not None:
            others = median(run.details["others_cpu_s"] for run in row.runs)
            yield Budget(f"{workload} {encoding}, verified by others, CPU s", row.cpu_s("stage") + others, limit)


def _reading(row_of: dict[tuple[str, str], Row]) -> Iterator[Budget]:
    for limits, most_mb in ((READ_CPU_S, READ_ABOVE_LAYERS_MB), (LOADED_CPU_S, LOADED_ABOVE_LAYERS_MB)):
        for (workload, name), limit in limits.items():
            row = row_of.get((workload, name))
            if row is None:
                continue
            yield Budget(f"{workload} {name}, CPU s", row.cpu_s("stage"), limit)
            above = median((run.stage_peak_mb or 0.0) - run.details.get("layers_mb", 0.0) for run in row.runs)
            yield Budget(f"{workload} {name}, MB above the layers", above, most_mb)


def _ratios(row_of: dict[tuple[str, str], Row]) -> Iterator[Budget]:
    for name, limit in TIMES_OURS_WRITTEN.items():
        for workload in RATIO_WORKLOADS:
            row = row_of.get((workload, name))
            if row is not None and row.times_ours_not_verified is not None:
                yield Budget(f"{workload} {name}, times ours written", row.times_ours_not_verified, limit, True)
    for (workload, name), limit in TIMES_OURS_VERIFIED.items():
        row = row_of.get((workload, name))
        if row is not None and row.times_ours is not None:
            yield Budget(f"{workload} {name}, times ours verified", row.times_ours, limit, True)


def _start_up(row_of: dict[tuple[str, str], Row], starts: dict[str, float]) -> Iterator[Budget]:
    node = row_of.get(("W3", "reading the node"))
    if node is not None:
        yield Budget("W3 reading the node, CPU s", node.cpu_s("stage"), NODE_CPU_S)
    for name, limit in START_UP_WALL_S.items():
        if name in starts:
            yield Budget(f"start-up of segrle ({name}), s", starts[name], limit)
