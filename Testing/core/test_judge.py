"""The same segmentation, built by highdicom: attribute by attribute, each difference explained.

A difference without an explanation fails, and so does an explanation without a difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import pydicom
import pytest
from builders import a_ct_series, fixed_options
from highdicom_judge import JUDGED, a_segmentation_to_judge, build
from pydicom import DataElement, Dataset
from pydicom.multival import MultiValue
from SegRLEExportLib.export import export

Difference = tuple[str, str]
"""Path of an attribute, and how it differs."""

ONLY_OURS, ONLY_THEIRS, VALUE = "only ours has it", "only theirs has it", "another value"


def for_each(sequence: str, names: str, how: str, why: str) -> dict[Difference, str]:
    """Return the same explanation for several attributes of one sequence."""
    return {(f"{sequence}.{name}", how): why for name in names.split()}


CLOCK = "highdicom takes the clock of the machine, ours was given."
FRESH_UID = "Each makes its own."
NO_MODIFIER = "highdicom's SegmentDescription takes no type modifier (PS3.3, Table C.8.20-4 has it)."
OWN_NAME = "highdicom names itself beside the manufacturer; ours is the manufacturer, and writes nobody else's name."
IN_SHARED_GROUPS = (
    "Allowed in either place where all frames have the same; with each frame it is read by more software."
)
EXTRA_REFERENCE = "Optional here; Referenced Series and Derivation Image name the same images."

EXPLANATIONS: dict[Difference, str] = {
    ("ContentCreatorName", ONLY_OURS): "Type 2 in PS3.3, Table 10-12: present and empty; highdicom leaves it out.",
    ("ContentDate", VALUE): CLOCK,
    ("ContentTime", VALUE): CLOCK,
    ("InstanceCreationDate", VALUE): CLOCK,
    ("InstanceCreationTime", VALUE): CLOCK,
    ("SeriesDate", ONLY_OURS): "Optional; viewers sort series by it.",
    ("SeriesTime", ONLY_OURS): "Optional; viewers sort series by it.",
    **for_each(
        "ContributingEquipmentSequence",
        "ContributionDateTime ContributionDescription Manufacturer ManufacturerModelName SoftwareVersions "
        "PurposeOfReferenceCodeSequence.CodeMeaning PurposeOfReferenceCodeSequence.CodeValue "
        "PurposeOfReferenceCodeSequence.CodingSchemeDesignator",
        ONLY_THEIRS,
        OWN_NAME,
    ),
    ("DimensionOrganizationSequence.DimensionOrganizationUID", VALUE): FRESH_UID,
    ("DimensionIndexSequence.DimensionOrganizationUID", VALUE): FRESH_UID,
    ("DimensionIndexSequence.DimensionDescriptionLabel", VALUE): "Free text (PS3.3, C.7.6.17).",
    ("DimensionOrganizationType", ONLY_THEIRS): "Optional; '3D' would be untrue where planes are missing or uneven.",
    ("PerFrameFunctionalGroupsSequence.FrameContentSequence.DimensionIndexValues", VALUE): (
        "highdicom counts planes from head to foot; ours along the normal, as the images' own volume is counted."
    ),
    ("PerFrameFunctionalGroupsSequence.SegmentIdentificationSequence.ReferencedSegmentNumber", ONLY_OURS): (
        IN_SHARED_GROUPS
    ),
    ("SharedFunctionalGroupsSequence.SegmentIdentificationSequence.ReferencedSegmentNumber", ONLY_THEIRS): (
        IN_SHARED_GROUPS
    ),
    ("PresentationLUTShape", ONLY_THEIRS): "Optional; a segmentation is shown in its segments' colours.",
    **for_each(
        "SegmentSequence.SegmentedPropertyTypeCodeSequence.SegmentedPropertyTypeModifierCodeSequence",
        "CodeMeaning CodeValue CodingSchemeDesignator",
        ONLY_OURS,
        NO_MODIFIER,
    ),
    ("SourceImageSequence.ReferencedSOPClassUID", ONLY_THEIRS): EXTRA_REFERENCE,
    ("SourceImageSequence.ReferencedSOPInstanceUID", ONLY_THEIRS): EXTRA_REFERENCE,
}


def flattened(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, value) of each element; frame groups are named by segment and place, other items by position."""
    for element in dataset:
        here = f"{path}{element.keyword}"
        if element.keyword == "PixelData":
            continue
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                name = _frame_name(item, dataset) if element.keyword == "PerFrameFunctionalGroupsSequence" else number
                yield from flattened(item, f"{here}[{name}].")
            if not element.value:
                yield here, "no item"
        else:
            yield here, _value(element)


def _frame_name(frame: Dataset, dataset: Dataset) -> str:
    place = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
    for groups in (frame, dataset.SharedFunctionalGroupsSequence[0]):
        if "SegmentIdentificationSequence" in groups:
            return f"{groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber} at {place}"
    return f"all at {place}"


def _value(element: DataElement) -> str:
    if element.VR == "DS" and element.value is not None:
        parts = element.value if isinstance(element.value, MultiValue) else [element.value]
        return "\\".join(f"{float(part):.6g}" for part in parts)
    return "" if element.value is None else str(element.value)


def differences(ours: Dataset, theirs: Dataset) -> set[Difference]:
    """Return what differs, and how, positions in sequences left out."""
    one, other = dict(flattened(ours)), dict(flattened(theirs))
    return {
        (_without_positions(path), ONLY_OURS if path not in other else ONLY_THEIRS if path not in one else VALUE)
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path)
    }


def _without_positions(path: str) -> str:
    return "".join(part.partition("]")[2] if "]" in part else part for part in path.split("["))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """For each row, our dataset and highdicom's."""
    folder = tmp_path_factory.mktemp("judge")
    images = a_ct_series(folder / "ct")
    pairs = {}
    for encoding in JUDGED:
        segmentation = a_segmentation_to_judge(encoding)
        path = export(segmentation, folder / "ct", folder / encoding, encoding, options=fixed_options()).paths[0]
        ours = pydicom.dcmread(path)
        pairs[encoding] = ours, without_background(build(segmentation, images, encoding, ours))
    return pairs


def without_background(theirs: Dataset) -> Dataset:
    """Leave out item 0 of a label map, which ours has not (Docs/decisions.md), so that items stand side by side."""
    theirs.SegmentSequence = [item for item in theirs.SegmentSequence if item.SegmentNumber != 0]
    return theirs


@pytest.mark.parametrize("encoding", JUDGED)
def test_every_difference_is_explained(encoding, judged):
    assert differences(*judged[encoding]) - EXPLANATIONS.keys() == set()


def test_every_explanation_is_needed(judged):
    needed = set().union(*(differences(ours, theirs) for ours, theirs in judged.values()))

    assert EXPLANATIONS.keys() - needed == set()
    assert all(EXPLANATIONS.values())
