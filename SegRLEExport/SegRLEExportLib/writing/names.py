"""Where the files go and what they are called."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from SegRLEExportLib.encoding.pixel_size import pixel_bytes
from SegRLEExportLib.errors import TargetExistsError, TargetFolderError, TargetNotAFileError, TargetNotReplacedError
from SegRLEExportLib.writing.draft import Draft
from SegRLEExportLib.writing.other_dicom import kind_of_other_dicom


def file_paths(target: Path | str, sop_uids: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Return the path of each instance's file.

    In a folder, names carry the SOP Instance UID, so they never meet. A file's name is used as it is for one
    instance, and numbered for several. Raises `TargetExistsError`, `TargetNotAFileError` or `TargetFolderError`.
    """
    path = Path(target)
    if is_folder(target):
        paths = [path / f"SEG_{uid}.dcm" for uid in sop_uids]
    elif len(sop_uids) == 1:
        paths = [path]
    else:
        paths = [path.with_name(f"{path.stem}_{n}{path.suffix}") for n in range(1, len(sop_uids) + 1)]
    for path in paths:
        with _asking(path.parent):
            refuse_taken(path, may_replace=overwrite)
    return paths


def refuse_taken(path: Path, *, may_replace: bool) -> None:
    """Raise `TargetExistsError` if the name is taken and may not be replaced, or `OSError` if the system cannot tell.

    Replaced is only a file, or a link to one or to nothing; all else raises `TargetNotAFileError`: a folder, a device,
    a pipe, or a link to such, `/dev/stdout` for example. A file that is write-protected, or DICOM of another kind than
    a segmentation, raises `TargetNotReplacedError`.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    is_link = stat.S_ISLNK(mode)
    with suppress(OSError):  # a link to nothing, or in a loop
        mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise TargetNotAFileError(path, "a folder" if stat.S_ISDIR(mode) else "a device or a pipe")
    if not may_replace:
        raise TargetExistsError(path)
    if not (is_link or os.access(path, os.W_OK)):
        raise TargetNotReplacedError(path, "write-protected")
    if other := kind_of_other_dicom(path):
        raise TargetNotReplacedError(path, f"a DICOM file that is no segmentation ({other})")


def followed(path: Path) -> Path:
    """Return the file that a link leads to, there or not, and any other path as it is: for what is added to a file.

    Raises `TargetNotAFileError` for links in a circle.
    """
    if not os.path.islink(path):
        return path
    real = Path(os.path.realpath(path))
    if os.path.islink(real):
        raise TargetNotAFileError(path, "a link that leads to itself")
    return real


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
    return usable_folder(Path(target) if is_folder(target) else Path(target).parent, needed_bytes)


def usable_folder(folder: Path, needed_bytes: int = 0) -> Path:
    """Return the folder, which is there, or its parent is; raise as `prepare_folder` does."""
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


def _free_bytes(folder: Path) -> int | None:
    """Return what is free on the disk of a folder; None where the system does not say, as on some network disks."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def folder_error(folder: Path, error: OSError) -> TargetFolderError:
    """Return what a person is told where the system refuses a folder, or a name in it."""
    remedy = "Choose a shorter name." if error.errno == errno.ENAMETOOLONG else "Choose another folder."
    return TargetFolderError(folder, error.strerror or str(error), remedy)


@contextmanager
def _asking(folder: Path) -> Iterator[None]:
    """Turn what the system answers to a question about names into a sentence."""
    try:
        yield
    except OSError as error:
        raise folder_error(folder, error) from error
    except ValueError as error:  # a character that no name can have
        raise TargetFolderError(folder, str(error), "Choose another name.") from error


def least_bytes(draft: Draft) -> int:
    """Return the bytes an instance takes at least: exact but for headers where it is not compressed."""
    if draft.plan.is_encapsulated or draft.plan.is_deflated:
        return 0
    return pixel_bytes(draft.instance.frame_count, draft.survey.stack, draft.bits_allocated)
