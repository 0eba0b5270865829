"""What all rings share: real data beside the checkout, and a visible reason where it is not there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared"


def pytest_configure() -> None:
    """Heed the signals that a shell in the background and nohup switch off: what the tests start would inherit it."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


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
