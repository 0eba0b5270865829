"""What `files` reads is what Slicer's own code reads of the same files: voxels in space, names, codes, colours."""

from __future__ import annotations

import numpy as np
import pytest
import scenes
from file_builders import LABELS, TO_RAS, a_nifti, a_nrrd
from SegRLEExportLib.files.read import read_segmentation, read_volume
from SegRLEExportLib.slicer_side.nodes import mrml_host
from SegRLEExportLib.slicer_side.nodes.segmentation import volume_voxels

SQUARE = np.diag([-0.8, -0.8, 2.5, 1.0]) @ np.array([[0.6, -0.8, 0, 3], [0.8, 0.6, 0, 5], [0, 0, 1, 7], [0, 0, 0, 1]])


def places_of(segmentation, segment):
    """LPS of a segment's voxels, sorted."""
    layer = segmentation.layers[segment.layer_index]
    return _places(np.asarray(layer.labels_kji) == segment.layer_value, layer.geometry)


def _places(mask, geometry):
    kji = np.argwhere(mask)
    found = (np.c_[kji, np.ones(len(kji))] @ geometry.kji_to_lps.T)[:, :3].round(3) + 0.0
    return sorted(map(tuple, found))


@pytest.mark.parametrize("path", [scenes.SEGMENTS, scenes.OVERLAPPING_SEGMENTS], ids=lambda path: path.name)
def test_a_seg_nrrd_of_slicer(path):
    ours, slicers = read_segmentation(path), mrml_host.read_segmentation_file(path)

    def said(segmentation):
        return [(one.id, one.name, one.terminology, one.color_rgb) for one in segmentation.segments]

    assert [one[:3] for one in said(ours)] == [one[:3] for one in said(slicers)]
    for one, other in zip(said(ours), said(slicers)):
        assert one[3] == pytest.approx(other[3], abs=1e-5)
    for one, other in zip(ours.segments, slicers.segments):
        assert places_of(ours, one) == places_of(slicers, other)


@pytest.mark.parametrize("to_ras", [TO_RAS, SQUARE], ids=["axial", "oblique"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_label_map(tmp_path, suffix, to_ras):
    path = tmp_path / f"a{suffix}"
    if suffix.startswith(".nii"):
        path = a_nifti(tmp_path, to_ras=to_ras, name=path.name)
    else:
        _written_by_simpleitk(path, to_ras)
    volume = read_volume(path)
    node = mrml_host.read_volume_node(path)

    theirs = volume_voxels(node)

    for value in (1, 2, 3):
        expected = _places(np.asarray(theirs) == value, mrml_host.volume_geometry(node))
        assert _places(volume.voxels_kji == value, volume.geometry) == expected


def test_an_nrrd_in_slicers_words(tmp_path):
    path = a_nrrd(tmp_path, name="a.nrrd")
    node = mrml_host.read_volume_node(path)
    volume = read_volume(path)
    assert np.array_equal(volume.voxels_kji, volume_voxels(node))
    assert volume.geometry.kji_to_lps == pytest.approx(mrml_host.volume_geometry(node).kji_to_lps)


def _written_by_simpleitk(path, to_ras):
    sitk = pytest.importorskip("SimpleITK")
    to_lps = np.diag([-1.0, -1, 1, 1]) @ to_ras
    spacing = np.linalg.norm(to_lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(LABELS)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((to_lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(to_lps[:3, 3].tolist())
    sitk.WriteImage(image, str(path))
