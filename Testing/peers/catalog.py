"""The readers: each column of the table, the program behind it and what it is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from peers.environments import PROJECT, Environments, program

RLE_PLANS = ("rle", "rle-per-segment", "rle-binary")


@dataclass(frozen=True)
class Reader:
    """One column of the table."""

    id: str
    title: str
    what: str
    """What it is asked to do, and which of the answers are its own."""
    module: str
    """The file in `reading/` that knows it."""
    environment: str = PROJECT
    options: Callable[[Environments], dict[str, Any]] = lambda _environments: {}
    """What its module needs to know; raises `AbsentError` if the program is not here."""
    programs: tuple[str, ...] = ()
    """Programs of the system that it needs."""
    packages: tuple[str, ...] = ()
    """Importable names that the project's own Python must have for it."""
    plans: tuple[str, ...] | None = None
    """The encodings that it is asked to read; None for all."""
    is_quick: bool = False
    """Runs wherever the project's tests run: PyPI and Debian give all it needs."""
    judges_files_only: bool = False
    """It reads no segments; right means that it accepts the file."""

    def settings(self, environments: Environments) -> dict[str, Any]:
        """Return the options of its module; raises `AbsentError`."""
        for name in self.programs:
            program(name)
        return self.options(environments)


def _pydicom(plugin: str) -> Callable[[Environments], dict[str, Any]]:
    return lambda _environments: {"plugin": plugin}


def _dcmqi(environment: str, *, as_slicer: bool) -> Callable[[Environments], dict[str, Any]]:
    return lambda environments: {"program": str(environments.dcmqi(environment)), "as_slicer": as_slicer}


def _orthanc(as_what: str) -> Callable[[Environments], dict[str, Any]]:
    return lambda _environments: {"program": str(program("Orthanc")), "as": as_what}


def _cornerstone(environment: str, script: str, version: str) -> Callable[[Environments], dict[str, Any]]:
    return lambda environments: {
        "bundle": str(environments.node_bundle(environment, script)),
        "version": version,
    }


_WHOLE = "voxels, places, names and codes"
_PIXELS = "pixels; places and names are taken from the file by other means"

READERS: tuple[Reader, ...] = (
    Reader(
        "slicer",
        "3D Slicer's load path, dcmqi 1.5.7",
        f"segimage2itkimage --mergeSegments and Slicer's rule that the n-th label gets the n-th description: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi(PROJECT, as_slicer=True),
        packages=("dcmqi", "SimpleITK"),
        is_quick=True,
    ),
    Reader(
        "slicer-core",
        "3D Slicer's load path, dcmqi 1.5.7 and slicer-core",
        f"the same, and Slicer's own C++ makes the segments of the label map: {_WHOLE}",
        "by_slicer_core",
        options=_dcmqi(PROJECT, as_slicer=True),
        packages=("dcmqi", "slicer", "SimpleITK"),
        is_quick=True,
    ),
    Reader(
        "slicer-5.12",
        "3D Slicer 5.12's load path, dcmqi 1.5.4",
        f"the same without slicer-core, with the dcmqi that is in Slicer 5.12 (wheel 0.4.0): {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi("dcmqi-0.4.0", as_slicer=True),
    ),
    Reader(
        "slicer-dcmqi-1.5.3",
        "3D Slicer's load path, dcmqi 1.5.3",
        f"the same with wheel 0.3.1: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi("dcmqi-0.3.1", as_slicer=True),
    ),
    Reader(
        "slicer-dcmqi-1.3.4",
        "3D Slicer's load path, dcmqi 1.3.4",
        f"the same with wheel 0.2.1, about the time of Slicer 5.8: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi("dcmqi-0.2.1", as_slicer=True),
    ),
    Reader(
        "slicer-dcmqi-1.3.1",
        "3D Slicer's load path, dcmqi 1.3.1",
        f"the same with wheel 0.1.1, about the time of Slicer 5.6: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi("dcmqi-0.1.1", as_slicer=True),
    ),
    Reader(
        "dcmqi",
        "dcmqi 1.5.7",
        f"segimage2itkimage, one volume for each segment: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi(PROJECT, as_slicer=False),
        packages=("dcmqi", "SimpleITK"),
        is_quick=True,
    ),
    Reader(
        "dcmqi-1.5.4",
        "dcmqi 1.5.4",
        f"the same with wheel 0.4.0: {_WHOLE}",
        "by_dcmqi",
        options=_dcmqi("dcmqi-0.4.0", as_slicer=False),
    ),
    Reader(
        "highdicom",
        "highdicom 0.28",
        f"get_volume of each segment: {_WHOLE}",
        "by_highdicom",
        packages=("highdicom",),
        is_quick=True,
    ),
    Reader(
        "highdicom-combined",
        "highdicom 0.28, segments combined",
        "get_volume(combine_segments=True) of label maps: voxels, places, names and codes",
        "by_highdicom",
        options=lambda _environments: {"combined": True},
        packages=("highdicom",),
        plans=("rle", "labelmap", "labelmap-deflate"),
        is_quick=True,
    ),
    Reader(
        "highdicom-0.27",
        "highdicom 0.27 (in Slicer 5.12)",
        f"get_volume of each segment: {_WHOLE}",
        "by_highdicom",
        environment="highdicom-0.27",
    ),
    Reader(
        "pydicom",
        "pydicom 3.0",
        f"its own decoder, numpy alone: {_WHOLE}",
        "by_pydicom",
        options=_pydicom("pydicom"),
        is_quick=True,
    ),
    Reader(
        "pydicom-pylibjpeg",
        "pydicom 3.0 with pylibjpeg-rle",
        f"with that decoder, which is for RLE only: {_WHOLE}",
        "by_pydicom",
        environment="pylibjpeg",
        options=_pydicom("pylibjpeg"),
        plans=RLE_PLANS,
    ),
    Reader(
        "python-gdcm",
        "python-gdcm 3.2",
        f"gdcm.ImageReader: {_PIXELS}",
        "by_python_gdcm",
        environment="gdcm",
    ),
    Reader(
        "pydicom-2.4",
        "pydicom 2.4 (in Slicer 5.10 and before)",
        f"its own decoder, numpy alone: {_WHOLE}",
        "by_pydicom",
        environment="pydicom-2.4",
        options=_pydicom("pydicom"),
    ),
    Reader(
        "simpleitk",
        "SimpleITK",
        f"ReadImage: {_PIXELS}",
        "by_simpleitk",
        packages=("SimpleITK",),
        is_quick=True,
    ),
    Reader(
        "pydicom-seg",
        "pydicom-seg 0.4",
        f"SegmentReader: {_WHOLE}",
        "by_pydicom_seg",
        environment="pydicom-seg",
    ),
    Reader(
        "dcmtk",
        "DCMTK 3.6.7 (Debian 12)",
        f"dcmdrle for RLE, dcmconv for the rest: {_PIXELS}",
        "by_dcmtk",
        programs=("dcmconv", "dcmdrle"),
        is_quick=True,
    ),
    Reader(
        "gdcm",
        "GDCM 3.0.21 (Debian 12)",
        f"gdcmconv --raw: {_PIXELS}",
        "by_gdcm_tools",
        programs=("gdcmconv",),
        is_quick=True,
    ),
    Reader(
        "vtk-dicom",
        "vtk-dicom 0.8.14 (Debian 12)",
        "dicomtonifti: voxels and places; files with several segments of own frames are not asked for",
        "by_vtk_dicom",
        programs=("dicomtonifti",),
        packages=("SimpleITK",),
    ),
    Reader(
        "cornerstone-5",
        "cornerstone3D adapters 5.14",
        f"createFromDICOMSegBuffer in Node: {_WHOLE}",
        "by_cornerstone",
        options=_cornerstone("node-current", "adapters", "5.14.0"),
        programs=("node",),
    ),
    Reader(
        "cornerstone-3",
        "cornerstone3D adapters 3.33",
        f"createFromDICOMSegBuffer in Node: {_WHOLE}",
        "by_cornerstone",
        options=_cornerstone("node-adapters-3", "adapters", "3.33.5"),
        programs=("node",),
    ),
    Reader(
        "cornerstone-2",
        "cornerstone3D adapters 2.19",
        f"createFromDICOMSegBuffer in Node: {_WHOLE}",
        "by_cornerstone",
        options=_cornerstone("node-adapters-2", "adapters", "2.19.16"),
        programs=("node",),
    ),
    Reader(
        "cornerstone-loader",
        "cornerstone3D image loader 5.14",
        f"dicom-parser 1.8 and dicom-image-loader in Node: {_PIXELS}",
        "by_cornerstone",
        options=_cornerstone("node-current", "image_loader", "5.14.0"),
        programs=("node",),
    ),
    Reader(
        "orthanc-frames",
        "Orthanc 1.10 (Debian 12), frames shown",
        f"stores the file and renders its frames: {_PIXELS}",
        "by_orthanc",
        options=_orthanc("frames"),
        packages=("PIL",),
    ),
    Reader(
        "orthanc-transcoded",
        "Orthanc 1.10 (Debian 12), transcoded back",
        f"stores the file and gives it back as Explicit VR Little Endian: {_PIXELS}",
        "by_orthanc",
        options=_orthanc("transcoded"),
        packages=("PIL",),
    ),
    Reader(
        "dciodvfy",
        "dciodvfy 2022 (Debian 12)",
        "whether it finds no error; it looks at no pixel",
        "by_dciodvfy",
        programs=("dciodvfy",),
        is_quick=True,
        judges_files_only=True,
    ),
)

BY_ID = {reader.id: reader for reader in READERS}
