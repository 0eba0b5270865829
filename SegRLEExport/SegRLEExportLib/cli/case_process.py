"""A process that writes one case of a batch after another, each as `segrle export` or `segrle convert` would.

A Dask worker starts it (`batch.children`), and may end it at any moment. A line of JSON on standard input is a case,
one on standard output its outcome. It ends when standard input does: when the worker is no more.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from SegRLEExportLib.batch.outcome import Outcome
    from SegRLEExportLib.model.finding import Finding


def main(memory: int) -> None:
    """Answer case after case; `memory` is the bytes that they may take, 0 for any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started the batch, and ends this by the worker
    answers = _answers()
    waiting = _lines_of_input()
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    from SegRLEExportLib.source.series import each_folder_read_once

    _load()
    _limit_memory(memory)
    _say(answers, {})
    with each_folder_read_once():
        while True:
            _say(answers, outcome_of(json.loads(waiting.get())).to_json())


def _answers() -> TextIO:
    """Return where answers go; what libraries print goes elsewhere from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _lines_of_input() -> queue.SimpleQueue[bytes]:
    """Return the lines as they come; when no more can come the process ends, whatever it does."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _load() -> None:
    """Import what cases need, before the first one's time begins."""
    import SegRLEExportLib.batch.picture
    import SegRLEExportLib.convert  # noqa: F401


def _limit_memory(memory: int) -> None:
    """Let no more be allocated than `memory` bytes beside what is in use now; Linux alone keeps that."""
    if not memory or not sys.platform.startswith("linux"):
        return
    import resource

    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    used = next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData")), 0)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):  # above what this user may have at most, which holds then
        resource.setrlimit(resource.RLIMIT_DATA, (used + memory, most))


def outcome_of(job: dict[str, Any]) -> Outcome:
    """Write the case of a job into the folder of its attempt; return how that ended, without time and worker."""
    from SegRLEExportLib.batch.outcome import Ending, Outcome
    from SegRLEExportLib.cli.words import WORDS_OF_BATCH, error_text
    from SegRLEExportLib.errors import ExportError

    case = job["case"]
    try:
        return _written(job)
    except ExportError as error:
        return Outcome(case, Ending.REFUSED, error_text(error, WORDS_OF_BATCH))
    except _NotACaseError as error:
        return Outcome(case, Ending.REFUSED, str(error))
    except MemoryError:
        return Outcome(case, Ending.MEMORY, "It wants more memory than a case may have here (--memory).")
    except OSError as error:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        return Outcome(case, Ending.REFUSED, f"The system refused it: {place}{error.strerror or error}.")
    except RecursionError:
        return Outcome(case, Ending.REFUSED, "The content of a file is nested too deep to be read.")
    except Exception as error:  # one case must never end the batch
        return Outcome(case, Ending.FAULT, f"{type(error).__name__}: {error}")


class _NotACaseError(Exception):
    """What was asked for cannot be; the text is a sentence."""


def _written(job: dict[str, Any]) -> Outcome:
    from SegRLEExportLib.batch.folder import FILES, PICTURE, files_in
    from SegRLEExportLib.batch.outcome import Ending, Outcome
    from SegRLEExportLib.batch.picture import draw_files
    from SegRLEExportLib.cli.words import WORDS_OF_BATCH, findings_in_words
    from SegRLEExportLib.conversion.formats import MASKS, suffix_for
    from SegRLEExportLib.errors import ExportError

    attempt, wanted = Path(job["attempt"]), job["options"]["to"]
    folder = attempt / FILES
    target = folder if wanted == MASKS else folder / f"{job['case']}{suffix_for(wanted)}"
    paths, findings = _carried_out(job, target, folder / "images")
    with suppress(ExportError):  # a picture is no condition: planes at uneven places, above all, make no volume
        draw_files(paths, wanted, attempt / PICTURE)
    told = tuple(finding.to_json() for finding in findings_in_words(findings, WORDS_OF_BATCH))
    return Outcome(job["case"], Ending.WRITTEN, files=files_in(folder, job["case"]), findings=told)


def _carried_out(job: dict[str, Any], target: Path, images: Path) -> tuple[list[Path], tuple[Finding, ...]]:
    """Run the command; return the files of the segmentation, and what was found."""
    from SegRLEExportLib.cli import convert_command, export_command
    from SegRLEExportLib.cli.case_options import UsageError, in_columns, parsed_case, without_images
    from SegRLEExportLib.errors import SourceNeededError

    if job["series"] and Path(job["series"]).is_file():
        raise _NotACaseError(f"{job['series']} is a file: the column series names the folder of the images.")
    if job["series"] and not Path(job["series"]).is_dir():
        raise _NotACaseError(f"There is no folder {job['series']} with images.")
    try:
        command, parsed = parsed_case(job["segmentation"], job["series"], target, images, job["options"])
    except ValueError as error:
        raise _NotACaseError(str(error)) from error
    try:
        if command == "export":
            report = export_command.exported(parsed)
            return [instance.path for instance in report.instances], report.findings
        conversion = convert_command.converted(parsed)
        return [*conversion.paths], conversion.findings
    except UsageError as error:
        raise _NotACaseError(in_columns(str(error))) from error
    except SourceNeededError as error:
        raise _NotACaseError(without_images(job["options"]["to"])) from error


if __name__ == "__main__":
    main(int(sys.argv[1]))
