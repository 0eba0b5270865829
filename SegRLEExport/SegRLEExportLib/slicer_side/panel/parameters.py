"""What the panel remembers in the scene."""

from __future__ import annotations

from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.parameterNodeWrapper import parameterNodeWrapper

from SegRLEExportLib.slicer_side import settings
from SegRLEExportLib.slicer_side.dialog.fields import prefilled_creator


@parameterNodeWrapper
class Parameters:
    """The choices of the panel; the series number is text because it may be left to the program."""

    segmentation: vtkMRMLSegmentationNode
    referenceVolume: vtkMRMLScalarVolumeNode
    compression: str = "rle"
    leftOutSegmentIDs: list[str]
    seriesDescription: str
    seriesNumber: str
    contentCreatorName: str
    contentLabel: str = "SEGMENTATION"
    contentDescription: str
    ownGrid: bool = False
    clip: bool = False
    keepEmptyFrames: bool = False
    verify: bool = True
    verifyByOthers: bool = False
    intoDatabase: bool = True
    folder: str


def parameters_of(parameter_node) -> Parameters:
    """Return the choices kept in `parameter_node`; those of the application settings if it is new."""
    is_new = not parameter_node.HasParameter("compression")
    parameters = Parameters(parameter_node)
    if is_new:
        parameters.compression = settings.default_encoding()
        parameters.contentCreatorName = prefilled_creator(settings.creator_name())
        parameters.verify = settings.is_verified()
        parameters.verifyByOthers = settings.is_read_by_others()
        parameters.keepEmptyFrames = settings.keeps_empty_frames()
    return parameters
