"""A folder in which every command of README and Docs can be tried: its files have the names that those pages use.

All is made of the CT chest and the segmentation that come with the PyPI package slicerio.
"""

from __future__ import annotations

import csv
import shutil
from contextlib import redirect_stdout
from importlib import resources
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import nibabel
import numpy as np
import pydicom
from SegRLEExportLib.cli import main as segrle

DATA = Path(str(resources.files("slicerio") / "data"))

STRUCTURES = {
    "right lung": "lung_lower_lobe_right",
    "left lung": "lung_lower_lobe_left",
    "thoracic vertebral column": "vertebrae_T8",
}
"""Segments of the chest, and the structures of TotalSegmentator that they stand for here."""

_NIFTI_COMMENT = 6
"""The code of a header extension that holds text."""


def make_practice_folder(folder: Path) -> None:
    """Fill a new folder; raise `RuntimeError` where a command of ours that makes one of its files fails."""
    folder.mkdir(parents=True)
    segmentation = Path(shutil.copy(DATA / "Segmentation.seg.nrrd", folder))
    volume = shutil.copy(DATA / "CTChest4.nrrd", folder / "ct.nrrd")
    images = folder / "ct-folder"
    _segrle("export", segmentation, images, "-o", folder / "in.dcm", "--volume", volume, "--modality", "CT")
    _segrle("convert", segmentation, images, "-o", folder / "labels.nii.gz")
    _segrle("convert", segmentation, images, "-o", folder / "masks", "--to", "masks")
    (folder / "labels.csv").rename(folder / "names.csv")
    _as_totalsegmentator_writes(folder)
    _radiograph(folder)
    _archive(folder)


def _segrle(*words: object) -> None:
    with redirect_stdout(StringIO()) as said:
        exit_code = segrle([str(word) for word in words])
    if exit_code:
        raise RuntimeError(f"segrle {' '.join(map(str, words))} failed: {said.getvalue()}")


def _as_totalsegmentator_writes(folder: Path) -> None:
    """Make a folder with masks of its structures, and a label map of the same that carries their names."""
    for path in (folder / "masks").glob("*.nii.gz"):
        name = STRUCTURES.get(path.name.removesuffix(".nii.gz"))
        path.rename(path.with_name(f"{name}.nii.gz")) if name else path.unlink()
    for path in (folder / "masks").glob("*.csv"):
        path.unlink()
    shutil.copytree(folder / "masks", folder / "segmentations")

    image = nibabel.load(folder / "labels.nii.gz")
    with (folder / "names.csv").open(newline="", encoding="utf-8") as file:
        names = {int(row["value"]): STRUCTURES.get(row["name"]) for row in csv.DictReader(file)}
    table = ElementTree.Element("LabelTable")
    for value, name in names.items():
        if name:
            ElementTree.SubElement(table, "Label", Key=str(value)).text = name
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(_NIFTI_COMMENT, ElementTree.tostring(table)))
    known = [value for value, name in names.items() if name]
    labels = np.asanyarray(image.dataobj)
    kept = np.where(np.isin(labels, known), labels, labels.dtype.type(0))
    nibabel.save(nibabel.Nifti1Image(kept, image.affine, image.header), folder / "segmentations.nii.gz")


def _radiograph(folder: Path) -> None:
    """Make of the middle image of the CT one that does not say where it lies, and of its labels a label map of one."""
    images = sorted((pydicom.dcmread(path) for path in (folder / "ct-folder").iterdir()), key=_height)
    middle = len(images) // 2
    image = images[middle]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"):
        delattr(image, keyword)
    image.SOPClassUID, image.Modality = pydicom.uid.ComputedRadiographyImageStorage, "CR"
    image.SeriesInstanceUID = pydicom.uid.generate_uid()
    (folder / "radiograph").mkdir()
    image.save_as(folder / "radiograph" / "image.dcm")

    labels = nibabel.load(folder / "labels.nii.gz")
    nibabel.save(labels.slicer[:, :, middle : middle + 1], folder / "radiograph-labels.nii.gz")


def _height(image: pydicom.Dataset) -> float:
    return float(image.ImagePositionPatient[2])


def _archive(folder: Path) -> None:
    """Lay out two cases for a batch: as a table, and as two folders whose entries are called alike."""
    cases = ("chest-1", "chest-2")
    for case in cases:
        shutil.copytree(folder / "ct-folder", folder / "archive" / "images" / case)
        (folder / "archive" / "segmentations").mkdir(exist_ok=True)
        shutil.copy(folder / "Segmentation.seg.nrrd", folder / "archive" / "segmentations" / f"{case}.seg.nrrd")
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("case", "segmentation", "series"))
        rows.writerows((case, f"archive/segmentations/{case}.seg.nrrd", f"archive/images/{case}") for case in cases)
