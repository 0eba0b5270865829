"""Texts in the character set of their file (PS3.3, C.12.1.1.2), as pydicom reads them.

Latin alphabet No. 9 is one that pydicom up to 3.0 does not know: it reads its letters as others.
"""

from __future__ import annotations

from functools import lru_cache

from pydicom import charset
from pydicom.valuerep import PersonName

_LATIN_9 = "iso8859_15"
_MOST_KEPT = 64
"""Names: the images of a series have one."""

_ESCAPE_SEQUENCE = b"\x1b-b"


def tell_pydicom_of_latin_9() -> None:
    """Let pydicom read ISO_IR 203 and ISO 2022 IR 203; where it knows them, nothing is changed."""
    for term in ("ISO_IR 203", "ISO 2022 IR 203"):
        charset.python_encoding.setdefault(term, _LATIN_9)
    charset.CODES_TO_ENCODINGS.setdefault(_ESCAPE_SEQUENCE, _LATIN_9)
    charset.ENCODINGS_TO_CODES.setdefault(_LATIN_9, _ESCAPE_SEQUENCE)


@lru_cache(maxsize=_MOST_KEPT)
def person_name(raw: bytes, character_set: str) -> str:
    """Return the person name of these bytes, where Specific Character Set (0008,0005) says `character_set`."""
    try:
        encodings = charset.convert_encodings(character_set.split("\\"))
        return str(PersonName(raw.rstrip(b"\0 "), encodings)).strip()
    except Exception:  # pydicom raises whatever a damaged text leads to
        return raw.decode("latin-1").strip("\0 ")
