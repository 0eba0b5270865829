"""What a segmentation can be converted to, and how a file's name tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from SegRLEExportLib.encoding.plan import DEFAULT_PLAN_ID, PLANS
from SegRLEExportLib.errors import MisleadingNameError, UnknownFormatError

SEG_NRRD, NIFTI, NRRD, MASKS, COCO = "seg.nrrd", "nifti", "nrrd", "masks", "coco"

FILE_FORMATS = (SEG_NRRD, NIFTI, NRRD, MASKS, COCO)
"""Beside the rows of `PLANS`."""

_DICOM_SUFFIX = ".dcm"
_DICOM_SEG = "DICOM SEG"

_SUFFIXES = (
    (".seg.nrrd", SEG_NRRD),
    (".nii.gz", NIFTI),
    (".nii", NIFTI),
    (".nrrd", NRRD),
    (".json", COCO),
    (_DICOM_SUFFIX, DEFAULT_PLAN_ID),
)

_OF_OTHER_KINDS = (
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".svg", ".pdf"),
    *(".csv", ".tsv", ".txt", ".md", ".xml", ".html", ".xlsx", ".log", ".yaml", ".yml"),
    *(".mha", ".mhd", ".nhdr", ".hdr", ".img", ".raw", ".mgz", ".npy", ".npz", ".h5", ".mat"),
    *(".stl", ".obj", ".ply", ".vtk", ".vtp", ".vtm", ".zip", ".gz", ".tar", ".py", ".sh"),
)
"""Suffixes that a DICOM file never has; most others may be part of its name, as in `SEG.1.2.3`."""


@dataclass(frozen=True)
class WrittenFile:
    """One file."""

    path: Path
    bytes: int


def format_of(out: Path | str) -> str:
    """Return the format that a file's name tells; a folder gets DICOM SEG. Raises `UnknownFormatError`."""
    if os.path.basename(os.fspath(out)) in ("", os.curdir, os.pardir):
        return DEFAULT_PLAN_ID
    target = Path(out)
    for suffix, known in _SUFFIXES:
        if target.name.lower().endswith(suffix) and not target.is_dir():
            return known
    if target.suffix and not target.is_dir():
        raise UnknownFormatError(target.suffix, [*FILE_FORMATS, *PLANS])
    return DEFAULT_PLAN_ID


def refuse_name_of_another(out: Path | str, wanted: str) -> None:
    """Raise `MisleadingNameError` where the name of a file tells another format than the one to be written."""
    name = os.path.basename(os.fspath(out)).lower()
    told = next((known for suffix, known in _SUFFIXES if name.endswith(suffix)), None)
    is_told = told == wanted or (told == DEFAULT_PLAN_ID and wanted in PLANS)
    is_folder = not name or Path(out).is_dir()
    if told is None and wanted in PLANS and name.endswith(_OF_OTHER_KINDS) and not is_folder:
        remedy = f"Choose a name that ends in {_DICOM_SUFFIX}, or a folder."
        raise MisleadingNameError(Path(out), Path(name).suffix[1:], _called(wanted), remedy)
    if told is not None and not is_told and not is_folder:
        raise MisleadingNameError(Path(out), told if told not in PLANS else _DICOM_SEG, _called(wanted))


def _called(wanted: str) -> str:
    return f"{_DICOM_SEG} ({wanted})" if wanted in PLANS else wanted


def suffix_of(target: Path) -> str:
    """Return the suffix of a name, `.nii.gz` as one."""
    name = target.name.lower()
    return next((target.name[-len(suffix) :] for suffix, _ in _SUFFIXES if name.endswith(suffix)), target.suffix)


def needs_images(wanted: str) -> bool:
    """Tell whether what is written refers to images: without their folder a DICOM SEG itself must tell of them."""
    return wanted == COCO or wanted in PLANS


def suffix_for(wanted: str) -> str:
    """Return the suffix of a file of that format; empty for masks, which are a folder."""
    if wanted == MASKS:
        return ""
    return next((suffix for suffix, known in _SUFFIXES if known == wanted), _DICOM_SUFFIX)
