"""Where and with what was measured."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from pathlib import Path

from contestants import installed_version

DISTRIBUTIONS = ("numpy", "pydicom", "highdicom", "dcmqi", "slicer-core", "pylibjpeg", "python-gdcm")


def describe_machine() -> dict[str, object]:
    """Return processor, memory, system, load and versions."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(),
        "load_1_5_15_min": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {name: installed_version(name) or "absent" for name in DISTRIBUTIONS},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.processor()
