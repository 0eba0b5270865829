"""The figures of README and Docs/performance.md, from results/full.json: `python3 tasks.py pages`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "Testing" / "benchmarks" / "results" / "full.json"
PAGES = {
    "README.md": ("figures",),
    "Docs/performance.md": ("machine", "exports", "memory", "growth", "reading", "many cases", "budgets"),
}

Result = dict[str, Any]


def blocks(result: Result) -> dict[str, str]:
    """Return the text of each generated block."""
    makers: dict[str, Callable[[Result], Iterator[str]]] = {
        "figures": _figures,
        "machine": _machine,
        "exports": _exports,
        "memory": _memory,
        "growth": _growth,
        "reading": _reading,
        "many cases": _many_cases,
        "budgets": _budgets,
    }
    return {name: "\n".join(make(result)) + "\n" for name, make in makers.items()}


def shown(text: str, name: str) -> str:
    """Return what a page has in a block."""
    begin, end = _marks(name)
    return text.partition(begin)[2].partition(end)[0]


def renewed(text: str, name: str, content: str) -> str:
    """Return a page with other content in a block; raise `ValueError` if the block is missing."""
    begin, end = _marks(name)
    before, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"the page has no block of {name}")
    return before + begin + content + end + rest.partition(end)[2]


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- begin {name}: python3 tasks.py pages -->\n", f"<!-- end {name} -->"


def _figures(result: Result) -> Iterator[str]:
    yield "| CT 512 x 512 x 300, 30 segments | CPU s | bytes |"
    yield "|---|---|---|"
    for title, name, what in (
        ("ours, `rle`, read back whole", "ours rle", "stage"),
        ("ours, `none`, read back whole", "ours none", "stage"),
        ("highdicom, LABELMAP RLE, not read back", "highdicom LABELMAP RLE", "stage"),
        ("dcmqi, merged label map to BINARY, whole process, not read back", "dcmqi merged, BINARY", "process"),
        ("Slicer's present export, its steps without windows", "Slicer's present flow", "stage"),
    ):
        row = _row(result, "W2", name)
        yield f"| {title} | {_number(_seconds(row, what))} | {_bytes(row)} |"


def _machine(result: Result) -> Iterator[str]:
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version != "absent")
    yield (
        f"Measured on {machine['date']}: {machine['processors']} cores ({machine['processor']}), "
        f"{machine['memory_gb']} GB, Linux, Python {machine['python']}, {versions}."
    )


def _exports(result: Result) -> Iterator[str]:
    yield "| | CT 512 x 512 x 300, 30 segments | bytes | CT 512 x 512 x 600, 104 segments | bytes |"
    yield "|---|---|---|---|---|"
    for encoding in ("rle", "none", "deflate"):
        cells = []
        for workload in ("W2", "W3"):
            written, verified = (
                _row(result, workload, name) for name in (f"ours {encoding}, not verified", f"ours {encoding}")
            )
            cells += [f"{_number(_seconds(written))} / {_number(_seconds(verified))}", _bytes(verified)]
        yield f"| ours, `{encoding}`: written / and read back whole | {' | '.join(cells)} |"
    for encoding in ("rle", "none"):
        row = _row(result, "W2", f"ours {encoding}, verified by others")
        if row:
            others = median(run["details"]["others_cpu_s"] for run in row["runs"])
            of_others = f"{_number(_seconds(row) + others)}, of which {_number(others)} in the others' processes"
            yield f"| ours, `{encoding}`, read by highdicom and dcmqi, too | {of_others} | {_bytes(row)} | not run | |"
    for name in ("highdicom LABELMAP RLE", "highdicom BINARY", "dcmqi merged, BINARY", "Slicer's present flow"):
        cells = []
        for workload in ("W2", "W3"):
            row = _row(result, workload, name)
            cells += [_beside_ours(row), _bytes(row)] if row else ["not run", ""]
        yield f"| {name}{', whole process' if 'dcmqi' in name else ''} | {' | '.join(cells)} |"


def _beside_ours(row: Result) -> str:
    times = [f"{row['times_ours_not_verified']:.0f} times ours written"] if row["times_ours_not_verified"] else []
    seconds, read_back = _seconds(row, row["compares"]), f"{row['times_ours']:.0f} times ours read back"
    if row["compares"] == "process":
        read_back += f" ({_number(seconds / row['times_ours'])} as a whole process)"
    return f"{_number(seconds)}: {', '.join((*times, read_back))}"


def _memory(result: Result) -> Iterator[str]:
    ours, others = (
        [
            median(run["stage_peak_mb"] for run in row["runs"])
            for row in result["comparison"]
            if row["workload"] in ("W1", "W2", "W3") and row["name"] in names
        ]
        for names in (("ours rle", "ours none", "ours deflate"), ("highdicom LABELMAP RLE", "highdicom BINARY"))
    )
    yield f"Memory above the labels is {min(ours):.0f} to {max(ours):.0f} MB"
    yield f"(highdicom: {min(others):.0f} to {max(others):.0f} MB); with labels of 2 GB a test allows 50 MB."


def _growth(result: Result) -> Iterator[str]:
    points = [p for p in result["growth"] if (p["axis"], p["encoding"]) == ("slices", "rle")]
    seconds = ", ".join(f"{_number(point['cpu_s'])} for {point['value']}" for point in points)
    yield f"Seconds grow in a straight line with the planes (`rle`: {seconds})."


def _reading(result: Result) -> Iterator[str]:
    yield "| CT 512 x 512 x 600, 104 segments | CPU s |"
    yield "|---|---|"
    for title, name in (
        ("SEG to label layers, `none`", "layers of none"),
        ("SEG to label layers, `rle`", "layers of rle"),
        ("`segrle inspect`, `none`", "inspect of none"),
        ("`segrle verify`, `none`", "verify of none"),
        ("`segrle convert`, `none` to `rle`", "convert none to rle"),
        ("`segrle convert`, `none` to NIfTI", "convert none to NIfTI"),
        ("SEG to a node, `none`", "node of none"),
        ("SEG to a node, `none`, by Slicer's present steps", "Slicer's present load of none"),
        ("SEG to a node, `rle`", "node of rle"),
        ("SEG to a node, `rle`, by Slicer's present steps", "Slicer's present load of rle"),
    ):
        row = _row(result, "W3", name)
        if row:
            yield f"| {title} | {_number(_seconds(row))} |"


def _many_cases(result: Result) -> Iterator[str]:
    many = result["many_cases"]
    if many is None:
        yield "Not measured: Dask was not installed."
        return
    memory = " and ".join(f"{mb:.0f} MB after {cases}" for cases, mb in many["scheduler_mb"].items())
    loop = f"{many['export_loop_s']:.2f} s a case for `segrle export`"
    if many["dcmqi_loop_s"] is not None:
        loop += f", {many['dcmqi_loop_s']:.2f} s for dcmqi's itkimage2segimage"
    yield (
        f"{many['cases']} cases with two workers: {many['batch_s']:.0f} s, where two single processes of Python that "
        f"export half of them each take {many['two_processes_s']:.0f} s (efficiency {many['efficiency']:.2f}); "
        f"{many['overhead_s'] * 1000:.0f} ms a case beside its own work. A loop of commands takes {loop}. "
        f"The scheduler holds {memory} simulated cases."
    )


def _budgets(result: Result) -> Iterator[str]:
    budgets = result["budgets"]
    missed = [budget for budget in budgets if not budget["is_held"]]
    yield f"The run ends with a table of budgets; {len(budgets) - len(missed)} of {len(budgets)} were held."
    for budget in missed:
        side = "at least" if budget["is_least"] else "at most"
        yield f"- missed: {budget['what']}: {_number(budget['measured'])}, {side} {budget['limit']:g} wanted"


def _row(result: Result, workload: str, name: str) -> Result | None:
    rows = (row for row in result["comparison"] if (row["workload"], row["name"]) == (workload, name))
    return next(rows, None)


def _seconds(row: Result | None, what: str = "stage") -> float | None:
    return median(run[f"{what}_cpu_s"] for run in row["runs"]) if row else None


def _bytes(row: Result | None) -> str:
    return f"{median(run['bytes'] for run in row['runs']):,.0f}" if row else ""


def _number(value: float | None) -> str:
    if value is None:
        return "not run"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def main() -> None:
    """Write the figures into the pages."""
    made = blocks(json.loads(RESULTS.read_text(encoding="utf-8")))
    for page, names in PAGES.items():
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        for name in names:
            text = renewed(text, name, made[name])
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
