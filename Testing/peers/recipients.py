"""Which encoding for whom: advice that the tests hold against the published table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipient:
    """Somebody who gets the files, and what to send."""

    who: str
    plan_id: str
    readers: tuple[str, ...]
    """The columns of the table that must read it right for the advice to be good."""
    why: str
    but_not: tuple[str, ...] = ()
    """Cases that the advice makes an exception of, and says so in `why`."""
    ohif: tuple[str, ...] = ()
    """The releases of OHIF that must show it right, whatever way files reach them."""


RECIPIENTS: tuple[Recipient, ...] = (
    Recipient(
        "3D Slicer 5.12 or newer, dcmqi 1.5.3 or newer",
        "rle",
        ("slicer", "slicer-core", "slicer-5.12", "slicer-dcmqi-1.5.3", "dcmqi", "dcmqi-1.5.4"),
        "Read right in every case: odd sizes, overlaps, empty segments, 300 segments, names in any script.",
    ),
    Recipient(
        "an older 3D Slicer (5.6 to 5.10)",
        "rle-per-segment",
        ("slicer-dcmqi-1.3.1", "slicer-dcmqi-1.3.4", "slicer-dcmqi-1.5.3"),
        "With dcmqi 1.3, as in 5.6 and 5.8, it refuses label maps, and misreads `none` where rows x columns is not a "
        "multiple of 8. Where it is, `none` is as good and all segments are in one file.",
    ),
    Recipient(
        "OHIF 3.13",
        "rle",
        (),
        "Right from a disk and through an archive, at any size, with overlaps, up to 255 segments; more are mixed up. "
        "`none` and `deflate` are shown wrong or not at all where rows x columns is not a multiple of 8, or segments "
        "overlap.",
        ohif=("3.13.2",),
    ),
    Recipient(
        "OHIF 3.11 and 3.12",
        "labelmap",
        (),
        "They do not open RLE label maps from a disk. `none` is as right, but for planes that are lost where segments "
        "overlap.",
        ohif=("3.12.10", "3.11.1"),
    ),
    Recipient(
        "an archive, or nobody in particular",
        "none",
        ("orthanc-transcoded", "dcmtk", "gdcm", "python-gdcm", "pydicom-seg", "slicer", "highdicom", "pydicom-2.4"),
        "Every archive that was measured takes it. `deflate` is 12 to 140 times smaller and arrives wherever the "
        "archive takes deflated files. Label maps arrive by C-STORE only where the archive is set to take their kind.",
    ),
    Recipient(
        "a Python script with pydicom or highdicom",
        "rle",
        ("pydicom", "pydicom-2.4", "pydicom-pylibjpeg", "highdicom", "highdicom-0.27"),
        "Small and quick. Above 255 segments read label maps in highdicom with combine_segments=True, or take "
        "`deflate`.",
        but_not=("300-segments",),
    ),
    Recipient(
        "a machine-learning pipeline on SimpleITK, ITK, GDCM or pydicom-seg",
        "rle-per-segment",
        ("simpleitk", "gdcm", "python-gdcm", "pydicom-seg"),
        "They refuse label maps, and SimpleITK shows garbage in the last pixels of `none` and `deflate` at odd sizes.",
    ),
)
