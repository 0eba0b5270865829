"""One case, in a worker: paths and options go in, an outcome comes out; files appear at once or not at all."""

from __future__ import annotations

import faulthandler
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from SegRLEExportLib.batch.cases import Case
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.outcome import CaseFile, Ending, Outcome
from SegRLEExportLib.batch.picture import draw
from SegRLEExportLib.conversion.formats import MASKS, needs_images, suffix_for
from SegRLEExportLib.convert import Conversion, convert
from SegRLEExportLib.errors import BatchFolderError, ExportError
from SegRLEExportLib.files.read import described_by, read_segmentation
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.options import ExportOptions, Grid
from SegRLEExportLib.reading.header import is_dicom
from SegRLEExportLib.reading.source import source_of
from SegRLEExportLib.source.series import choose_series, read_series

_one_at_a_time = threading.Lock()
"""The clock that ends a process knows one case; workers with several threads wait."""


def run_case(case: Case, out: str, to: str, timeout: float) -> dict[str, Any]:
    """Write one case; return its outcome as JSON. Errors are outcomes; what ends the process is seen by the caller."""
    started = time.perf_counter()
    folder = BatchFolder(Path(out))
    with _one_at_a_time, _ended_after(timeout, folder.stopped / case.name):
        try:
            outcome = _written(case, folder, case.options.get("to") or to)
        except ExportError as error:
            outcome = Outcome(case.name, Ending.REFUSED, str(error))
        except MemoryError:
            outcome = Outcome(case.name, Ending.REFUSED, "There is not enough memory for it.")
        except OSError as error:
            outcome = Outcome(case.name, Ending.REFUSED, f"{error.filename or out}: {error.strerror or error}")
        except Exception as error:  # one case must never end the batch
            outcome = Outcome(case.name, Ending.FAULT, f"{type(error).__name__}: {error}")
    shutil.rmtree(folder.work / case.name, ignore_errors=True)
    seconds = round(time.perf_counter() - started, 4)
    worker = f"{platform.node()}:{os.getpid()}"
    return {**outcome.to_json(), "asked": case.asked, "seconds": seconds, "worker": worker}


@contextmanager
def _ended_after(seconds: float, note: Path) -> Iterator[None]:
    """End this process, whatever it does, once the time is over; `note` then holds what it was doing."""
    with note.open("w", encoding="utf-8") as file:
        faulthandler.dump_traceback_later(seconds, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    note.unlink(missing_ok=True)


def _written(case: Case, folder: BatchFolder, to: str) -> Outcome:
    final = folder.out / case.name
    if final.exists():
        raise BatchFolderError(final, "it is there already, and not as this batch writes this case now")
    work = folder.work / case.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    segmentation = _segmentation(case)
    target = work if to == MASKS else work / f"{case.name}{suffix_for(to)}"
    conversion = convert(segmentation, target, to, source=_source(case, segmentation, to), options=_options(case))
    draw(segmentation, folder.pictures / f"{case.name}.png")
    outcome = _outcome(case, conversion, work)
    (folder.done / f"{case.name}.json").write_text(json.dumps(outcome.to_json()), encoding="utf-8")
    work.rename(final)
    return outcome


def _outcome(case: Case, conversion: Conversion, work: Path) -> Outcome:
    files = tuple(
        CaseFile(f"{case.name}/{file.path.relative_to(work).as_posix()}", file.bytes) for file in conversion.files
    )
    findings = tuple(finding.to_json() for finding in conversion.findings)
    return Outcome(case.name, Ending.WRITTEN, files=files, findings=findings, asked=case.asked)


def _segmentation(case: Case) -> Segmentation:
    segmentation = read_segmentation(Path(case.segmentation))
    if case.options.get("segments"):
        segmentation = described_by(segmentation, case.options["segments"])
    return segmentation


def _source(case: Case, segmentation: Segmentation, to: str) -> SourceSeries | None:
    if case.series:
        return choose_series(_series_in(case.series), segmentation, case.options.get("series_uid"))
    path = Path(case.segmentation)
    return source_of([path]) if needs_images(to) and path.is_file() and is_dicom(path) else None


@lru_cache(maxsize=2)
def _series_in(folder: str) -> list[SourceSeries]:
    """Return the series of a folder: cases of one study often follow each other."""
    return read_series(Path(folder))


def _options(case: Case) -> ExportOptions:
    chosen = {name: value for name, value in case.options.items() if name not in ("to", "series_uid", "segments")}
    if "grid" in chosen:
        chosen["grid"] = Grid(chosen["grid"])
    return ExportOptions(**chosen)
