"""Where the files go and what they are called."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.errors import TargetExistsError, TargetFolderError
from SegRLEExportLib.writing.draft import Draft


def file_paths(target: Path | str, sop_uids: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Return the path of each instance's file.

    In a folder, names carry the SOP Instance UID, so they never meet. A file's name is used as it is for one
    instance, and numbered for several. Raises `TargetExistsError` or `TargetFolderError`.
    """
    path = Path(target)
    if is_folder(target):
        paths = [path / f"SEG_{uid}.dcm" for uid in sop_uids]
    elif len(sop_uids) == 1:
        paths = [path]
    else:
        paths = [path.with_name(f"{path.stem}_{n}{path.suffix}") for n in range(1, len(sop_uids) + 1)]
    for path in paths:
        if _is_there(path) and not overwrite:
            raise TargetExistsError(path)
    return paths


def is_folder(target: Path | str) -> bool:
    """Tell whether the caller named a folder, there or not: a file has a suffix, and no slash behind it.

    Raises `TargetFolderError` if the system cannot tell.
    """
    if os.path.basename(os.fspath(target)) in ("", os.curdir, os.pardir):
        return True
    path = Path(target)
    with _asking(path.parent):
        return path.is_dir() or not path.suffix


def prepare_folder(target: Path | str, needed_bytes: int) -> Path:
    """Return the folder that the files go to, which is there, or its parent is.

    Raises `TargetFolderError` if it cannot be written or has no room for `needed_bytes`.
    """
    folder = Path(target) if is_folder(target) else Path(target).parent
    with _asking(folder):
        if os.path.lexists(folder) and not folder.is_dir():
            raise TargetFolderError(folder, "it is not a folder")
        existing = folder if folder.is_dir() else folder.parent
        if not existing.is_dir():
            raise TargetFolderError(folder, f"there is no folder {existing}")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise TargetFolderError(folder, "it is write-protected")
    free = _free_bytes(existing)
    if free is not None and free < needed_bytes:
        raise TargetFolderError(
            folder, f"at least {needed_bytes / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free on that disk"
        )
    return folder


def _is_there(path: Path) -> bool:
    """Tell whether there is anything of that name, a link to nothing included."""
    with _asking(path.parent):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _free_bytes(folder: Path) -> int | None:
    """Return what is free on the disk of a folder; None where the system does not say, as on some network disks."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


@contextmanager
def _asking(folder: Path) -> Iterator[None]:
    """Turn what the system answers to a question about names into a sentence."""
    try:
        yield
    except OSError as error:
        raise TargetFolderError(folder, error.strerror or str(error)) from error
    except ValueError as error:  # a character that no name can have
        raise TargetFolderError(folder, str(error)) from error


def least_bytes(draft: Draft) -> int:
    """Return the bytes an instance takes at least: exact but for headers where it is not compressed."""
    if draft.plan.is_encapsulated or draft.plan.is_deflated:
        return 0
    return pixel_bytes(draft.instance.frame_count, draft.survey.stack, draft.bits_allocated)
