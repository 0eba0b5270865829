"""Everything that can go wrong for a reason the user can act on.

Each class writes its own sentence from named parts: what happened, where, and what helps.
Mistakes of this package itself stay `ValueError`, `AssertionError` and the like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from SegRLEExportLib.model.beside import final_name
from SegRLEExportLib.model.counted import counted
from SegRLEExportLib.model.finding import Finding, one_for_each_cause
from SegRLEExportLib.model.printable import printable_lines
from SegRLEExportLib.model.remedy import Remedy, worded


class ExportError(Exception):
    """Base of every error of this package; `str()` of it is a sentence for a person, and more lines where it lists.

    What stands in it of files and their names is escaped, so that a terminal may see it.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__(printable_lines(lines))

    def reword(self, words: Mapping[Remedy, str]) -> None:
        """Say what helps in the words of a door where Python shows the error itself."""
        self.args = (worded(str(self), words),)


class PreflightError(ExportError):
    """The export was not begun: `findings` says all that stands in its way, with the fixes; the text, causes once."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(*map(str, one_for_each_cause(findings)))

    def reword(self, words: Mapping[Remedy, str]) -> None:
        """Say what helps in the words of a door, in the text and in the findings."""
        self.findings = tuple(finding.in_words(words) for finding in self.findings)
        super().reword(words)


class UnreadableSegmentationError(ExportError):
    """The segmentation file cannot be read; `KINDS` is the remedy where it is of no kind that is read."""

    KINDS = (
        "Give a .seg.nrrd as Slicer saves it, a label map as .nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd, or a folder "
        "of masks."
    )

    def __init__(self, path: Path, reason: str, remedy: str = "") -> None:
        super().__init__(f"The segmentation {path} cannot be read: {reason}. {remedy}".rstrip())


class SegmentTableError(ExportError):
    """A table of names, codes and colours cannot be used."""

    def __init__(self, path: Path, reason: str, line: int = 0) -> None:
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(
            f"The table of segments {place} cannot be used: {reason}. Give a table with a header (value, name, "
            "category, type, color), dcmqi's JSON, a colour table of Slicer, labels of ITK-SNAP or a dataset.json of "
            "nnU-Net; or the name of a table that is built in: totalsegmentator, totalsegmentator-mr."
        )


class UnreadableVolumeError(ExportError):
    """The file of a volume that is not from DICOM cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"The volume {path} cannot be read: {reason}. Give a whole .nrrd, .nii, .nii.gz or .mha.")


class NoSourceImagesError(ExportError):
    """There is no DICOM image to refer to where the caller pointed."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"No DICOM images of a source series were found in {where}: {reason}. {Remedy.IMAGES_FOLDER}")


class SeriesChoiceError(ExportError):
    """Several series could be meant, or the one asked for is not there."""

    def __init__(self, reason: str, series_lines: Iterable[str]) -> None:
        self.reason = reason
        """What happened, a sentence, without what helps: that differs between a shell and Slicer's windows."""
        listed = [f"  {line}" for line in series_lines]
        super().__init__(f"{reason} {Remedy.NAME_A_SERIES} Found:", *listed)


class UnusableSourceError(ExportError):
    """The source images cannot carry a SEG: a needed attribute or a common geometry is missing."""

    def __init__(self, series: str, reason: str, remedy: str) -> None:
        super().__init__(f"The source series {series} cannot be referenced: {reason}. {remedy}")


class TargetExistsError(ExportError):
    """A file of that name is there already, and overwriting was not asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} exists already and was left as it is. Choose another name or folder, or {Remedy.OVERWRITE}."
        )


class PictureTakenError(ExportError):
    """Another picture has the name of one that is to lie beside a COCO file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not the picture that would be written there, and was left as it is. Give the COCO file another "
            f"name, or {Remedy.OVERWRITE}."
        )


class TargetNotReplacedError(ExportError):
    """What has the name is replaced by nothing, even where overwriting was asked for; `what` it is says why."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is {what} and was left as it is. Choose another name.")


class TargetNotAFileError(TargetNotReplacedError):
    """What has the name is no file."""


class TargetTwiceError(ExportError):
    """Two files that are written together would have one name."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"Two files that are written together would be called {path}. Choose another name.")


class TargetFolderError(ExportError):
    """The folder to write into cannot be used."""

    def __init__(self, folder: Path, reason: str, remedy: str = "Choose another folder.") -> None:
        super().__init__(f"Nothing can be written into {folder}: {reason}. {remedy}")


class WritingFailedError(ExportError):
    """The disk refused the file while it was being written."""

    def __init__(self, path: Path, reason: str, remedy: str = "Make room or choose another folder") -> None:
        super().__init__(
            f"Writing {path} failed: {reason}. The unfinished file was removed. {remedy}, then export again."
        )


class FilesLeftError(ExportError):
    """Files of a run that failed could not be removed."""

    def __init__(self, paths: Sequence[Path], reason: str) -> None:
        listed = ", ".join(str(path) for path in paths)
        super().__init__(f"{reason.rstrip('.')}. These files could not be removed or restored: {listed}. Look at them.")


class SegTooLargeError(ExportError):
    """Pixel Data of that length cannot be stated in 32 bits (PS3.5, 7.1.2)."""

    def __init__(self, encoding: str, pixel_bytes: int) -> None:
        super().__init__(
            f"The pixel data of this segmentation would take {pixel_bytes / 2**30:.1f} GiB as '{encoding}', "
            f"and DICOM can state at most 4 GiB. Use {Remedy.RLE}, or {Remedy.FEWER_SEGMENTS}."
        )


class VerificationError(ExportError):
    """What was read back is not what was to be written; the file was removed."""

    def __init__(self, path: Path, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        shown = [f"  {line}" for line in self.differences[:10]]
        more = len(self.differences) - 10
        if more > 0:
            shown.append(f"  and {more} more")
        name = final_name(path)
        super().__init__(
            f"{name} was read back and differs from the segmentation, so it was removed:",
            *shown,
            "This is probably a fault of SegRLEExport or of the disk: please report it. "
            f"Another encoding, for example {Remedy.UNCOMPRESSED}, may work meanwhile.",
        )


class OtherReaderDiffersError(ExportError):
    """Another program shows something else than was written; the file was removed."""

    def __init__(self, path: Path, reader: str, differences: str) -> None:
        super().__init__(
            f"{reader} reads {final_name(path)} differently from what was written, so the file was removed: "
            f"{differences}. Choose another encoding, {Remedy.OWN_GRID}, or, if the file is not meant for that "
            f"program, {Remedy.OWN_PROOF}."
        )


class UnknownFormatError(ExportError):
    """Nothing is known by that name that a segmentation can be written as."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"'{name}' is not a format that can be written. Known formats: {', '.join(known)}.")


class MisleadingNameError(ExportError):
    """The name of a file says that it is of another format."""

    def __init__(
        self, path: Path, told: str, wanted: str, remedy: str = f"Choose another name, or {Remedy.BY_ITS_NAME}."
    ) -> None:
        super().__init__(f"{path} is the name of a file of the format {told}, and {wanted} is to be written. {remedy}")


class SourceNeededError(ExportError):
    """A format that refers to images, without any."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}, and none were given. Give the folder with the DICOM images that were segmented.")


class UnwritableSegmentationError(ExportError):
    """A segmentation that a format cannot hold."""

    def __init__(self, name: str, reason: str, remedy: str = "Write another format, DICOM SEG for example.") -> None:
        super().__init__(f"'{name}' cannot be written so: {reason}. {remedy}")


class UnusableCocoFileError(ExportError):
    """The file that a case is to be added to is not one of COCO instances."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The segmentation cannot be added to {path}: {reason}. The file was left as it is. Choose another name."
        )


class ReadBackDiffersError(ExportError):
    """A file that is not DICOM was read back, and is not what was to be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path.name} was read back and differs from the segmentation, so it was removed. "
            "This is probably a fault of SegRLEExport or of the disk: please report it."
        )


class BatchTableError(ExportError):
    """What says which cases there are cannot be used."""

    def __init__(self, table: Path, line: int, reason: str) -> None:
        where = f"{table}, line {line}" if line else f"{table}"
        super().__init__(f"The cases in {where} cannot be used: {reason}.")


class BatchFolderError(ExportError):
    """A batch cannot work in a folder, or on a cluster."""

    def __init__(self, where: Path | str, reason: str) -> None:
        super().__init__(f"The batch cannot use {where}: {reason}.")


class NoSchedulerError(BatchFolderError):
    """No Dask scheduler answers at an address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            address or "an empty address",
            f"no Dask scheduler answers there ({reason.rstrip('.')}). Check the address, start a scheduler there (dask "
            f"scheduler) and a worker (dask worker ADDRESS), or {Remedy.ON_THIS_MACHINE}",
        )


class UnfitClusterError(BatchFolderError):
    """A Dask scheduler or worker lacks what a batch needs; `reason` is a clause."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            address,
            f"{reason}. Install the same version of SegRLEExport there (python -m pip install .[batch]), or "
            f"{Remedy.ON_THIS_MACHINE}",
        )


class SchedulerEndedError(BatchFolderError):
    """The Dask scheduler at an address does not answer any more."""

    def __init__(self, address: str) -> None:
        super().__init__(address, f"its Dask scheduler does not answer any more. When it does, {Remedy.RESUME}")


class UnwritablePictureError(ExportError):
    """A DICOM image cannot be shown as an 8-bit picture."""

    def __init__(self, path: Path, reason: str, remedy: str = Remedy.WINDOW) -> None:
        super().__init__(f"No picture can be made of {path}: {reason}. {remedy}")


class NotASegmentationFileError(ExportError):
    """The file is not a DICOM SEG, or cannot be parsed as one."""

    def __init__(self, path: Path, reason: str, remedy: str = "Give a file of modality SEG.") -> None:
        self.reason = reason
        """The cause alone, as a clause."""
        super().__init__(f"{path} is not a readable DICOM Segmentation: {reason}. {remedy}")


class UnusableSegFileError(ExportError):
    """A DICOM SEG can be read, and cannot become what was asked for."""

    def __init__(self, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"The DICOM SEG {path} cannot be used: {reason}. {remedy}")


class CancelledError(ExportError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("The export was cancelled. No file was left behind.")


class MissingLibraryError(ExportError):
    """A library that this door needs is not installed."""

    def __init__(self, library: str, what_for: str, remedy: str) -> None:
        super().__init__(f"{library} is needed to {what_for}, and it is not available here. {remedy}")


class UnusableArgumentError(ExportError):
    """What a script gave cannot be what it meant."""

    def __init__(self, name: str, given: str, wanted: str) -> None:
        super().__init__(f"{name} is {given}, and should be {wanted}.")


class UnknownEncodingError(ExportError):
    """There is no row of that id in the table of encodings."""

    def __init__(self, encoding: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no encoding '{encoding}'. Choose one of: {', '.join(known)}.")


class UnknownSegmentError(ExportError):
    """A segment was asked for that the segmentation does not have."""

    def __init__(self, wanted: Iterable[str], known: Iterable[str], names: Iterable[str] = ()) -> None:
        told = [repr(one) + (f" ({name})" if name else "") for one, name in zip_longest(known, names)]
        super().__init__(
            f"The segmentation has no segment {', '.join(repr(name) for name in wanted)}. It has: {', '.join(told)}."
        )


class NonLinearTransformError(ExportError):
    """A node is bent by a transform that no grid of voxels can follow."""

    def __init__(self, node_name: str, transform_name: str) -> None:
        super().__init__(
            f"'{node_name}' is under the non-linear transform '{transform_name}', and a DICOM SEG has straight planes "
            "only. Harden the transform on a copy of it (Data module, right-click, Harden transform) and export "
            "that copy, or take it out of the transform."
        )


class FlatteningTransformError(ExportError):
    """A node is under a transform that cannot be taken back."""

    def __init__(self, node_name: str, transform_name: str) -> None:
        super().__init__(
            f"'{node_name}' is under the transform '{transform_name}', which makes a volume flat: its matrix has no "
            "inverse. Correct the matrix (Transforms module), or take the node out of the transform (Data module)."
        )


class UnusableTransformError(ExportError):
    """A node is under a transform that no place is meant by; `reason` follows "whose matrix"."""

    def __init__(self, node_name: str, transform_name: str, reason: str) -> None:
        super().__init__(
            f"'{node_name}' is under the transform '{transform_name}', whose matrix {reason}. Correct the matrix "
            "(Transforms module), or take the node out of the transform (Data module)."
        )


class NonLinearVolumeTransformError(ExportError):
    """The images are shown bent, as Slicer does with uneven slices, so what is drawn on them lies elsewhere."""

    def __init__(self, volume_name: str, transform_name: str) -> None:
        super().__init__(
            f"The volume '{volume_name}' is under the non-linear transform '{transform_name}', so segments do not lie "
            "where they would on the images themselves. Set the acquisition geometry regularization to none "
            "(Application settings, DICOM), load the images again and segment those; or take volume and segmentation "
            "out of the transform (Data module), if the segments fit the images without it."
        )


class NoBinaryLabelmapError(ExportError):
    """A segmentation of surfaces or contours could not be turned into voxels."""

    def __init__(self, node_name: str, representation: str) -> None:
        super().__init__(
            f"The segments of '{node_name}' are stored as {representation} and could not be converted to voxels. "
            "Open the Segmentations module, create the Binary labelmap representation, and export again."
        )


class UnusableLabelsError(ExportError):
    """The values of a label map cannot be segments."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"'{name}' cannot be exported: {reason}.")


class UnwritableVolumeError(ExportError):
    """A volume that is not from DICOM cannot be made a series of images."""

    def __init__(self, reason: str, remedy: str, name: str = "") -> None:
        self.reason, self.remedy = reason, remedy
        named = f"The volume {name}" if name else "The volume"
        super().__init__(f"{named} cannot be written as DICOM images: {reason}. {remedy}")

    def of(self, name: str) -> UnwritableVolumeError:
        """Return the same error of a volume that has a name."""
        return UnwritableVolumeError(self.reason, self.remedy, name)


class NothingSegmentedError(ExportError):
    """A segmentation has no segment at all."""

    def __init__(self, node_name: str) -> None:
        super().__init__(f"'{node_name}' has no segment. Add one in the Segment Editor, then export.")


class NoReferenceError(ExportError):
    """Nothing says which DICOM images a segmentation was drawn on, or a volume was named that is not of any."""

    def __init__(self, node_name: str, volume_name: str = "") -> None:
        named = f": the volume '{volume_name}' names no DICOM images" if volume_name else ""
        super().__init__(
            f"It is not known on which DICOM images '{node_name}' was drawn{named}. {Remedy.CHOOSE_SERIES}; it must "
            "have been loaded from the DICOM database. If the volume is not from DICOM, choose it under 'Images' in "
            "the SegRLEExport module and press 'Make DICOM images' there."
        )


class NoDatabaseError(ExportError):
    """Slicer's DICOM database is not open."""

    def __init__(self) -> None:
        super().__init__(
            "Slicer's DICOM database is not open, so the images that were segmented cannot be found. "
            "Open the DICOM module once, or choose a database folder in Application settings, DICOM."
        )


class NotImportedError(ExportError):
    """The DICOM database did not take a file that was written and verified."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            f"Slicer's DICOM database did not take {file_name}, so nothing was exported. "
            f"{Remedy.A_FOLDER}, and see the application log for the reason."
        )


class ImagesNotLoadedError(ExportError):
    """DICOM images that were made of a volume did not come back from the database."""

    def __init__(self, volume_name: str) -> None:
        super().__init__(
            f"DICOM images of '{volume_name}' were made, but Slicer's DICOM database did not load them. See the "
            "application log for the reason."
        )


class SeriesNotLoadedError(ExportError):
    """Slicer failed to load the images that a segmentation refers to."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The images that were segmented could not be loaded from Slicer's DICOM database: {reason.rstrip('.')}. "
            "Load them with the DICOM module, then load the segmentation again."
        )


class SourceFilesMissingError(ExportError):
    """The database does not have the images, or not all of them."""

    def __init__(self, missing: int, total: int) -> None:
        super().__init__(
            f"{missing} of the {counted(total, 'image')} that were segmented {'is' if missing == 1 else 'are'} not in "
            "Slicer's DICOM database. "
            "Import the series into the database again (DICOM module, Import), then export."
        )


class ImageFilesGoneError(ExportError):
    """The database lists images whose files are not on the disk any more."""

    def __init__(self, paths: Sequence[Path], total: int) -> None:
        others = (
            f" and {len(paths) - 1} more of the {total} images that were segmented are" if len(paths) > 1 else " is"
        )
        super().__init__(
            f"The file {paths[0]}{others} gone from the disk, though Slicer's DICOM database lists it. "
            "Put it back, or import the series into the database again (DICOM module, Import), then export."
        )
