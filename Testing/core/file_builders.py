"""Files of segmentations, whole ones and those of scripts, copies that broke, and other programs."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

LABELS = np.zeros((3, 4, 5), np.uint8)
LABELS[0, 0, 0] = 1
LABELS[1, 1:3, 2:4] = 2
LABELS[2, 3, 1:] = 3

TO_RAS = np.array([[-0.8, 0, 0, 20], [0, -1, 0, 30], [0, 0, 2.5, 50], [0, 0, 0, 1.0]])
"""The map from (i, j, k, 1) of `LABELS`, in NRRD's words below."""

PLACE = (
    "space: left-posterior-superior",
    "space directions: (0.8,0,0) (0,1,0) (0,0,2.5)",
    "space origin: (-20,-30,50)",
)

THREE = (
    "Segment0_ID:=a\nSegment0_Name:=liver\nSegment0_LabelValue:=1\nSegment0_Layer:=0",
    "Segment1_ID:=b\nSegment1_Name:=spleen\nSegment1_LabelValue:=2\nSegment1_Layer:=0",
    "Segment2_ID:=c\nSegment2_Name:=kidney\nSegment2_LabelValue:=3\nSegment2_Layer:=0",
)


def a_nrrd(
    folder: Path,
    *lines: str,
    labels: NDArray = LABELS,
    place: tuple[str, ...] = PLACE,
    name: str = "a.seg.nrrd",
    data: bytes | None = None,
    **fields: str,
) -> Path:
    """Write an NRRD; `lines` follow the fields, `fields` replace usual ones, `data` the gzipped voxels."""
    usual = {
        "type": labels.dtype.name,
        "dimension": str(labels.ndim),
        "sizes": " ".join(str(size) for size in labels.shape[::-1]),
        "endian": "little",
        "encoding": "gzip",
    }
    header = ["NRRD0004", *(f"{key}: {value}" for key, value in (usual | fields).items()), *place, *lines]
    path = folder / name
    path.write_bytes("\n".join(header).encode() + b"\n\n" + (gzip.compress(labels.tobytes()) if data is None else data))
    return path


def a_nifti_of_two_places(folder: Path, labels: NDArray, to_ras: NDArray, *, name: str, beside_mm: float = 7) -> Path:
    """Write a NIfTI whose sform is `to_ras`, and whose qform has it that far to the right."""
    image = nibabel.Nifti1Image(labels.T, to_ras)
    beside = to_ras.copy()
    beside[0, 3] += beside_mm
    image.set_qform(beside, 1)
    image.set_sform(to_ras, 1)
    path = folder / name
    path.write_bytes(image.to_bytes())
    return path


def a_nifti(
    folder: Path,
    labels: NDArray = LABELS,
    to_ras: NDArray | None = TO_RAS,
    *,
    name: str = "a.nii.gz",
    kind: type = nibabel.Nifti1Image,
    with_names: bytes | None = None,
    **header: object,
) -> Path:
    """Write a NIfTI of labels (k, j, i), or (volume, k, j, i); `header` are fields to set last.

    `with_names` is the text of a header extension.
    """
    image = kind(labels.T, None if to_ras is None else to_ras)
    if to_ras is not None:
        image.set_sform(to_ras, 2)
    if with_names is not None:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", with_names))
    for key, value in header.items():
        image.header[key] = value
    path = folder / name
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path
