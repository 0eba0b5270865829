"""Is the file what we meant to write?

The file is read back with `read_back`; every pixel of every frame is compared with the segmentation at the place
that the file itself states. Nothing of the writer's pixel path is trusted: a frame that is missing, doubled,
misplaced or cut off is found; how pixels are compared is told in `pixel_comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from operator import ge
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.pixels.utils import iter_pixels

from SegRLEExportLib.dataset import build
from SegRLEExportLib.encoding.plan import SegmentationType
from SegRLEExportLib.errors import VerificationError
from SegRLEExportLib.model.geometry import PlaneStack
from SegRLEExportLib.progress import Progress
from SegRLEExportLib.reading.damage import DAMAGE
from SegRLEExportLib.reading.frame_records import Place, ReadBackError
from SegRLEExportLib.reading.read_back import FrameBlock, SegReadBack
from SegRLEExportLib.reading.rle import RLEStructureError
from SegRLEExportLib.report import Verification
from SegRLEExportLib.verification.pixels import PixelComparison, comparison_of
from SegRLEExportLib.writing.draft import Draft

CROSS_CHECKED_AT_LEAST = 16
CROSS_CHECKED_ONE_IN = 16
"""Of RLE pydicom decodes so many frames, too: all of a small file, every sixteenth of a large one."""

_TEXT_TOLERANCE_MM = 1e-6
"""What the 16 characters of a Decimal String may cut off a position of up to 10 km: a plane is written no farther off.

Positions are never rounded to be compared: a rounding of the text and one of the number differ at every half.
"""


def verify(path: Path, draft: Draft, progress: Progress) -> Verification:
    """Compare the file with what it was made from; return what was compared.

    Raises `VerificationError`, naming the differences.
    """
    check = _Check(path, draft, progress)
    try:
        with SegReadBack(path) as file:
            check.header(file)
            check.frames(file)
            if not check.differences:
                check.pixels(file)
    except (ReadBackError, RLEStructureError) as error:
        check.differences.append(str(error))
    except DAMAGE as error:
        check.differences.append(f"the file cannot be read ({type(error).__name__}: {error})")
    if check.differences:
        raise VerificationError(path, check.differences)
    voxels = int(draft.survey.index.segment_voxels[list(draft.instance.segment_positions)].sum())
    return Verification(_reader_of(draft), draft.instance.frame_count, voxels)


def cross_checked_frames(frame_count: int) -> list[int]:
    """Return the indices of the frames that pydicom decodes, too: spread evenly, with the first and the last."""
    count = min(frame_count, max(CROSS_CHECKED_AT_LEAST, -(-frame_count // CROSS_CHECKED_ONE_IN)))
    return [round(n * (frame_count - 1) / max(1, count - 1)) for n in range(count)]


def _reader_of(draft: Draft) -> str:
    plan, frames = draft.plan, draft.instance.frame_count
    if not plan.is_encapsulated:
        return "zlib and numpy" if plan.is_deflated else "numpy"
    if plan.segmentation_type is SegmentationType.BINARY:
        return "SegRLEExport's second decoder alone, as this pydicom reads no 1-bit RLE"
    sample = len(cross_checked_frames(frames))
    share = "all frames" if sample == frames else f"{sample} of {frames} frames"
    return f"SegRLEExport's second decoder, {share} also by pydicom {pydicom.__version__}"


@dataclass
class _Check:
    path: Path
    draft: Draft
    progress: Progress
    differences: list[str] = field(default_factory=list)

    def header(self, file: SegReadBack) -> None:
        """Compare what the file says of itself as a whole."""
        file_head = build.file_head(self.draft.plan, self.draft.sop_uid)
        attributes = build.encoded_top_level(build.top_level(self.draft.contents))
        if (file.file_head, file.attribute_bytes) == (file_head, attributes):
            return
        self._named_attributes(file, read_dataset(BytesIO(attributes), is_implicit_VR=False, is_little_endian=True))
        if not self.differences:
            self._same_bytes("the file's meta information", file.file_head, file_head)
            self._same_bytes("the attributes above the frames", file.attribute_bytes, attributes)

    def _named_attributes(self, file: SegReadBack, wanted: Dataset) -> None:
        """Compare what a person would look at first."""
        plan, instance = self.draft.plan, self.draft.instance
        self._same("transfer syntax", file.meta.TransferSyntaxUID, plan.transfer_syntax)
        self._same("SOP class", file.header.SOPClassUID, plan.sop_class)
        self._same("SOP instance in the file's meta", file.meta.MediaStorageSOPInstanceUID, file.header.SOPInstanceUID)
        self._same("Segmentation Type", file.header.SegmentationType, plan.segmentation_type.value)
        self._same("Number of Frames", int(file.header.NumberOfFrames), instance.frame_count)
        self._same("Bits Allocated", file.header.BitsAllocated, self.draft.bits_allocated)
        described = [_identity(item) for item in wanted.SegmentSequence]
        self._same("segments", [_identity(item) for item in file.header.SegmentSequence], described)

    def frames(self, file: SegReadBack) -> None:
        """Compare which segment, place and source image each frame claims."""
        instance, survey = self.draft.instance, self.draft.survey
        planes = [
            Place((x, y, z), source)
            for (x, y, z), source in zip(survey.stack.positions_lps.tolist(), survey.source_frames)
        ]
        wanted = [*zip(instance.frame_segment_numbers.tolist(), instance.frame_planes.tolist())]
        found = [*zip(file.frames.segment_numbers, file.frames.places)]
        self._same("number of frame groups", len(found), len(wanted))
        pairs = {(id(place), plane): (place, planes[plane]) for (_, place), (_, plane) in zip(found, wanted)}
        alike = {pair for pair, places in pairs.items() if _is_same_place(*places)}
        for frame, ((number, place), (wanted_number, plane)) in enumerate(zip(found, wanted), start=1):
            if number != wanted_number or (id(place), plane) not in alike:
                what = f"segment, place and source image of frame {frame}"
                self._differ(what, (number, *place), (wanted_number, *planes[plane]))
        indices = file.frames.dimension_indices
        if any(map(ge, indices, indices[1:])):
            self.differences.append("the dimension indices of the frames are not in order, each once")

    def pixels(self, file: SegReadBack) -> None:
        """Compare every pixel at the place that the file states for its frame."""
        stack, planes = _stack_of(file)
        comparison = comparison_of(self.draft, stack, [*zip(file.frames.segment_numbers, planes)])
        first, are_alike = 0, True
        for block in file.blocks(comparison.block_lengths()):
            are_alike = comparison.agrees(first, block) and are_alike
            self.progress.step(len(block))
            first += len(block)
        if not are_alike or not comparison.is_complete():
            self._tell_wrong_pixels(comparison)
        self.differences.extend(comparison.misplaced_spots())
        if file.is_rle and file.header.BitsAllocated > 1:
            self._cross_check(comparison)

    def _tell_wrong_pixels(self, comparison: PixelComparison) -> None:
        """Look at each frame again, as the first look only told that something is wrong."""
        with SegReadBack(self.path) as file:
            for frame, block in enumerate(file.blocks([1] * len(file.frames))):
                if wrong := comparison.wrong_pixels(frame, block):
                    number, place = file.frames.segment_numbers[frame], file.frames.places[frame]
                    self.differences.append(f"{wrong} pixels of segment {number} at {place.position_lps} differ")
        if not self.differences:
            self.differences.append("there are voxels for which the file has no frame")

    def _cross_check(self, comparison: PixelComparison) -> None:
        """Have some frames decoded by pydicom, too."""
        frames = cross_checked_frames(self.draft.instance.frame_count)
        decoded = iter_pixels(self.path, raw=True, indices=frames, decoding_plugin="pydicom")
        for frame, pixels in zip(frames, decoded, strict=True):
            if wrong := comparison.wrong_pixels(frame, FrameBlock(0, pixels[None])):
                self.differences.append(f"{wrong} pixels of frame {frame + 1} differ as pydicom decodes it")

    def _same(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self._differ(what, found, wanted)

    def _differ(self, what: str, found: object, wanted: object) -> None:
        self.differences.append(f"{what}: {found!r} was read, {wanted!r} was to be written")

    def _same_bytes(self, what: str, found: bytes, wanted: bytes) -> None:
        if found != wanted:
            same = next(
                (n for n, pair in enumerate(zip(found, wanted)) if pair[0] != pair[1]), min(len(found), len(wanted))
            )
            self.differences.append(
                f"{what}: {len(found)} bytes were read, {len(wanted)} written, different after {same}"
            )


def _identity(item: Dataset) -> tuple[object, ...]:
    codes = item.SegmentedPropertyCategoryCodeSequence[0], item.SegmentedPropertyTypeCodeSequence[0]
    return (
        item.SegmentNumber,
        item.SegmentLabel,
        item.get("TrackingUID"),
        *((code.get("CodeValue"), code.get("LongCodeValue"), code.CodingSchemeDesignator) for code in codes),
    )


def _is_same_place(one: Place, other: Place) -> bool:
    """Tell whether both name the same source, and positions that differ by no more than their text costs."""
    off_mm = np.abs(np.subtract(one.position_lps, other.position_lps)).max()
    return one.source == other.source and bool(off_mm <= _TEXT_TOLERANCE_MM)


def _stack_of(file: SegReadBack) -> tuple[PlaneStack, list[int]]:
    """Return the planes of the file in order, as its attributes place them, and for each frame its plane's index."""
    groups = file.header.SharedFunctionalGroupsSequence[0]
    orientation = np.array(groups.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float)
    spacing = groups.PixelMeasuresSequence[0].PixelSpacing
    different = list(dict.fromkeys(place.position_lps for _, place in file.frames.different_places))
    positions_lps = np.array(different)
    ascending = np.argsort(positions_lps @ np.cross(orientation[:3], orientation[3:]), kind="stable")
    plane_at = dict(zip((different[n] for n in ascending.tolist()), range(len(different))))
    stack = PlaneStack(
        rows=file.header.Rows,
        columns=file.header.Columns,
        row_direction_lps=orientation[:3],
        column_direction_lps=orientation[3:],
        pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
        positions_lps=positions_lps[ascending],
    )
    return stack, [plane_at[place.position_lps] for place in file.frames.places]
