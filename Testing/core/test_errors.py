"""What a person reads when something goes wrong: every class of `errors`, word by word."""

from __future__ import annotations

from pathlib import Path

import pytest
from SegRLEExportLib import errors
from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.model.finding import Finding, Severity
from SegRLEExportLib.model.remedy import Remedy

SEG = Path("out/seg.dcm")

MESSAGES = [
    (
        errors.PreflightError(
            [
                Finding("outside-source", Severity.ERROR, "3 voxels would be lost.", "liver", "Leave them out."),
                Finding("all-empty", Severity.ERROR, "No segment has a voxel."),
            ]
        ),
        "error: liver: 3 voxels would be lost. Leave them out.\nerror: No segment has a voxel.",
    ),
    (
        errors.UnreadableSegmentationError(Path("a.nrrd"), "it has no data"),
        "The segmentation a.nrrd cannot be read: it has no data.",
    ),
    (
        errors.UnreadableSegmentationError(Path("a.txt"), "it is text", errors.UnreadableSegmentationError.KINDS),
        "The segmentation a.txt cannot be read: it is text. "
        "Give a .seg.nrrd as Slicer saves it, a label map as .nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd, or a folder "
        "of masks.",
    ),
    (
        errors.SegmentTableError(Path("names.csv"), "the value 3 comes twice, first in line 2", 5),
        "The table of segments names.csv, line 5 cannot be used: the value 3 comes twice, first in line 2. Give a "
        "table with a header (value, name, category, type, color), dcmqi's JSON, a colour table of Slicer, labels of "
        "ITK-SNAP or a dataset.json of nnU-Net; or the name of a table that is built in: totalsegmentator, "
        "totalsegmentator-mr.",
    ),
    (
        errors.UnreadableVolumeError(Path("ct.nii"), "it is cut short"),
        "The volume ct.nii cannot be read: it is cut short. Give a whole .nrrd, .nii, .nii.gz or .mha.",
    ),
    (
        errors.NoSourceImagesError("ct", "there is no file"),
        "No DICOM images of a source series were found in ct: there is no file. "
        "Give the folder with the DICOM files of the images that were segmented.",
    ),
    (
        errors.SeriesChoiceError("The segmentation fits several series equally well.", ["1.2 CT", "1.3 PT"]),
        "The segmentation fits several series equally well. "
        "Name one with its Series Instance UID. Found:\n  1.2 CT\n  1.3 PT",
    ),
    (
        errors.UnusableSourceError("1.2", "its images have no place", "Choose another series."),
        "The source series 1.2 cannot be referenced: its images have no place. Choose another series.",
    ),
    (
        errors.TargetExistsError(SEG),
        f"{SEG} exists already and was left as it is. Choose another name or folder, or ask for "
        "overwriting (overwrite=True in ExportOptions).",
    ),
    (
        errors.TargetNotAFileError(Path("pipe"), "a device or a pipe"),
        "pipe is a device or a pipe and was left as it is. Choose another name.",
    ),
    (
        errors.PictureTakenError(Path("c_images/1.2.png")),
        f"{Path('c_images/1.2.png')} is not the picture that would be written there, and was left as it is. Give the "
        "COCO file another name, or ask for overwriting (overwrite=True in ExportOptions).",
    ),
    (
        errors.TargetNotReplacedError(SEG, "write-protected"),
        f"{SEG} is write-protected and was left as it is. Choose another name.",
    ),
    (
        errors.TargetTwiceError(SEG),
        f"Two files that are written together would be called {SEG}. Choose another name.",
    ),
    (
        errors.TargetFolderError(Path("out"), "it is write-protected"),
        "Nothing can be written into out: it is write-protected. Choose another folder.",
    ),
    (
        errors.WritingFailedError(SEG, "No space left on device"),
        f"Writing {SEG} failed: No space left on device. The unfinished file was removed. "
        "Make room or choose another folder, then export again.",
    ),
    (
        errors.FilesLeftError([SEG], "The disk is gone."),
        f"The disk is gone. These files could not be removed or restored: {SEG}. Look at them.",
    ),
    (
        errors.SegTooLargeError("Uncompressed, one bit a pixel", 5 * 2**30),
        "The pixel data of this segmentation would take 5.0 GiB as 'Uncompressed, one bit a pixel', and DICOM "
        "can state at most 4 GiB. Use the RLE compressed label map (compression='rle'), or export fewer segments "
        "at a time.",
    ),
    (
        errors.UnknownFormatError(".xyz", ["nifti", "rle"]),
        "'.xyz' is not a format that can be written. Known formats: nifti, rle.",
    ),
    (
        errors.SourceNeededError("DICOM SEG refers to images"),
        "DICOM SEG refers to images, and none were given. Give the folder with the DICOM images that were segmented.",
    ),
    (
        errors.UnwritableSegmentationError("Organs", "its segments lie on grids of different voxels"),
        "'Organs' cannot be written so: its segments lie on grids of different voxels. "
        "Write another format, DICOM SEG for example.",
    ),
    (
        errors.UnusableCocoFileError(Path("cases.json"), "it is not JSON"),
        "The segmentation cannot be added to cases.json: it is not JSON. The file was left as it is. Choose "
        "another name.",
    ),
    (
        errors.UnwritablePictureError(Path("ct/1.dcm"), "its header has no window"),
        f"No picture can be made of {Path('ct/1.dcm')}: its header has no window. Give a window, or let the "
        "COCO file name the DICOM images themselves.",
    ),
    (
        errors.ReadBackDiffersError(Path("out/liver.nii.gz")),
        "liver.nii.gz was read back and differs from the segmentation, so it was removed. "
        "This is probably a fault of SegRLEExport or of the disk: please report it.",
    ),
    (
        errors.BatchTableError(Path("cases.csv"), 3, "column 'segmentation': it is empty"),
        "The cases in cases.csv, line 3 cannot be used: column 'segmentation': it is empty.",
    ),
    (
        errors.BatchFolderError(Path("out"), f"it holds a batch already; {Remedy.RESUME}, or choose another folder"),
        "The batch cannot use out: it holds a batch already; resume the batch (resume=True), or choose another folder.",
    ),
    (
        errors.MisleadingNameError(Path("a.nii.gz"), "nifti", "DICOM SEG (rle)"),
        "a.nii.gz is the name of a file of the format nifti, and DICOM SEG (rle) is to be written. Choose another "
        "name, or let convert() write what the name says.",
    ),
    (
        errors.UnusableArgumentError("node", "None", "a segmentation node"),
        "node is None, and should be a segmentation node.",
    ),
    (
        errors.NoSchedulerError("tcp://host:8786", "Timed out after 30 s"),
        "The batch cannot use tcp://host:8786: no Dask scheduler answers there (Timed out after 30 s). Check the "
        "address, start a scheduler there (dask scheduler) and a worker (dask worker ADDRESS), or let the batch run on "
        "this machine.",
    ),
    (
        errors.UnfitClusterError("tcp://host:8786", "its scheduler has no SegRLEExport"),
        "The batch cannot use tcp://host:8786: its scheduler has no SegRLEExport. Install the same version of "
        "SegRLEExport there (python -m pip install .[batch]), or let the batch run on this machine.",
    ),
    (
        errors.SchedulerEndedError("tcp://host:8786"),
        "The batch cannot use tcp://host:8786: its Dask scheduler does not answer any more. When it does, resume the "
        "batch (resume=True).",
    ),
    (
        errors.OtherReaderDiffersError(SEG, "highdicom 0.28.2", "'liver' is not shown"),
        "highdicom 0.28.2 reads seg.dcm differently from what was written, so the file was removed: 'liver' is not "
        "shown. Choose another encoding, export on the segmentation's own grid (grid='segmentation' in ExportOptions), "
        "or, if the file is not meant for that program, leave out the proof by other programs (verify='own' in "
        "ExportOptions).",
    ),
    (
        errors.VerificationError(SEG.with_name(".seg.dcm.0123456789abcdef.part"), ["2 pixels differ"]),
        "seg.dcm was read back and differs from the segmentation, so it was removed:\n  2 pixels differ\n"
        "This is probably a fault of SegRLEExport or of the disk: please report it. "
        "Another encoding, for example uncompressed with one bit a pixel (compression='none'), may work meanwhile.",
    ),
    (
        errors.NotASegmentationFileError(SEG, "it has no Segment Sequence"),
        f"{SEG} is not a readable DICOM Segmentation: it has no Segment Sequence. Give a file of modality SEG.",
    ),
    (
        errors.NotASegmentationFileError(SEG, "it is cut short", "Get the file anew."),
        f"{SEG} is not a readable DICOM Segmentation: it is cut short. Get the file anew.",
    ),
    (
        errors.UnusableSegFileError(SEG, "it refers to no images", "Give the folder."),
        f"The DICOM SEG {SEG} cannot be used: it refers to no images. Give the folder.",
    ),
    (errors.CancelledError(), "The export was cancelled. No file was left behind."),
    (
        errors.MissingLibraryError("slicer-core", "read .seg.nrrd", "Install it with pip."),
        "slicer-core is needed to read .seg.nrrd, and it is not available here. Install it with pip.",
    ),
    (errors.UnknownEncodingError("zip", ["rle", "none"]), "There is no encoding 'zip'. Choose one of: rle, none."),
    (
        errors.UnknownSegmentError(["spleen"], ["liver", "kidney"]),
        "The segmentation has no segment 'spleen'. It has: 'liver', 'kidney'.",
    ),
    (
        errors.NonLinearTransformError("Seg", "Warp"),
        "'Seg' is under the non-linear transform 'Warp', and a DICOM SEG has straight planes only. Harden the "
        "transform on a copy of it (Data module, right-click, Harden transform) and export that copy, or take it "
        "out of the transform.",
    ),
    (
        errors.UnknownSegmentError(["ribs"], ["Segment_1", "Segment_2"], ["ribs", ""]),
        "The segmentation has no segment 'ribs'. It has: 'Segment_1' (ribs), 'Segment_2'.",
    ),
    (
        errors.UnusableTransformError("Segmentation", "Shift", "moves it by 1e+12 mm"),
        "'Segmentation' is under the transform 'Shift', whose matrix moves it by 1e+12 mm. Correct the matrix "
        "(Transforms module), or take the node out of the transform (Data module).",
    ),
    (
        errors.FlatteningTransformError("Seg", "Scale"),
        "'Seg' is under the transform 'Scale', which makes a volume flat: its matrix has no inverse. Correct the "
        "matrix (Transforms module), or take the node out of the transform (Data module).",
    ),
    (
        errors.NonLinearVolumeTransformError("CT", "Regularization"),
        "The volume 'CT' is under the non-linear transform 'Regularization', so segments do not lie where they would "
        "on the images themselves. Set the acquisition geometry regularization to none (Application settings, DICOM), "
        "load the images again and segment those; or take volume and segmentation out of the transform (Data module), "
        "if the segments fit the images without it.",
    ),
    (
        errors.NoBinaryLabelmapError("Seg", "Closed surface"),
        "The segments of 'Seg' are stored as Closed surface and could not be converted to voxels. "
        "Open the Segmentations module, create the Binary labelmap representation, and export again.",
    ),
    (
        errors.UnusableLabelsError("Segmentation", "some of its voxels are not a number"),
        "'Segmentation' cannot be exported: some of its voxels are not a number.",
    ),
    (
        errors.UnwritableVolumeError("it has colours", "Take a grey volume."),
        "The volume cannot be written as DICOM images: it has colours. Take a grey volume.",
    ),
    (
        errors.NothingSegmentedError("Seg"),
        "'Seg' has no segment. Add one in the Segment Editor, then export.",
    ),
    (
        errors.NoReferenceError("Seg"),
        "It is not known on which DICOM images 'Seg' was drawn. Choose the series that was segmented; "
        "it must have been loaded from the DICOM database. If the volume is not from DICOM, choose it under 'Images' "
        "in the SegRLEExport module and press 'Make DICOM images' there.",
    ),
    (
        errors.NoReferenceError("Seg", "MR"),
        "It is not known on which DICOM images 'Seg' was drawn: the volume 'MR' names no DICOM images. Choose the "
        "series that was segmented; it must have been loaded from the DICOM database. If the volume is not from DICOM, "
        "choose it under 'Images' in the SegRLEExport module and press 'Make DICOM images' there.",
    ),
    (
        errors.SeriesNotLoadedError("its files are damaged."),
        "The images that were segmented could not be loaded from Slicer's DICOM database: its files are damaged. Load "
        "them with the DICOM module, then load the segmentation again.",
    ),
    (
        errors.ImagesNotLoadedError("MR"),
        "DICOM images of 'MR' were made, but Slicer's DICOM database did not load them. See the application log for "
        "the reason.",
    ),
    (
        errors.NoDatabaseError(),
        "Slicer's DICOM database is not open, so the images that were segmented cannot be found. "
        "Open the DICOM module once, or choose a database folder in Application settings, DICOM.",
    ),
    (
        errors.NotImportedError("seg.dcm"),
        "Slicer's DICOM database did not take seg.dcm, so nothing was exported. "
        "Export to a folder instead, and see the application log for the reason.",
    ),
    (
        errors.ImageFilesGoneError([Path("a/1.dcm")], 30),
        f"The file {Path('a/1.dcm')} is gone from the disk, though Slicer's DICOM database lists it. "
        "Put it back, or import the series into the database again (DICOM module, Import), then export.",
    ),
    (
        errors.ImageFilesGoneError([Path("a/1.dcm"), Path("a/2.dcm")], 30),
        f"The file {Path('a/1.dcm')} and 1 more of the 30 images that were segmented are gone from the disk, though "
        "Slicer's DICOM database lists it. "
        "Put it back, or import the series into the database again (DICOM module, Import), then export.",
    ),
    (
        errors.SourceFilesMissingError(2, 30),
        "2 of the 30 images that were segmented are not in Slicer's DICOM database. "
        "Import the series into the database again (DICOM module, Import), then export.",
    ),
]


@pytest.mark.parametrize(
    ("error", "text"), MESSAGES, ids=lambda value: type(value).__name__ if isinstance(value, Exception) else ""
)
def test_the_message_is_a_sentence_for_a_person(error, text):
    assert str(error) == text


def test_every_class_has_its_message_read_here():
    classes = {
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ExportError)
    } - {ExportError}

    assert {type(error) for error, _ in MESSAGES} == classes


def test_the_findings_that_refused_an_export_can_be_read_by_a_script():
    finding = Finding("all-empty", Severity.ERROR, "No segment has a voxel.")

    assert errors.PreflightError([finding]).findings == (finding,)
    assert finding.to_json() == {
        "id": "all-empty",
        "severity": "error",
        "what": "No segment has a voxel.",
        "where": "",
        "help": "",
        "details": [],
    }
