"""New UIDs, and UIDs that are always the same for the same thing (PS3.5, B.2; RFC 4122)."""

from __future__ import annotations

import re
import uuid

_NAMESPACE = uuid.UUID("2df855f4-2a6c-5f43-8ef0-5a62ad1e6a33")
"""Never to be changed, or tracking UIDs change with it."""

_NEW_UID_LENGTH = len("2.25.") + 39
"""As long as the largest UUIDs make them: seven of ten."""

_COMPONENTS = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_LEADING_ZERO = re.compile(r"(^|\.)0[0-9]")


def new_uid() -> str:
    """Return a UID that nobody else has; all are of one length, so that it is known how large a file becomes."""
    while len(uid := f"2.25.{uuid.uuid4().int}") < _NEW_UID_LENGTH:
        pass
    return uid


def derived_uid(*parts: str) -> str:
    """Return the UID that belongs to these texts: the same for the same texts, on every machine."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '|'.join(parts)).int}"


def is_standard_uid(text: str) -> bool:
    """Tell whether the text is a UID as PS3.5, 9.1 wants it."""
    return is_usable_uid(text) and not _LEADING_ZERO.search(text)


def is_usable_uid(text: str) -> bool:
    """Tell whether the text can name something: digits and dots (PS3.5, 9.1).

    Components with leading zeros are forbidden and common; a reference must repeat them, or it refers to nothing.
    """
    return len(text) <= 64 and _COMPONENTS.fullmatch(text) is not None
