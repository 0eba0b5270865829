"""Who takes part: each row is one program that makes a SEG of a workload, or one thing about ours to be measured."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from by_dcmqi import segimage_command
from material import Material
from measuring import result_folder

HERE = Path(__file__).resolve().parent

ALL = ("W1", "W2", "W3", "W4", "W5")
ONE_LAYER = ("W1", "W2", "W3")

BY_OTHERS = ", verified by others"

Command = Callable[[Material, Path], list[str]]
"""From a workload's files and a folder for the output to a command line."""


@dataclass(frozen=True)
class Contestant:
    """One row of the result."""

    name: str
    command: Command
    workloads: tuple[str, ...] = ALL
    needs: str | None = None
    """The distribution without which it is absent."""
    ours: str | None = None
    """The name of the row it is compared with; None for our own rows."""
    compares: str = "stage"
    """What is compared: the export alone (`stage`) or whole processes (`process`)."""
    rounds: int | None = None
    """How often it runs at most; None for as often as the others."""

    @property
    def is_absent(self) -> bool:
        """Whether what it needs is not installed."""
        return self.needs is not None and installed_version(self.needs) is None


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution, None if it is not there."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _script(name: str, *words: str) -> Command:
    def command(material: Material, output: Path) -> list[str]:
        place = [str(material.folder.parent), material.workload.name, str(output)]
        return [sys.executable, str(HERE / f"{name}.py"), *place, *words]

    return command


def _dcmqi(segmentation_type: str) -> Command:
    def command(material: Material, output: Path) -> list[str]:
        return segimage_command(
            material.label_files,
            material.metadata,
            material.series,
            result_folder(output) / "seg.dcm",
            "--segmentationType",
            segmentation_type,
            "--skip",
            "1",
        )

    return command


def _segrle(encoding: str) -> Command:
    def command(material: Material, output: Path) -> list[str]:
        program = [sys.executable, "-m", "SegRLEExportLib", "export", str(material.label_files[0])]
        return [*program, str(material.series), "--output", str(result_folder(output)), "--compression", encoding]

    return command


CONTESTANTS = (
    *(Contestant(f"ours {encoding}", _script("ours", encoding)) for encoding in ("none", "rle", "deflate")),
    *(
        Contestant(f"ours {encoding}, not verified", _script("ours", encoding, "--verify", "off"))
        for encoding in ("none", "rle", "deflate")
    ),
    *(
        Contestant(f"ours {encoding}{BY_OTHERS}", _script("ours", encoding, "--verify", "others"), ("W2",), "dcmqi")
        for encoding in ("none", "rle")
    ),
    Contestant("ours none, whole process", _script("whole_process", "none"), ONE_LAYER),
    Contestant("ours rle, whole process", _script("whole_process", "rle"), ONE_LAYER),
    Contestant("segrle export, whole process", _segrle("rle"), ONE_LAYER, "slicer-core"),
    Contestant("reading the node", _script("node_reading"), ("W3",), "slicer-core"),
    *(
        Contestant(f"{what} of {encoding}", _script("reading", encoding, what), ("W2", "W3"))
        for encoding in ("none", "rle")
        for what in ("layers", "inspect", "verify")
    ),
    *(
        Contestant(f"convert none to {what}", _script("reading", "none", what), ("W2", "W3"))
        for what in ("rle", "NIfTI", "seg.nrrd")
    ),
    *(
        Contestant(f"node of {encoding}", _script("loading", encoding, "ours"), ("W2", "W3"), "slicer-core")
        for encoding in ("none", "rle")
    ),
    *(
        Contestant(
            f"Slicer's present load of {encoding}",
            _script("loading", encoding, "slicer"),
            ("W2", "W3"),
            "dcmqi",
            f"node of {encoding}",
            rounds=1,
        )
        for encoding in ("none", "rle")
    ),
    Contestant("highdicom BINARY", _script("by_highdicom", "none"), ONE_LAYER, "highdicom", "ours none"),
    Contestant("highdicom LABELMAP RLE", _script("by_highdicom", "rle"), ONE_LAYER, "highdicom", "ours rle"),
    Contestant("dcmqi merged, BINARY", _dcmqi("binary"), ONE_LAYER, "dcmqi", "ours none, whole process", "process"),
    Contestant("dcmqi merged, LABELMAP", _dcmqi("labelmap"), ONE_LAYER, "dcmqi", "ours rle, whole process", "process"),
    Contestant(
        "Slicer's present flow", _script("by_slicer"), ("W1", "W2"), "slicer-core", "ours none", "stage", rounds=1
    ),
)
