"""The pictures beside a COCO file, each read again before it gets its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from SegRLEExportLib.conversion.eight_bits import Window
from SegRLEExportLib.conversion.formats import WrittenFile
from SegRLEExportLib.conversion.pictures import PICTURE_SUFFIX, is_png_of, png_of
from SegRLEExportLib.errors import PictureTakenError, ReadBackDiffersError, SourceNeededError, TargetExistsError
from SegRLEExportLib.files.coco import CocoImage
from SegRLEExportLib.model.source_series import SourceFrame
from SegRLEExportLib.writing.pending_files import PendingFiles


class PictureFolder:
    """The folder of a COCO file's pictures; files of others in it are replaced only where overwriting is asked for."""

    def __init__(self, coco_file: Path, files: PendingFiles, *, overwrite: bool) -> None:
        self._coco_file = coco_file
        self._files = files
        self._overwrite = overwrite

    def write(
        self, images: Sequence[CocoImage], file_of: Mapping[str, Path], window: Window | None
    ) -> Iterator[WrittenFile]:
        """Write a picture of each image, and read it again."""
        self._files.make_folder(self._coco_file.with_name(_folder_name(self._coco_file)))
        for image in images:
            if image.sop_instance_uid not in file_of:
                raise SourceNeededError("Pictures are made from the DICOM images")
            final = self._coco_file.parent / image.file_name
            content, pixels = png_of(file_of[image.sop_instance_uid], image.frame_number, window)
            if not is_png_of(self._placed(final, content), pixels):
                raise ReadBackDiffersError(final)
            yield WrittenFile(final, len(content))

    def _placed(self, final: Path, content: bytes) -> Path:
        """Return the file that has these bytes: it is there already, or on its way. Raises `PictureTakenError`."""
        if _has(final, content):
            return final
        try:
            with self._files.create(final, replaces_none=not self._overwrite) as sink:
                sink.write(content)
        except TargetExistsError as error:
            raise PictureTakenError(final) from error
        return self._files.part_of(final)


def picture_name(frame: SourceFrame, coco_file: Path) -> str:
    """Return the name of an image's picture, seen from the COCO file."""
    number = "" if frame.frame_number is None else f"_{frame.frame_number}"
    return f"{_folder_name(coco_file)}/{frame.sop_instance_uid}{number}{PICTURE_SUFFIX}"


def _folder_name(coco_file: Path) -> str:
    return f"{coco_file.stem}_images"


def _has(path: Path, content: bytes) -> bool:
    with suppress(OSError):
        return path.is_file() and path.read_bytes() == content
    return False
