"""Attributes above the frames: series, equipment, image, dimensions, references, character set."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from builders import A_GRID, a_segmentation, a_source, drafts, two_overlapping_boxes
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.filereader import read_dataset
from SegRLEExportLib.dataset import build, header
from SegRLEExportLib.dataset.explicit_vr import element, item, sequence, text_element
from SegRLEExportLib.encoding.plan import PLANS
from SegRLEExportLib.export import export
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.options import ExportOptions

every_encoding = pytest.mark.parametrize("encoding", PLANS)


def top_level(encoding="none", source=None, segmentation=None, **choices):
    return build.top_level(drafts(segmentation or a_segmentation(), encoding, source, **choices)[0].contents)


@pytest.mark.parametrize(
    ("chosen", "of_source", "written"),
    [
        pytest.param(7, 3, 7, id="the caller's"),
        pytest.param(0, 3, 0, id="the caller's 0"),
        pytest.param(None, 3, 103, id="100 behind the source's"),
        pytest.param(None, None, 100, id="the source has none"),
        pytest.param(None, -5, 100, id="the source's is negative"),
        pytest.param(None, 2**31 - 1, 2**31 - 1, id="the source's is the largest"),
    ],
)
def test_the_series_number_is_the_callers_or_behind_the_sources(chosen, of_source, written):
    source = Dataset()
    if of_source is not None:
        source.SeriesNumber = of_source

    assert header.series_number(ExportOptions(series_number=chosen), source) == written


def test_what_the_caller_says_is_written():
    dataset = top_level(
        series_description="Tumours",
        content_label="LESIONS",
        content_description="before therapy",
        content_creator_name="Doe^Jane",
    )

    assert dataset.SeriesDescription == "Tumours"
    assert (dataset.ContentLabel, dataset.ContentDescription) == ("LESIONS", "before therapy")
    assert dataset.ContentCreatorName == "Doe^Jane"


def test_the_series_is_described_by_the_segmentations_name_where_the_caller_says_nothing():
    assert (
        top_level(segmentation=replace(a_segmentation(), name="Liver\nand more")).SeriesDescription == "Liver and more"
    )


@every_encoding
def test_every_attribute_has_the_value_representation_of_the_dictionary(encoding):
    def walk(dataset):
        for attribute in dataset:
            if attribute.keyword != "PixelPaddingValue":
                assert dictionary_VR(attribute.tag) == attribute.VR, attribute
            for item_of_sequence in attribute.value if attribute.VR == "SQ" else ():
                walk(item_of_sequence)

    walk(top_level(encoding))


@every_encoding
def test_dimensions_point_to_attributes_of_the_frame_groups(encoding):
    dataset = top_level(encoding)

    pointers = [(index.DimensionIndexPointer, index.FunctionalGroupPointer) for index in dataset.DimensionIndexSequence]
    position, segment = (0x00200032, 0x00209113), (0x0062000B, 0x0062000A)
    assert pointers == ([position] if PLANS[encoding].is_label_map else [segment, position])
    (organization,) = dataset.DimensionOrganizationSequence
    assert {index.DimensionOrganizationUID for index in dataset.DimensionIndexSequence} == {
        organization.DimensionOrganizationUID
    }


def test_images_are_referred_to_once_each_also_where_they_have_many_frames():
    frames = tuple(SourceFrame("1.2.3", f"1.2.3.{number // 5}", number % 5 + 1) for number in range(10))

    (series,) = top_level(source=replace(a_source(), frames=frames)).ReferencedSeriesSequence

    assert series.SeriesInstanceUID == "1.2.826.0.1.3680043.8.498.2"
    assert [i.ReferencedSOPInstanceUID for i in series.ReferencedInstanceSequence] == ["1.2.3.0", "1.2.3.1"]


def values(dataset):
    """Return (tag, VR, value) of every element at any depth, no value as an empty one."""
    return [
        (attribute.tag, attribute.VR, "" if attribute.value is None else attribute.value)
        for attribute in dataset.iterall()
        if attribute.VR != "SQ"
    ]


def test_bytes_above_the_frames_are_the_dataset():
    dataset = top_level(segmentation=a_segmentation(names=["ü", "b"]))

    read = read_dataset(BytesIO(build.encoded_top_level(dataset)), is_implicit_VR=False, is_little_endian=True)

    assert values(read) == values(dataset)


@pytest.mark.parametrize(
    ("what", "character_set"),
    [
        pytest.param({}, None, id="all ASCII"),
        pytest.param({"series_description": "Größe"}, "ISO_IR 192", id="an option"),
        pytest.param({"segmentation": a_segmentation(names=["a", "左"])}, "ISO_IR 192", id="a segment"),
        pytest.param({"source": a_source(PatientName="Müller")}, "ISO_IR 192", id="the patient"),
    ],
)
def test_utf_8_is_said_where_a_text_needs_it(what, character_set):
    assert top_level(**what).get("SpecificCharacterSet") == character_set


@every_encoding
def test_the_head_of_the_file_is_read_by_pydicom(encoding):
    meta = dcmread(BytesIO(build.file_head(PLANS[encoding], "1.2.3")), force=True).file_meta

    assert meta.MediaStorageSOPClassUID == PLANS[encoding].sop_class
    assert meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert meta.TransferSyntaxUID == PLANS[encoding].transfer_syntax


def test_bits_tell_whether_segments_overlap():
    overlapping = a_segmentation(list(two_overlapping_boxes()))
    apart = a_segmentation([two_overlapping_boxes()[0], np.zeros(A_GRID.shape_kji, bool)])

    assert top_level(segmentation=overlapping).SegmentsOverlap == "YES"
    assert top_level(segmentation=apart).SegmentsOverlap == "NO"


class TestElements:
    """Bytes made by `explicit_vr` are what pydicom reads as that element."""

    def test_texts_are_padded_as_their_vr_asks(self):
        content = text_element(0x00080018, "UI", "1.2.3") + text_element(0x00080060, "CS", "SEG")

        assert content == b"\x08\0\x18\0UI\6\0001.2.3\0\x08\0\x60\0CS\4\0SEG "

    def test_sequences_are_read_back(self):
        content = sequence(0x00081140, text_element(0x00081150, "UI", "1.2"), text_element(0x00081150, "UI", "1.3"))

        read = read_dataset(BytesIO(content), is_implicit_VR=False, is_little_endian=True)

        assert [one.ReferencedSOPClassUID for one in read.ReferencedImageSequence] == ["1.2", "1.3"]

    def test_a_value_of_odd_length_is_a_mistake(self):
        with pytest.raises(ValueError, match="the value of 00080060 has an odd length"):
            element(0x00080060, "CS", b"SEG")

    def test_an_item_states_its_length(self):
        assert item(b"ab") == b"\xfe\xff\x00\xe0\2\0\0\0ab"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("\u5c71\u7530\u3000", "\u5c71\u7530"),
        (" Doe^Jane\xa0", "Doe^Jane"),
        ("\xa0", ""),
        ("=", ""),
        ("Doe^Jane=\u5c71\u7530=", "Doe^Jane=\u5c71\u7530"),
        ("Doe\u3000=", "Doe"),
    ],
)
def test_a_creator_is_written_without_blanks_and_empty_groups_at_the_end(given, written, tmp_path):
    report = export(a_segmentation(), a_source(), tmp_path / "a.dcm", options=ExportOptions(content_creator_name=given))
    assert dcmread(report.paths[0]).ContentCreatorName == written


@pytest.mark.parametrize("given", [" LIVER", "LIVER\n", "LIVER\u3000", "LIVER\xa0"])
def test_a_label_is_written_without_blanks_around_it(given, tmp_path):
    report = export(a_segmentation(), a_source(), tmp_path / "a.dcm", options=ExportOptions(content_label=given))
    assert dcmread(report.paths[0]).ContentLabel == "LIVER"
