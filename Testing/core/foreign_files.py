"""Files of other programs: what is read from each here, by pydicom and by highdicom, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import files, version
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from pydicom import dcmread
from SegRLEExportLib.errors import ExportError, UnusableSegFileError
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.reading.segmentation import segmentation_of

FOLDERS = (
    "data/01_ct_3slice_dcmqi/dicom_seg_dcmqi",
    "data/02_ct_tiny_24x38x3_dcmqi/dicom_seg_dcmqi",
    "data/03_pet_sr_seg_dcmqi",
    "data/08_highdicom_seg/dicom_seg_highdicom",
    "data/09b_rle_vectors_pydicom_data",
    "data/13_generated_dicom_seg",
    "interop",
    "interop/edge",
)
"""Below the shared folder; 12 has no DICOM SEG but .seg.nrrd, which another reader takes."""

WHEELS = ("pydicom", "highdicom")

EQUAL = "equal"
THRESHOLD = 0.5


@dataclass(frozen=True)
class Row:
    """One file."""

    file: str
    what: str
    ours: str
    """What was read here, or how it was refused."""
    by_pydicom: str
    """Whether the frames it decodes are those that are read here."""
    by_highdicom: str
    """Whether its voxels are, in world space."""

    def __str__(self) -> str:
        return f"| {self.file} | {self.what} | {self.ours} | {self.by_pydicom} | {self.by_highdicom} |"


def seg_files(shared: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each SEG in the shared folders, then in the wheels."""
    for folder in FOLDERS:
        for path in sorted((shared / folder).glob("*")):
            if path.is_file() and is_seg(path):
                yield str(path.relative_to(shared)), path
    for wheel in WHEELS:
        for file in files(wheel) or []:
            path = Path(str(file.locate()))
            if path.suffix == ".dcm" and is_seg(path):
                yield f"{wheel}/{path.name}", path


def is_seg(path: Path) -> bool:
    try:
        return "SegmentSequence" in dcmread(path, specific_tags=["SegmentSequence"], stop_before_pixels=True)
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError):
        return False


def row_of(name: str, path: Path) -> Row:
    """Read one file in three ways and compare."""
    try:
        seg = SegFile(path)
        frames = np.stack(list(seg.pixels()))
        voxels, told = _segmentation(path)
    except ExportError as error:
        return Row(name, "", f"refused: {_short(error, path)}", "", "")
    what = f"{seg.segmentation_type}, {_syntax(seg)}, {len(frames)} frames"
    return Row(name, what, told, _by_pydicom(path, frames), _by_highdicom(path, voxels))


def _syntax(seg: SegFile) -> str:
    bits = seg.pixel_data.bits_allocated
    return f"{bits} bit{'s' if bits > 1 else ''}, {seg.transfer_syntax.rpartition('1.2.840.10008.1.2')[2] or '(1.2)'}"


def _segmentation(path: Path) -> tuple[Segmentation | None, str]:
    """Return the segmentation and how many voxels its segments have; probabilities above the threshold."""
    note = ""
    try:
        found = segmentation_of([path])
    except UnusableSegFileError:
        found, note = segmentation_of([path], threshold=THRESHOLD), f" (with threshold {THRESHOLD})"
    voxels = [str(len(_places(found, position))) for position in range(len(found.segments))]
    return (found if not note else None), f"{', '.join(voxels)} voxels{note}"


def _places(segmentation: Segmentation, position: int) -> np.ndarray:
    segment = segmentation.segments[position]
    return np.argwhere(segmentation.layers[segment.layer_index].labels_kji == segment.layer_value)


def _by_pydicom(path: Path, frames: np.ndarray) -> str:
    try:
        decoded = dcmread(path).pixel_array
    except Exception as error:
        return f"cannot: {_first_words(error)}"
    return EQUAL if np.array_equal(decoded.reshape(frames.shape), frames) else "DIFFERENT"


def _by_highdicom(path: Path, found: Segmentation | None) -> str:
    """Compare every voxel of highdicom's volume with the segmentation at its place."""
    if found is None:
        return "probabilities"
    try:
        seg = highdicom.seg.segread(path)
        masks, affine = masks_of_highdicom(seg)
    except Exception as error:
        return f"cannot: {_first_words(error)}"
    is_same = [_are_same_places(found, position, mask, affine) for position, mask in enumerate(masks)]
    return EQUAL if all(is_same) else "DIFFERENT"


def masks_of_highdicom(seg: highdicom.seg.Segmentation) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the mask of each segment in the order of their numbers, and from index to LPS.

    A label map is taken as a whole: taken apart, highdicom up to 0.28 shows nothing of numbers above 255.
    """
    numbers = sorted(number for number in seg.segment_numbers if number)
    is_label_map = seg.SegmentationType == "LABELMAP"
    options = {"rescale_fractional": False, "allow_missing_positions": True}
    volume = seg.get_volume(combine_segments=is_label_map, **options)
    if is_label_map:
        return [volume.array == number for number in numbers], volume.affine
    index_of = {number: index for index, number in enumerate(seg.segment_numbers)}
    return [volume.array[..., index_of[number]] != 0 for number in numbers], volume.affine


def _are_same_places(found: Segmentation, position: int, theirs: np.ndarray, affine: np.ndarray) -> bool:
    layer = found.layers[found.segments[position].layer_index]
    places = np.argwhere(theirs)
    lps = np.column_stack([places, np.ones(len(places))]) @ affine.T
    kji = (lps @ np.linalg.inv(layer.geometry.kji_to_lps).T)[:, :3]
    ours = _places(found, position)
    nearest = np.rint(kji)
    if len(ours) != len(places) or np.abs(kji - nearest).max(initial=0) > 0.1:
        return False
    return {*map(tuple, nearest.astype(int))} == {*map(tuple, ours)}


def _first_words(error: BaseException) -> str:
    text = " ".join(str(error).split()).replace("|", "/")
    return f"{type(error).__name__}, {text[:60].strip()}" if text else type(error).__name__


def _short(error: BaseException, path: Path) -> str:
    return str(error).replace(str(path), "it")


def table(rows: list[Row]) -> str:
    """Return the rows as a page."""
    wheels = [name for name in WHEELS if not any(row.file.startswith(f"{name}/") for row in rows)]
    absent = "".join(f"The wheel of {name} {version(name)} has no SEG among its files.\n" for name in wheels)
    return (
        "# DICOM SEG of other programs, as they are read\n\n"
        "Made by `python3 tasks.py test Testing/core/test_foreign_files.py --update-golden`. Files of `data` and\n"
        "`interop` are those of a folder `shared` beside this repository, where there is one. Numbers of voxels are\n"
        "those of each segment; *equal* means: pydicom's frames are those that are read here, and highdicom's voxels\n"
        "lie at the same places. A transfer syntax is told by what follows 1.2.840.10008.1.2.\n\n"
        f"pydicom {pydicom.__version__}, highdicom {highdicom.__version__}. {absent}\n"
        "| file | what it is | read here | pydicom | highdicom |\n|---|---|---|---|---|\n"
        + "\n".join(map(str, rows))
        + "\n"
    )
