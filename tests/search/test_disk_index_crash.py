"""kill -9 at any moment leaves the old index or the new one; a reader beside a writer sees one or the other."""

import os
import random
import shutil
import signal
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from tqdm.auto import tqdm

from hf_optical.search import DiskIndex, index_writer
from hf_optical.search.token_spans import NO_SPAN

pytestmark = [
    pytest.mark.slow,  # and forks beside threads: for a machine that has nothing else to do
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
OLD, NEW = [f"old{i}" for i in range(9)], [f"new{i}" for i in range(9)]
STEPS = ("fsync", "rename", "replace", "unlink", "mkdir")


def embedding(text):
    return torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(hash(text) % 2**31)), dim=1)


TEACHER = SimpleNamespace(
    name_or_path="org/teacher",
    processor=None,
    config=SimpleNamespace(embedding_dim=8),
    fingerprint=lambda: "0123456789abcdef",
    encode_document=lambda texts, **_: [embedding(text) for text in texts],
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 4)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # slow, and of use only where the power fails
    # tqdm's own lock is shared between processes: one that is killed would keep it
    monkeypatch.setattr(tqdm, "_lock", threading.RLock(), raising=False)
    monkeypatch.setattr(tqdm, "monitor_interval", 0)
    monkeypatch.setattr(index_writer, "document_spans", lambda processor, texts: [[NO_SPAN] * 4 for _ in texts])


def build(folder, ids, **options):
    return DiskIndex.build(folder, TEACHER, ids, ids, show_progress_bar=False, **options)


def in_child(work, *, dies_at=None, after=None):
    """Run in a process of its own that kills itself at a step, or is killed after some seconds. Returns whether it was."""
    child = os.fork()
    if child == 0:
        try:
            if dies_at is not None:
                steps = iter(range(10**6))
                for name in STEPS:
                    setattr(os, name, dying(getattr(os, name), steps, dies_at))
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return os.WIFSIGNALED(status)


def dying(function, steps, dies_at):
    def call(*args, **kwargs):
        if next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return call


def check(folder, *states):
    index = DiskIndex.open(folder)
    assert index.ids in states
    assert index.verify() == []
    for i in (index.ids[0], index.ids[-1]):
        assert index.search([embedding(i)], 1)[0][0][0] == i
        assert index.document(i).text == i


STEPS_OF = {"overwrite": 50, "add": 55, "delete": 8, "compact": 50}  # about as many as each takes
CHANGES = {
    "overwrite": (lambda folder: build(folder, NEW, overwrite=True), NEW),
    "add": (lambda folder: DiskIndex.open(folder).add(TEACHER, NEW, NEW, show_progress_bar=False), OLD + NEW),
    "delete": (lambda folder: DiskIndex.open(folder).delete(OLD[2:5]), OLD[:2] + OLD[5:]),
    "compact": (lambda folder: DiskIndex.open(folder).compact(), OLD),
}


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_each_step_the_index_is_the_old_or_the_new_one(tmp_path, change):
    work, after = CHANGES[change]
    original = tmp_path / "original"
    build(original, ["x", *OLD]).delete(["x"])
    for step in sorted(random.sample(range(STEPS_OF[change]), min(STEPS_OF[change], 20))):
        folder = shutil.copytree(original, tmp_path / f"step{step}")
        in_child(lambda folder=folder: work(folder), dies_at=step)
        check(folder, OLD, after)
        if DiskIndex.open(folder).ids == OLD:  # tried again, it succeeds, whatever the killed one left
            work(folder)
        check(folder, after)
        DiskIndex.open(folder).delete([after[0]])  # whoever writes next clears away what the killed one left
        left = {path.name for path in folder.iterdir()} - {".lock", "manifest.json"}
        manifest = DiskIndex.open(folder).manifest
        assert left == {s.name for s in manifest.segments} | ({manifest.deleted[0]} if manifest.deleted else set())


def test_a_first_build_killed_at_each_step_goes_on(tmp_path):
    for step in sorted(random.sample(range(55), 15)):
        folder = tmp_path / f"step{step}"
        in_child(lambda folder=folder: build(folder, OLD), dies_at=step)
        if (folder / "manifest.json").exists():
            check(folder, OLD)
        build(folder, OLD)
        check(folder, OLD)
        assert not list(folder.glob(".*.tmp"))


def test_killed_at_random_times(tmp_path):
    build(tmp_path / "index", OLD)
    states = [OLD, OLD + NEW]
    for _ in range(20):
        folder = shutil.copytree(tmp_path / "index", tmp_path / "copy")
        in_child(lambda folder=folder: CHANGES["add"][0](folder), after=random.uniform(0, 0.08))
        check(folder, *states)
        shutil.rmtree(folder)


def test_a_reader_beside_a_writer_sees_a_whole_index(tmp_path):
    folder = tmp_path / "index"
    build(folder, OLD)

    def write():
        index = DiskIndex.open(folder)
        for _ in range(12):
            index.add(TEACHER, NEW, NEW, show_progress_bar=False)
            index.delete(NEW)
            index.compact()

    child = os.fork()
    if child == 0:
        try:
            write()
            os._exit(0)
        except BaseException:
            os._exit(1)
    opened, seen = 0, set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        index = DiskIndex.open(folder)
        found = [i for i, _ in index.search([embedding(OLD[3])], 100)[0]]
        assert set(found) == set(index.ids)
        assert index.ids in (OLD, OLD + NEW)
        assert index.document(found[-1]).text == found[-1]
        seen.add(len(index))
        opened += 1
    assert DiskIndex.open(folder).ids == OLD
    assert opened > 3
