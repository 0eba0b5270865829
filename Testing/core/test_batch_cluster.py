"""A batch on a running cluster: reached by its address, it loses no worker to a case and no case to a worker."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import SegRLEExportLib
from batch_builders import (
    POISONED,
    WAIT_S,
    batch_command,
    environment,
    files_below,
    good_cases,
    make_material,
    poisoned_cases,
    poisoned_folder,
    table_of,
    voxels_below,
    wait_for_lines,
)
from SegRLEExportLib.batch.clusters import dashboard_of, local_client, other_dask, remote_client
from SegRLEExportLib.batch.folder import BatchFolder
from SegRLEExportLib.batch.running import batch
from SegRLEExportLib.cli import batch_command as batch_command_file
from SegRLEExportLib.errors import NoSchedulerError, SchedulerEndedError, UnfitClusterError

distributed = pytest.importorskip("distributed", reason="dask[distributed] is not installed")
from distributed.client import FutureCancelledError  # noqa: E402
from distributed.comm import CommClosedError  # noqa: E402

COUNT = 12

PATIENT = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10 min"}
"""How long Dask itself tries to reach a scheduler again: a batch that left it to Dask would not end in WAIT_S."""


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def client():
    with local_client(2, "1GB") as connected:
        yield connected


_SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


@dataclass
class Cluster:
    """A scheduler and two workers, each a process of its own."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@contextmanager
def a_cluster(env: dict[str, str], host: str = "127.0.0.1", places: Sequence[Sequence[str]] = ((), (), ())):
    """Run a scheduler and two workers; `places` are what each one's command line begins with."""
    port = a_free_port()
    quiet = {"env": env, **_SILENT}
    words = ["--host", host, "--port", str(port), "--no-dashboard"]
    address = f"tcp://{host}:{port}"
    running = [subprocess.Popen([*places[0], *program("scheduler"), *words], **quiet)]
    running.extend(subprocess.Popen([*place, *worker_of(address)], **quiet) for place in places[1:])
    try:
        yield Cluster(address, running[0], running[1:])
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextmanager
def a_worker(address: str, env: dict[str, str]) -> Iterator[None]:
    """Run one more worker of that cluster."""
    process = subprocess.Popen(worker_of(address), env=env, **_SILENT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def worker_of(address: str) -> list[str]:
    words = ["--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "1GB"]
    return [*program("worker"), address, *words]


def program(name: str) -> list[str]:
    return [sys.executable, "-m", f"distributed.cli.dask_{name}"]


def a_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run(command: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=4 * WAIT_S)


def test_cases_that_crash_and_hang_end_no_worker(material, tmp_path):
    cases = [*poisoned_cases(material, tmp_path), *good_cases(material, COUNT)]
    env = environment(poisoned_folder(tmp_path))
    with a_cluster(env) as cluster:
        done = run(batch_command(table_of(cases, tmp_path), tmp_path / "out", "--dask", cluster.address), env)
        assert [one.poll() for one in cluster.workers] == [None, None]
    assert done.returncode == 1, done.stderr
    outcomes = BatchFolder(tmp_path / "out").outcomes()
    assert {name: one.ending for name, one in outcomes.items() if not one.is_written} == POISONED
    assert len(outcomes) == len(cases)


def test_a_cluster_without_workers_is_told(capsys):
    with a_cluster(environment(), places=((),)) as cluster, remote_client(cluster.address) as client:
        batch_command_file._tell_of(client)
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"The cluster has no worker yet: cases wait for one (dask worker {cluster.address})."
    )


@pytest.mark.parametrize(
    "address", ["", "host", "8786", ":", "tcp://", "tcp://:8786", "tcp://127.0.0.1:99999", "http://a:1"]
)
def test_what_is_no_address_is_told_at_once(address):
    with pytest.raises(NoSchedulerError, match=r"\(an address looks like tcp://host:8786\). Check the address"):
        remote_client(address).__enter__()


def test_an_empty_address_is_called_so():
    with pytest.raises(NoSchedulerError, match="^The batch cannot use an empty address: no Dask scheduler answers"):
        remote_client("").__enter__()


def test_a_host_that_nobody_knows_is_named_at_once():
    with pytest.raises(NoSchedulerError, match=r"\(this machine knows no host nobody.invalid\). Check the address"):
        remote_client("tcp://nobody.invalid:8786").__enter__()


def test_an_address_that_needs_certificates_is_told():
    with pytest.raises(NoSchedulerError, match="Dask on this machine has no certificates for it"):
        remote_client("tls://127.0.0.1:1").__enter__()


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"])
def test_what_listens_and_is_no_dask_is_told_and_nobody_waits(greeting, monkeypatch):
    monkeypatch.setattr("SegRLEExportLib.batch.clusters._PATIENCE_S", 1)
    monkeypatch.setattr("SegRLEExportLib.batch.clusters._GREETING_S", 1)
    with (
        a_server_that_says(greeting) as address,
        pytest.raises(NoSchedulerError, match="what listens there does not answer as Dask does"),
    ):
        remote_client(address).__enter__()


@contextmanager
def a_server_that_says(greeting: bytes) -> Iterator[str]:
    """Run a server that sends one client so much and then waits; hand out its address."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        accepted = threads.submit(server.accept)
        accepted.add_done_callback(lambda done: done.result()[0].sendall(greeting))
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        accepted.result(WAIT_S)[0].close()


_WITHOUT_US = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name == "SegRLEExportLib":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
"""
_OF_ANOTHER_VERSION = "import SegRLEExportLib; SegRLEExportLib.__version__ = '0.9'"
_OF_ANOTHER_DASK = "import distributed; distributed.__version__ = '0.9'"


def environment_with(code: str, folder: Path) -> dict[str, str]:
    """Return an environment in which a Python begins with some code."""
    (folder / "first").mkdir()
    (folder / "first" / "sitecustomize.py").write_text(code)
    return environment(folder / "first")


@pytest.mark.parametrize(
    ("code", "reason"), [(_WITHOUT_US, "has no SegRLEExport"), (_OF_ANOTHER_VERSION, "has SegRLEExport 0.9, and this")]
)
def test_a_cluster_that_cannot_run_a_case_is_refused_and_nobody_waits(code, reason, material, tmp_path):
    """A worker ends when it cannot read a task, and the batch would wait for another one without end."""
    with (
        a_cluster(environment_with(code, tmp_path)) as cluster,
        remote_client(cluster.address) as client,
        pytest.raises(
            UnfitClusterError, match=f"its scheduler {reason}.*Install the same version of SegRLEExport there"
        ),
    ):
        batch(good_cases(material, 1), tmp_path / "out", client)
    assert not (tmp_path / "out").exists()


def with_a_first_worker_later(env: dict[str, str], material: Path, folder: Path) -> tuple[int, str]:
    """Begin a batch on a cluster without workers, and then start one; return the exit code and what was told."""
    table = table_of(good_cases(material, 1), folder)
    with a_cluster(environment(), places=((),)) as cluster:
        command = batch_command(table, folder / "out", "--dask", cluster.address)
        begun = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        while "no worker yet" not in begun.stderr.readline():
            assert begun.poll() is None
        with a_worker(cluster.address, env):
            _, told = begun.communicate(timeout=WAIT_S)
    return begun.returncode, told


def test_a_first_worker_that_comes_later_and_cannot_run_a_case_is_refused(material, tmp_path):
    exit_code, told = with_a_first_worker_later(environment_with(_WITHOUT_US, tmp_path), material, tmp_path)
    assert exit_code == 2
    assert re.search(r"its worker tcp://\S+ has no SegRLEExport. Install the same version", told)


def test_a_first_worker_that_comes_later_runs_the_cases(material, tmp_path):
    exit_code, told = with_a_first_worker_later(environment(), material, tmp_path)
    assert exit_code == 0, told


def test_a_worker_that_cannot_run_a_case_is_named(client, material, tmp_path, monkeypatch):
    def answers(*_, **__):
        return {"tcp://here:1": SegRLEExportLib.__version__, "tcp://there:2": ModuleNotFoundError("SegRLEExportLib")}

    monkeypatch.setattr(client, "run", answers)
    with pytest.raises(
        UnfitClusterError, match="its worker tcp://there:2 has no SegRLEExport. Install the same version"
    ):
        batch(good_cases(material, 1), tmp_path / "out", client)


def test_another_dask_is_told(client, tmp_path, capsys):
    assert other_dask(client) == ""
    with a_cluster(environment_with(_OF_ANOTHER_DASK, tmp_path)) as cluster, remote_client(cluster.address) as other:
        batch_command_file._tell_of(other)
    assert capsys.readouterr().err.splitlines()[0] == (
        "Versions of Dask that differ may not understand each other: its scheduler has Dask 0.9, and this machine "
        f"{distributed.__version__}."
    )


def test_a_worker_that_is_killed_costs_no_case(material, tmp_path):
    table = table_of(good_cases(material, 2 * COUNT), tmp_path)
    with a_cluster(environment()) as cluster:
        command = batch_command(table, tmp_path / "out", "--dask", cluster.address, timeout=600)
        begun = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        wait_for_lines(tmp_path / "out", 5, begun)
        cluster.workers[0].kill()
        _, told = begun.communicate(timeout=WAIT_S)
    assert begun.returncode == 0, told
    assert len(files_below(tmp_path / "out")) == 2 * COUNT


def test_a_scheduler_that_ends_is_said_and_the_batch_resumed_elsewhere(material, tmp_path):
    table = table_of(good_cases(material, 2 * COUNT), tmp_path)
    with a_cluster(environment()) as cluster:
        command = batch_command(table, tmp_path / "out", "--dask", cluster.address, timeout=600)
        begun = subprocess.Popen(command, env=environment() | PATIENT, stderr=subprocess.PIPE, text=True)
        wait_for_lines(tmp_path / "out", 5, begun)
        cluster.scheduler.send_signal(signal.SIGKILL)
        _, told = begun.communicate(timeout=WAIT_S)
    assert begun.returncode == 2
    assert (
        f"The batch cannot use {cluster.address}: its Dask scheduler does not answer any more. When it does, go on "
        "with it (--resume)." in told
    )
    assert "Traceback" not in told
    done = run([*batch_command(table, tmp_path / "out", timeout=600), "--resume"], environment())
    assert done.returncode == 0, done.stderr
    assert len(files_below(tmp_path / "out")) == 2 * COUNT


def refusing(error: BaseException):
    """Return what stands for a call of Dask that ends so."""

    def call(*_, **__):
        raise error

    return call


WAYS_TO_SAY_IT = [
    CommClosedError("in <TCP (closed) ConnectionPool.gather>: ConnectionResetError: [Errno 104] Connection reset"),
    ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    OSError("Timed out trying to connect to tcp://127.0.0.1:1 after 30 s"),
    distributed.TimeoutError(),
    distributed.CancelledError("run_case-1"),
    FutureCancelledError("run_case-1", "scheduler-connection-lost"),
    asyncio.CancelledError(),
]
CALLS = {
    "nthreads": distributed.Client,
    "map": distributed.Client,
    "result": distributed.Future,
    "__next__": distributed.as_completed,
}


class TestSchedulerThatIsGone:
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("error", WAYS_TO_SAY_IT, ids=lambda error: type(error).__name__)
    def test_is_told_in_one_sentence_however_dask_says_it(self, error, call, client, material, tmp_path, monkeypatch):
        monkeypatch.setattr(CALLS[call], call, refusing(error))
        with pytest.raises(SchedulerEndedError, match="its Dask scheduler does not answer any more. When"):
            batch(good_cases(material, 1), tmp_path / "out", client)

    @pytest.mark.parametrize("error", WAYS_TO_SAY_IT, ids=lambda error: type(error).__name__)
    def test_is_told_before_the_first_case_too(self, error, client, monkeypatch):
        monkeypatch.setattr(distributed.Client, "run_on_scheduler", refusing(error))
        with pytest.raises(SchedulerEndedError):
            dashboard_of(client)

    def test_is_told_where_the_client_was_closed(self, material, tmp_path):
        with local_client(1, "1GB") as own:
            with pytest.raises(SchedulerEndedError):
                batch(good_cases(material, 3), tmp_path / "out", own, on_end=lambda _: own.close())
            with pytest.raises(SchedulerEndedError):
                batch(good_cases(material, 3), tmp_path / "out", own, resume=True)

    @pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), KeyError("a fault")])
    def test_is_not_told_of_what_is_wrong_on_this_side(self, error, client, material, tmp_path, monkeypatch):
        monkeypatch.setattr(distributed.Client, "map", refusing(error))
        with pytest.raises(type(error)):
            batch(good_cases(material, 1), tmp_path / "out", client)

    def test_is_not_told_where_the_one_who_is_told_of_a_case_fails(self, client, material, tmp_path):
        with pytest.raises(ConnectionResetError):
            batch(good_cases(material, 1), tmp_path / "out", client, on_end=refusing(ConnectionResetError()))

    def test_is_not_told_where_a_result_was_lost_with_its_worker(self, client, material, tmp_path, monkeypatch):
        whole, lost = distributed.Future.result, []

        def lose_first(future):
            if not lost:
                lost.append(future.key)
                future._state.lose()
                threading.Timer(0.2, future._state.finish).start()
                assert future.status == "lost"
            return whole(future)

        monkeypatch.setattr(distributed.Future, "result", lose_first)
        assert not batch(good_cases(material, 2), tmp_path / "out", client).failed
        assert lost

    def test_leaves_a_batch_that_is_whole_as_it_is(self, material, tmp_path, monkeypatch):
        with a_cluster(environment()) as cluster:
            with remote_client(cluster.address) as client:
                result = batch(good_cases(material, 1), tmp_path / "out", client)
                closing = refusing(distributed.TimeoutError())
                close = client.close
                monkeypatch.setattr(client, "close", closing)
            close()
        assert not result.failed


NETWORK = "10.213.77"
"""Of the test's own, in namespaces of its own."""


@pytest.fixture
def namespaces() -> Iterator[list[str]]:
    """Make three network namespaces, of a scheduler and two workers, joined by a bridge in the first."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    if shutil.which("ip") is None:
        pytest.skip("ip, of Debian's package iproute2, is not installed")
    names = [f"segrle{os.getpid()}{letter}" for letter in "abc"]
    try:
        if subprocess.run(["ip", "netns", "add", names[0]], capture_output=True, check=False).returncode:
            pytest.skip("this system lets nobody make network namespaces")
        ip("netns", "add", names[1])
        ip("netns", "add", names[2])
        inside(names[0], "link", "add", "bridge0", "type", "bridge")
        inside(names[0], "addr", "add", f"{NETWORK}.1/24", "dev", "bridge0")
        inside(names[0], "link", "set", "bridge0", "up")
        for number, name in enumerate(names[1:], start=2):
            inside(names[0], "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            inside(names[0], "link", "set", f"to{number}", "master", "bridge0", "up")
            inside(name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            inside(name, "link", "set", "eth0", "up")
        for name in names:
            inside(name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def inside(namespace: str, *words: str) -> None:
    ip("-n", namespace, *words)


def test_workers_in_network_namespaces_write_the_same_files(namespaces, material, tmp_path):
    table = table_of(good_cases(material, COUNT), tmp_path)
    places = [["ip", "netns", "exec", name] for name in namespaces]
    with a_cluster(environment(), f"{NETWORK}.1", places) as cluster:
        command = batch_command(table, tmp_path / "there", "--dask", cluster.address, timeout=600)
        there = run([*places[0], *command], environment())
        assert there.returncode == 0, there.stderr
    here = run(batch_command(table, tmp_path / "here", timeout=600), environment())
    assert here.returncode == 0, here.stderr
    assert voxels_below(tmp_path / "there") == voxels_below(tmp_path / "here")
    assert len(files_below(tmp_path / "there")) == COUNT
    workers = {one.worker for one in BatchFolder(tmp_path / "there").outcomes().values()}
    assert len(workers) == 2
