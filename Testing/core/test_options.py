"""A value that an option cannot have is told at once, in a sentence, and not by Python in the middle of an export."""

from __future__ import annotations

import re
from dataclasses import fields

import numpy as np
import pytest
from SegRLEExportLib.errors import UnusableArgumentError
from SegRLEExportLib.options import ExportOptions, Grid, Verify


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "compression",
            ["rle"],
            "compression is of the type list, and should be the id of an encoding, such as 'rle'.",
        ),
        ("compression", None, "compression is None, and should be the id of an encoding, such as 'rle'."),
        ("series_description", None, "series_description is None, and should be a text, such as 'LIVER'."),
        ("content_label", 5, "content_label is 5, and should be a text, such as 'LIVER'."),
        ("content_description", b"x", "content_description is of the type bytes, and should be a text"),
        ("content_creator_name", None, "content_creator_name is None, and should be a text"),
        (
            "series_number",
            "300",
            "series_number is the text '300', and should be a whole number, such as 300, or None.",
        ),
        ("series_number", 3.5, "series_number is 3.5, and should be a whole number, such as 300, or None."),
        ("series_number", True, "series_number is True, and should be a whole number"),
        ("grid", "own", "grid is the text 'own', and should be one of 'source', 'segmentation'."),
        ("grid", None, "grid is None, and should be one of 'source', 'segmentation'."),
        ("keep_values", None, "keep_values is None, and should be True or False."),
        ("clip", 1, "clip is 1, and should be True or False."),
        ("keep_empty_frames", [], "keep_empty_frames is of the type list, and should be True or False."),
        ("verify", "highdicom", "verify is the text 'highdicom', and should be one of 'own', 'others', 'off'."),
        ("verify", None, "verify is None, and should be one of 'own', 'others', 'off'."),
        ("overwrite", "no", "overwrite is the text 'no', and should be True or False."),
        ("strict", Grid, "strict is the class Grid, and should be True or False."),
        ("new_uid", "1.2.3", "new_uid is the text '1.2.3', and should be a function without arguments."),
        ("now", None, "now is None, and should be a function without arguments."),
    ],
)
def test_a_value_that_cannot_be_is_told(name, value, sentence):
    with pytest.raises(UnusableArgumentError, match=f"^{re.escape(sentence)}"):
        ExportOptions(**{name: value})


@pytest.mark.parametrize("name", [field.name for field in fields(ExportOptions)])
def test_no_field_takes_just_anything(name):
    with pytest.raises(UnusableArgumentError, match=f"^{name} is of the type object, and should be "):
        ExportOptions(**{name: object()})


def test_what_means_the_same_is_taken():
    options = ExportOptions(verify=True, grid="segmentation", series_number=np.int64(7))
    assert (options.verify, options.grid, options.series_number) == (Verify.OWN, Grid.SEGMENTATION, 7)
    assert ExportOptions(verify=False).verify is Verify.OFF
    assert ExportOptions(verify="others").verify is Verify.OTHERS
