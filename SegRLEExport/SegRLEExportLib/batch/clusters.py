"""Dask clusters: one of this machine, or one that is running already."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import os
import pkgutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import SegRLEExportLib
from SegRLEExportLib.errors import MissingLibraryError, NoSchedulerError, SchedulerEndedError, UnfitClusterError

_HERE = "127.0.0.1"
"""The dashboard of a cluster of ours is for who sits at this machine."""

_QUIET = 50
"""Level of Dask's log on a cluster of ours."""

_RARE_LOOKS = {"worker.profile.enabled": False, "admin.tick.interval": "1s"}
"""A hundred looks a second at threads that only wait, and fifty at each event loop, cost a case two milliseconds."""

_OF_THIS_PROCESS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
"""Numbers of an OSError that say nothing of the other end."""


_PATIENCE_S = 30
"""In which a scheduler that is being started may begin to listen."""

_GREETING_S = 10
"""In which one that listens must say that it is one."""


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
    settings |= {f"distributed.{name}": value for name, value in _RARE_LOOKS.items()}
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
    """Hand out a client of a cluster that is running; raise `NoSchedulerError` if it does not answer."""
    _, distributed = _libraries()
    _refuse_unknown_place(address)
    try:
        asyncio.run(asyncio.wait_for(_greet(address), _PATIENCE_S + _GREETING_S))
        client = distributed.Client(address, timeout=f"{_PATIENCE_S}s")
    except (asyncio.TimeoutError, MemoryError) as error:  # as memory Dask takes what other programs greet with
        raise NoSchedulerError(address, "what listens there does not answer as Dask does") from error
    except TypeError as error:  # how Dask says it of tls://
        raise NoSchedulerError(address, "Dask on this machine has no certificates for it") from error
    except (OSError, ValueError) as error:
        raise NoSchedulerError(address, str(error)) from error
    try:
        yield client
    finally:
        with suppress(Exception, asyncio.CancelledError):  # how a scheduler that is gone is left is of no matter
            client.close()


def _refuse_unknown_place(address: str) -> None:
    """Raise `NoSchedulerError` at once for what Dask would try for half a minute, and then not name."""
    from distributed.comm.addressing import get_address_host_port

    try:
        host, port = get_address_host_port(address)
        if not (host and 0 < port < 1 << 16):
            raise ValueError
    except ValueError as error:
        raise NoSchedulerError(address, "an address looks like tcp://host:8786") from error
    try:
        socket.getaddrinfo(host, port)
    except (OSError, UnicodeError) as error:
        raise NoSchedulerError(address, f"this machine knows no host {host}") from error


async def _greet(address: str) -> None:
    """Exchange the greeting of Dask, for which its client would wait without end."""
    from distributed.comm.core import connect
    from distributed.security import Security

    comm = await connect(address, timeout=f"{_PATIENCE_S}s", **Security().get_connection_args("client"))
    await comm.close()


@contextmanager
def scheduler_needed(client: Any) -> Iterator[None]:
    """Raise `SchedulerEndedError` for whatever Dask raises in the block because the scheduler is gone.

    Dask has many ways to say so: a closed connection, a time-out, a cancelled future, a client that was closed under
    our hands. The block calls Dask and nothing else.
    """
    address = client.scheduler.address if client.scheduler is not None else "Dask"
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        if client.status == "running" and not _tells_of_the_scheduler(error):
            raise
        raise SchedulerEndedError(address) from error


def _tells_of_the_scheduler(error: BaseException) -> bool:
    from distributed import CancelledError, TimeoutError

    if isinstance(error, OSError):
        return error.errno not in _OF_THIS_PROCESS
    return isinstance(error, (CancelledError, TimeoutError, asyncio.CancelledError))


def dashboard_of(client: Any) -> str | None:
    """Return the address of Dask's dashboard; None where the scheduler has no bokeh, which draws it."""
    with scheduler_needed(client):
        has_bokeh = client.run_on_scheduler(importlib.util.find_spec, "bokeh") is not None
        return str(client.dashboard_link) if has_bokeh else None


def wait_for_fit_workers(client: Any) -> None:
    """Return when a worker can run a case; raise `UnfitClusterError` where one cannot, also the first that comes.

    A task waits for that first one, because a cluster may start workers for tasks alone; any Python can run it.
    """
    refuse_unfit(client)
    if not has_workers(client):
        with scheduler_needed(client):
            client.submit(os.getpid, pure=False).result()
        refuse_unfit(client)


def refuse_unfit(client: Any) -> None:
    """Raise `UnfitClusterError` unless the scheduler and each worker have SegRLEExport, and the version of here.

    A task that it cannot read ends a worker, and then the next one, while the batch waits for them.
    """
    own = SegRLEExportLib.__version__
    for place, version in _found_in(client, "SegRLEExportLib:__version__").items():
        if version != own:
            has = f"has SegRLEExport {version}, and this machine {own}" if version else "has no SegRLEExport"
            raise UnfitClusterError(client.scheduler.address, f"its {place} {has}")


def other_dask(client: Any) -> str:
    """Return where the cluster has another Dask than this machine, as a clause; empty if it has the same."""
    _, distributed = _libraries()
    for place, version in _found_in(client, "distributed:__version__").items():
        if version != distributed.__version__:
            return f"its {place} has Dask {version}, and this machine {distributed.__version__}"
    return ""


def _found_in(client: Any, name: str) -> dict[str, Any]:
    """Return what a name (`module:attribute`) means to the scheduler and to each worker; None where to nothing."""
    with scheduler_needed(client):
        found = client.run(pkgutil.resolve_name, name, on_error="return")
        try:
            of_scheduler = client.run_on_scheduler(pkgutil.resolve_name, name)
        except (ImportError, AttributeError):
            of_scheduler = None
    of_workers = {f"worker {address}": None if isinstance(one, Exception) else one for address, one in found.items()}
    return {"scheduler": of_scheduler, **of_workers}


def has_workers(client: Any) -> bool:
    """Tell whether there is anybody who could run a case."""
    with scheduler_needed(client):
        return bool(client.nthreads())


def _libraries() -> tuple[Any, Any]:
    try:
        import dask
        import dask.utils
        import distributed
    except ImportError as error:
        raise MissingLibraryError("dask", "run a batch", "Install it: pip install 'dask[distributed]'.") from error
    return dask, distributed
