"""A workload on disk, in the forms that the contestants read: arrays, NRRD, DICOM series, dcmqi's JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Segmentation
from workloads import Labels, Workload, draw_layers, make_segmentation, scaled, write_series

_COMPLETE = "workload.json"
"""Written last, so that a folder that has it is whole."""


@dataclass(frozen=True)
class Material:
    """Where the files of one workload are."""

    workload: Workload
    folder: Path

    @property
    def series(self) -> Path:
        """The CT series, one file for each slice."""
        return self.folder / "series"

    @property
    def label_files(self) -> list[Path]:
        """One raw NRRD label map for each layer."""
        return [self.folder / f"layer{n}.nrrd" for n in range(len(self.workload.layer_segments))]

    @property
    def metadata(self) -> Path:
        """What dcmqi wants to know of the segments."""
        return self.folder / "dcmqi.json"

    def layers(self) -> list[Labels]:
        """Return the labels of each layer, in memory."""
        return [np.load(self.folder / f"layer{n}.npy") for n in range(len(self.workload.layer_segments))]

    def segmentation(self) -> Segmentation:
        """Return the workload as the exporter wants it."""
        return make_segmentation(self.workload, self.layers())


def prepare(workload: Workload, folder: Path, *, for_peers: bool = True) -> Material:
    """Return the workload's files in a folder below `folder`, made if they are not there yet."""
    material = Material(workload, folder / workload.name)
    if (material.folder / _COMPLETE).exists():
        return material
    write_series(workload, material.series, with_pixels=for_peers)
    layers = draw_layers(workload)
    segmentation = make_segmentation(workload, layers)
    for labels, file, layer in zip(layers, material.label_files, segmentation.layers):
        np.save(file.with_suffix(".npy"), labels)
        if for_peers:
            _write_nrrd(file, labels, layer.geometry)
    material.metadata.write_text(json.dumps(dcmqi_metadata(segmentation)))
    (material.folder / _COMPLETE).write_text(json.dumps(asdict(workload)))
    return material


def open_material(folder: Path, name: str) -> Material:
    """Return what `prepare` made of a workload."""
    fields = json.loads((folder / name / _COMPLETE).read_text())
    tuples = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Material(Workload(**(fields | tuples)), folder / name)


def warm_up_material(folder: Path) -> Material:
    """Return a case of a few thousand voxels, for what a process does only once."""
    tiny = scaled("tiny", slices=4, rows=64, columns=64, layer_segments=(2,), slice_span=(0.9, 1.0))
    return prepare(tiny, folder)


def dcmqi_metadata(segmentation: Segmentation) -> dict[str, object]:
    """Return the JSON that itkimage2segimage asks for: one list of segments for each layer."""
    return {
        "ContentCreatorName": "Bench^Mark",
        "SeriesDescription": segmentation.name,
        "SeriesNumber": "300",
        "InstanceNumber": "1",
        "segmentAttributes": [
            [_dcmqi_segment(s.layer_value, s.name) for s in segmentation.segments if s.layer_index == layer_index]
            for layer_index in range(len(segmentation.layers))
        ],
    }


def _dcmqi_segment(label: int, name: str) -> dict[str, object]:
    return {
        "labelID": label,
        "SegmentLabel": name,
        "SegmentDescription": name,
        "SegmentAlgorithmType": "SEMIAUTOMATIC",
        "SegmentAlgorithmName": "bench",
        "SegmentedPropertyCategoryCodeSequence": _code("85756007", "Tissue"),
        "SegmentedPropertyTypeCodeSequence": _code("85756007", "Tissue"),
        "recommendedDisplayRGBValue": [200, 100, label % 256],
    }


def _code(value: str, meaning: str) -> dict[str, str]:
    return {"CodeValue": value, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}


def _write_nrrd(path: Path, labels: Labels, geometry: Geometry) -> None:
    k, j, i = (geometry.kji_to_lps[:3, axis] for axis in range(3))
    directions = " ".join(f"({','.join(map(str, axis))})" for axis in (i, j, k))
    origin = ",".join(map(str, geometry.kji_to_lps[:3, 3]))
    header = (
        "NRRD0004\n"
        f"type: {labels.dtype.name}\ndimension: 3\nspace: left-posterior-superior\n"
        f"sizes: {' '.join(map(str, reversed(labels.shape)))}\nspace directions: {directions}\n"
        f"kinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: ({origin})\n\n"
    )
    with path.open("wb") as file:
        file.write(header.encode("ascii"))
        labels.tofile(file)
