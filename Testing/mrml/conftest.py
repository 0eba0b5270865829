"""One scene and one series for the ring: both are only read."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

import scenes


@pytest.fixture(scope="session")
def chest_folder(tmp_path_factory):
    """A folder with slicerio's CT chest as DICOM."""
    folder = tmp_path_factory.mktemp("chest")
    scenes.a_chest_series(folder / "ct")
    return folder / "ct"


@pytest.fixture
def overlapping_node():
    """Slicer's segmentation of the chest: eight segments in two layers, two of them overlapping."""
    from SegRLEExportLib.slicer_side.nodes import mrml_host

    return mrml_host.read_segmentation_node(scenes.OVERLAPPING_SEGMENTS)
