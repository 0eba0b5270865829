"""What all rings share: real data beside the checkout, and a visible reason where it is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real series and segmentations; SEGRLE_SHARED says where, else it is beside the checkout."""
    folder = Path(os.environ.get("SEGRLE_SHARED", _BESIDE_CHECKOUT))
    if not (folder / "data").is_dir():
        pytest.skip(f"real data not found in {folder} (set SEGRLE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    """Real series and segmentations, see its MANIFEST.md."""
    return shared / "data"


@pytest.fixture(scope="session")
def shared_interop(shared: Path) -> Path:
    """A sample file of every encoding, see its MANIFEST.md."""
    return shared / "interop"
