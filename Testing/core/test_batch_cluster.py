"""A batch on a cluster that is there: reached by its address, it loses no worker to a case and no case to a worker."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
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
from SegRLEExportLib.batch.folder import BatchFolder

pytest.importorskip("distributed", reason="dask[distributed] is not installed")

COUNT = 12


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    return make_material(tmp_path_factory.mktemp("material"))


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
    quiet = {"env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    words = ["--host", host, "--port", str(port), "--no-dashboard"]
    address = f"tcp://{host}:{port}"
    running = [subprocess.Popen([*places[0], *program("scheduler"), *words], **quiet)]
    for place in places[1:]:
        words = [address, "--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "1GB"]
        running.append(subprocess.Popen([*place, *program("worker"), *words], **quiet))
    try:
        yield Cluster(address, running[0], running[1:])
    finally:
        for process in running:
            process.kill()
            process.wait()


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
        begun = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        wait_for_lines(tmp_path / "out", 5, begun)
        cluster.scheduler.send_signal(signal.SIGKILL)
        _, told = begun.communicate(timeout=WAIT_S)
    assert begun.returncode == 2
    assert "the Dask scheduler ended; resume the batch" in told
    assert "Traceback" not in told
    done = run([*batch_command(table, tmp_path / "out", timeout=600), "--resume"], environment())
    assert done.returncode == 0, done.stderr
    assert len(files_below(tmp_path / "out")) == 2 * COUNT


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
