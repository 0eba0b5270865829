"""What other people's software finds in a SEG file: voxels by their place in space, never by frame order.

Nothing here uses the package's own reader or geometry.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import rle as pylibjpeg_rle
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames

Places = NDArray[np.float64]
"""(n, 3), left, posterior and superior in mm, rounded to a micrometre, sorted."""

Segments = dict[str, Places]
"""Places of the voxels by Segment Label; a segment without voxels has none."""


def sorted_places(places: NDArray[np.float64]) -> Places:
    """Return places in an order and rounding that make them comparable."""
    rounded = np.round(places, 3) + 0.0
    return rounded[np.lexsort(rounded.T)]


def by_pydicom(path: Path) -> Segments:
    """Return the segments as pydicom reads them, its own RLE decoder named."""
    dataset = pydicom.dcmread(path)
    stored = stored_pixels(dataset)
    labels = {int(item.SegmentNumber): str(item.SegmentLabel) for item in dataset.SegmentSequence}
    is_label_map = dataset.SegmentationType == "LABELMAP"
    places = defaultdict(list)
    for pixels, group in zip(stored, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        if is_label_map:
            numbers = [int(number) for number in np.unique(pixels) if number]
            masks = [pixels == number for number in numbers]
        else:
            numbers = [int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]
            masks = [pixels > 0]
        for number, mask in zip(numbers, masks):
            places[number].append(_places_of(mask, group, dataset))
    return {
        label: sorted_places(np.concatenate(places[number])) if number in places else np.zeros((0, 3))
        for number, label in labels.items()
        if number > 0
    }


def by_highdicom(path: Path) -> Segments:
    """Return the segments as highdicom's volume reader gives them."""
    seg = highdicom.seg.segread(path)
    volume = seg.get_volume(combine_segments=False, rescale_fractional=False, allow_missing_positions=True)
    affine = volume.affine
    found = {}
    for number, mask in zip(seg.segment_numbers, np.moveaxis(volume.array, -1, 0)):
        if number > 0:
            places = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
            found[seg.get_segment_description(number).segment_label] = sorted_places(places)
    return found


def stored_pixels(dataset: Dataset) -> NDArray[np.unsignedinteger]:
    """Return (frames, rows, columns); 1-bit RLE by pylibjpeg-rle, as pydicom 3.0 does not decode it."""
    if dataset.BitsAllocated == 1 and dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        frames = generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames)
        return np.stack([_one_bit_frame(frame, dataset) for frame in frames])
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset.pixel_array_options(decoding_plugin="pydicom")
    return dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)


def _one_bit_frame(encoded: bytes, dataset: Dataset) -> NDArray[np.uint8]:
    decoded = pylibjpeg_rle.decode_pixel_data(
        encoded, version=2, rows=dataset.Rows, columns=dataset.Columns, bits_allocated=1
    )
    return np.frombuffer(decoded, np.uint8).reshape(dataset.Rows, dataset.Columns)


def _places_of(mask: NDArray[np.bool_], group: Dataset, dataset: Dataset) -> NDArray[np.float64]:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row_spacing, column_spacing = (float(x) for x in shared.PixelMeasuresSequence[0].PixelSpacing)
    first_pixel = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
    row, column = np.nonzero(mask)
    return (
        first_pixel + np.outer(column, column_spacing * orientation[:3]) + np.outer(row, row_spacing * orientation[3:])
    )
