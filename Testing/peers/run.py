"""Measure who reads what: `python3 tasks.py peers [--all] [--update]`.

Without words: the readers that PyPI and Debian give, compared with the published table. `--all` makes further
Pythons and Node folders for other versions and readers. `--ohif [VERSION...]`: the real viewer alone, see
ohif/run.py. `--update` publishes what was measured.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
import time
from pathlib import Path

_TESTING = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_TESTING), str(_TESTING.parent / "SegRLEExport")]

from peers import page, sizes, table  # noqa: E402
from peers.cases import WrittenCase, case_set, write_case_set  # noqa: E402
from peers.catalog import READERS, Reader  # noqa: E402
from peers.environments import AbsentError, Environments, default_cache  # noqa: E402
from peers.measuring import Measurement, Outcome, measure  # noqa: E402
from peers.ohif import run as ohif  # noqa: E402
from peers.published import changed_deliveries, changes  # noqa: E402
from peers.transport import Deliveries, alone_on_loopback  # noqa: E402


def main(words: list[str]) -> int:
    """Measure, tell, compare; return the exit code: 1 if the published table is not what was measured."""
    if "--ohif" in words:
        return ohif.main([word for word in words if word != "--ohif"])
    arguments = _parser().parse_args(words)
    environments = Environments(arguments.cache)
    chosen = [r for r in READERS if _is_chosen(r, arguments)]
    with tempfile.TemporaryDirectory(prefix="peers-cases-") as folder:
        written = write_case_set(Path(folder))
        print(f"{len(written)} cells for each reader, {sum(len(case.files) for case in written)} files")
        measured = [m for reader in chosen if (m := _measured(reader, written, environments))]
    for line in _told(measured):
        print(line)
    deliveries = {} if arguments.reader else _deliveries(is_quick=not arguments.all)
    published = table.load()
    if arguments.update:
        return _publish(published, measured, deliveries)
    found = [line for m in measured for line in changes(m, published)]
    found += changed_deliveries(deliveries, published)
    print("\n".join(found) if found else "The published table says the same.")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--all", action="store_true", help="also the readers that need an environment of their own")
    parser.add_argument("--update", action="store_true", help="publish what was measured: reader_table.json, README.md")
    parser.add_argument("--reader", action="append", metavar="ID", help="only this reader; may be repeated")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="where environments are kept")
    return parser


def _is_chosen(reader: Reader, arguments: argparse.Namespace) -> bool:
    if arguments.reader:
        return reader.id in arguments.reader
    return bool(reader.is_quick or arguments.all)


def _measured(reader: Reader, written: list[WrittenCase], environments: Environments) -> Measurement | None:
    started = time.perf_counter()
    try:
        measurement = measure(reader, written, environments)
    except AbsentError as error:
        print(f"absent: {reader.title}: {error}", flush=True)
        return None
    print(f"{reader.title} ({measurement.version}): {time.perf_counter() - started:.0f} s", flush=True)
    return measurement


def _told(measured: list[Measurement]) -> list[str]:
    """Return what is not right, the silently wrong first."""
    lines = []
    for outcome in (Outcome.WRONG, Outcome.CRASH, Outcome.ERROR):
        for m in measured:
            grouped: dict[tuple[str, str], list[str]] = {}
            for (plan_id, case_id), cell in m.cells.items():
                if cell.outcome is outcome:
                    grouped.setdefault((plan_id, cell.message), []).append(case_id)
            for (plan_id, message), cases in grouped.items():
                lines.append(f"{outcome.value}: {m.reader.title}, '{plan_id}', {', '.join(cases)}: {message}")
    return lines


def _deliveries(*, is_quick: bool) -> Deliveries:
    try:
        return alone_on_loopback(is_quick=is_quick)
    except AbsentError as error:
        print(f"absent: C-STORE: {error}")
        return {}


def _sizes() -> sizes.Sizes:
    try:
        found = sizes.measured()
    except AbsentError as error:
        print(f"absent: sizes: {error}")
        return {}
    sizes.plot(found)
    return found


def _publish(published: table.Table, measured: list[Measurement], deliveries: Deliveries) -> int:
    published.cases = {case.id: case.what for case in case_set()}
    for measurement in measured:
        published.put(measurement, datetime.date.today())
    order = {reader.id: place for place, reader in enumerate(READERS)}
    kept = {reader_id: column for reader_id, column in published.columns.items() if reader_id in order}
    published.columns = dict(sorted(kept.items(), key=lambda item: order[item[0]]))
    published.describe(READERS)
    published.deliveries |= deliveries
    published.sizes = _sizes() or published.sizes
    table.save(published)
    page.write(published)
    print(f"published: {table.PATH.name} and {page.PATH.name}; now correct encoding/plan.py and known_failures.py")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
