"""What a case may be called: its name is that of a folder, on every system, and no other case has it."""

from __future__ import annotations

import re
import unicodedata

from SegRLEExportLib.batch.folder import JOURNAL, PAGE

_NO_FOLDER = {
    r"^$": "it is empty",
    r'[<>:"/\\|?*]': 'it has one of < > : " / \\ | ? *',
    r"[\x00-\x1f\x7f]": "it has a control character",
    r"^\.": "it begins with a dot",
    r"[. ]$": "it ends with a dot or a space",
    r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)": "Windows keeps that name for a device",
    rf"^({re.escape(JOURNAL)}|{re.escape(PAGE)})$": "the batch has a file of that name",
}
"""Patterns of names that no folder of a case can have, and why, as a clause."""

_MOST_BYTES = 200
"""Of a name: systems allow 255, and what is being written has some more behind the name."""


class CaseNames:
    """The names of the cases of one batch."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def add(self, name: str, place: str) -> None:
        """Take the name of the case that a place tells of; raise ValueError with a clause if it cannot have it."""
        reason = _why_no_folder(name)
        if reason:
            raise ValueError(f"the case name '{name}' cannot name a folder: {reason}")
        before = self._places.setdefault(unicodedata.normalize("NFC", name).casefold(), place)
        if before != place:
            raise ValueError(f"two cases are called '{name}': this one and that of {before}")


def _why_no_folder(name: str) -> str:
    if len(name.encode("utf-8", "surrogateescape")) > _MOST_BYTES:
        return f"it is longer than {_MOST_BYTES} bytes"
    return next((why for pattern, why in _NO_FOLDER.items() if re.search(pattern, name, re.IGNORECASE)), "")
