"""Where everything that can go wrong in a command becomes sentences and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from SegRLEExportLib.cli.exit_codes import INTERRUPTED, PIPE_CLOSED, REFUSED
from SegRLEExportLib.cli.signals import Ended, ending_signals, ignore_signals
from SegRLEExportLib.cli.terminal import print_error
from SegRLEExportLib.cli.words import error_text
from SegRLEExportLib.model.beside import EARLIER, PART


def exit_code_of(command: Callable[[], int]) -> int:
    """Run a command to its last printed line; return its exit code, or that of what ended it."""
    with ending_signals(), _quiet_libraries():
        try:
            _forget_what_stood()
            exit_code = command()
            if sys.stdout is not None:
                sys.stdout.flush()
        except BaseException as error:
            ignore_signals()
            return _told(error)
        return exit_code


def _forget_what_stood() -> None:
    """Forget the files of a command before in this process."""
    pending_files = _pending_files()
    if pending_files is not None:
        pending_files.forget_standing_files()


def _pending_files() -> ModuleType | None:
    """Return what knows of the files on the disk; None where nothing that writes is loaded, and so has written.

    It is not loaded for the question: an interrupt may have left libraries half loaded.
    """
    return sys.modules.get("SegRLEExportLib.writing.pending_files")


def _told(error: BaseException) -> int:
    """Tell what ended the command; raise it again if it is a fault of ours."""
    if isinstance(error, KeyboardInterrupt):
        _say(f"Interrupted. {_what_stands()}")
        return error.exit_code if isinstance(error, Ended) else INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _forget_the_pipe()
        return PIPE_CLOSED
    sentence = _sentence(error)
    if sentence is None:
        raise error
    _say(sentence)
    return REFUSED


def _say(sentence: str) -> None:
    """Print the last words; where nobody reads them the exit code has to do."""
    try:
        print_error(sentence)
    except OSError:
        _forget_the_pipe()


def _sentence(error: BaseException) -> str | None:
    from SegRLEExportLib.errors import ExportError

    if isinstance(error, ExportError):
        return error_text(error)
    if isinstance(error, OSError):
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes, os.PathLike)) else ""
        return f"The system refused it: {place}{error.strerror or error}. {_what_stands()}"
    if isinstance(error, MemoryError):
        return f"The memory of this machine does not suffice for it. {_what_stands()}"
    if isinstance(error, RecursionError):
        return f"The content of a file is nested too deep to be read. {_what_stands()}"
    return None


def _what_stands() -> str:
    """Return what this command left on the disk, in sentences."""
    pending_files = _pending_files()
    standing: tuple[Path, ...] = pending_files.standing_files() if pending_files is not None else ()
    unfinished = [path for path in standing if path.suffix == PART]
    earlier = [path for path in standing if path.suffix == EARLIER]
    complete = [path for path in standing if path not in (*unfinished, *earlier)]
    told = [
        f"{what}: {', '.join(map(str, paths))}."
        for what, paths in (
            ("Complete and in place", complete),
            ("Left over, to be removed by hand", unfinished),
            ("What stood there before, under another name", earlier),
        )
        if paths
    ]
    return " ".join(told) or "No file was left behind."


def _forget_the_pipe() -> None:
    """Let the interpreter's last flush go nowhere, where it cannot fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (AttributeError, ValueError):  # closed, or never there
            continue


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep off the terminal what libraries say of odd values: raw text of files; what matters, findings tell."""
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(silent)
