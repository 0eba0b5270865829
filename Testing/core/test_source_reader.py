"""Which series is meant, and what a person reads when that cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import a_segmentation
from image_builders import DOUBLE_OBLIQUE, Images, images, write
from SegRLEExportLib.errors import NoSourceImagesError, SeriesChoiceError, UnusableSourceError
from SegRLEExportLib.model.geometry import Geometry
from SegRLEExportLib.model.segmentation import Origin, Segmentation
from SegRLEExportLib.source.series import find_source, read_series

ON_IMAGES = Geometry((5, 9, 7), [[0, 0, 0.7, -20.5], [0, 0.8, 0, 11.25], [3, 0, 0, -100], [0, 0, 0, 1]])


def a_small_segmentation(grid: Geometry = ON_IMAGES) -> Segmentation:
    return a_segmentation([np.ones(grid.shape_kji, bool)], grid=grid)


def another_series(uid: str, *args: object, **attributes: object) -> Images:
    return images(
        *args, first=100 * int(uid[-1]), SeriesInstanceUID=uid, SeriesDescription=f"Series {uid}", **attributes
    )


def test_the_only_series_is_the_source_even_if_it_does_not_fit(tmp_path):
    write(images(DOUBLE_OBLIQUE), tmp_path)
    assert len(find_source(tmp_path, a_small_segmentation()).stack) == 5


def test_the_series_that_the_segmentation_lies_on_exactly_goes_before_one_that_only_holds_it(tmp_path):
    wider = another_series("1.2.1", heights=(-1, 2, 5, 8, 11, 14), Rows=20, Columns=20)
    write([*wider, *another_series("1.2.2")], tmp_path)
    assert find_source(tmp_path, a_small_segmentation()).series_instance_uid == "1.2.2"


def test_the_series_that_holds_the_segmentation_is_enough(tmp_path):
    finer = another_series("1.2.1", heights=np.arange(-1, 14, 1.3), PixelSpacing=[0.5, 0.45], Rows=20, Columns=20)
    write([*finer, *another_series("1.2.2", DOUBLE_OBLIQUE)], tmp_path)
    assert find_source(tmp_path, a_small_segmentation()).series_instance_uid == "1.2.1"


def test_of_several_series_that_fit_the_only_one_of_its_size_is_taken_and_told(tmp_path):
    wider = another_series("1.2.1", heights=(0, 3, 6, 9, 12, 15), Rows=20, Columns=20)
    write([*wider, *another_series("1.2.2")], tmp_path)
    chosen = find_source(tmp_path, a_small_segmentation())
    assert chosen.series_instance_uid == "1.2.2"
    assert str(chosen.findings[-1]) == (
        "note: 1.2.2: The segmentation fits 2 series by its place; the only one with as many voxels each way was "
        "taken: 1.2.2  CT, series 3, Series 1.2.2: 5 planes of 9 x 7."
    )


def test_a_segmentation_over_several_series_is_told_so(tmp_path):
    upper = another_series("1.2.2", heights=(15, 18, 21, 24, 27))
    write([*another_series("1.2.1"), *upper], tmp_path)
    both = Geometry((10, 9, 7), ON_IMAGES.kji_to_lps)
    with pytest.raises(SeriesChoiceError, match="No series holds all of the segmentation, and 2 hold a part of it"):
        find_source(tmp_path, a_segmentation([np.ones(both.shape_kji, bool)], grid=both))


def test_series_that_fit_equally_well_are_listed(tmp_path):
    write([*another_series("1.2.1"), *another_series("1.2.2"), *another_series("1.2.3", DOUBLE_OBLIQUE)], tmp_path)

    with pytest.raises(SeriesChoiceError) as refused:
        find_source(tmp_path, a_small_segmentation())

    assert str(refused.value).splitlines() == [
        "The segmentation fits several series equally well. Name one with its Series Instance UID. Found:",
        "  1.2.1  CT, series 3, Series 1.2.1: 5 planes of 9 x 7",
        "  1.2.2  CT, series 3, Series 1.2.2: 5 planes of 9 x 7",
    ]


def test_volumes_of_one_series_that_fit_equally_well_are_refused(tmp_path):
    write([*images(), *images(first=50, FrameOfReferenceUID="1.2.3")], tmp_path)
    with pytest.raises(UnusableSourceError, match="fits 2 of its volumes equally well. Give the images of one volume"):
        find_source(tmp_path, a_small_segmentation())


def test_volumes_of_one_series_of_which_none_holds_all_are_told_with_what_makes_them_two(tmp_path):
    others = images(first=50, heights=(15, 18), FrameOfReferenceUID="1.2.3", PixelSpacing=[0.5, 0.5])
    write([*images(), *others], tmp_path)
    both = Geometry((7, 9, 7), ON_IMAGES.kji_to_lps)
    with pytest.raises(UnusableSourceError) as refused:
        find_source(tmp_path, a_segmentation([np.ones(both.shape_kji, bool)], grid=both))
    assert str(refused.value).endswith(
        "its images form 2 volumes, of 5 and 2 images, different in Pixel Spacing and Frame of Reference UID, and none "
        "holds all of the segmentation. Give the images of one volume alone, or in Slicer the volume that was "
        "segmented."
    )


def test_the_series_that_a_dicom_seg_names_is_taken(tmp_path):
    write([*another_series("1.2.1"), *another_series("1.2.2")], tmp_path)
    named = replace(a_small_segmentation(), origin=Origin(series_instance_uids=frozenset({"1.2.2", "1.2.9"})))
    assert find_source(tmp_path, named).series_instance_uid == "1.2.2"


def test_a_series_that_a_dicom_seg_names_and_that_is_not_there_is_passed_over(tmp_path):
    write([*another_series("1.2.1"), *another_series("1.2.2")], tmp_path)
    named = replace(a_small_segmentation(), origin=Origin(series_instance_uids=frozenset({"1.2.9"})))
    with pytest.raises(SeriesChoiceError, match="fits several series equally well"):
        find_source(tmp_path, named)


def test_the_series_that_is_named_is_taken(tmp_path):
    write([*another_series("1.2.1"), *another_series("1.2.2")], tmp_path)
    assert find_source(tmp_path, a_small_segmentation(), "1.2.2").series_instance_uid == "1.2.2"


def test_a_series_that_is_named_and_not_there_is_refused(tmp_path):
    write(another_series("1.2.1"), tmp_path)
    with pytest.raises(SeriesChoiceError, match=r"The series 1\.2\.9 is not among the images\."):
        find_source(tmp_path, a_small_segmentation(), "1.2.9")


def test_instance_uids_choose_between_series_too(tmp_path):
    second = another_series("1.2.2")
    write([*another_series("1.2.1"), *second], tmp_path)
    found = find_source(tmp_path, a_small_segmentation(), instance_uids=[image.SOPInstanceUID for image in second])
    assert found.series_instance_uid == "1.2.2"


def test_files_may_be_given_one_by_one(tmp_path):
    paths = write(images(), tmp_path)
    assert len(find_source(paths[1:4], a_small_segmentation()).stack) == 3
    assert len(find_source(paths[0], a_small_segmentation()).stack) == 1


def test_planes_are_in_the_order_of_their_places_and_copies_of_a_file_count_once(tmp_path):
    write(images(DOUBLE_OBLIQUE), tmp_path)
    (tmp_path / "copies").mkdir()
    write(images(DOUBLE_OBLIQUE), tmp_path / "copies")

    (series,) = read_series(tmp_path)

    assert series.findings == ()
    assert [frame.sop_instance_uid[-2:] for frame in series.frames] == [".1", ".2", ".3", ".4", ".5"]
    heights = series.stack.positions_lps @ series.stack.normal_lps
    np.testing.assert_allclose(np.diff(heights), 3.0, atol=1e-4)


def test_a_patient_in_another_character_set_is_one_patient_however_long_the_headers(tmp_path):
    datasets = images(PatientID="M\u00fcller", SpecificCharacterSet="ISO_IR 192")
    datasets[0].private_block(0x0019, "LONG", create=True).add_new(1, "OB", bytes(1 << 16))
    write(datasets, tmp_path)

    (series,) = read_series(tmp_path)

    assert series.findings == ()


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "there is no file"),
        ({"a.txt": b"text", "b": b""}, "none of its 2 files is a DICOM image"),
        (
            {"a.dcm": bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI\x04\x001.2 \xff"},
            "its one file is no DICOM image",
        ),
    ],
)
def test_a_folder_without_images_is_refused(tmp_path, files, text):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(NoSourceImagesError) as refused:
        read_series(tmp_path)
    assert text in str(refused.value)
    assert str(refused.value).endswith("Give the folder with the DICOM files of the images that were segmented.")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NoSourceImagesError, match="there is no such folder"):
        read_series(tmp_path / "missing")


def test_unreadable_files_alone_are_told(tmp_path, monkeypatch):
    (tmp_path / "locked").touch()

    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("SegRLEExportLib.source.images.read_header", locked)
    with pytest.raises(NoSourceImagesError, match=r"its one file could not be read \(locked: Permission denied\)"):
        read_series(tmp_path)


def test_images_that_vanish_while_they_are_read_are_told(tmp_path, monkeypatch):
    write(images(), tmp_path)

    def gone(*_, **__):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("SegRLEExportLib.source.volumes.dcmread", gone)
    with pytest.raises(UnusableSourceError, match=r"its file .*\.dcm cannot be read .*Export it again"):
        read_series(tmp_path)
