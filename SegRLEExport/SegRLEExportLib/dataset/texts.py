"""Whether the texts that a caller gives can be written as they are (PS3.5, 6.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom.datadict import dictionary_VR

from SegRLEExportLib.dataset.repair import repaired_value
from SegRLEExportLib.model.finding import Finding, Severity


def refused_texts(texts: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Yield an error for each (keyword, text) that the attribute cannot hold: what a caller says is never bent."""
    for keyword, text in texts:
        reason = repaired_value(dictionary_VR(keyword), text).reason
        if reason:
            yield Finding("invalid-option", Severity.ERROR, f"{text!r} is {reason}.", keyword, "Choose another text.")
