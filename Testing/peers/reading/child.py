"""One reader reads files one after the other, in a process that may die of it.

`python -m peers.reading.child <job file>`: the job file names the reader's module, its options, the files and
where to write. Each line of the log says that a file is begun or what became of it; a file begun without an end
was the last thing this process did.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from peers.reading.found import CrashError, FoundSegment, MisreadError, NotApplicableError


def main(job_file: str) -> None:
    """Read all files of the job."""
    warnings.simplefilter("ignore")
    job = json.loads(Path(job_file).read_text("utf-8"))
    reader = importlib.import_module(f"peers.reading.{job['module']}")
    with open(job["log"], "a", encoding="utf-8") as log:
        _say(log, {"version": reader.version(job["options"])})
        for index, path in job["files"]:
            _say(log, {"index": index, "state": "begun"})
            signal.alarm(job["seconds_per_file"])
            _say(log, {"index": index, **_outcome(reader, Path(path), job, index)})
            signal.alarm(0)


def _outcome(reader: Any, path: Path, job: dict[str, Any], index: int) -> dict[str, Any]:
    try:
        segments = reader.read(path, job["options"])
    except MisreadError as error:
        return {"state": "wrong", "message": str(error)}
    except CrashError as error:
        return {"state": "crash", "message": str(error)}
    except NotApplicableError as error:
        return {"state": "not applicable", "message": str(error)}
    except Exception as error:
        return {"state": "error", "message": f"{type(error).__name__}: {error}"}
    return {"state": "read", "segments": _save(segments, Path(job["folder"]) / f"{index}.npz")}


def _save(segments: list[FoundSegment], path: Path) -> list[dict[str, Any]]:
    np.savez(path, **{str(n): segment.points_lps for n, segment in enumerate(segments)})
    return [{"number": s.number, "name": s.name, "type_code": s.type_code} for s in segments]


def _say(log: Any, line: dict[str, Any]) -> None:
    log.write(json.dumps(line) + "\n")
    log.flush()
    os.fsync(log.fileno())


if __name__ == "__main__":
    main(sys.argv[1])
