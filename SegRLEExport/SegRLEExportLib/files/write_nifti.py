"""One volume of labels as NIfTI: what most other programs' label maps are."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from SegRLEExportLib.files.gzipped import gzipped
from SegRLEExportLib.files.nifti import RAS_TO_LPS
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Labels

_SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT: the affine gives places in the patient."""


def write_nifti(labels_kji: Labels, geometry: Geometry, file: BinaryIO, *, is_compressed: bool) -> None:
    """Write labels (k, j, i) as NIfTI-1 (`nibabel` makes the header), slice by slice."""
    if is_compressed:
        with gzipped(file) as stream:
            _write_nifti(labels_kji, geometry, stream)
    else:
        _write_nifti(labels_kji, geometry, file)


def _write_nifti(labels_kji: Labels, geometry: Geometry, file: BinaryIO) -> None:
    header = _nifti_header(labels_kji, geometry)
    header.write_to(file)
    for plane in labels_kji:
        file.write(np.ascontiguousarray(plane, labels_kji.dtype.newbyteorder("<")).tobytes())


def _nifti_header(labels_kji: Labels, geometry: Geometry) -> Any:
    from nibabel.nifti1 import Nifti1Header

    header: Any = Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(labels_kji.dtype)
    header.set_data_shape(labels_kji.shape[::-1])
    to_ras = RAS_TO_LPS @ geometry.kji_to_lps[:, [2, 1, 0, 3]]
    header.set_qform(to_ras, code=_SCANNER)
    header.set_sform(to_ras, code=_SCANNER)
    if not np.allclose(header.get_qform(), to_ras, rtol=1e-5, atol=1e-3):
        header["qform_code"] = 0  # it knows no oblique axes, and would say another place than the sform
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352  # where the header and its mark that nothing extends it end
    return header
