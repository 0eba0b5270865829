"""Compare with other exporters, side by side: `python Testing/benchmarks/run.py [--quick]`.

Every program runs in a fresh process, in turns, so that a busy minute of the machine hits all alike; medians are
shown. Results go to Testing/benchmarks/results: a JSON with every run, and a plot for the README.
"""

from __future__ import annotations

import argparse
import compileall
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import batch
import budgets
import plots
import scaling
import SegRLEExportLib
import start_up
from contestants import CONTESTANTS, Contestant, installed_version
from machine import describe_machine
from material import Material, prepare, warm_up_material
from measuring import FailedRunError, Measured, measure_process
from table import Row, rows_of, text_table
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent

QUICK = ("W1", "W2")


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    asked = _parser().parse_args(words)
    keep = nullcontext(str(asked.folder)) if asked.folder else tempfile.TemporaryDirectory(prefix="segrle-bench-")
    _compile_as_installed()
    with keep as folder:
        warm_up_material(Path(folder))
        rows = _compare(Path(folder), QUICK if asked.quick else tuple(WORKLOADS), asked.rounds)
        starts = start_up.measure(Path(folder))
        growth = scaling.study(Path(folder), quick=asked.quick)
        many = _many_cases(Path(folder), quick=asked.quick)
    print("\n".join(text_table(rows)))
    print("\n".join(start_up.lines(starts)))
    print("\n".join(scaling.lines(growth)))
    limits = [*budgets.budgets_of(rows, starts), *(batch.budgets_of(many) if many else ())]
    print("\n".join(batch.lines(many) if many else ["absent: segrle batch (dask is not installed)"]))
    print("\n".join(budgets.lines(limits)))
    _save(asked, rows, starts, growth, many, limits)
    return 0


def _compile_as_installed() -> None:
    """Compile our modules beforehand, as pip did the others' when it installed them."""
    for folder in (Path(SegRLEExportLib.__file__).parent, HERE):
        compileall.compile_dir(folder, quiet=1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="W1 and W2, and only the growth with segments")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program (default 3)")
    parser.add_argument("--folder", type=Path, help="where the workloads stay between runs; without it nothing stays")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where the JSON and the plot go")
    return parser


def _compare(folder: Path, names: Sequence[str], rounds: int) -> list[Row]:
    rows: list[Row] = []
    for contestant in CONTESTANTS:
        if contestant.is_absent:
            print(f"absent: {contestant.name} ({contestant.needs} is not installed)")
    for name in names:
        print(f"{name}: writing labels and series ...", flush=True)
        material = prepare(WORKLOADS[name], folder)
        taking_part = [c for c in CONTESTANTS if name in c.workloads and not c.is_absent]
        rows.extend(rows_of(name, taking_part, _runs(taking_part, material, rounds)))
    return rows


def _runs(contestants: Sequence[Contestant], material: Material, rounds: int) -> dict[str, list[Measured]]:
    runs: dict[str, list[Measured]] = {contestant.name: [] for contestant in contestants}
    for round_index in range(rounds):
        for contestant in contestants:
            if contestant.rounds is not None and round_index >= contestant.rounds:
                continue
            print(f"  {material.workload.name}, round {round_index + 1}: {contestant.name}", flush=True)
            with tempfile.TemporaryDirectory(dir=material.folder.parent) as output:
                try:
                    runs[contestant.name].append(
                        measure_process(contestant.command(material, Path(output)), Path(output))
                    )
                except FailedRunError as error:
                    print(f"    failed: {error}", flush=True)
    return runs


def _many_cases(folder: Path, *, quick: bool) -> batch.ManyCases | None:
    if installed_version("dask") is None:
        return None
    print("many cases: batch, two single processes, loops of commands, 10,000 simulated ...", flush=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return batch.measure(Path(place), quick=quick)


def _save(
    asked: argparse.Namespace,
    rows: list[Row],
    starts: dict[str, float],
    growth: list[scaling.GrowthPoint],
    many: batch.ManyCases | None,
    limits: list[budgets.Budget],
) -> None:
    asked.results.mkdir(parents=True, exist_ok=True)
    kind = "quick" if asked.quick else "full"
    content = {
        "machine": describe_machine(),
        "comparison": [row.to_json() for row in rows],
        "start_up_wall_s": starts,
        "growth": [point.to_json() for point in growth],
        "many_cases": many.to_json() if many else None,
        "budgets": [budget.to_json() for budget in limits],
    }
    (asked.results / f"{kind}.json").write_text(json.dumps(_rounded(content), indent=1) + "\n")
    try:
        plots.draw(growth, asked.results / f"{kind}.png")
    except ModuleNotFoundError as error:
        print(f"absent: the plot ({error.name} is not installed)")


def _rounded(value: object) -> object:
    """Return the same with all numbers to a tenth of a millisecond."""
    if isinstance(value, dict):
        return {key: _rounded(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_rounded(member) for member in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
