"""Does another program show each voxel and each name where the segmentation has them?

Voxels are compared in space: each plane of the program's volume with the plane of the segmentation nearest to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from SegRLEExportLib.model.geometry import Matrix, PlaneStack, nearest_of
from SegRLEExportLib.model.segmentation import Labels, Segmentation
from SegRLEExportLib.other_readers.shown import ShownSegment, ShownVolume
from SegRLEExportLib.planes.sampling import SampledLayer

IN_PLACE_PIXELS = 0.25
"""How far from its place, along rows or columns, a pixel may be shown; across the planes, half a gap."""


@dataclass(frozen=True)
class WantedSegment:
    """One segment as the file must show it."""

    number: int
    """Segment Number (0062,0004) in the file."""
    name: str
    """Segment Label (0062,0005) in the file."""
    position: int
    """Where it stands in the segmentation."""
    voxels: int
    """On the planes of the file."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """All that a file must show."""

    segmentation: Segmentation
    segments: Sequence[WantedSegment]
    stack: PlaneStack
    layers: Sequence[SampledLayer]
    """The layers of the segmentation on the planes of the stack."""


def differences(volumes: Sequence[ShownVolume], wanted: Wanted) -> list[str]:
    """Return in sentences what the program shows otherwise; none if it shows just what is wanted."""
    pairing = _Pairing(wanted)
    pairs = [pairing.of(volume) for volume in volumes]
    if pairing.sentences:
        return pairing.sentences
    found = [f"'{segment.name}' is not shown" for segment in pairing.unpaired if segment.voxels]
    for volume, positions in zip(volumes, pairs):
        found.extend(_VolumeComparison(volume, positions, wanted).sentences())
    return found


@dataclass
class _Pairing:
    """Which shown segment is which of those that are wanted: by number where the program keeps it, else by name."""

    wanted: Wanted
    sentences: list[str] = field(default_factory=list)
    unpaired: list[WantedSegment] = field(init=False)

    def __post_init__(self) -> None:
        self.unpaired = list(self.wanted.segments)

    def of(self, volume: ShownVolume) -> dict[int, int]:
        """Return for each label of the volume the position of its segment in the segmentation."""
        positions = {}
        for segment in volume.segments:
            partner = self._by_name(segment, volume) if segment.number is None else self._by_number(segment)
            if partner is not None:
                self.unpaired.remove(partner)
                positions[segment.value] = partner.position
        return positions

    def _by_number(self, shown: ShownSegment) -> WantedSegment | None:
        partner = next((one for one in self.unpaired if one.number == shown.number), None)
        if partner is None:
            self.sentences.append(f"it shows a segment {shown.number} '{shown.name}' that is not in the segmentation")
        elif partner.name != shown.name:
            self.sentences.append(f"it shows segment {shown.number}, '{partner.name}', as '{shown.name}'")
        return partner

    def _by_name(self, shown: ShownSegment, volume: ShownVolume) -> WantedSegment | None:
        """Of several segments of one name, prefer the one that has as many voxels."""
        candidates = [one for one in self.unpaired if one.name == shown.name]
        if len(candidates) > 1:
            voxels = int(np.count_nonzero(volume.labels_kji == shown.value))
            candidates.sort(key=lambda one: one.voxels != voxels)
        if not candidates:
            self.sentences.append(f"it shows a segment '{shown.name}' that is not in the segmentation")
        return candidates[0] if candidates else None


class _VolumeComparison:
    """One volume against the planes of the segmentation."""

    def __init__(self, volume: ShownVolume, positions: Mapping[int, int], wanted: Wanted) -> None:
        self._volume = volume
        self._wanted = wanted
        self._heights: Matrix = wanted.stack.positions_lps @ wanted.stack.normal_lps
        self._ascending = np.argsort(self._heights)
        label_of = {position: label for label, position in positions.items()}
        self._tables = wanted.segmentation.number_tables(label_of, volume.labels_kji.dtype)

    def sentences(self) -> list[str]:
        """Compare plane by plane; the first plane in a wrong place ends it."""
        wrong = 0
        unseen = set(range(len(self._wanted.stack)))
        for k, labels in enumerate(self._volume.labels_kji):
            if not labels.any():
                continue
            corners = self._corners_of(k)
            plane = self._nearest_plane(corners)
            if (elsewhere := self._elsewhere(corners, plane, labels.shape)) or plane not in unseen:
                return [elsewhere or f"two of its planes lie on plane {plane + 1} of the segmentation"]
            unseen.remove(plane)
            wrong += int(np.count_nonzero(_turned(labels, corners) != self._wanted_labels(plane)))
        missing = sum(int(np.count_nonzero(self._wanted_labels(plane))) for plane in sorted(unseen))
        found = []
        if wrong:
            found.append(f"{wrong} voxels are shown as another segment, or as none")
        if missing:
            found.append(f"{missing} voxels are not shown, as their planes are not")
        return found

    def _corners_of(self, k: int) -> Matrix:
        """Return (3, 3): row, column and height, on the planes of the stack, of a plane's first pixel and the ends of
        its first column and first row.
        """
        stack, to_lps = self._wanted.stack, self._volume.kji_to_lps
        _, rows, columns = self._volume.labels_kji.shape
        corners_kji = np.array([[k, 0, 0], [k, rows - 1, 0], [k, 0, columns - 1]])
        lps = corners_kji @ to_lps[:3, :3].T + to_lps[:3, 3]
        axes = np.stack([stack.column_direction_lps, stack.row_direction_lps, stack.normal_lps])
        return lps @ axes.T

    def _nearest_plane(self, corners: Matrix) -> int:
        heights = self._heights[self._ascending]
        return int(self._ascending[nearest_of(heights, corners[:1, 2])[0]])

    def _elsewhere(self, corners: Matrix, plane: int, shape: tuple[int, ...]) -> str:
        """Return in what way the pixels of a plane are not those of the stack's; empty if they are."""
        stack = self._wanted.stack
        if shape != (stack.rows, stack.columns):
            return f"its planes have {shape[0]} x {shape[1]} pixels, not {stack.rows} x {stack.columns}"
        origin = stack.positions_lps[plane] @ np.stack([stack.column_direction_lps, stack.row_direction_lps]).T
        pixels = (corners[:, :2] - origin) / stack.pixel_spacing_mm
        ends = np.array([[0, 0], [stack.rows - 1, 0], [0, stack.columns - 1]])
        turned = np.where(_is_turned(corners), ends.max(axis=0) - ends, ends)
        off_pixels = float(np.abs(pixels - turned).max())
        off_mm = float(np.abs(corners[:, 2] - self._heights[plane]).max())
        if off_pixels > IN_PLACE_PIXELS:
            return f"it shows plane {plane + 1} of the segmentation {off_pixels:.2f} pixels from its place"
        if off_mm > self._half_gap(plane):
            return f"it shows plane {plane + 1} of the segmentation {off_mm:.3g} mm from its place"
        return ""

    def _half_gap(self, plane: int) -> float:
        others = np.delete(self._heights, plane)
        return float(np.abs(others - self._heights[plane]).min(initial=np.inf)) / 2

    def _wanted_labels(self, plane: int) -> Labels:
        """Return (rows, columns): the labels of the volume that the plane should show."""
        stack = self._wanted.stack
        labels = np.zeros((stack.rows, stack.columns), dtype=self._volume.labels_kji.dtype)
        for layer_index, table in self._tables.items():
            region = self._wanted.layers[layer_index].region(plane)
            if region is not None:
                rows, columns = region.labels.shape
                part = labels[region.first_row :, region.first_column :][:rows, :columns]
                values = table[region.labels]
                np.copyto(part, values, where=values != 0)
        return labels


def _is_turned(corners: Matrix) -> NDArray[np.bool_]:
    """Tell for rows and for columns whether the volume counts them from the other end."""
    (row, column, _), (last_row, _, _), (_, last_column, _) = corners
    return np.array([last_row < row, last_column < column])


def _turned(labels: Labels, corners: Matrix) -> Labels:
    is_row_turned, is_column_turned = _is_turned(corners).tolist()
    return labels[:: -1 if is_row_turned else 1, :: -1 if is_column_turned else 1]
