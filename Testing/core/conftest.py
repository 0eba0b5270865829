"""The option that rewrites the golden datasets."""

from __future__ import annotations

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write Testing/core/golden anew; look at the difference in git"
    )


@pytest.fixture
def update_golden(request):
    """Whether golden texts are to be written instead of compared."""
    return request.config.getoption("--update-golden")
