"""`segrle batch`: many cases on Dask."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from SegRLEExportLib.batch.limits import DEFAULT_TIMEOUT_S
from SegRLEExportLib.cli.case_fitness import Fitness
from SegRLEExportLib.cli.case_options import add_case_options, case_options, columns, defaults, given_options
from SegRLEExportLib.cli.convert_command import FORMATS
from SegRLEExportLib.cli.exit_codes import DIFFERENT, INTERRUPTED, REFUSED
from SegRLEExportLib.cli.inputs import ENCODING_IDS, add_command, input_path, output_name
from SegRLEExportLib.cli.signals import Ended, ignore_signals
from SegRLEExportLib.cli.terminal import print_error, print_json, print_lines, print_result
from SegRLEExportLib.cli.unused_options import OF_BATCH
from SegRLEExportLib.errors import BatchTableError
from SegRLEExportLib.model.counted import counted

if TYPE_CHECKING:
    from SegRLEExportLib.batch.cases import Case
    from SegRLEExportLib.batch.outcome import Outcome

_OWN = ("to",)
"""Options of a case that the batch has of its own."""

_ELSEWHERE = {
    "--series": "one series of all cases is named by --series-uid UID, and the images of a case stand in the column "
    "series, or in the folder of --images",
    "--compression": "what is written is named by --to",
    "-c": "what is written is named by --to",
    "--overwrite": "it replaces nothing; move away what is there, or choose another folder",
    "--no-verify": "that is --verify off",
}
"""What somebody who knows the other commands asks for here."""

_LEAST_MEMORY = 1_000_000
"""Bytes: who asks for less, such as 4, forgot the unit."""

_ENDING = (
    "OUT/report.jsonl gets a line for each case, and one more each time the case is tried again: its last line is the "
    "valid one. OUT/report.html shows them. The exit code is 0 if all cases are written, 1 if some are not, 2 if none "
    "is or the batch was not begun, 130 after Ctrl-C."
)

USAGE = "batch (CASES | --segmentations DIR --images DIR) -o OUT [options]"
EXAMPLE = "batch --segmentations segmentations --images ct -o out"


def add_parser(commands: Any) -> None:
    """Add the command's arguments to those of `segrle`."""
    parser = add_command(commands, "batch", run, USAGE, EXAMPLE, needs=OF_BATCH)
    parser.description = f"{parser.description} {_ENDING}"
    group = parser.add_argument_group("input")
    group.add_argument(
        "cases",
        type=input_path,
        nargs="?",
        metavar="CASES",
        help="table (.csv, .tsv) with the columns case, segmentation, series, and options that differ between cases",
    )
    group.add_argument(
        "--segmentations",
        type=input_path,
        metavar="DIR",
        help="instead of a table: a folder with a segmentation for each case",
    )
    group.add_argument(
        "--images", type=input_path, metavar="DIR", help="a folder with images for each case, named as its segmentation"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=lambda text: Path(output_name(text)),
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
        "--dry-run",
        action="store_true",
        help="print the cases that were found, and which segmentations or images have no counterpart; write nothing",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a batch: skip cases that are written, try all others again"
    )
    _add_cluster_arguments(parser)
    add_case_options(parser, _OWN)
    _add_elsewhere(parser)


class _Elsewhere(argparse.Action):
    """An option of other commands, which ends with what a batch has in its place."""

    def __call__(
        self, parser: argparse.ArgumentParser, _namespace: Any, _values: Any, option: str | None = None
    ) -> None:
        parser.error(f"{option} is not an option of a batch: {_ELSEWHERE[str(option)]}")


def _add_elsewhere(parser: argparse.ArgumentParser) -> None:
    for option in _ELSEWHERE:
        parser.add_argument(option, action=_Elsewhere, nargs="?", help=argparse.SUPPRESS, dest=argparse.SUPPRESS)


def _add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it runs")
    group.add_argument(
        "--workers", type=_count, metavar="N", help="cases at a time on this machine; default: one for each processor"
    )
    group.add_argument(
        "--memory",
        type=_memory,
        default="auto",
        metavar="SIZE",
        help="memory of one case, such as 4GB; default: that of this machine, divided",
    )
    group.add_argument(
        "--dask", metavar="ADDRESS", help="run on the Dask cluster at this address, such as tcp://host:8786"
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT_S,
        metavar="SECONDS",
        help=f"longest time of one case; default: {DEFAULT_TIMEOUT_S:g}",
    )


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on")
    return count


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of seconds above 0")
    return seconds


def _memory(text: str) -> str:
    try:
        from dask.utils import parse_bytes
    except ImportError:  # told when the batch begins
        return text
    try:
        is_size = text == "auto" or parse_bytes(text) >= _LEAST_MEMORY
    except (ValueError, OverflowError):
        is_size = False
    if not is_size:
        raise argparse.ArgumentTypeError(f"'{text}' is no size of a megabyte or more, such as 4GB")
    return text


def run(parsed: argparse.Namespace) -> int:
    """Run the batch; return the exit code, as `_ENDING` says."""
    from SegRLEExportLib.batch.running import batch_on

    cases, lonely = _cases(parsed)
    if parsed.dry_run:
        return 0
    with _Progress(len(cases)) as progress:
        try:
            result = batch_on(
                lambda: _client(parsed),
                cases,
                parsed.output,
                to=parsed.to,
                timeout=parsed.timeout,
                resume=parsed.resume,
                on_end=progress.ended,
                defaults=defaults(),
            )
        except KeyboardInterrupt as error:
            ignore_signals()
            print_error(f"Interrupted. {_told_so_far(parsed.output, cases)}; with --resume the rest is done.")
            return error.exit_code if isinstance(error, Ended) else INTERRUPTED
    print_result(parsed, result)
    if lonely:
        print_error(f"{counted(len(lonely), 'name')} without a counterpart: no case was made of what is listed above.")
    if not result.failed:
        return 0
    return DIFFERENT if len(result.failed) < len(result.outcomes) else REFUSED


def _told_so_far(out: Path, cases: Sequence[Case]) -> str:
    from SegRLEExportLib.batch.folder import BatchFolder

    outcomes = BatchFolder(out).outcomes()
    written = [one for one in cases if one.name in outcomes and outcomes[one.name].is_written]
    return f"{len(written)} of {len(cases)} cases are written and stand"


def _cases(parsed: argparse.Namespace) -> tuple[list[Case], list[str]]:
    """Return the cases with the options of the command line, and a line for each name without a counterpart.

    The lines are printed, and the cases where that is all that is wanted.
    """
    cases, lonely = _found(parsed)
    if parsed.dry_run and parsed.json:
        print_json({"cases": [asdict(one) for one in cases], "lonely": lonely})
    elif parsed.dry_run:
        print_lines(f"{one.name}: {one.segmentation} on {one.series or 'its own images'}" for one in cases)
    print_lines(lonely, is_error=True)
    if not cases:
        where = parsed.cases or parsed.segmentations
        raise BatchTableError(where, 0, "there is none that has a segmentation and images")
    return cases, lonely


def _found(parsed: argparse.Namespace) -> tuple[list[Case], list[str]]:
    """Return the cases, and a line for each that has no counterpart; a column goes before an option of all cases."""
    from SegRLEExportLib.batch.cases import matched, read_cases

    _refuse_unclear_cases(parsed)
    given = given_options(parsed, _OWN)
    fitness = Fitness(parsed.to, given)
    if parsed.cases is not None:
        cases, lonely = read_cases(parsed.cases, columns(), fitness.refuse_unfit), []
    else:
        matches = matched(parsed.segmentations, parsed.images, parsed.output)
        cases = matches.cases
        _refuse_for_all(parsed, fitness, cases)
        lonely = [f"no images for {name}" for name in matches.without_images]
        lonely += [f"no segmentation for {name}" for name in matches.without_segmentation]
    return [replace(one, options={**given, **one.options}).absolute() for one in cases], lonely


def _refuse_for_all(parsed: argparse.Namespace, fitness: Fitness, cases: Sequence[Case]) -> None:
    """End with how the command is used if its options are wrong in themselves: without a table all cases have these."""
    for case in cases[:1]:
        try:
            fitness.refuse_unfit(case)
        except ValueError as error:
            parsed.refuse(str(error))


def _refuse_unclear_cases(parsed: argparse.Namespace) -> None:
    """End with how the command is used, unless it was given one table or two folders, and OUT is another."""
    _refuse_kind_of_images(parsed)
    folders = [folder for folder in (parsed.segmentations, parsed.images) if folder is not None]
    if parsed.cases is None and len(folders) < 2:
        parsed.refuse("which cases? Give CASES, or --segmentations DIR and --images DIR")
    if parsed.cases is not None and folders:
        parsed.refuse("CASES names the segmentations and images; give either CASES or --segmentations and --images")
    for folder in folders:
        if os.path.realpath(folder) == os.path.realpath(parsed.output):
            parsed.refuse(
                f"argument -o: {folder} is where cases are looked for, and what is written would be taken for some the "
                "next time: choose another folder"
            )


def _refuse_kind_of_images(parsed: argparse.Namespace) -> None:
    """End with what asks for pictures where `--images png` means that, as it does for segrle convert."""
    kinds = case_options()["coco_images"].action.choices or ()
    if str(parsed.images) in kinds and not parsed.images.is_dir():
        parsed.refuse(
            f"argument --images: it names a folder here; what a COCO file names is --coco-images {parsed.images}"
        )


@contextmanager
def _client(parsed: argparse.Namespace) -> Iterator[Any]:
    from SegRLEExportLib.batch.clusters import local_client, remote_client

    logging.getLogger("asyncio").addFilter(_is_asked_for)
    with (
        remote_client(parsed.dask) if parsed.dask is not None else local_client(parsed.workers, parsed.memory) as client
    ):
        _tell_of(client)
        yield client


def _is_asked_for(record: logging.LogRecord) -> bool:
    """Tell whether to print what asyncio says: futures that Dask leaves as it ends are nobody's, and no error."""
    return "exception was never retrieved" not in record.getMessage()


def _tell_of(client: Any) -> None:
    """Say where the cluster can be watched, and what it lacks."""
    from SegRLEExportLib.batch.clusters import dashboard_of, has_workers, other_dask

    dashboard = dashboard_of(client)
    if dashboard is not None:
        print_error(f"Dask's dashboard: {dashboard}")
    if other := other_dask(client):
        print_error(f"Versions of Dask that differ may not understand each other: {other}.")
    if not has_workers(client):
        print_error(f"The cluster has no worker yet: cases wait for one (dask worker {client.scheduler.address}).")


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
