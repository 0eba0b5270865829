"""The way out for a volume that is not from DICOM: its images are written first, then the SEG that refers to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from SegRLEExportLib.errors import TargetFolderError
from SegRLEExportLib.files.read import read_volume
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.writing.image_series import write_image_series
from SegRLEExportLib.writing.pending_files import PendingFiles, reason_of


@contextmanager
def written_series(volume: Path, folder: Path, **identity: str) -> Iterator[SourceSeries]:
    """Write the volume of a file as a new DICOM series into a new or empty folder, for the export in the block.

    If the block fails, the images are removed again, and nothing else that came into the folder meanwhile: images
    and segmentation appear together or not at all.
    `identity` goes to `write_image_series`: modality, patient_name, patient_id, series_description.
    Raises `TargetFolderError`, `UnreadableVolumeError`, or what `write_image_series` raises.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise TargetFolderError(folder, "the images of the volume need a new or an empty folder")
    except OSError as error:
        raise TargetFolderError(folder, reason_of(error)) from error
    voxels, geometry = read_volume(volume)
    with PendingFiles(overwrite=False) as files:
        yield write_image_series(voxels, geometry, folder, files=files, **identity)
