"""A .seg.nrrd of ours, opened by Slicer's own code as its own."""

from __future__ import annotations

import numpy as np
import pytest
from builders import A_GRID, LEFT_KIDNEY, LIVER, a_segmentation, a_sphere
from SegRLEExportLib.convert import convert
from SegRLEExportLib.model.segmentation import Segmentation


def apart() -> Segmentation:
    sphere = a_sphere()
    corner = np.zeros_like(sphere)
    corner[:2, :2, :3] = True
    return a_segmentation([sphere, corner], names=["Leber (ü)", "kidney"], terminologies=[LIVER, LEFT_KIDNEY])


def overlapping() -> Segmentation:
    sphere = a_sphere()
    masks = [sphere, np.roll(sphere, 1, axis=2)]
    return a_segmentation(masks, names=["Leber (ü)", "kidney"], terminologies=[LIVER, LEFT_KIDNEY])


@pytest.mark.parametrize("make", [apart, overlapping])
def test_slicer_opens_it_with_names_codes_colors_reference_grid_and_every_voxel(make, tmp_path):
    pytest.importorskip("slicer")
    from SegRLEExportLib.slicer_side.nodes.mrml_host import read_segmentation_node
    from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation

    wanted = make()
    node = read_segmentation_node(convert(wanted, tmp_path / "a.seg.nrrd").paths[0])
    read = read_segmentation(node)

    for one, other in zip(read.segments, wanted.segments, strict=True):
        assert (one.id, one.name, one.terminology) == (other.id, other.name, other.terminology)
        assert one.color_rgb == pytest.approx(other.color_rgb)
        assert (one.algorithm_type, one.description) == (other.algorithm_type, other.description)
        assert voxels_in_world(read, one) == voxels_in_world(wanted, other)
    kept = node.GetSegmentation().GetConversionParameter("Reference image geometry").strip(";").split(";")
    ijk_to_ras = np.array(kept[:16], float).reshape(4, 4)
    np.testing.assert_allclose(np.diag([-1, -1, 1, 1]) @ ijk_to_ras, A_GRID.kji_to_lps[:, [2, 1, 0, 3]])
    k, j, i = A_GRID.shape_kji
    assert [int(word) for word in kept[16:]] == [0, i - 1, 0, j - 1, 0, k - 1]


def voxels_in_world(segmentation, segment) -> set[tuple[int, ...]]:
    layer = segmentation.layers[segment.layer_index]
    kji = np.argwhere(layer.labels_kji == segment.layer_value)
    to_lps = layer.geometry.kji_to_lps
    return {*map(tuple, np.rint((kji @ to_lps[:3, :3].T + to_lps[:3, 3]) * 100).astype(int).tolist())}
