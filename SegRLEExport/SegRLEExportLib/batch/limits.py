"""What a case may take."""

from __future__ import annotations

DEFAULT_TIMEOUT_S = 3600.0
"""Seconds of one case."""

START_S = 120.0
"""Seconds in which a process for cases must be ready."""
