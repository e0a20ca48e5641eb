"""kill -9 at random times, 20 during a build and 20 during an add: the index opens, old or new, and the work can be done again."""

import os
import random
import shutil
import time

import pytest

from hf_optical.search import DiskIndex, IndexFormatError

from .test_disk_index_crash import NEW, OLD, TEACHER, build, check, in_child, small

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
__all__ = ["small"]  # a fixture that every test here has, too


def add(folder):
    DiskIndex.open(folder).add(TEACHER, NEW, NEW, show_progress_bar=False)


def rebuild(folder):
    build(folder, NEW, overwrite=True)


@pytest.mark.parametrize(("work", "after"), [(add, OLD + NEW), (rebuild, NEW)])
def test_killed_at_random_an_index_is_the_old_or_the_new_one(tmp_path, work, after):
    build(tmp_path / "index", OLD)
    took = seconds(work, shutil.copytree(tmp_path / "index", tmp_path / "timed"))
    killed = 0
    for number in range(20):
        folder = shutil.copytree(tmp_path / "index", tmp_path / f"copy{number}")
        killed += in_child(lambda folder=folder: work(folder), after=random.uniform(0, 1.2 * took))
        check(folder, OLD, after)
        if DiskIndex.open(folder).ids == OLD:
            work(folder)
        check(folder, after)
    assert killed


def test_a_first_build_killed_at_random_goes_on(tmp_path):
    took, killed = seconds(lambda folder: build(folder, OLD), tmp_path / "timed"), 0
    for number in range(20):
        folder = tmp_path / f"copy{number}"
        killed += in_child(lambda folder=folder: build(folder, OLD), after=random.uniform(0, 1.2 * took))
        if (folder / "manifest.json").exists():
            check(folder, OLD)
        else:
            with pytest.raises(IndexFormatError, match="no index in"):
                DiskIndex.open(folder)
        build(folder, OLD)
        check(folder, OLD)
    assert killed


def seconds(work, folder):
    """How long the work takes in a process of its own."""
    started = time.perf_counter()
    in_child(lambda: work(folder))
    return time.perf_counter() - started
