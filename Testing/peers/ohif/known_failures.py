"""Why OHIF does not show something right, in whose code that is, and what would mend it; held to be true by tests.

Files and lines are those of the npm packages that the release was built with.
"""

from __future__ import annotations

from dataclasses import dataclass

from peers.ohif.cases import WAYS

_NEWEST = ("3.13.2",)
_OLDER = ("3.12.10", "3.11.1")
_ODD_BYTES = ("three-37x41",)
_DEFLATED = ("deflate", "labelmap-deflate")


@dataclass(frozen=True)
class KnownFault:
    """Cells of the table that are known not to be right."""

    versions: tuple[str, ...]
    ways: tuple[str, ...]
    encodings: tuple[str, ...]
    outcome: str
    why: str
    where: str
    """The code at fault, and what would mend it; says so if it was not looked for."""
    cases: tuple[str, ...] | None = None
    """None for all."""

    def covers(self, version: str, way: str, encoding: str, case: str) -> bool:
        """Tell whether the cell is one of these."""
        is_case = self.cases is None or case in self.cases
        return version in self.versions and way in self.ways and encoding in self.encodings and is_case


KNOWN_FAULTS = (
    KnownFault(
        _NEWEST,
        ("local",),
        ("none",),
        "error",
        "Frames of bits in an odd number of bytes: the byte of padding is not expected.",
        "dcmjs 0.52.0, build/dcmjs.es.js:14689 (readUncompressedBitFrame): allow for one byte of padding",
        _ODD_BYTES,
    ),
    KnownFault(
        _NEWEST,
        tuple(WAYS),
        ("none",),
        "wrong",
        "Frames of bits that begin within a byte are taken from the high end of bytes.",
        "dcmjs 0.52.0, build/dcmjs.es.js:14714 (readUncompressedBitFrame): pixels come from bit 0 on",
        ("three-38x42",),
    ),
    KnownFault(
        _NEWEST,
        ("orthanc",),
        ("deflate",),
        "wrong",
        "As `none`: Orthanc inflates the file.",
        "as `none`",
        ("three-38x42",),
    ),
    KnownFault(
        ("3.13.2", "3.12.10", "3.11.1"),
        tuple(WAYS),
        ("none",),
        "wrong",
        "Segments overlap: a plane on which only the later of two segments has voxels is lost when they are merged.",
        "@cornerstonejs/adapters 5.6.8, Cornerstone3D/Segmentation/compactMergeSegData.js (largerArray.forEach): it "
        "passes over what a sparse array lacks; count to the length of the larger one",
        ("overlapping-64x64",),
    ),
    KnownFault(
        _NEWEST,
        ("orthanc",),
        ("deflate",),
        "wrong",
        "Segments overlap: as `none`.",
        "as `none`",
        ("overlapping-64x64",),
    ),
    KnownFault(
        _OLDER,
        tuple(WAYS),
        ("deflate",),
        "wrong",
        "Segments overlap: as `none`.",
        "as `none`",
        ("overlapping-64x64",),
    ),
    KnownFault(
        _NEWEST,
        ("local",),
        _DEFLATED,
        "error",
        "No frames are found in a deflated file.",
        "@cornerstonejs/dicom-image-loader 5.6.8, imageLoader/wadouri/loadImage.js:153: inflate the dataset first",
    ),
    KnownFault(
        _NEWEST,
        ("local",),
        ("labelmap",),
        "error",
        "An odd number of bytes: the byte of padding is counted with the frames.",
        "dcmjs 0.52.0, build/dcmjs.es.js:14609 (readUncompressed): divide what the frames take, not the padded length",
        _ODD_BYTES,
    ),
    KnownFault(
        _NEWEST,
        ("orthanc",),
        ("none",),
        "error",
        "OHIF asks for frames, and Orthanc 1.10 gives out no frame of bits that are no whole bytes (HTTP 400).",
        "Orthanc 1.10.1 (2022); newer ones were not measured",
        _ODD_BYTES,
    ),
    KnownFault(
        _NEWEST,
        ("orthanc",),
        _DEFLATED,
        "error",
        "OHIF asks for frames, and Orthanc 1.10 gives out none of a deflated file of this size (HTTP 500).",
        "Orthanc 1.10.1 (2022); newer ones were not measured",
        _ODD_BYTES,
    ),
    KnownFault(
        _OLDER,
        ("local",),
        ("rle",),
        "error",
        "Label maps in RLE: frames are cut out of a list as if it were one array.",
        "@cornerstonejs/adapters 4.15.29, Cornerstone3D/Segmentation/labelmapImagesFromBuffer.js:281; mended in 5",
    ),
    KnownFault(
        _OLDER,
        ("orthanc",),
        ("rle-per-segment",),
        "wrong",
        "The segment is drawn empty where Orthanc sends it uncompressed.",
        "not looked for; right in 3.13",
    ),
)
