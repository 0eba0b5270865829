"""What a caller may choose, with the defaults that suit most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from numbers import Integral
from typing import Any

from SegRLEExportLib.encoding.plan import DEFAULT_PLAN_ID
from SegRLEExportLib.errors import UnusableArgumentError
from SegRLEExportLib.model.given import told
from SegRLEExportLib.uids import new_uid

SERIES_NUMBER_STEP = 100
"""Added to the source's Series Number where the caller names none, as Slicer's own export does."""


class Grid(str, Enum):
    """On which planes the frames lie."""

    SOURCE = "source"
    """Those of the source images: what viewers expect."""
    SEGMENTATION = "segmentation"
    """The segmentation's own, in the frame of reference of the source."""


class Verify(str, Enum):
    """Who reads a file before it gets its name, and compares every voxel."""

    OWN = "own"
    """This package's own reader, which shares nothing with its writer."""
    OTHERS = "others"
    """That, and other people's programs: highdicom, and where it is at hand dcmqi as 3D Slicer calls it."""
    OFF = "off"


@dataclass(frozen=True)
class ExportOptions:
    """Everything about an export beside the segmentation, its source and where to write.

    compression: id of a row of `encoding.plan.PLANS`, such as 'rle'.
    series_description: Series Description (0008,103E); empty: the segmentation's name.
    series_number: Series Number (0020,0011); None: the source's number + 100.
    content_label: Content Label (0070,0080), up to 16 of A-Z, 0-9, space and underscore.
    content_description: Content Description (0070,0081), one line of up to 64 characters.
    content_creator_name: Content Creator's Name (0070,0084), as Family^Given.
    grid: the planes of the frames, 'source' (those of the images) or 'segmentation' (its own).
    keep_values: number segments by their label values instead of 1 to N; label maps only.
    clip: leave out voxels beyond the source images instead of refusing.
    keep_empty_frames: write a frame for every plane, also where nothing is segmented.
    verify: who reads the file back before it gets its name, 'own', 'others' too, or 'off'; True is 'own', False 'off'.
    overwrite: replace files that have the name; never a folder, nor a DICOM file that is no segmentation.
    strict: refuse instead of repairing invalid values of the source headers.
    new_uid, now: where UIDs and the time come from.

    Blanks around texts, of any script, are left out. Raises `UnusableArgumentError` for a value of another kind than a
    field has.
    """

    compression: str = DEFAULT_PLAN_ID
    series_description: str = ""
    series_number: int | None = None
    content_label: str = "SEGMENTATION"
    content_description: str = ""
    content_creator_name: str = ""
    grid: Grid | str = Grid.SOURCE
    keep_values: bool = False
    clip: bool = False
    keep_empty_frames: bool = False
    verify: Verify | str | bool = Verify.OWN
    overwrite: bool = False
    strict: bool = False
    new_uid: Callable[[], str] = field(default=new_uid, repr=False)
    now: Callable[[], datetime] = field(default=datetime.now, repr=False)

    def __post_init__(self) -> None:
        words = {True: Verify.OWN, False: Verify.OFF}
        verify = words[self.verify] if isinstance(self.verify, bool) else self.verify
        object.__setattr__(self, "verify", _member("verify", verify, Verify))
        object.__setattr__(self, "grid", _member("grid", self.grid, Grid))
        for kind in _KINDS:
            for name in kind.fields:
                value = getattr(self, name)
                if not kind.has(value):
                    raise UnusableArgumentError(name, told(value), kind.wanted)
        for name in _TEXTS:
            object.__setattr__(self, name, getattr(self, name).strip())


_TEXTS = ("series_description", "content_label", "content_description", "content_creator_name")


@dataclass(frozen=True)
class _Kind:
    """Fields of one kind: Python would fail late on another value, or write it."""

    fields: tuple[str, ...]
    has: Callable[[Any], bool]
    wanted: str


_KINDS = (
    _Kind(("compression",), lambda value: isinstance(value, str), "the id of an encoding, such as 'rle'"),
    _Kind(
        _TEXTS,
        lambda value: isinstance(value, str),
        "a text, such as 'LIVER'",
    ),
    _Kind(
        ("series_number",),
        lambda value: value is None or (isinstance(value, Integral) and not isinstance(value, bool)),
        "a whole number, such as 300, or None",
    ),
    _Kind(
        ("keep_values", "clip", "keep_empty_frames", "overwrite", "strict"),
        lambda value: isinstance(value, bool),
        "True or False",
    ),
    _Kind(("new_uid", "now"), callable, "a function without arguments"),
)


def _member(name: str, value: Any, members: type[Enum]) -> Enum:
    """Return the member of an enumeration that a value names; raise `UnusableArgumentError`."""
    try:
        return members(value)
    except ValueError as error:
        words = ", ".join(repr(member.value) for member in members)
        raise UnusableArgumentError(name, told(value), f"one of {words}") from error
