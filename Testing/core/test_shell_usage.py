"""What is typed and cannot be meant: told with what is right, in the command's own usage, before anything is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import A_GRID, a_segmentation, a_source
from file_builders import a_nifti, a_nifti_of_two_places
from pydicom import dcmread
from SegRLEExportLib.batch.outcome import Ending
from SegRLEExportLib.cli.case_options import parsed_case
from SegRLEExportLib.cli.case_process import outcome_of
from SegRLEExportLib.conversion.formats import refuse_name_of_another
from SegRLEExportLib.errors import MisleadingNameError, UnusableArgumentError
from SegRLEExportLib.export import export
from SegRLEExportLib.reading.segmentation import segmentation_of
from shell_builders import a_case, a_volume, segrle

IN, CT = "in.seg.nrrd", "ct"


def told(capsys, *words: object) -> str:
    """Return what is said of words that are refused with the usage of their command."""
    with pytest.raises(SystemExit) as ended:
        segrle(*words)
    assert ended.value.code == 2
    usage, *sentences = capsys.readouterr().err.splitlines()
    assert usage.startswith(f"usage: segrle {words[0]} ")
    return "\n".join(sentences)


@pytest.mark.parametrize("command", ["export", "convert", "forecast", "inspect", "verify", "batch"])
def test_an_option_that_is_none_is_told_with_the_usage_of_the_command(command, capsys):
    needed = {"export": [IN, CT, "-o", "out"], "convert": [IN, "-o", "out"], "batch": [IN, "-o", "out"]}
    sentence = told(capsys, command, *needed.get(command, [IN, CT]), "--nonsense")
    assert sentence == (
        f"segrle {command}: error: unrecognized arguments: --nonsense; 'segrle {command} --help' tells more"
    )


@pytest.mark.parametrize(
    ("words", "more", "sentence"),
    [
        (["convert", IN, "-o", "a.nii.gz"], [CT], "files and folders stand together, before the options"),
        (["export", "a.nii", "b.nii", "-o", "x"], ["c.nii", CT], "of several masks give their folder, or each further"),
        (["forecast", "a.nii", "b.nii"], [CT], "there is one SEGMENTATION and one SERIES_DIR"),
    ],
    ids=["images behind options", "masks of export", "masks of forecast"],
)
def test_files_that_have_no_place_are_told_with_theirs(words, more, sentence, capsys):
    said = told(capsys, *words, *more)
    assert f"unrecognized arguments: {' '.join(more)}; " in said
    assert sentence in said


def test_an_encoding_is_chosen_in_convert_as_in_export(tmp_path):
    segmentation, ct = a_case(tmp_path)
    assert segrle("convert", segmentation, ct, "-o", tmp_path / "a.dcm", "-c", "none") == 0
    assert dcmread(tmp_path / "a.dcm").SegmentationType == "BINARY"


@pytest.mark.parametrize(
    ("word", "meant"),
    [("--compresion", "--compression"), ("--overwrit3", "--overwrite"), ("--segmnt=liver", "--segment")],
)
def test_an_option_that_is_nearly_one_is_told_with_that(word, meant, capsys):
    assert f"unrecognized arguments: {word}; is {meant} meant?" in told(capsys, "export", IN, CT, "-o", "a", word)


@pytest.mark.parametrize("option", ["--segments", "-o", "--series-number"])
@pytest.mark.parametrize("command", ["export", "convert", "batch"])
def test_an_option_given_twice_is_refused(option, command, capsys):
    words = [command, IN, *([CT] if command == "export" else []), "-o", "a"]
    said = told(capsys, *words, option, "1", option, "2")
    assert "it is given twice, and one value is needed" in said
    assert option in said


def test_a_window_may_begin_with_a_minus_sign(tmp_path):
    segmentation, ct = a_case(tmp_path)
    words = ("-o", tmp_path / "a.json", "--images", "png", "--window", "-600,1500")
    assert segrle("convert", segmentation, ct, *words) == 0


def test_a_segmentation_before_the_files_it_is_compared_with_is_told(tmp_path, capsys):
    segmentation, ct = a_case(tmp_path)
    assert segrle("export", segmentation, ct, "-o", tmp_path / "a.dcm") == 0
    capsys.readouterr()
    sentence = f"the SEG files come first and the segmentation after them, not {segmentation} before "
    assert sentence in told(capsys, "verify", segmentation, tmp_path / "a.dcm", ct)
    assert sentence in told(capsys, "verify", segmentation, tmp_path / "a.dcm")
    assert segrle("verify", tmp_path / "a.dcm", segmentation, ct) == 0


def test_a_segmentation_behind_its_images_is_told(tmp_path, capsys):
    segmentation, ct = a_case(tmp_path)
    assert segrle("export", segmentation, ct, "-o", tmp_path / "a.dcm") == 0
    capsys.readouterr()
    sentence = f"the segmentation comes before the folder of its images, not {ct} before {segmentation}"
    assert sentence in told(capsys, "verify", tmp_path / "a.dcm", ct, segmentation)


def test_dicom_seg_files_beside_others_are_told(tmp_path, capsys):
    segmentation, ct = a_case(tmp_path)
    assert segrle("export", segmentation, ct, "-o", tmp_path / "a.dcm") == 0
    capsys.readouterr()
    sentence = told(capsys, "convert", tmp_path / "a.dcm", segmentation, "-o", tmp_path / "b.nii")
    assert "DICOM SEG files are given together with other files: give the files of one segmentation" in sentence


def test_one_image_given_for_all_is_told(tmp_path, capsys):
    segmentation, ct = a_case(tmp_path)
    assert segrle("export", segmentation, sorted(ct.iterdir())[2], "-o", tmp_path / "a.dcm") == 2
    assert "4 voxels lie beyond the one plane of the source images and would be lost, as" in capsys.readouterr().err


class TestVolume:
    def test_that_is_given_as_the_images_is_told_how_to_give_it(self, tmp_path, capsys):
        segmentation, _ = a_case(tmp_path)
        assert segrle("export", segmentation, a_volume(tmp_path), "-o", tmp_path / "x.dcm") == 2
        assert "segrle export --volume VOLUME writes them." in capsys.readouterr().err

    def test_that_has_no_numbers_is_named(self, tmp_path, capsys):
        segmentation, _ = a_case(tmp_path)
        volume = a_nifti(tmp_path, np.full((2, 3, 4), np.nan, np.float32), name="v.nii")
        assert segrle("export", segmentation, tmp_path / "new", "-o", tmp_path / "x.dcm", "--volume", volume) == 2
        assert capsys.readouterr().err == (
            f"The volume {volume} cannot be written as DICOM images: some of its voxels are not finite numbers. "
            "Replace them by a number first.\n"
        )

    def test_that_is_a_segmentation_is_refused(self, tmp_path, capsys):
        segmentation, _ = a_case(tmp_path)
        words = ("export", segmentation, tmp_path / "new", "-o", tmp_path / "x.dcm", "--volume", segmentation)
        assert segrle(*words) == 2
        assert "it is a segmentation, and the image is needed that was segmented" in capsys.readouterr().err
        assert not (tmp_path / "new").exists()

    def test_that_is_not_there_is_told_before_the_folder_is_looked_at(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", tmp_path / "x.dcm", "--volume", tmp_path / "typo.nrrd") == 2
        assert "typo.nrrd cannot be read: there is no such file" in capsys.readouterr().err

    def test_whose_file_states_two_places_the_report_tells_that(self, tmp_path, capsys):
        segmentation, _ = a_case(tmp_path)
        to_ras = np.diag([-1.0, -1, 1, 1]) @ A_GRID.kji_to_lps[:, [2, 1, 0, 3]]
        values = np.ones(A_GRID.shape_kji, np.int16)
        volume = a_nifti_of_two_places(tmp_path, values, to_ras, name="v.nii")
        assert segrle("export", segmentation, tmp_path / "new", "-o", tmp_path / "x.dcm", "--volume", volume) == 0
        assert "v.nii: The file states two places for its voxels (sform and qform)" in capsys.readouterr().out

    def test_the_report_names_the_images_that_were_made_of_it(self, tmp_path, capsys):
        segmentation, _ = a_case(tmp_path)
        words = ("--volume", a_volume(tmp_path))
        assert segrle("export", segmentation, tmp_path / "new", "-o", tmp_path / "x.dcm", *words) == 0
        assert f"note: {tmp_path / 'new'}: 10 DICOM images of the volume were written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["export", IN, CT, "-o", "a.dcm", "--modality", "CT"],
            "--modality: it has no effect here: it is written into",
        ),
        (["export", IN, CT, "-o", "a.dcm", "--patient-name", "A^B"], "--patient-name: it has no effect here: it is"),
        (["export", IN, CT, "-o", "a.dcm", "--patient-id", "1"], "--patient-id: it has no effect here: it is written"),
        (
            ["export", IN, CT, "-o", "a.dcm", "--volume", "v.nrrd", "--series", "1.2"],
            "the images of a --volume are one",
        ),
        (["export", IN, CT, "-o", "a.dcm", "--volume", "v.nrrd", "--time", "2"], "the images of a --volume are of one"),
        (["export", IN, CT, "-o", "a.dcm", "--algorithm-version", "2"], "it is written behind the --algorithm-name"),
        (["convert", IN, "-o", "a.json", "--window", "40,400"], "it is for the pictures that --images png writes"),
        (["convert", IN, "-o", "a.nii.gz", "--images", "png"], "pictures are written beside a COCO file (--to coco)"),
        (
            ["convert", IN, "-o", "a", "--to", "masks", "--keep-values"],
            "label maps alone keep label values (--to nifti, nrrd",
        ),
        (["convert", IN, "-o", "a.dcm", "--to", "none", "--keep-values"], "label maps alone keep label values"),
        (["export", IN, CT, "-o", "a", "-c", "none", "--keep-values"], "label maps alone keep label values (-c rle"),
        (["convert", IN, CT, "-o", "a.json", "--geometry", "segmentation"], "lie on the pixels of the images"),
        (["convert", IN, "-o", "a.nrrd", "--series-number", "7"], "it is written into DICOM SEG alone"),
        (["convert", IN, "-o", "a.nrrd", "--content-creator", "A^B"], "it is written into DICOM SEG alone"),
        (["convert", IN, "-o", "a.nrrd", "--keep-empty-frames"], "it is written into DICOM SEG alone"),
        (
            ["export", IN, CT, "-o", "a", "--no-verify", "--verify", "others"],
            "--verify: not allowed with argument --no",
        ),
        (
            ["export", IN, CT, "-o", "a", "--verify", "others", "--no-verify"],
            "--no-verify: not allowed with argument -",
        ),
        (["convert", IN, "-o", "a", "--verify", "others", "--no-verify"], "--no-verify: not allowed with argument --v"),
        (["export", IN, CT, "-o", ""], "argument -o/--output: the name of what is to be written is empty"),
        (["convert", IN, "-o", " "], "argument -o/--output: the name of what is to be written is empty"),
        (["batch", IN, "-o", ""], "argument -o/--output: the name of what is to be written is empty"),
        (["convert", IN, "-o", "a.nii", "--verify", "others"], "other files than DICOM SEG are read back and compared"),
        (["export", "", CT, "-o", "a"], "argument SEGMENTATION: the name of a file or folder is needed, and this word"),
        (
            ["export", IN, "", "-o", "a"],
            "argument SERIES_DIR: the name of a file or folder is needed, and this word is",
        ),
        (["export", IN, CT, "-o", "a", "--mask", ""], "argument --mask: the name of a file or folder is needed"),
        (["export", IN, CT, "-o", "a", "--volume", " "], "argument --volume: the name of a file or folder is needed"),
        (["export", IN, CT, "-o", "a", "--segments", ""], "argument --segments: the name of a table is needed, and th"),
        (
            ["forecast", IN, ""],
            "argument SERIES_DIR: the name of a file or folder is needed, and this word is empty: is",
        ),
        (
            ["convert", "", "-o", "a.nii"],
            "argument INPUT: the name of a file or folder is needed, and this word is emp",
        ),
        (
            ["convert", IN, "", "-o", "a.nii"],
            "argument INPUT: the name of a file or folder is needed, and this word is",
        ),
        (
            ["inspect", ""],
            "argument FILE: the name of a file or folder is needed, and this word is empty: is a variable",
        ),
        (["verify", "", IN, CT], "argument FILE: the name of a file or folder is needed, and this word is empty"),
        (["verify", "a.dcm", "", CT], "argument FILE: the name of a file or folder is needed, and this word is empty"),
        (
            ["verify", "a.dcm", ""],
            "argument SEGMENTATION: the name of a file or folder is needed, and this word is emp",
        ),
        (["batch", "", "-o", "a"], "argument CASES: the name of a file or folder is needed, and this word is empty"),
        (
            ["batch", "--segmentations", "", "--images", CT, "-o", "a"],
            "argument --segmentations: the name of a file or",
        ),
        (
            ["batch", IN, "-o", "a", "--segments", ""],
            "argument --segments: the name of a table is needed, and this wor",
        ),
        (
            ["batch", IN, "-o", "a", "--mask", ""],
            "argument --mask: the name of a file or folder is needed, and this wo",
        ),
        (["convert", IN, "-o", "a.nii", "--series", "1.2"], "it is about images, and no SERIES_DIR is given"),
        (["convert", IN, "-o", "a.nii", "--strict"], "it is about images, and no SERIES_DIR is given"),
        (
            ["convert", IN, "-o", "a.nii", "--geometry", "segmentation"],
            "it is about images, and no SERIES_DIR is given",
        ),
        (["convert", IN, "-o", "a.nii", "--time", "1"], "it is about images, and no SERIES_DIR is given"),
        (["convert", IN, "-o", "a.nii", "--clip"], "it is about images, and no SERIES_DIR is given"),
        (["convert", IN, "-o", "a.json", "--one-file-each"], "label maps alone cannot hold segments that overlap"),
        (["convert", IN, "-o", "cv", "--to", "nifti"], "cv is the name of a folder, and one file is written: name it"),
        (["convert", IN, "-o", "a/cv", "--to", "seg.nrrd"], "name it a/cv.seg.nrrd"),
        (["convert", IN, "-o", "a.nrrd", "--threshold", "2"], "'2' is no share above 0 and up to 1, such as 0.5"),
        (["convert", IN, "-o", "a.nrrd", "--threshold", "0"], "'0' is no share above 0 and up to 1, such as 0.5"),
        (["convert", IN, "-o", "a.nrrd", "--threshold", "nan"], "'nan' is no share above 0 and up to 1, such as 0.5"),
        (["convert", IN, "-o", "a.nrrd", "--threshold", "half"], "'half' is no share above 0 and up to 1, such as 0.5"),
    ],
    ids=lambda value: value[-1 if value[-1].startswith("-") else -2] if isinstance(value, list) else "",
)
def test_an_option_without_effect_is_told_with_what_it_needs(words, sentence, capsys):
    assert sentence in told(capsys, *words)


def test_a_case_of_a_batch_is_refused_for_the_same_in_the_words_of_a_batch(tmp_path):
    with pytest.raises(ValueError, match="^Option window: it has no effect here: .* pictures that coco_images png"):
        parsed_case("a.nrrd", "", tmp_path / "a.json", tmp_path, {"to": "coco", "window": "40,400"})


def test_a_threshold_for_what_has_no_fractions_is_told(tmp_path, capsys):
    segmentation, _ = a_case(tmp_path)
    sentence = told(capsys, "convert", segmentation, "-o", tmp_path / "x.nii", "--threshold", "0.5")
    assert f"argument --threshold: it has no effect here: {segmentation} is no DICOM SEG with fractions" in sentence


def test_what_a_case_is_refused_for_while_it_runs_is_told_as_the_rest(tmp_path):
    segmentation, ct = a_case(tmp_path)
    options = {"to": "nifti", "threshold": "0.5"}
    job = {
        "case": "a",
        "attempt": str(tmp_path),
        "segmentation": str(segmentation),
        "series": str(ct),
        "options": options,
    }
    outcome = outcome_of(job)
    assert outcome.ending is Ending.REFUSED
    assert outcome.reason == f"Option threshold: it has no effect here: {segmentation} is no DICOM SEG with fractions."


def test_a_threshold_that_is_no_share_is_told_in_python(tmp_path):
    with pytest.raises(UnusableArgumentError, match="threshold is 2, and should be a share above 0 and up to 1"):
        segmentation_of([tmp_path / "not-read.dcm"], threshold=2)


class TestNames:
    """A file's name says what it is; it is not given to a file of another kind."""

    @pytest.mark.parametrize("name", ["seg.nii.gz", "seg.nii", "seg.NRRD", "seg.seg.nrrd", "seg.json"])
    def test_of_another_format_gets_no_dicom_seg(self, name, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("export", segmentation, ct, "-o", tmp_path / name) == 2
        sentence = (
            "DICOM SEG (rle) is to be written. Choose another name, or let segrle convert write what the name says"
        )
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / name).exists()
        with pytest.raises(MisleadingNameError):
            export(a_segmentation(), a_source(), tmp_path / name)

    @pytest.mark.parametrize("name", ["seg.png", "seg.CSV", "seg.mha"])
    def test_of_a_picture_or_a_table_gets_no_dicom_seg(self, name, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        kind = name[-3:].lower()
        for words in (["export"], ["convert", "--to", "rle"]):
            assert segrle(words[0], segmentation, ct, "-o", tmp_path / name, *words[1:]) == 2
            assert (
                f"{name} is the name of a file of the format {kind}, and DICOM SEG (rle) is to be written. Choose a "
                "name that ends in .dcm, or a folder.\n"
            ) in capsys.readouterr().err
        assert not (tmp_path / name).exists()

    @pytest.mark.parametrize(
        ("name", "to"),
        [("a.nii.gz", "masks"), ("a.seg.nrrd", "nifti"), ("a.seg.nrrd", "nrrd"), ("a.dcm", "coco"), ("a.nrrd", "none")],
    )
    def test_of_another_format_are_refused_by_convert(self, name, to, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        assert segrle("convert", segmentation, ct, "-o", tmp_path / name, "--to", to) == 2
        assert f"{name} is the name of a file of the format " in capsys.readouterr().err
        assert not (tmp_path / name).exists()

    def test_that_fit_or_say_nothing_are_taken(self, tmp_path):
        (tmp_path / "folder.nii.gz").mkdir()
        for name, wanted in (
            ("a.dcm", "labelmap"),
            ("a.seg", "rle"),
            ("a.csv", "nifti"),
            ("SEG.1.2.3", "rle"),
            ("a.csv/", "rle"),
            ("a.nii", "nifti"),
            ("a", "coco"),
            ("folder.nii.gz", "masks"),
        ):
            refuse_name_of_another(f"{tmp_path}/{name}", wanted)


class TestOrder:
    @pytest.mark.parametrize("command", ["export", "convert", "forecast"])
    def test_images_before_their_segmentation_are_told(self, command, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        more = ["-o", tmp_path / "x.dcm"] if command != "forecast" else []
        sentence = told(capsys, command, ct, segmentation, *more)
        assert "the segmentation comes first and the folder of its images last, not" in sentence
        assert f"not {ct} before {segmentation}" in sentence

    def test_a_folder_of_masks_before_its_one_image_is_right(self, tmp_path):
        _, ct = a_case(tmp_path)
        (tmp_path / "masks").mkdir()
        a_nifti(tmp_path / "masks", np.ones((2, 3, 4), np.uint8))
        image = next(path for path in sorted(Path(ct).iterdir()))
        assert segrle("export", tmp_path / "masks", image, "-o", tmp_path / "x.dcm", "--clip") in (0, 2)
