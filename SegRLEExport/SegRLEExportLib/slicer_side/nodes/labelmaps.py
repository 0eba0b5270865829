"""The binary labelmaps of a node's segments as arrays: views where their type is one of labels. Needs vtk, no Qt."""

from __future__ import annotations

from vtkmodules.util.numpy_support import vtk_to_numpy

from SegRLEExportLib.errors import UnusableLabelsError
from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.files.labels import labels_of
from SegRLEExportLib.model.segmentation import Labels

BINARY_LABELMAP = "Binary labelmap"


def has_voxels(image) -> bool:
    """Tell whether there is an image with any voxel, whatever its value."""
    scalars = image.GetPointData().GetScalars() if image is not None else None
    return scalars is not None and scalars.GetNumberOfTuples() > 0


def identity_of(image) -> int:
    """Return what two segments have in common if they share a layer; 0 for a segment without voxels."""
    return int(image.GetAddressAsString("vtkObject").removeprefix("Addr="), 16) if has_voxels(image) else 0


def labels_of_image(image, name: str, plane_step: int = 1) -> Labels:
    """Return the voxels of a vtkImageData that has any, (k, j, i), as uint8 or uint16; a view where the type allows it.

    With a `plane_step` these are those of every so many-th plane.

    Raises `UnusableLabelsError` if they are not whole numbers from 0 to 65535, or of another count than told.
    """
    scalars = image.GetPointData().GetScalars()
    i, j, k = image.GetDimensions()
    if scalars.GetNumberOfTuples() != i * j * k:
        raise UnusableLabelsError(
            name, f"a labelmap of {i} x {j} x {k} voxels has {scalars.GetNumberOfTuples()} values"
        )
    try:
        return labels_of(vtk_to_numpy(scalars).reshape(k, j, i)[::plane_step])
    except UnreadableError as error:
        raise UnusableLabelsError(name, str(error)) from error
