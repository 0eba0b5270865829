"""Segments as 3D Slicer keeps them in NRRD: fields `Segment<n>_...` beside one or several layers of labels.

What a field says of the voxels' extent is not used: the voxels themselves are here, and scripts that change them
leave the extents as they were.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from SegRLEExportLib.files.byte_stream import UnreadableError
from SegRLEExportLib.files.labels import LARGEST_LABEL, labels_of, values_in
from SegRLEExportLib.files.nrrd import NrrdHeader, read_volumes, read_voxels, shifted, vectors
from SegRLEExportLib.files.slicer_tags import (
    ALGORITHM_NAME,
    ALGORITHM_TYPE,
    DESCRIPTION,
    TERMINOLOGY,
    TRACKING_ID,
    TRACKING_UID,
    algorithm_type_of,
)
from SegRLEExportLib.files.volume import Volumes, kji_to_lps, placed
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.segmentation import AlgorithmType, Layer, Segment, Segmentation
from SegRLEExportLib.model.terminology import parse_slicer_terminology

_FIELD = re.compile(r"Segment(\d{1,9})_(\w+)")

_GREY = (0.5, 0.5, 0.5)

_OLD_EXTENT = "Segmentation_Extent"


class _Description(dict[str, str]):
    """The fields of one segment, and its number in the file."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def __str__(self) -> str:
        name = self.get("Name") or self.get("ID")
        return f"Segment{self.number} ('{name[:60]}')" if name else f"Segment{self.number}"

    def whole(self, name: str, otherwise: int) -> int:
        """Return the number in a field that may be left out."""
        text = self.get(name, str(otherwise)).strip()
        if not re.fullmatch(r"\d{1,9}", text):
            raise UnreadableError(f"{self} has the {name} '{text[:40]}', which is no whole number")
        return int(text)


def has_segments(header: NrrdHeader) -> bool:
    """Whether the header describes segments."""
    return any(_FIELD.fullmatch(key) for key in header.keys)


def read_segments(header: NrrdHeader, file: BinaryIO, path: Path, name: str) -> Segmentation:
    """Return the segmentation in an open file that stands behind its header; raise `UnreadableError`."""
    descriptions = _descriptions(header)
    is_old = _is_one_volume_a_segment(header)
    volumes = _old_volumes(header, file, path) if is_old else read_volumes(header, file, path)
    layers = tuple(Layer(labels_of(voxels), volumes.geometry) for voxels in volumes.voxels_nkji)
    segments = _segments(descriptions, is_old)
    _refuse_what_does_not_fit(layers, list(zip(descriptions, segments)))
    return _with_used_layers(name, layers, segments)


def described_segments(header: NrrdHeader) -> list[Segment]:
    """Return the segments as the header describes them, whatever the voxels are; raise `UnreadableError`."""
    return _segments(_descriptions(header), _is_one_volume_a_segment(header))


def _descriptions(header: NrrdHeader) -> list[_Description]:
    """Return the segments' fields in the order of their numbers, which may begin and go on with any."""
    found: dict[int, _Description] = {}
    for key, value in header.keys.items():
        if match := _FIELD.fullmatch(key):
            number = int(match[1])
            found.setdefault(number, _Description(number))[match[2]] = value
    return [found[number] for number in sorted(found)]


def _is_one_volume_a_segment(header: NrrdHeader) -> bool:
    """Whether it is as Slicer wrote before 4.11: space itself has four dimensions, the last counts the segments."""
    return header.number("space dimension") == 4 and "space" not in header.fields and header.number("dimension") == 4


def _old_volumes(header: NrrdHeader, file: BinaryIO, path: Path) -> Volumes:
    """Return the volumes where the common extent of the segments begins: the origin is that of index 0, in RAS."""
    axes = vectors(header.field("space directions"), "space directions")
    origin = vectors(header.field("space origin"), "space origin")
    if len(axes) != 4 or len(origin) != 1 or any(one is None or len(one) != 4 for one in (*axes, *origin)):
        raise UnreadableError("its header is damaged: its space directions and origin have not four numbers each")
    numbers = np.array([*axes, *origin], float) * (-1.0, -1.0, 1.0, 1.0)
    voxels = read_voxels(header, file, path)
    geometry = placed(voxels.shape[1:], kji_to_lps(numbers[:3, :3], numbers[4, :3]))
    return Volumes(voxels, shifted(geometry, _old_start(header)))


def _old_start(header: NrrdHeader) -> tuple[int, int, int]:
    words = header.keys.get(_OLD_EXTENT, "0 0 0 0 0 0").split()
    if len(words) != 6 or not all(re.fullmatch(r"-?\d{1,9}", word) for word in words):
        raise UnreadableError(f"its header is damaged: '{' '.join(words)[:60]}' in '{_OLD_EXTENT}' is no extent")
    return int(words[0]), int(words[2]), int(words[4])


def _segments(descriptions: Sequence[_Description], is_old: bool) -> list[Segment]:
    ids = _ids(descriptions)
    return [
        _segment(one, segment_id, position if is_old else 0)
        for position, (one, segment_id) in enumerate(zip(descriptions, ids))
    ]


def _ids(descriptions: Sequence[_Description]) -> list[str]:
    """Return for each segment its ID, or one of its number if it has none."""
    taken = {one["ID"] for one in descriptions if one.get("ID")}
    ids = []
    for one in descriptions:
        segment_id = one.get("ID", "") or f"Segment_{one.number + 1}"
        while not one.get("ID") and segment_id in taken:
            segment_id += "_"
        taken.add(segment_id)
        ids.append(segment_id)
    return ids


def _segment(described: _Description, segment_id: str, usual_layer: int) -> Segment:
    value = described.whole("LabelValue", 1)
    if not 1 <= value <= LARGEST_LABEL:
        raise UnreadableError(f"{described} has the LabelValue {value}, and 1 to {LARGEST_LABEL} are possible")
    tags = _tags(described.get("Tags", ""))
    codes = parse_slicer_terminology(tags.get(TERMINOLOGY, ""))
    return Segment(
        id=segment_id,
        name=described.get("Name") or segment_id,
        layer_index=described.whole("Layer", usual_layer),
        layer_value=value,
        color_rgb=_color(described),
        terminology=codes.terminology,
        description=tags.get(DESCRIPTION, ""),
        algorithm_type=_algorithm_type(described, tags.get(ALGORITHM_TYPE, "")),
        algorithm_name=tags.get(ALGORITHM_NAME, ""),
        tracking_id=tags.get(TRACKING_ID, ""),
        tracking_uid=tags.get(TRACKING_UID, ""),
        code_faults=codes.faults,
    )


def _tags(text: str) -> dict[str, str]:
    pairs = (one.partition(":") for one in text.split("|"))
    return {name.strip(): value for name, separator, value in pairs if separator}


def _color(described: _Description) -> tuple[float, float, float]:
    text = described.get("Color") or described.get("DefaultColor")
    if not text:
        return _GREY
    try:
        red, green, blue = (float(word) for word in text.split())
    except ValueError:
        red = green = blue = -1.0
    if not all(0 <= part <= 1 for part in (red, green, blue)):
        raise UnreadableError(f"{described} has the Color '{text[:40]}', which is not three numbers from 0 to 1")
    return red, green, blue


def _algorithm_type(described: _Description, text: str) -> AlgorithmType:
    try:
        return algorithm_type_of(text)
    except UnreadableError as error:
        raise UnreadableError(f"{described} {error}") from error


def _refuse_what_does_not_fit(layers: Sequence[Layer], described: Sequence[tuple[_Description, Segment]]) -> None:
    """Raise `UnreadableError` if a segment has no voxels of its own, or voxels have no segment."""
    by_id: dict[str, _Description] = {}
    by_place: dict[tuple[int, int], _Description] = {}
    for one, segment in described:
        if segment.id in by_id:
            raise UnreadableError(f"{by_id[segment.id]} and {one} have the same ID '{segment.id[:60]}'")
        by_id[segment.id] = one
        if segment.layer_index >= len(layers):
            raise UnreadableError(f"{one} is on Layer {segment.layer_index}, and the file has {len(layers)} (from 0)")
        if segment.layer_value > np.iinfo(layers[segment.layer_index].labels_kji.dtype).max:
            raise UnreadableError(f"{one} has the LabelValue {segment.layer_value}, too large for voxels of 8 bits")
        place = (segment.layer_index, segment.layer_value)
        if place in by_place:
            raise UnreadableError(
                f"{by_place[place]} and {one} have the same LabelValue {place[1]} on Layer {place[0]}"
            )
        by_place[place] = one
    _refuse_labels_of_nobody(layers, set(by_place))


def _refuse_labels_of_nobody(layers: Sequence[Layer], places: set[tuple[int, int]]) -> None:
    for n, layer in enumerate(layers):
        nobodys = [value for value in values_in(layer.labels_kji) if (n, value) not in places]
        if nobodys:
            raise UnreadableError(
                f"its voxels have {_listed(nobodys)} on Layer {n}, which no segment describes; describe them in the "
                "header, or set those voxels to 0"
            )


def _listed(values: list[int], most: int = 5) -> str:
    shown = ", ".join(str(value) for value in values[:most])
    more = f" and {counted(len(values) - most, 'other')}" if len(values) > most else ""
    return f"the label{'s' if len(values) > 1 else ''} {shown}{more}"


def _with_used_layers(name: str, layers: Sequence[Layer], segments: Sequence[Segment]) -> Segmentation:
    """Return the segmentation without layers that are nobody's, those left in the order of the segments."""
    used = list(dict.fromkeys(segment.layer_index for segment in segments))
    moved = (replace(segment, layer_index=used.index(segment.layer_index)) for segment in segments)
    return Segmentation(name, tuple(layers[old] for old in used), tuple(moved))
