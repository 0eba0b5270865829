"""One call from a console: a vtkMRMLSegmentationNode in, files that others read out."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scenes
import SimpleITK as sitk
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.errors import UnknownSegmentError
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.slicer_side.nodes.export import export_node
from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_node, scene
from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation
from SegRLEExportLib.verification.comparison import compare


@pytest.mark.parametrize("compression", PLANS)
def test_every_encoding_holds_every_voxel(overlapping_node, chest_folder, tmp_path, compression):
    report = export_node(overlapping_node, tmp_path, compression, source=chest_folder)
    comparison = compare(report.paths, read_segmentation(overlapping_node))
    assert comparison.is_equal, str(comparison)
    assert report.is_verified


def test_rle_puts_only_the_overlapping_segment_apart(overlapping_node, chest_folder, tmp_path):
    report = export_node(overlapping_node, tmp_path, source=chest_folder)
    names = [[segment.name for segment in instance.segments] for instance in report.instances]
    assert names == [
        [
            "ribs",
            "cervical vertebral column",
            "thoracic vertebral column",
            "lumbar vertebral column",
            "right lung",
            "left lung",
            "tissue",
        ],
        ["overlapping sphere"],
    ]
    series = [SegFile(path).dataset.SeriesInstanceUID for path in report.paths]
    assert series == [instance.series_instance_uid for instance in report.instances]
    assert len(set(series)) == 2


def test_slicers_codes_are_in_the_file(overlapping_node, chest_folder, tmp_path):
    report = export_node(overlapping_node, tmp_path, "none", source=chest_folder)
    left_lung = SegFile(report.paths[0]).segments[5]
    assert left_lung.label == "left lung"
    assert (left_lung.type.value, left_lung.type.meaning) == ("39607008", "Lung")
    assert left_lung.type_modifier.meaning == "Left"


def test_a_second_export_overwrites_nothing_and_keeps_tracking_uids(overlapping_node, chest_folder, tmp_path):
    first = export_node(overlapping_node, tmp_path, "none", source=chest_folder)
    second = export_node(overlapping_node, tmp_path, "none", source=chest_folder)
    assert len(list(tmp_path.iterdir())) == 2
    tracked = [[record.tracking_uid for record in SegFile(report.paths[0]).segments] for report in (first, second)]
    assert tracked[0] == tracked[1]
    assert len(set(tracked[0])) == 8


def test_some_segments_can_be_chosen(overlapping_node, chest_folder, tmp_path):
    report = export_node(overlapping_node, tmp_path, source=chest_folder, segment_ids=["Segment_6"])
    assert [segment.name for segment in report.instances[0].segments] == ["left lung"]


def test_an_unknown_segment_is_refused_by_name(overlapping_node, chest_folder, tmp_path):
    with pytest.raises(UnknownSegmentError, match="has no segment 'Segment_99'. It has: 'Segment_1' \\(ribs\\), "):
        export_node(overlapping_node, tmp_path, source=chest_folder, segment_ids=["Segment_99"])


def test_node_scene_and_source_stay_as_they_were(chest_folder, tmp_path):
    node = read_segmentation_node(scenes.OVERLAPPING_SEGMENTS)
    before = _fingerprint(node, chest_folder)
    export_node(node, tmp_path, "rle-per-segment", source=chest_folder)
    assert _fingerprint(node, chest_folder) == before


def _fingerprint(node, folder: Path) -> tuple[object, ...]:
    layers = [hashlib.sha256(layer.labels_kji.tobytes()).hexdigest() for layer in read_segmentation(node).layers]
    files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
    return layers, files, node.GetMTime(), node.GetSegmentation().GetMTime(), scene().GetNumberOfNodes()


REAL = [
    pytest.param("12_slicer_core_generated/sts008_CT.seg.nrrd", "05_sts_008_ct_pet_mr", id="CT among PET and MR"),
    pytest.param("12_slicer_core_generated/sts008_CT_cropped.seg.nrrd", "05_sts_008_ct_pet_mr", id="cropped layers"),
    pytest.param("12_slicer_core_generated/sts008_PET.seg.nrrd", "05_sts_008_ct_pet_mr/PET", id="PET"),
]


@pytest.mark.parametrize(("segmentation", "series"), REAL)
@pytest.mark.parametrize("compression", ["rle", "none", "deflate"])
def test_real_patients_come_back_through_slicers_own_reader(shared_data, tmp_path, segmentation, series, compression):
    """Voxels in world space and names, as `segimage2itkimage --mergeSegments` gives them to Slicer."""
    pytest.importorskip("dcmqi", reason="dcmqi has no wheel for this system")
    node = read_segmentation_node(shared_data / segmentation)
    (tmp_path / "seg").mkdir()
    report = export_node(node, tmp_path / "seg", compression, source=shared_data / series)
    read: dict[str, set[tuple[float, ...]]] = {}
    for number, path in enumerate(report.paths):
        read.update(_read_as_slicer_does(path, tmp_path / str(number)))
    ours = read_segmentation(node)
    assert read == {segment.name: _places_lps(ours, n) for n, segment in enumerate(ours.segments)}


def _read_as_slicer_does(path: Path, folder: Path) -> dict[str, set[tuple[float, ...]]]:
    import dcmqi

    folder.mkdir()
    program = Path(dcmqi.__file__).parent / "bin/segimage2itkimage"
    command = [str(program), "--inputDICOM", str(path), "--outputDirectory", str(folder), "--mergeSegments"]
    subprocess.run(command, check=True, capture_output=True)
    segments = {}
    for number, group in enumerate(json.loads((folder / "meta.json").read_text())["segmentAttributes"], start=1):
        image = sitk.ReadImage(str(folder / f"{number}.nrrd"))
        labels = sitk.GetArrayFromImage(image)
        described = [item for item in group if item["labelID"] != 0]
        present = [value for value in np.unique(labels).tolist() if value]
        for value, item in zip(present, described):
            places = [image.TransformIndexToPhysicalPoint(kji[::-1].tolist()) for kji in np.argwhere(labels == value)]
            segments[item["SegmentLabel"]] = {_rounded(place) for place in places}
    return segments


def _places_lps(segmentation, position: int) -> set[tuple[float, ...]]:
    segment = segmentation.segments[position]
    layer = segmentation.layers[segment.layer_index]
    kji = np.argwhere(layer.labels_kji == segment.layer_value)
    return {_rounded(place[:3]) for place in np.c_[kji, np.ones(len(kji))] @ layer.geometry.kji_to_lps.T}


def _rounded(place) -> tuple[float, ...]:
    return tuple(round(float(x), 2) + 0.0 for x in place)
