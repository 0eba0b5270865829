"""Are the files what was asked for?

Each file is read back and compared with what `expected_header`, `expected_segments` and `expected_frames` tell of the
caller's segmentation, series and options: every attribute, every frame, every pixel at the place that the file itself
states. Nothing of the writer's plan is known here. All files of an export are looked at together: every segment must be
in one of them, and in no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels.utils import iter_pixels

from SegRLEExportLib.errors import NotASegmentationFileError, VerificationError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.reading.damage import DAMAGE
from SegRLEExportLib.reading.pixels import FrameBlock
from SegRLEExportLib.reading.seg_file import SegFile
from SegRLEExportLib.report import Verification
from SegRLEExportLib.verification.expectation import differences
from SegRLEExportLib.verification.expected_frames import ExpectedFrames
from SegRLEExportLib.verification.expected_header import (
    FORMS,
    bits_of,
    dimension_uids,
    expected_header,
    expected_meta,
    expected_places,
    told_character_set,
)
from SegRLEExportLib.verification.expected_segments import expected_segment, tracking_uid
from SegRLEExportLib.verification.order import OneFile, Order
from SegRLEExportLib.verification.stated import PLACES, PLACES_CREATOR, Stated, stated_in
from SegRLEExportLib.verification.voxel_comparison import Shown, VoxelComparison, comparison_of

CROSS_CHECKED_AT_LEAST = 16
CROSS_CHECKED_ONE_IN = 16
"""Of RLE pydicom decodes so many frames, too: all of a small file, every sixteenth of a large one."""

_PREAMBLE = bytes(128) + b"DICM"


class Check:
    """The check of all files of one export."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._form = FORMS[order.plan.id]
        self._is_label_map = self._form.segmentation_type == "LABELMAP"
        self._frames = ExpectedFrames.of(order, is_label_map=self._is_label_map)
        segmentation, series_uid = order.segmentation, order.source.series_instance_uid
        self._position_of_tracking = {
            tracking_uid(segment, segmentation, series_uid): position
            for position, segment in enumerate(segmentation.segments)
        }
        self._found: list[_Members] = []

    def verify(self, path: Path, file: OneFile, progress: Progress) -> Verification:
        """Compare one file, and after the last all together; return what was compared.

        Raises `VerificationError`, naming the differences.
        """
        check = _FileCheck(self._order, self._frames, file, path, progress, self._position_of_tracking)
        try:
            check.look(SegFile(path))
        except NotASegmentationFileError as error:
            check.differences.append(error.reason)
        except DAMAGE as error:
            check.differences.append(f"the file cannot be read ({type(error).__name__}: {error})")
        if not check.differences:
            self._found.append(check.members)
            if file.number == file.count:
                check.differences.extend(self._of_all_files())
        if check.differences:
            raise VerificationError(path, check.differences)
        return Verification(_reader_of(self._order, check.frame_count), check.frame_count, file.voxels)

    def _of_all_files(self) -> list[str]:
        """Every segment is in one file; where each has its own, one without voxels may have none."""
        order, count = self._order, len(self._found)
        wrong = []
        places = [position for members in self._found for position in members.positions]
        for position, segment in enumerate(order.segmentation.segments):
            times = places.count(position)
            may_lack = self._form.has_file_each and not order.options.keep_empty_frames
            if times > 1 or (not times and not (may_lack and self._is_empty(position))):
                wrong.append(f"the segment {segment.name!r} is in {times} of the {count} files")
        firsts = [min(members.shown) for members in self._found if members.shown]
        if firsts != sorted(firsts):
            wrong.append("the files are not in the order of their first segments")
        layers = {segment.layer_index for segment in order.segmentation.segments}
        is_one = not self._form.has_file_each and (not self._is_label_map or len(layers) == 1)
        if is_one and count > 1:
            wrong.append(f"there are {count} files where one holds all segments")
        if any(self._is_misplaced_empty(number, members) for number, members in enumerate(self._found, start=1)):
            wrong.append("a segment without voxels is not in the first file")
        return wrong

    def _is_misplaced_empty(self, number: int, members: _Members) -> bool:
        return self._is_label_map and number > 1 and len(members.shown) < len(members.positions)

    def _is_empty(self, position: int) -> bool:
        """Tell whether a segment has no voxel on any plane."""
        planes = self._frames.stack
        shown = Shown(
            self._order.segmentation,
            {1: position},
            is_label_map=False,
            bits=1,
            full_value=1,
            images=planes,
            other_planes=np.arange(len(planes)),
        )
        return comparison_of(shown, planes, frames=[]).is_complete()


@dataclass(frozen=True)
class _Members:
    """The segments of a file, as positions in the segmentation."""

    positions: tuple[int, ...]
    """In the order of their numbers."""
    shown: frozenset[int]
    """Those that have pixels."""


def cross_checked_frames(frame_count: int) -> list[int]:
    """Return the indices of the frames that pydicom decodes, too: spread evenly, with the first and the last."""
    count = min(frame_count, max(CROSS_CHECKED_AT_LEAST, -(-frame_count // CROSS_CHECKED_ONE_IN)))
    return [round(n * (frame_count - 1) / max(1, count - 1)) for n in range(count)]


def _reader_of(order: Order, frames: int) -> str:
    plan = order.plan
    if not plan.is_encapsulated:
        return "zlib and numpy" if plan.is_deflated else "numpy"
    if FORMS[plan.id].bits == 1:
        return "SegRLEExport's second decoder alone, as this pydicom reads no 1-bit RLE"
    sample = len(cross_checked_frames(frames))
    share = "all frames" if sample == frames else f"{sample} of {frames} frames"
    return f"SegRLEExport's second decoder, {share} also by pydicom {pydicom.__version__}"


@dataclass
class _FileCheck:
    order: Order
    expected: ExpectedFrames
    file: OneFile
    path: Path
    progress: Progress
    position_of_tracking: dict[str, int]
    differences: list[str] = field(default_factory=list)
    members: _Members = field(default_factory=lambda: _Members((), frozenset()))
    frame_count: int = 0
    _planes: list[int] = field(default_factory=list)

    def look(self, read: SegFile) -> None:
        """Compare attributes, then frames, then pixels; each only where what it relies on is right."""
        header = stated_in(read.header.attribute_bytes)
        self._meta(read.header.file_head)
        self._header(header)
        self._segments(header)
        self._frames(header, read)
        if not self.differences:
            self._pixels(header, read)

    def _meta(self, file_head: bytes) -> None:
        if not file_head.startswith(_PREAMBLE):
            self.differences.append("the file does not begin with 128 zeros and 'DICM'")
        meta = stated_in(file_head[len(_PREAMBLE) :])
        self._tell(differences(meta, expected_meta(self.order, self.file)))
        if meta.one("FileMetaInformationGroupLength") != len(file_head) - len(_PREAMBLE) - 12:
            self.differences.append("File Meta Information Group Length is not the length of what follows")

    def _header(self, header: Stated) -> None:
        items = header.items("SegmentSequence")
        numbers = [int(str(item.one("SegmentNumber") or 0)) for item in items]
        segments = max(numbers, default=0) if self.order.options.keep_values else len(items)
        wanted = dict(expected_header(self.order, self.file, self.expected, segments))
        if header.one("SpecificCharacterSet") is not None:
            wanted["SpecificCharacterSet"] = header.get("SpecificCharacterSet")
        self._tell(differences(header, wanted))
        if fault := told_character_set(header):
            self.differences.append(fault)
        if len(dimension_uids(header)) != 1:
            self.differences.append("the dimensions are not of one organization")

    def _segments(self, header: Stated) -> None:
        """Find for each item the caller's segment by its Tracking UID, and compare all that is said of it."""
        order = self.order
        positions = []
        for place, item in enumerate(header.items("SegmentSequence"), start=1):
            number = place
            position = self.position_of_tracking.get(str(item.one("TrackingUID")))
            if position is None:
                self.differences.append(
                    f"segment {number}, {item.one('SegmentLabel')!r}, has the Tracking UID of no segment"
                )
                continue
            segment = order.segmentation.segments[position]
            if order.options.keep_values:
                number = segment.layer_value
            wanted = expected_segment(segment, number, order.segmentation, order.source.series_instance_uid)
            self._tell(differences(item, wanted, f"segment {number}, "))
            positions.append(position)
        if len(set(positions)) < len(positions):
            self.differences.append("a segment is described twice")
        places = Stated({keyword: header.values[keyword] for keyword in (PLACES_CREATOR, PLACES) if keyword in header})
        self._tell(differences(places, expected_places(positions)))
        if FORMS[order.plan.id].has_file_each and len(positions) != 1:
            self.differences.append(f"{len(positions)} segments are described where each has a file of its own")
        self.members = _Members(tuple(positions), frozenset())

    def _frames(self, header: Stated, read: SegFile) -> None:
        """Compare what each frame says: its place and source, its segment, and its order among all."""
        plane_of = self._planes_of_places(read)
        records = read.frames
        found = [(number, plane_of[place]) for number, place in zip(records.segment_numbers, records.place_of_frame)]
        self.frame_count = len(found)
        if header.get("NumberOfFrames") != (str(len(found)),):
            stated = header.one("NumberOfFrames")
            self.differences.append(f"Number of Frames is {stated}, and there are {len(found)} items of frame groups")
        numbers = range(1) if self.expected.is_label_map else range(1, len(self.members.positions) + 1)
        for frame, (number, plane) in enumerate(found, start=1):
            if plane is None:
                self.differences.append(f"the place of frame {frame} is that of no plane")
            elif number not in numbers:
                self.differences.append(f"frame {frame} is of segment {number}, which is not described")
        if self.differences:
            return
        frames = [(number, plane) for number, plane in found if plane is not None]
        if any(one >= other for one, other in pairwise(frames)):
            self.differences.append("the frames are not in the order of segments and planes, each once")
        if records.dimension_indices != self.expected.dimension_indices(frames):
            self.differences.append("the dimension indices of the frames are not those of their segments and planes")
        whole = len(self.expected.stack) * len(numbers)
        if self.order.options.keep_empty_frames and len(frames) != whole:
            self.differences.append(f"there are {len(frames)} frames where every plane of every segment has one")
        self._planes = [plane for _, plane in frames]

    def _planes_of_places(self, read: SegFile) -> list[int | None]:
        """Return the plane of each place, having compared all that its frames say but their numbers."""
        records = read.frames
        if not records.places:
            self.differences.append("no frame says anything of itself")
            return []
        planes = self.expected.planes_of(records.places)
        for plane, content, frame in zip(planes, records.contents, records.first_frame_of_place):
            if plane is not None:
                wrong = self.expected.group_differences(plane, content)
                self._tell(f"frame {frame}, {sentence}" for sentence in wrong)
        return planes

    def _pixels(self, header: Stated, read: SegFile) -> None:
        """Compare every pixel at the place that the file states for its frame."""
        stack, planes = _stack_of(header, read) if self.expected.stack.has_place else read.planes
        form = FORMS[self.order.plan.id]
        position_of = self._position_of_number()
        others = np.setdiff1d(np.arange(len(self.expected.stack)), self._planes)
        shown = Shown(
            self.order.segmentation,
            position_of,
            is_label_map=self.expected.is_label_map,
            bits=bits_of(form, max(position_of, default=0)),
            full_value=form.full_value,
            images=self.expected.stack,
            other_planes=others,
        )
        comparison = comparison_of(shown, stack, [*zip(read.frames.segment_numbers, planes)])
        if not comparison.all_agree(self._counted(read.blocks(comparison.block_lengths(), is_strict=True))):
            self._tell_wrong_pixels(comparison)
        self.differences.extend(comparison.misplaced_spots())
        if self.order.plan.is_encapsulated and form.bits > 1:
            self._cross_check(comparison)
        if not self.differences:
            self._as_a_whole(header, comparison)

    def _counted(self, blocks: Iterator[FrameBlock]) -> Iterator[FrameBlock]:
        for block in blocks:
            self.progress.step(len(block))
            yield block

    def _position_of_number(self) -> dict[int, int]:
        """Return the caller's segment of each segment number: 1 to N, or the label values if they are to be kept."""
        if not self.order.options.keep_values:
            return dict(enumerate(self.members.positions, start=1))
        segments = self.order.segmentation.segments
        return {segments[position].layer_value: position for position in self.members.positions}

    def _as_a_whole(self, header: Stated, comparison: VoxelComparison) -> None:
        """Look at what is known when all pixels are right: who has any, in which order, and who shares some."""
        if comparison.blank_frames and not self.order.options.keep_empty_frames:
            self.differences.append(f"{comparison.blank_frames} frames show nothing")
        numbers = comparison.numbers_shown()
        positions = self.members.positions
        self.members = _Members(positions, frozenset(map(self._position_of_number().__getitem__, numbers)))
        wanted = sorted(positions, key=self._rank)
        if list(positions) != wanted:
            self.differences.append("the segments are not numbered in their order, those without voxels last")
        overlap = "YES" if not self.expected.is_label_map and comparison.do_segments_overlap() else "NO"
        if header.one("SegmentsOverlap") != overlap:
            self.differences.append(f"Segments Overlap is {header.one('SegmentsOverlap')!r}, and should be {overlap!r}")

    def _rank(self, position: int) -> tuple[int, int]:
        """Return what sorts segments: those without voxels last, or by the values that are kept."""
        if self.order.options.keep_values:
            return 0, self.order.segmentation.segments[position].layer_value
        return int(position not in self.members.shown), position

    def _tell_wrong_pixels(self, comparison: VoxelComparison) -> None:
        """Look at each frame again, as the first look only told that something is wrong."""
        read = SegFile(self.path)
        for frame, block in enumerate(read.blocks()):
            if wrong := comparison.wrong_pixels(frame, block):
                number, place = (
                    read.frames.segment_numbers[frame],
                    read.frames.places[read.frames.place_of_frame[frame]],
                )
                where = f"at {place.position_lps}" if place.position_lps else f"of frame {frame + 1}"
                self.differences.append(f"{wrong} pixels of segment {number} {where} differ")
        if not self.differences:
            self.differences.append("there are voxels for which the file has no frame")

    def _cross_check(self, comparison: VoxelComparison) -> None:
        """Have some frames decoded by pydicom, too."""
        frames = cross_checked_frames(self.frame_count)
        decoded = iter_pixels(self.path, raw=True, indices=frames, decoding_plugin="pydicom")
        for frame, pixels in zip(frames, decoded, strict=True):
            if wrong := comparison.wrong_pixels(frame, FrameBlock(0, pixels[None])):
                self.differences.append(f"{wrong} pixels of frame {frame + 1} differ as pydicom decodes it")

    def _tell(self, sentences: Iterator[str]) -> None:
        self.differences.extend(sentences)


def _stack_of(header: Stated, read: SegFile) -> tuple[PlaneStack, list[int]]:
    """Return the planes of the file in order, as its attributes place them, and for each frame its plane's index."""
    (groups,) = header.items("SharedFunctionalGroupsSequence")
    directions = np.array(groups.items("PlaneOrientationSequence")[0].get("ImageOrientationPatient"), dtype=float)
    row_mm, column_mm = map(float, groups.items("PixelMeasuresSequence")[0].get("PixelSpacing") or ())
    different = list(dict.fromkeys(place.position_lps for place in read.frames.places))
    heights = (np.array(different) @ np.cross(directions[:3], directions[3:])).tolist()
    ascending = [place for _, place in sorted(zip(heights, different), key=itemgetter(0))]
    plane_at = {place: plane for plane, place in enumerate(ascending)}
    stack = PlaneStack(
        rows=header.one("Rows"),
        columns=header.one("Columns"),
        row_direction_lps=directions[:3],
        column_direction_lps=directions[3:],
        pixel_spacing_mm=(row_mm, column_mm),
        positions_lps=np.array(ascending),
    )
    plane_of_place = [plane_at[place.position_lps] for place in read.frames.places]
    return stack, [plane_of_place[place] for place in read.frames.place_of_frame]
