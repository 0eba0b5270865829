"""What belongs on each plane of a source, found without the package.

pydicom says where planes are, SimpleITK resamples.

`labels_by_image` reads a SEG the same way, so that both can be compared image by image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom import Dataset
from read_by_others import stored_pixels
from SegRLEExportLib.model.segmentation import Segmentation

ImageKey = tuple[str, int]
"""SOP Instance UID and frame number, 0 for a single-frame image."""

Masks = dict[str, NDArray[np.bool_]]
"""(rows, columns) by segment name; segments without a pixel are left out."""


@dataclass(frozen=True)
class ImagePlane:
    """One plane as its image states it."""

    key: ImageKey
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    """(2, 3), along a row and along a column."""
    spacing: tuple[float, float]
    """Of rows, of columns."""
    shape: tuple[int, int]


def planes_of(paths: Iterable[Path]) -> list[ImagePlane]:
    """Return the planes of images that have a place, in the order of files and frames."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    return [plane for header in headers for plane in planes_in(header)]


def planes_in(image: Dataset) -> list[ImagePlane]:
    """Return the planes of one image; none if it has no place."""
    if "PerFrameFunctionalGroupsSequence" not in image:
        return [_plane(image, 0, image, image, image)] if "ImagePositionPatient" in image else []
    shared = image.SharedFunctionalGroupsSequence[0]
    return [
        _plane(
            image,
            number,
            _group("PlanePositionSequence", own, shared),
            _group("PlaneOrientationSequence", own, shared),
            _group("PixelMeasuresSequence", own, shared),
        )
        for number, own in enumerate(image.PerFrameFunctionalGroupsSequence, start=1)
    ]


def _group(keyword: str, own: Dataset, shared: Dataset) -> Dataset:
    return (own if keyword in own else shared)[keyword][0]


def _plane(image: Dataset, number: int, position: Dataset, orientation: Dataset, measures: Dataset) -> ImagePlane:
    row_spacing, column_spacing = (float(distance) for distance in measures.PixelSpacing)
    return ImagePlane(
        (str(image.SOPInstanceUID), number),
        np.array(position.ImagePositionPatient, dtype=float),
        np.array(orientation.ImageOrientationPatient, dtype=float).reshape(2, 3),
        (row_spacing, column_spacing),
        (int(image.Rows), int(image.Columns)),
    )


def resampled(segmentation: Segmentation, plane: ImagePlane) -> Masks:
    """Return what of each segment SimpleITK puts on the plane, by nearest neighbour."""
    to_plane = sitk.ResampleImageFilter()
    to_plane.SetInterpolator(sitk.sitkNearestNeighbor)
    to_plane.SetSize((plane.shape[1], plane.shape[0], 1))
    to_plane.SetOutputSpacing((plane.spacing[1], plane.spacing[0], 1.0))
    to_plane.SetOutputOrigin(plane.position.tolist())
    to_plane.SetOutputDirection(np.column_stack([*plane.orientation, np.cross(*plane.orientation)]).ravel().tolist())
    on_plane = [sitk.GetArrayFromImage(to_plane.Execute(_image(layer)))[0] for layer in segmentation.layers]
    masks = {segment.name: on_plane[segment.layer_index] == segment.layer_value for segment in segmentation.segments}
    return {name: mask for name, mask in masks.items() if mask.any()}


def _image(layer: object) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(layer.labels_kji))
    axes_ijk = layer.geometry.kji_to_lps[:3, 2::-1]
    spacing = np.linalg.norm(axes_ijk, axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((axes_ijk / spacing).ravel().tolist())
    image.SetOrigin(layer.geometry.kji_to_lps[:3, 3].tolist())
    return image


def labels_by_image(seg_path: Path, planes: list[ImagePlane]) -> dict[ImageKey, Masks]:
    """Return the segments on each image that the SEG refers to; each frame must lie where that image lies."""
    seg = pydicom.dcmread(seg_path)
    plane_of = {plane.key: plane for plane in planes}
    names = {int(item.SegmentNumber): str(item.SegmentLabel) for item in seg.SegmentSequence}
    found: dict[ImageKey, Masks] = {}
    for pixels, group in zip(stored_pixels(seg), seg.PerFrameFunctionalGroupsSequence, strict=True):
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        key = (str(source.ReferencedSOPInstanceUID), int(source.get("ReferencedFrameNumber", 0)))
        _assert_same_place(group, seg.SharedFunctionalGroupsSequence[0], plane_of[key])
        if seg.SegmentationType == "LABELMAP":
            masks = {names[number]: pixels == number for number in np.unique(pixels).tolist() if number}
        else:
            masks = {names[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]: pixels > 0}
        found.setdefault(key, {}).update(masks)
    return found


def _assert_same_place(group: Dataset, shared: Dataset, plane: ImagePlane) -> None:
    position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    np.testing.assert_allclose(position, plane.position, atol=1e-3)
    np.testing.assert_allclose(orientation, plane.orientation.ravel(), atol=1e-3)
    np.testing.assert_allclose([float(x) for x in shared.PixelMeasuresSequence[0].PixelSpacing], plane.spacing)
