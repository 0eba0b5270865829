"""`segrle batch`: many cases on Dask."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.cli.convert_command import FORMATS
from SegRLEExportLib.cli.exit_codes import DIFFERENT, REFUSED
from SegRLEExportLib.cli.inputs import ENCODING_IDS, add_command
from SegRLEExportLib.cli.terminal import print_error, print_json, print_lines, print_result

if TYPE_CHECKING:
    from SegRLEExportLib.batch.cases import Case
    from SegRLEExportLib.batch.outcome import Outcome

DEFAULT_TIMEOUT_S = 3600.0

EXAMPLE = "batch --segmentations segmentations --images ct -o out"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "batch", run, "write many cases, on this machine or a Dask cluster", EXAMPLE)
    parser.set_defaults(refuse=parser.error)
    group = parser.add_argument_group("input")
    group.add_argument(
        "cases",
        type=Path,
        nargs="?",
        metavar="CASES",
        help="table (.csv, .tsv) with the columns case, segmentation, series, and options that differ between cases",
    )
    group.add_argument(
        "--segmentations",
        type=Path,
        metavar="DIR",
        help="instead of a table: a folder with a segmentation for each case",
    )
    group.add_argument(
        "--images", type=Path, metavar="DIR", help="a folder with images for each case, named as its segmentation"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="folder to write to; each case gets a folder in it",
    )
    parser.add_argument(
        "--to",
        choices=FORMATS,
        metavar="FORMAT",
        default=ENCODING_IDS[0],
        help=f"{', '.join(FORMATS)}; default: {ENCODING_IDS[0]}",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the cases that were found, and what has no partner; write nothing"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a batch: skip cases that are written, try all others again"
    )
    _add_cluster_arguments(parser)
    _add_option_arguments(parser)


def _add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it runs")
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes on this machine; default: one for each processor"
    )
    group.add_argument("--memory", default="auto", metavar="SIZE", help="memory of one worker, such as 4GB")
    group.add_argument("--dask", metavar="ADDRESS", help="use a cluster that is there, such as tcp://host:8786")
    group.add_argument(
        "--timeout",
        type=float,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help="longest time of one case; default: 3600",
    )


def _add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options that hold for all cases; a column of the table goes before."""
    group = parser.add_argument_group("options of all cases", "A column of the table goes before.")
    group.add_argument("--segments", metavar="TABLE", help="names, codes and colours for label values")
    group.add_argument(
        "--geometry",
        dest="grid",
        choices=("source", "segmentation"),
        help="the grid of the frames: that of the images (default), or the segmentation's own",
    )
    group.add_argument("--series-description", metavar="TEXT", help="default: the segmentation's name")
    group.add_argument(
        "--content-creator", dest="content_creator_name", metavar="FAMILY^GIVEN", help="who made the segmentations"
    )
    group.add_argument("--clip", action="store_true", default=None, help="leave out voxels that lie beyond the images")
    group.add_argument("--verify", choices=("own", "others", "off"), help="who reads each file back")
    group.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="refuse faulty headers of the images instead of repairing them",
    )


def run(parsed: argparse.Namespace) -> int:
    """Run the batch; the exit code is 0 if all cases were written, 1 if some were not, 2 if none was."""
    from SegRLEExportLib.batch.running import batch
    from SegRLEExportLib.cli.words import outcome_in_words

    cases = _cases(parsed)
    if parsed.dry_run:
        return 0
    with _client(parsed) as client, _Progress(len(cases)) as progress:
        print_error(f"Dask's dashboard: {client.dashboard_link}")
        result = batch(
            cases,
            parsed.output,
            client,
            to=parsed.to,
            timeout=parsed.timeout,
            resume=parsed.resume,
            on_end=progress.ended,
            in_words=outcome_in_words,
        )
    print_result(parsed, result)
    if not result.failed:
        return 0
    return DIFFERENT if len(result.failed) < len(result.outcomes) else REFUSED


def _cases(parsed: argparse.Namespace) -> list[Case]:
    """Return the cases with the options of the command line; print them where that is all that is wanted."""
    from SegRLEExportLib.batch.cases import OPTION_COLUMNS, matched, read_cases
    from SegRLEExportLib.errors import BatchTableError

    _refuse_unclear_cases(parsed)
    if parsed.cases is not None:
        cases, lonely = read_cases(parsed.cases), []
    else:
        matches = matched(parsed.segmentations, parsed.images)
        cases = matches.cases
        lonely = [f"no images for {name}" for name in matches.without_images]
        lonely += [f"no segmentation for {name}" for name in matches.without_segmentation]
    if parsed.dry_run and parsed.json:
        print_json({"cases": [asdict(one) for one in cases], "lonely": lonely})
    elif parsed.dry_run:
        print_lines(f"{one.name}: {one.segmentation} on {one.series or 'its own images'}" for one in cases)
    print_lines(lonely, is_error=True)
    if not cases:
        raise BatchTableError(
            parsed.cases or parsed.segmentations, 0, "there is none that has a segmentation and images"
        )
    given = {
        name: value for name in OPTION_COLUMNS if name != "to" and (value := getattr(parsed, name, None)) is not None
    }
    if "segments" in given and Path(given["segments"]).exists():
        given["segments"] = str(Path(given["segments"]).absolute())
    return [
        replace(
            one,
            segmentation=_absolute(one.segmentation),
            series=_absolute(one.series),
            options={**given, **one.options},
        )
        for one in cases
    ]


def _refuse_unclear_cases(parsed: argparse.Namespace) -> None:
    """End with how the command is used, unless it was given one table or two folders."""
    folders = [folder for folder in (parsed.segmentations, parsed.images) if folder is not None]
    if parsed.cases is None and len(folders) < 2:
        parsed.refuse("which cases? Give CASES, or --segmentations DIR and --images DIR")
    if parsed.cases is not None and folders:
        parsed.refuse("CASES names the segmentations and images; give either CASES or --segmentations and --images")


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""


@contextmanager
def _client(parsed: argparse.Namespace) -> Iterator[Any]:
    from SegRLEExportLib.batch.running import local_client, remote_client

    with remote_client(parsed.dask) if parsed.dask else local_client(parsed.workers, parsed.memory) as client:
        yield client


class _Progress:
    """Cases done and failed, bytes, rate and time left, on a terminal (rich draws it)."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._failed, self._bytes = 0, 0
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if sys.stderr is not None and sys.stderr.isatty():
            try:
                from rich.console import Console
                from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
            except ImportError:
                return self
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task("cases", total=self._total, told="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def ended(self, outcome: Outcome) -> None:
        """Count one case."""
        from SegRLEExportLib.report import size_text

        self._failed += not outcome.is_written
        self._bytes += outcome.bytes
        if self._bar is not None:
            rate = self._bar.tasks[0].speed or 0.0
            told = f"{self._failed} failed, {size_text(self._bytes)}, {rate:.1f} cases/s"
            self._bar.update(self._task, advance=1, told=told)
