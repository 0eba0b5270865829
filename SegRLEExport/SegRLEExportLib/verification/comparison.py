"""Whether SEG files, ours or not, hold just what a segmentation holds, and say of it what they should.

Voxels are compared in world space, or on the images where these have no place in the patient. What is said of segments
is compared with what the segmentation says; patient, study, references and places with the series, if there is one.
Files of this program must be to the letter what `expected_header`, `expected_segments` and `expected_frames` tell, but
for what only the caller of their export knew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from SegRLEExportLib.errors import NotASegmentationFileError, PreflightError
from SegRLEExportLib.model.finding import Finding, Severity, errors_in, one_for_each_cause
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.remedy import Remedy
from SegRLEExportLib.model.segmentation import Segmentation
from SegRLEExportLib.model.source_series import SourceSeries
from SegRLEExportLib.planes.pairing import as_drawn
from SegRLEExportLib.planes.sampling import SampledLayer
from SegRLEExportLib.reading.damage import readable
from SegRLEExportLib.reading.parts import missing_parts
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.verification.expected_texts import LONG_STRING, cut, in_one_line
from SegRLEExportLib.verification.overlap_counts import Counting, Counts, Key, pairs_of
from SegRLEExportLib.verification.placing import images_under, places_of
from SegRLEExportLib.verification.said import AttributeCheck, Difference
from SegRLEExportLib.verification.totals import totals_of
from SegRLEExportLib.verification.voxel_comparison import Shown, comparison_of

_WITHOUT_IMAGES = (
    "without the images it is not known whether voxels lie beyond them, or slices were drawn on an evenly spaced copy "
    "of them: give the series"
)

_IN_SPACE = "compared in world space"
_ON_IMAGES = "compared pixel on pixel with the images, which have no place in the patient"
_SAID_OF_SEGMENTS = frozenset(("segments", "names", "codes"))
"""The kinds of what an export may have been told of segments beside their file."""


@dataclass(frozen=True)
class SegmentComparison:
    """One segment of the segmentation against the files."""

    name: str
    equal: int
    """Voxels in both."""
    only_in_file: int
    only_in_segmentation: int

    @property
    def is_equal(self) -> bool:
        """Whether there is no difference."""
        return not self.only_in_file and not self.only_in_segmentation


@dataclass(frozen=True)
class Comparison:
    """The outcome."""

    segments: tuple[SegmentComparison, ...]
    differences: tuple[Difference, ...]
    """Those beside the voxels that are counted."""
    remarks: tuple[str, ...]
    """What is good to know and no difference."""
    not_compared: tuple[str, ...]
    partners: tuple[dict[int, int], ...]
    """For each file, the position in the segmentation of each of its segments that has one, by segment number."""
    has_place: bool = True
    """Whether frames lie in the patient; else they lie on the pixels of their images."""
    are_voxels: bool = True
    """Whether pixels lie on voxels; else each was compared with the nearest one."""

    @property
    def is_equal(self) -> bool:
        """Whether files and segmentation agree in everything that was compared."""
        return not self.differences and self.are_voxels_equal

    @property
    def are_voxels_equal(self) -> bool:
        """Whether each segment has the same voxels in both, and nothing else has any."""
        is_other = any(difference.kind == "voxels" for difference in self.differences)
        return not is_other and all(segment.is_equal for segment in self.segments)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What differs."""
        voxels = () if self.are_voxels_equal else ("voxels",)
        return tuple(dict.fromkeys((*voxels, *(difference.kind for difference in self.differences))))

    def __str__(self) -> str:
        lines = [
            f"  {segment.name}: {segment.equal} voxels equal, {segment.only_in_file} only in the file, "
            f"{segment.only_in_segmentation} only in the segmentation"
            for segment in self.segments
        ]
        lines.extend(f"  {sentence}" for sentence in _one_for_each_cause(self.differences))
        lines.extend(f"  note: {remark}" for remark in self.remarks)
        if self.not_compared:
            lines.append(f"  not compared: {'; '.join(self.not_compared)}")
        return printable_lines([self._verdict(), *lines])

    def _verdict(self) -> str:
        if self.is_equal:
            return f"equal: {self._how()}"
        voxels = "; every voxel is equal" if self.are_voxels_equal else ""
        return f"DIFFERENT in {', '.join(self.kinds)}{voxels}: {_IN_SPACE if self.has_place else _ON_IMAGES}"

    def _how(self) -> str:
        if not self.has_place:
            return _ON_IMAGES
        exactly = "positions to a thousandth of a pixel" if self.are_voxels else "each pixel with the nearest voxel"
        return f"{_IN_SPACE}, {exactly}"

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        return {
            "equal": self.is_equal,
            "different_in": list(self.kinds),
            "segments": [asdict(segment) for segment in self.segments],
            "differences": [asdict(difference) for difference in self.differences],
            "remarks": list(self.remarks),
            "not_compared": list(self.not_compared),
        }


def compare(paths: Sequence[Path], segmentation: Segmentation, source: SourceSeries | None = None) -> Comparison:
    """Compare files with a segmentation, and with `source` all that they say of patient, study, images and places.

    Raises `NotASegmentationFileError`, and `PreflightError` for a segmentation without the place that the files have.
    """
    segs = [SegFile(path) for path in paths]
    if segmentation.place_errors and any(seg.has_place for seg in segs):
        raise PreflightError(segmentation.place_errors)
    return _Comparing(segs, segmentation, source).outcome()


class _Comparing:
    def __init__(self, segs: list[SegFile], segmentation: Segmentation, source: SourceSeries | None) -> None:
        self._segs = segs
        self._segmentation = segmentation
        self._source = source
        self._differences: list[Difference] = []
        self._remarks: list[str] = []
        self._not_compared: list[str] = []
        self._are_voxels = True

    def outcome(self) -> Comparison:
        """Count all pixels, find who belongs to whom, and compare what is said of each."""
        totals = totals_of(self._segmentation, self._segs, self._source)
        counts, faults = self._counts_if_all_agree(totals) or self._counts()
        pairs = pairs_of(self._segs, self._segmentation, counts, totals)
        segments = self._segments(counts, totals, pairs)
        self._tell_lonely(counts, totals, pairs)
        self._tell_pixels(counts)
        for file, seg in enumerate(self._segs):
            self._tell_said(file, seg, faults[file], counts, pairs)
        self._tell_why(segments)
        self._remarks.extend(one.told for one in missing_parts(self._segs))
        if self._source is None:
            self._not_compared.append("patient, study, references and places of the images (no series was given)")
        return Comparison(
            segments,
            tuple(dict.fromkeys(self._differences)),
            tuple(dict.fromkeys(self._remarks)),
            tuple(dict.fromkeys(self._not_compared)),
            tuple(_of_file(file, pairs) for file in range(len(self._segs))),
            has_place=all(seg.has_place for seg in self._segs),
            are_voxels=self._are_voxels,
        )

    def _counts_if_all_agree(self, totals: list[int]) -> tuple[Counts, list[str]] | None:
        """Return the counts where names say which segments belong together, and these agree in every voxel.

        That is seen as an export's own check sees it; who shares what with whom is counted only where it is needed.
        """
        names = [cut(in_one_line(segment.name), LONG_STRING) for segment in self._segmentation.segments]
        labels = [record.label for seg in self._segs for record in seg.segments]
        if len(set(names)) < len(names) or len(set(labels)) < len(labels) or not set(labels) <= set(names):
            return None
        counts = Counts()
        for file, seg in enumerate(self._segs):
            position_of = {record.number: names.index(record.label) for record in seg.segments}
            if not self._agrees(seg, position_of, totals):
                return None
            for number, position in position_of.items():
                counts.in_file[file, number] = counts.shared[(file, number), position] = totals[position]
            counts.doubled_frames.append(0)
        return counts, [""] * len(self._segs)

    def _agrees(self, seg: SegFile, position_of: dict[int, int], totals: list[int]) -> bool:
        """Tell whether a file shows all voxels of its segments and no others, each in a frame of its own."""
        stack, planes = seg.planes
        frames = [*zip(seg.frames.segment_numbers, planes)]
        if len(set(frames)) < len(frames) or not {number for number, _ in frames} <= position_of.keys() | {0}:
            return False
        full_value = seg.maximum_fraction if seg.is_fractional else 1
        bits = seg.pixel_data.bits_allocated
        shown = Shown(
            self._segmentation, position_of, seg.is_label_map, bits, full_value, images_under(stack, self._source)
        )
        comparison = comparison_of(shown, stack, frames)
        voxels = sum(totals[position] for position in position_of.values())
        try:
            is_shown = comparison.all_agree(seg.blocks(comparison.block_lengths(), is_strict=True))
        except NotASegmentationFileError:
            return False
        return is_shown and comparison.has_all_voxels(voxels) and not comparison.misplaced_spots()

    def _counts(self) -> tuple[Counts, list[str]]:
        """Return who shares what with whom, and what DICOM does not allow in the pixels of each file."""
        counting = Counting(self._segmentation)
        faults = [counting.add(seg, images_under(seg.planes[0], self._source)) for seg in self._segs]
        return counting.counts, faults

    def _segments(self, counts: Counts, totals: list[int], pairs: dict[Key, int]) -> tuple[SegmentComparison, ...]:
        key_of = {position: key for key, position in pairs.items()}
        found = []
        for position, segment in enumerate(self._segmentation.segments):
            key = key_of.get(position)
            equal = 0 if key is None else counts.shared[key, position]
            in_file = 0 if key is None else counts.in_file[key]
            found.append(SegmentComparison(segment.name, equal, in_file - equal, totals[position] - equal))
        return tuple(found)

    def _tell_lonely(self, counts: Counts, totals: list[int], pairs: dict[Key, int]) -> None:
        """Tell segments that are in the files or in the segmentation alone."""
        for file, seg in enumerate(self._segs):
            for record in seg.segments:
                if (file, record.number) not in pairs:
                    what = f"the segment '{record.label}' of {seg.path.name} is not in the segmentation"
                    self._differ("voxels" if counts.in_file[file, record.number] else "segments", what)
        for position, segment in enumerate(self._segmentation.segments):
            if position in pairs.values():
                continue
            if totals[position] or not all(seg.is_fractional for seg in self._segs):
                self._differ("segments", f"the segment '{segment.name}' is in none of the files")
            else:
                self._remarks.append(f"the segment '{segment.name}' has no voxels, and no file")

    def _tell_why(self, segments: Sequence[SegmentComparison]) -> None:
        """Say why a file may lack voxels, or have them elsewhere, though its export was right."""
        lacking = [n for n, one in enumerate(segments) if one.only_in_segmentation or not self._are_voxels]
        if self._source is not None:
            self._remarks.extend(self._left_out(self._source.stack, lacking))
            errors = errors_in(self._source.findings)
            self._remarks.extend(f"no export of this series is possible: {one.what}" for one in errors)
            self._remarks.extend(one.told for one in self._source.findings if one.severity is Severity.WARNING)
        elif lacking or any(difference.kind == "places" for difference in self._differences):
            self._remarks.append(_WITHOUT_IMAGES)
        if any(difference.kind in _SAID_OF_SEGMENTS for difference in self._differences):
            self._remarks.append(Remedy.TELL_AGAIN.value)

    def _left_out(self, images: PlaneStack, positions: list[int]) -> Iterator[str]:
        """Tell which voxels of segments no image can show: an export leaves them out where that was asked for."""
        for segment in (self._segmentation.segments[position] for position in positions):
            layer = self._segmentation.layers[segment.layer_index]
            sampled = SampledLayer(layer, as_drawn(layer.geometry, images, images))
            values = [segment.layer_value]
            count = int(sampled.voxels_outside(values)[0] + sampled.voxels_of_missing_planes(values)[0])
            if count:
                what = f"{count} voxels of '{segment.name}' lie beyond the images or where one is missing"
                yield f"{what}: an export leaves them out where that was asked for (clip)"

    def _tell_pixels(self, counts: Counts) -> None:
        """Tell pixels that are nobody's, shares of a segment, and frames that repeat others."""
        for file, seg in enumerate(self._segs):
            described = {record.number for record in seg.segments} | {seg.padding_value or 0, 0}
            for (of_file, number), count in sorted(counts.in_file.items()):
                if of_file == file and number not in described:
                    what = f"{count} pixels of {seg.path.name} are of segment {number}, which is not described"
                    self._differ("voxels", what)
            fractions = sum(count for key, count in counts.fractions.items() if key[0] == file)
            if fractions:
                what = f"{fractions} pixels of {seg.path.name} hold parts of a segment, and the segmentation has none"
                self._differ("voxels", what)
            undescribed = sorted(set(seg.frames.segment_numbers) - described)
            if undescribed:
                self._differ("segments", f"frames of {seg.path.name} are of segment {undescribed[0]}, not described")
            if doubled := counts.doubled_frames[file]:
                what = f"frames of {seg.path.name} that repeat the segment and plane of another: {doubled}"
                self._differ("frames", what)

    def _tell_said(self, file: int, seg: SegFile, fault: str, counts: Counts, pairs: dict[Key, int]) -> None:
        """Tell what a file says of segments, patient, study, images and places, and should not."""
        places = places_of(seg, self._segmentation, self._source)
        self._differences.extend(Difference("places", text) for text in places.differences)
        self._remarks.extend(places.remarks)
        self._are_voxels = self._are_voxels and places.are_voxels
        own = _of_file(file, pairs)
        empty = {position for number, position in own.items() if not counts.in_file[file, number]}
        with readable(seg.path, "its attributes"):
            check = AttributeCheck(seg, self._segmentation, self._source, own, empty, fault)
            self._differences.extend(check.differences())
        self._remarks.extend(check.remarks)
        self._not_compared.extend(check.not_compared)

    def _differ(self, kind: str, what: str) -> None:
        self._differences.append(Difference(kind, what))


def _one_for_each_cause(differences: Sequence[Difference]) -> Iterator[str]:
    """Yield a sentence for each cause, with how many more frames or segments of a file it is true of."""
    told = (
        Finding(": ".join(filter(None, (one.kind, one.file))), Severity.ERROR, f"{one.what}.", one.where)
        for one in differences
    )
    for one in one_for_each_cause(told):
        yield ": ".join(filter(None, (one.id, one.where, one.what.removesuffix("."))))


def _of_file(file: int, pairs: dict[Key, int]) -> dict[int, int]:
    return {number: position for (of_file, number), position in pairs.items() if of_file == file}
