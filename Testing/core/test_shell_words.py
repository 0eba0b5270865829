"""What helps, as a shell says it: its own options by name, and nothing that only a window has."""

from __future__ import annotations

import re

import pytest
from builders import a_grid
from SegRLEExportLib.batch.clusters import remote_client
from SegRLEExportLib.cli.case_options import columns
from SegRLEExportLib.cli.entry import parser
from SegRLEExportLib.cli.exit_codes import REFUSED
from SegRLEExportLib.cli.words import WORDS, WORDS_OF_BATCH, error_text, findings_in_words
from SegRLEExportLib.errors import BatchFolderError, PreflightError, SeriesChoiceError
from SegRLEExportLib.model.remedy import Remedy
from shell_builders import a_case, a_seg_nrrd, segrle
from test_errors import MESSAGES
from test_preflight import ROWS, findings

OF_OTHERS = re.compile(r"\(clip\)|'strict'|or in Slicer the volume|\bIn Slicer, choose|asking for overwriting")


def advised_options(words: dict[Remedy, str]) -> set[str]:
    return {option for ours in words.values() for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", ours)}


def options_of(*commands: str) -> set[str]:
    return {option for one in commands for action in _commands()[one]._actions for option in action.option_strings}


def test_every_option_that_is_advised_exists():
    assert advised_options(WORDS) <= options_of("export", "convert", "batch")


def test_what_a_batch_advises_it_has_itself_and_as_it_is_meant():
    assert advised_options(WORDS_OF_BATCH) <= options_of("batch") - {"--images"}  # that is the folder of all images
    named = {name for ours in WORDS_OF_BATCH.values() for name in re.findall(r"column (\w+)", ours)}
    assert {"series_uid", "series", "threshold", "volume"} == named <= {*columns(), "series"}
    assert not any("SERIES_DIR" in ours for ours in WORDS_OF_BATCH.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {row.severity.value}")
def test_no_finding_of_a_batch_speaks_of_what_it_has_not(row, tmp_path, monkeypatch):
    from SegRLEExportLib.preflight import survey

    if row.limit:
        monkeypatch.setattr(survey, *row.limit)
    for finding in findings_in_words(findings(row, tmp_path), WORDS_OF_BATCH):
        assert not OF_OTHERS.search(str(finding)), finding
        assert not re.search(r"--(series|images|compression|overwrite)(?![\w-])|(?<![\w-])-c ", finding.help), finding


def _commands():
    return next(action.choices for action in parser()._actions if isinstance(action.choices, dict))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {row.severity.value}")
def test_no_finding_speaks_of_what_a_shell_has_not(row, tmp_path, monkeypatch):
    from SegRLEExportLib.preflight import survey

    if row.limit:
        monkeypatch.setattr(survey, *row.limit)
    for finding in findings_in_words(findings(row, tmp_path)):
        assert not OF_OTHERS.search(str(finding)), finding


@pytest.mark.parametrize("error", [error for error, _ in MESSAGES], ids=lambda error: type(error).__name__)
def test_core_names_no_option_and_the_shell_no_window(error):
    assert not re.search(r"(?<![\w-])--[a-z]", str(error))
    assert not re.search(r"\(clip\)", error_text(error))


def test_one_of_several_series_is_named_by_its_option():
    error = SeriesChoiceError("The segmentation fits several series equally well.", ["1.2 CT", "1.3 PT"])
    assert error_text(error).splitlines()[0] == (
        "The segmentation fits several series equally well. Name one with its Series Instance UID: --series UID. Found:"
    )
    assert isinstance(PreflightError([]), Exception)


def test_a_batch_that_was_broken_off_is_gone_on_with_by_its_option():
    error = BatchFolderError("out", f"it holds a batch already; {Remedy.RESUME}, or choose another folder")
    assert error_text(error) == (
        "The batch cannot use out: it holds a batch already; go on with it (--resume), or choose another folder."
    )


def test_the_address_of_a_cluster_is_told_as_it_was_typed(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def client(*_, **__):
        raise OSError("nobody is there")

    monkeypatch.setattr(distributed, "Client", client)
    with pytest.raises(
        BatchFolderError, match="^The batch cannot use tcp://host:8786: no Dask scheduler answers"
    ) as told:
        remote_client("tcp://host:8786").__enter__()
    assert error_text(told.value).endswith("or let the batch run on this machine (without --dask).")


class TestRefusals:
    """The cases of people's own data: the sentence names the cause and what helps at a shell."""

    def refusal(self, capsys, *words: object) -> str:
        assert segrle("export", *words) == REFUSED
        return capsys.readouterr().err

    def test_of_public_images_without_study_uid_names_the_way_by_their_volume(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path, StudyInstanceUID="", SeriesInstanceUID="")
        told = self.refusal(capsys, segmentation, ct, "-o", tmp_path / "out")
        assert "(0020,000D) StudyInstanceUID: The source has no UID there." in told
        assert "(--volume VOLUME) and a new folder for SERIES_DIR" in told

    def test_of_voxels_beyond_the_images_names_the_options(self, tmp_path, capsys):
        _, ct = a_case(tmp_path)
        larger = a_seg_nrrd(tmp_path, *"abcdefghijkl", grid=a_grid((14, 9, 7)), file_name="larger.seg.nrrd")
        told = self.refusal(capsys, larger, ct, "-o", tmp_path / "out")
        assert (
            "leave the voxels out (--clip), or export on the segmentation's own grid (--geometry segmentation)" in told
        )

    def test_of_a_name_that_is_taken_names_the_option(self, tmp_path, capsys):
        segmentation, ct = a_case(tmp_path)
        (tmp_path / "seg.dcm").touch()
        assert "or replace the file (--overwrite)" in self.refusal(capsys, segmentation, ct, "-o", tmp_path / "seg.dcm")

    def test_of_a_folder_that_cannot_be_read_names_it(self, tmp_path, capsys, monkeypatch):
        segmentation, ct = a_case(tmp_path)

        def walk(_, *, onerror, **__):
            onerror(PermissionError(13, "Permission denied", str(ct / "locked")))
            return iter(())

        monkeypatch.setattr("os.walk", walk)
        told = self.refusal(capsys, segmentation, ct, "-o", tmp_path / "out")
        assert f"{ct / 'locked'}: the folder cannot be read (Permission denied)" in told
