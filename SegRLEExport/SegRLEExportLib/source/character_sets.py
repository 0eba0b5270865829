"""Latin alphabet No. 9 (PS3.3, C.12.1.1.2), which pydicom up to 3.0 does not know: it reads its letters as others."""

from __future__ import annotations

from pydicom import charset

_LATIN_9 = "iso8859_15"
_ESCAPE_SEQUENCE = b"\x1b-b"


def tell_pydicom_of_latin_9() -> None:
    """Let pydicom read ISO_IR 203 and ISO 2022 IR 203; where it knows them, nothing is changed."""
    for term in ("ISO_IR 203", "ISO 2022 IR 203"):
        charset.python_encoding.setdefault(term, _LATIN_9)
    charset.CODES_TO_ENCODINGS.setdefault(_ESCAPE_SEQUENCE, _LATIN_9)
    charset.ENCODINGS_TO_CODES.setdefault(_LATIN_9, _ESCAPE_SEQUENCE)
