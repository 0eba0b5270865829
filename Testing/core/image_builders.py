"""Image datasets of every geometry, tiny and black, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from builders import a_ct_header
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

ROWS, COLUMNS, SPACING = 9, 7, (0.8, 0.7)
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
DOUBLE_OBLIQUE = ((0.609279, 0.790563, 0.061593), (-0.142791, 0.185962, -0.972127))
TILTED = ((1.0, 0.0, 0.0), (0.0, 0.970296, -0.241922))

Images = list[Dataset]


def images(
    orientation: tuple[tuple[float, ...], ...] = AXIAL,
    heights: Sequence[float] = (0, 3, 6, 9, 12),
    across: tuple[float, float, float] | None = None,
    first: int = 1,
    **attributes: object,
) -> Images:
    """Image datasets at these heights along `across`, or the normal; UIDs and instance numbers count from `first`."""
    across = np.cross(*orientation) if across is None else np.array(across)
    return [
        an_image(orientation, height * across + (-20.5, 11.25, -100.0), n, attributes)
        for n, height in enumerate(heights, first)
    ]


def an_image(orientation: object, position: np.ndarray, number: int, attributes: dict[str, object]) -> Dataset:
    """One image dataset; an attribute that is None is left out."""
    image = a_ct_header()
    image.SOPInstanceUID, image.InstanceNumber = f"1.2.826.0.1.3680043.8.498.9.{number}", number
    image.ImagePositionPatient = [round(float(x), 6) for x in position]
    image.ImageOrientationPatient = [x for direction in orientation for x in direction]
    image.PixelSpacing, image.SliceThickness = list(SPACING), 3.0
    image.Rows, image.Columns = ROWS, COLUMNS
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    for keyword, value in attributes.items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    return image


def turned_by(sine: float) -> tuple[tuple[float, ...], ...]:
    """Axial directions, turned a little about the normal."""
    return (1.0, sine, 0.0), (-sine, 1.0, 0.0)


def with_different(keyword: str, value: object) -> Images:
    """Images of which the last says something else."""
    whole = images()
    setattr(whole[-1], keyword, value)
    return whole


def enhanced(single: Images) -> Images:
    """One multi-frame image of the same planes, in reverse order."""
    groups = []
    for image in reversed(single):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = image.ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = single[0].PixelSpacing, 3.0
    orientation.ImageOrientationPatient = single[0].ImageOrientationPatient
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    whole = single[0]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        delattr(whole, keyword)
    whole.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
    whole.NumberOfFrames = len(groups)
    whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence = [shared], groups
    return [whole]


def write(datasets: Images, folder: Path, syntax: str = ExplicitVRLittleEndian) -> list[Path]:
    """Write the images, last one first, so that names tell nothing of the order."""
    paths = []
    for n, dataset in enumerate(datasets):
        dataset.PixelData = encapsulate([bytes(64)]) if UID(syntax).is_compressed else bytes(2 * ROWS * COLUMNS)
        dataset["PixelData"].VR = "OB" if UID(syntax).is_compressed else "OW"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or "1.2.826.0.1.3680043.8.498.9.1"
        paths.append(folder / f"{len(datasets) - n:03d}.dcm")
        pydicom.dcmwrite(paths[-1], dataset, enforce_file_format=True)
    return paths
