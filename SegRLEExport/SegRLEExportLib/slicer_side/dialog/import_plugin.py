"""The rows of Slicer's DICOM browser for loading SEG; `import_offers` decides which, above or below Slicer's.

Examination runs at every click: it reads the first bytes of the files that the database calls SEG, nothing else.
"""

from __future__ import annotations

from pathlib import Path

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

from SegRLEExportLib.errors import ExportError
from SegRLEExportLib.model.remedy import worded
from SegRLEExportLib.slicer_side import requirements, settings

_MODALITY = "0008,0060"


class LoaderPlugin(DICOMPlugin):
    """Loads SEG files of any program into segmentation nodes."""

    key = "SegRLEExportLoader"

    def __init__(self):
        super().__init__()
        self.loadType = _("DICOM SEG by SegRLEExport")
        self._served = set()
        """Files that were loaded together with another's row."""

    def examineForImport(self, fileLists):
        """Return a row for each SEG file among the files of the selected series."""
        self._served.clear()
        files = [file for files in fileLists if _is_seg(files) for file in files]
        if not files or not requirements.is_satisfied():
            return []
        from SegRLEExportLib.reading.first_look import first_look
        from SegRLEExportLib.slicer_side.dialog.import_offers import offers

        looks = [look for look in (first_look(Path(file)) for file in files) if look is not None]
        return [_loadable(offer) for offer in offers(looks, prefers_ours=settings.prefers_our_loader())]

    def load(self, loadable):
        """Make a segmentation node of the files; return whether that succeeded."""
        if loadable.files[0] in self._served:
            self._served.discard(loadable.files[0])
            return True
        from SegRLEExportLib.slicer_side.dialog.words import WORDS, Door
        from SegRLEExportLib.slicer_side.nodes.loading import load_segmentation, refer_to_images

        try:
            node = load_segmentation([Path(file) for file in loadable.files], slicer.mrmlScene)
        except ExportError as error:
            slicer.util.errorDisplay(worded(str(error), WORDS[Door.DIALOG]), windowTitle=_("DICOM SEG import"))
            return False
        self.addSeriesInSubjectHierarchy(loadable, node)
        refer_to_images(node, loadable.referencedInstanceUIDs)
        self._served.update(loadable.files[1:])
        return True


def _is_seg(files) -> bool:
    return bool(files) and slicer.dicomDatabase.fileValue(files[0], _MODALITY) == "SEG"


def _loadable(offer):
    first = offer.files[0]
    loadable = DICOMLoadable()
    loadable.files = [str(look.path) for look in offer.files]
    loadable.name = offer.name
    loadable.tooltip = offer.reason
    loadable.selected = offer.is_preferred
    loadable.confidence = offer.confidence
    loadable.uid = first.sop_instance_uid
    loadable.referencedSeriesUID = first.referenced_series_uid
    loadable.referencedInstanceUIDs = sorted({uid for look in offer.files for uid in look.referenced_instance_uids})
    return loadable


PLUGINS = {LoaderPlugin.key: LoaderPlugin}
