"""What a script hands to the module's logic, looked at before anything begins: Python would fail on it much later.

Classes of ours are told by their names: after Reload an `ExportOptions` of before is of another class.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from SegRLEExportLib.errors import NothingSegmentedError, UnusableArgumentError
from SegRLEExportLib.export import plan_of
from SegRLEExportLib.model.given import told
from SegRLEExportLib.options import ExportOptions
from SegRLEExportLib.reading.segmentation import refuse_no_share

_A_NODE = "a segmentation node, such as slicer.util.getNode('Segmentation')"
_A_VOLUME = "a volume node, such as slicer.util.getNode('CT')"
_A_PATH = "a path, such as '/tmp/seg.dcm'"
_PATHS = "a path, such as '/tmp/seg.dcm', or a list of the files of one export"
_IDS = "a list of segment IDs, such as ['Segment_1']"
_OPTIONS = "an ExportOptions of SegRLEExportLib.options, such as ExportOptions(overwrite=True)"


def segmentation_node(value: Any, volume: Any = None) -> Any:
    """Return the value if it is a vtkMRMLSegmentationNode with segments, of a scene unless a volume tells the images.

    Raises `UnusableArgumentError` or `NothingSegmentedError`.
    """
    node = _node(value, "node", "vtkMRMLSegmentationNode", _A_NODE)
    if node.GetScene() is None and volume is None:
        _refuse(
            "node",
            "of no scene: it was removed, or the scene was closed",
            "one that slicer.util.getNode('Segmentation') finds",
        )
    if node.GetSegmentation() is None or node.GetSegmentation().GetNumberOfSegments() == 0:
        raise NothingSegmentedError(node.GetName())
    return node


def volume_node(value: Any) -> Any:
    """Return the value if it is a vtkMRMLVolumeNode, or None; raise `UnusableArgumentError`."""
    return None if value is None else _node(value, "referenceVolume", "vtkMRMLVolumeNode", _A_VOLUME)


def path(value: Any) -> str:
    """Return the path, `~` as the user's folder, a slash behind it kept; raise `UnusableArgumentError`."""
    return _path(value, _A_PATH)


def path_or_paths(value: Any) -> Path | list[Path]:
    """Return one path, or a list of at least one; raise `UnusableArgumentError`."""
    if isinstance(value, (str, bytes, os.PathLike)) or not isinstance(value, Iterable):
        return Path(_path(value, _PATHS))
    return [Path(_path(one, _PATHS)) for one in value] or _refuse("path", "an empty list", _PATHS)


def threshold(value: Any) -> Any:
    """Return the value if it is a share above 0 and up to 1, or None; raise `UnusableArgumentError`."""
    refuse_no_share(value)
    return value


def segment_ids(value: Any) -> list[str] | None:
    """Return the IDs, None for all segments; raise `UnusableArgumentError`."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        _refuse("segmentIDs", told(value), _IDS)
    ids = [*value]
    if not ids or not all(isinstance(one, str) for one in ids):
        _refuse("segmentIDs", "a list of other things" if ids else "an empty list", _IDS)
    return ids


def export_options(options: Any, compression: Any) -> Any:
    """Return the `ExportOptions`, or those that everybody has, with the encoding that `compression` names.

    Raises `UnusableArgumentError`, also where the two name different encodings, or `UnknownEncodingError`.
    """
    if options is not None and type(options).__name__ != ExportOptions.__name__:
        _refuse("options", told(options), _OPTIONS)
    if compression is not None and not isinstance(compression, str):
        _refuse("compression", told(compression), "the id of an encoding, such as 'rle'")
    chosen = options or ExportOptions()
    if compression is not None:
        if chosen.compression not in (ExportOptions.compression, compression):
            _refuse("compression", repr(compression), f"what options have, '{chosen.compression}', or left out")
        chosen = replace(chosen, compression=compression)
    plan_of(chosen)
    return chosen


def progress_callback(value: Any) -> Any:
    """Return the value if it can be called, or None; raise `UnusableArgumentError`."""
    if value is not None and not callable(value):
        _refuse("progress", told(value), "a function of a fraction and a text")
    return value


def _node(value: Any, name: str, class_name: str, wanted: str) -> Any:
    is_node = None if isinstance(value, type) else getattr(value, "IsA", None)
    if is_node is None or not is_node(class_name):
        _refuse(name, told(value), wanted)
    return value


def _path(value: Any, wanted: str) -> str:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        _refuse("path", told(value), wanted)
    return os.path.expanduser(os.fsdecode(value))


def _refuse(name: str, given: str, wanted: str) -> Any:
    raise UnusableArgumentError(name, given, wanted)
