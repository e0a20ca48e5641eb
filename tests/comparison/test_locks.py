"""Locks: held by one process, taken over from those that are gone, never twice."""

import json
import os
import platform
import subprocess
import sys

import pytest

from hf_optical.comparison.locks import RunLock, locked

GONE = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)


@pytest.fixture
def lock(tmp_path):
    return RunLock(tmp_path / "runs" / "a.lock")


def left(lock, **content):
    lock.path.parent.mkdir(parents=True)
    lock.path.write_text(json.dumps({"pid": int(GONE.stdout), "started": None, "machine": platform.node()} | content))


def test_one_holds_it(lock):
    assert lock.acquire()
    assert not RunLock(lock.path).acquire()
    assert lock.holder() == f"process {os.getpid()}"
    lock.release()
    assert RunLock(lock.path).acquire()


def test_a_process_that_is_gone_loses_it(lock):
    left(lock)
    assert lock.holder() is None
    assert lock.acquire()


def test_another_process_of_the_same_number_is_not_the_holder(lock):
    left(lock, pid=os.getpid(), started="1")
    assert lock.acquire()


def test_another_machine_keeps_it(lock):
    left(lock, machine="elsewhere")
    assert not lock.acquire()
    assert f"delete {lock.path}" in lock.holder()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pid": "x"}'])
def test_a_lock_that_was_never_written_is_taken_over_when_it_is_old(lock, text):
    left(lock)
    lock.path.write_text(text)
    assert not lock.acquire()
    os.utime(lock.path, (1, 1))
    assert lock.acquire()


def test_many_processes_that_find_a_stale_lock(lock):
    """Exactly one of them takes it over."""
    left(lock)
    code = (
        "import runpy, sys, time\n"
        "lock = runpy.run_path(sys.argv[1])['RunLock'](sys.argv[2])\n"
        "sys.stdin.readline()\n"
        "print(lock.acquire(), flush=True)\n"
        "time.sleep(1)"
    )
    module = sys.modules[RunLock.__module__].__file__
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code, module, str(lock.path)], **pipes) for _ in range(3)]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(answers) == ["False", "False", "True"]


def test_the_block_lets_go_whatever_happens(lock):
    with locked(lock.path):
        assert not RunLock(lock.path).acquire()
    with pytest.raises(ZeroDivisionError), locked(lock.path):
        raise ZeroDivisionError
    assert not lock.path.exists()
