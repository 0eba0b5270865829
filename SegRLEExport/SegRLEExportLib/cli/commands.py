"""The commands, and what each is for."""

from __future__ import annotations

COMMANDS = {
    "export": "write a segmentation as DICOM SEG",
    "convert": "write a segmentation as another kind of file",
    "forecast": "tell how large each encoding would be, without writing",
    "inspect": "tell what SEG files of any program hold, and their faults",
    "verify": "compare SEG files with a segmentation, voxel by voxel",
    "batch": "write many cases, on this machine or a Dask cluster",
}
"""Each is in the module of its name, `export_command` and so on, which has `add_parser(commands)`."""
