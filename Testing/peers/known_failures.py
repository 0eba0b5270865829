"""Why a reader does not read something, and where that is known: each a claim that the tests hold to be true.

A cell of the published table that is not right must be explained here; a cell that is explained here and has
become right fails the tests as well, so that a reader that learns is noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

from peers.measuring import Outcome

LABEL_MAPS = ("rle", "labelmap", "labelmap-deflate")
DEFLATED = ("deflate", "labelmap-deflate")
OF_BITS = ("none", "deflate")
ODD_SIZES = ("several-37x41", "overlapping", "empty-frames", "oblique", "all-borders")


@dataclass(frozen=True)
class KnownFailure:
    """Cells that are known not to be right."""

    readers: tuple[str, ...]
    plans: tuple[str, ...]
    outcome: Outcome
    why: str
    upstream: str
    """Where it is reported or documented; says so if nowhere."""
    cases: tuple[str, ...] | None = None
    """None for all."""

    def covers(self, reader_id: str, plan_id: str, case_id: str) -> bool:
        """Tell whether the cell is one of these."""
        is_case = self.cases is None or case_id in self.cases
        return reader_id in self.readers and plan_id in self.plans and is_case


_NOWHERE = "not reported that we know of"
_CORNERSTONE_255 = "https://github.com/cornerstonejs/cornerstone3D/issues/58"
_NEW_KIND = "https://github.com/QIICR/dcmqi/issues/518"

KNOWN_FAILURES: tuple[KnownFailure, ...] = (
    KnownFailure(
        ("highdicom", "highdicom-0.27"),
        LABEL_MAPS,
        Outcome.WRONG,
        "Segment numbers are cast to 8 bits when a label map is read segment by segment, so segment 257 is also "
        "segment 1; with combine_segments=True the labels are right.",
        _NOWHERE,
        cases=("300-segments",),
    ),
    KnownFailure(
        ("slicer-dcmqi-1.3.4", "slicer-dcmqi-1.3.1"),
        ("none",),
        Outcome.WRONG,
        "Frames of bits that do not begin at a byte are unpacked at the wrong bit.",
        "https://github.com/QIICR/QuantitativeReporting/issues/278",
        cases=ODD_SIZES,
    ),
    KnownFailure(
        ("slicer-dcmqi-1.3.4", "slicer-dcmqi-1.3.1"),
        DEFLATED,
        Outcome.CRASH,
        "These wheels were built without zlib and abort.",
        "the changes of dcmqi 1.5.6 name the same lack on Windows",
    ),
    KnownFailure(
        ("slicer-dcmqi-1.3.4", "slicer-dcmqi-1.3.1"),
        ("rle", "labelmap"),
        Outcome.ERROR,
        "They do not know label maps.",
        _NEW_KIND,
    ),
    KnownFailure(
        (
            "slicer",
            "slicer-core",
            "slicer-5.12",
            "slicer-dcmqi-1.5.3",
            "slicer-dcmqi-1.3.4",
            "slicer-dcmqi-1.3.1",
            "dcmqi",
            "dcmqi-1.5.4",
            "dcmtk",
            "orthanc-frames",
            "orthanc-transcoded",
        ),
        ("rle-binary",),
        Outcome.ERROR,
        "DCMTK decodes RLE of whole bytes only; dcmqi, 3D Slicer and Orthanc stand on it.",
        "https://support.dcmtk.org/redmine/issues/1178",
    ),
    KnownFailure(
        ("highdicom", "highdicom-0.27", "pydicom", "pydicom-2.4", "pydicom-seg"),
        ("rle-binary",),
        Outcome.ERROR,
        "pydicom before 3.1 decodes no RLE of 1-bit pixels by itself.",
        "https://github.com/pydicom/pydicom/pull/2266",
    ),
    KnownFailure(
        ("simpleitk",),
        OF_BITS,
        Outcome.WRONG,
        "Where the bits of all frames are no whole bytes, the last up to 7 pixels are whatever was in memory.",
        "https://github.com/InsightSoftwareConsortium/ITK/issues/6575",
        cases=("several-37x41", "overlapping", "empty-frames", "oblique"),
    ),
    KnownFailure(
        ("simpleitk", "gdcm", "python-gdcm"),
        LABEL_MAPS,
        Outcome.ERROR,
        "GDCM does not know the SOP class of label maps.",
        "https://github.com/malaterre/GDCM (no label map in its list of storage classes)",
    ),
    KnownFailure(
        ("simpleitk",),
        ("rle-binary",),
        Outcome.ERROR,
        "GDCM's RLE decoder is for whole bytes; ITK catches its exception.",
        _NOWHERE,
    ),
    KnownFailure(
        ("gdcm", "python-gdcm"),
        ("rle-binary",),
        Outcome.CRASH,
        "GDCM's RLE decoder is for whole bytes; an assertion ends the process.",
        _NOWHERE,
    ),
    KnownFailure(
        ("pydicom-seg",),
        LABEL_MAPS,
        Outcome.ERROR,
        "It knows no label maps.",
        "https://github.com/razorx89/pydicom-seg",
    ),
    KnownFailure(
        ("orthanc-frames",),
        OF_BITS,
        Outcome.ERROR,
        "It renders no frame of bits whose length is not a whole number of bytes; storing and transcoding work.",
        _NOWHERE,
        cases=ODD_SIZES,
    ),
    KnownFailure(
        ("vtk-dicom",),
        DEFLATED,
        Outcome.ERROR,
        "It reads no deflated files.",
        _NOWHERE,
    ),
    KnownFailure(
        ("dciodvfy",),
        LABEL_MAPS,
        Outcome.ERROR,
        "This version, of 2022, is older than label maps, and knows no such object.",
        "PS3.3 C.8.20.2 since Supplement 243",
    ),
    KnownFailure(
        ("dciodvfy",),
        ("deflate",),
        Outcome.ERROR,
        "It cannot read deflated files.",
        _NOWHERE,
    ),
    KnownFailure(
        ("cornerstone-5", "cornerstone-3", "cornerstone-2"),
        OF_BITS,
        Outcome.WRONG,
        "Its label maps have 8 bits: segment 257 is also segment 1.",
        _CORNERSTONE_255,
        cases=("300-segments",),
    ),
    KnownFailure(
        ("cornerstone-5",),
        LABEL_MAPS,
        Outcome.WRONG,
        "Its label maps have 8 bits: segment 257 is also segment 1.",
        _CORNERSTONE_255,
        cases=("300-segments",),
    ),
    KnownFailure(
        ("cornerstone-3",),
        ("labelmap", "labelmap-deflate"),
        Outcome.WRONG,
        "Its label maps have 8 bits: segment 257 is also segment 1.",
        _CORNERSTONE_255,
        cases=("300-segments",),
    ),
    KnownFailure(
        ("cornerstone-5",),
        OF_BITS,
        Outcome.ERROR,
        "It expects each frame of bits to begin at a byte, and refuses a length that does not fit.",
        _NOWHERE,
        cases=("several-37x41", "oblique", "all-borders"),
    ),
    KnownFailure(
        ("cornerstone-loader",),
        OF_BITS,
        Outcome.WRONG,
        "Frames of bits that do not begin at a byte are shown empty.",
        _NOWHERE,
        cases=ODD_SIZES,
    ),
    KnownFailure(
        ("cornerstone-5", "cornerstone-loader"),
        ("rle-binary",),
        Outcome.WRONG,
        "It takes RLE of 1-bit pixels for packed bits, the other dialect.",
        "https://github.com/cornerstonejs/cornerstone3D/pull/2611",
    ),
    KnownFailure(
        ("cornerstone-3",),
        ("rle", "rle-binary"),
        Outcome.ERROR,
        "It reads RLE of 8-bit FRACTIONAL only.",
        "https://github.com/cornerstonejs/cornerstone3D/pull/2611",
    ),
    KnownFailure(
        ("cornerstone-2",),
        (*LABEL_MAPS, "rle-binary"),
        Outcome.ERROR,
        "It knows no label maps, and RLE of 8-bit FRACTIONAL only.",
        "https://github.com/dcmjs-org/dcmjs/pull/441",
    ),
    KnownFailure(
        ("cornerstone-2",),
        OF_BITS,
        Outcome.ERROR,
        "It does not read overlapping segments.",
        "it says so itself",
        cases=("overlapping",),
    ),
)
