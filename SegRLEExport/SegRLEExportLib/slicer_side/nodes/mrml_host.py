"""A scene where there is no Slicer: real MRML from PyPI's slicer-core, and files read into it.

Inside Slicer nothing of this is used. Needs MRML and vtk, no Qt.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from SegRLEExportLib.errors import MissingLibraryError, UnreadableSegmentationError
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Segmentation

_SUFFIXES = (".seg.nrrd", ".seg.nhdr", ".seg.vtm", ".seg.vtk", ".nii.gz")


def scene():
    """Return the one scene of this process, ready to read segmentations.

    Raises `MissingLibraryError` if slicer-core is not installed.
    """
    return _host()[0]


@lru_cache(maxsize=1)
def _host():
    """Return the scene and the logics that live with it: they register the rules of segment conversion."""
    slicer = _slicer()
    mrml_scene = slicer.vtkMRMLScene()
    application_logic = slicer.vtkMRMLApplicationLogic()
    application_logic.SetMRMLScene(mrml_scene)
    segmentations_logic = slicer.vtkSlicerSegmentationsModuleLogic()
    segmentations_logic.SetMRMLApplicationLogic(application_logic)
    segmentations_logic.SetMRMLScene(mrml_scene)
    return mrml_scene, application_logic, segmentations_logic


def read_segmentation_file(path: Path, grid: Geometry | None = None) -> Segmentation:
    """Return the segmentation in a file of Slicer's: surfaces and contours above all, which `files` does not read.

    Surfaces become voxels of `grid`, in LPS; without it Slicer makes voxels as fine as the surface, which takes long.

    Raises `MissingLibraryError`, `UnreadableSegmentationError`, or what `segmentation.read_segmentation` raises.
    """
    scene()  # before what cannot be imported without Slicer
    from SegRLEExportLib.slicer_side.nodes.segmentation import read_segmentation

    if not path.is_file():
        raise UnreadableSegmentationError(path, "there is no such file")
    return read_segmentation(read_segmentation_node(path), grid=grid)


def read_segmentation_node(path: Path):
    """Return a new vtkMRMLSegmentationNode in `scene()` with the content of the file."""
    node = scene().AddNewNodeByClass("vtkMRMLSegmentationNode", _stem(path))
    storage = scene().AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    is_read = storage.ReadData(node)
    scene().RemoveNode(storage)
    if not is_read:
        scene().RemoveNode(node)
        raise UnreadableSegmentationError(
            path, "its content is damaged or not a segmentation", UnreadableSegmentationError.KINDS
        )
    return node


def read_volume_node(path: Path, node_class: str = "vtkMRMLScalarVolumeNode"):
    """Return a new volume node in `scene()` with the content of the file."""
    node = scene().AddNewNodeByClass(node_class, _stem(path))
    storage = scene().AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(path))
    storage.SetSingleFile(True)
    is_read = storage.ReadData(node)
    scene().RemoveNode(storage)
    if not is_read or node.GetImageData() is None:
        scene().RemoveNode(node)
        raise UnreadableSegmentationError(path, "its content is damaged or not a volume")
    return node


def volume_geometry(volume_node) -> Geometry:
    """Return where the voxels of a volume node lie, without its transforms."""
    from SegRLEExportLib.slicer_side.nodes.segmentation import volume_geometry as geometry_of_volume

    return geometry_of_volume(volume_node)


def _stem(path: Path) -> str:
    name = path.name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def _slicer():
    try:
        import slicer
    except ImportError as error:
        raise MissingLibraryError(
            "slicer-core", "read segmentations outside 3D Slicer", "Install it: python -m pip install slicer-core."
        ) from error
    return slicer
