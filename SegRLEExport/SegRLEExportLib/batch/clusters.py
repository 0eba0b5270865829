"""Dask clusters: one of this machine, or one that is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from SegRLEExportLib.errors import BatchFolderError, MissingLibraryError

_HERE = "127.0.0.1"
"""The dashboard of a cluster of ours is for who sits at this machine."""

_QUIET = 50
"""Level of Dask's log on a cluster of ours."""


@contextmanager
def client_of(client: Any) -> Iterator[Any]:
    """Hand out the client, or one of a cluster of this machine that ends with the block."""
    if client is not None:
        yield client
        return
    with local_client() as own:
        yield own


@contextmanager
def local_client(workers: int | None = None, memory: str = "auto") -> Iterator[Any]:
    """Start a Dask cluster on this machine for so many cases at a time, and hand out a client of it.

    `memory` is what one case may take, such as 4GB; `auto` divides that of the machine. Dask's worker is a thread
    pool in this process: what crashes does so in the processes that its threads start.
    """
    dask, distributed = _libraries()
    count = workers or os.cpu_count() or 1
    limit = memory if memory == "auto" else count * dask.utils.parse_bytes(memory)
    unlimited: dict[str, Any] = dict.fromkeys(("target", "spill", "pause", "terminate"), False)
    settings = {f"distributed.worker.memory.{name}": value for name, value in unlimited.items()}
    settings["distributed.dashboard.link"] = f"http://{_HERE}:{{port}}/status"  # Dask would name an address of the net
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=count,
            processes=False,
            memory_limit=limit,
            dashboard_address=f"{_HERE}:0",
            silence_logs=_QUIET,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def remote_client(address: str) -> Iterator[Any]:
    """Hand out a client of a cluster that is there; raise `BatchFolderError` if it does not answer."""
    _, distributed = _libraries()
    try:
        client = distributed.Client(address, timeout="30s")
    except (OSError, ValueError) as error:
        raise BatchFolderError(Path(address), f"no Dask scheduler answers there ({error})") from error
    with client:
        yield client


def _libraries() -> tuple[Any, Any]:
    try:
        import dask
        import dask.utils
        import distributed
    except ImportError as error:
        raise MissingLibraryError("dask", "run a batch", "Install it: pip install 'dask[distributed]'.") from error
    return dask, distributed
