"""kill -9 at random times, 20 during a build and 20 during an add: the index opens, old or new, and the work can be done again."""

import itertools
import os
import random
import shutil

import pytest

from hf_optical.search import DiskIndex, IndexFormatError

from .test_disk_index_crash import NEW, OLD, TEACHER, build, check, in_child, small

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
__all__ = ["small"]  # a fixture that every test here has, too


def killed_at_random(work, folder, make):
    """Folders in which a process was killed while it worked, 20 of them, and those in which it was done before."""
    killed, longest = 0, 0.02
    for number in itertools.count():
        assert number < 400, f"{killed} of {number} were killed"
        copy = make(folder.with_name(f"copy{number}"))
        was_killed = in_child(lambda copy=copy: work(copy), after=random.uniform(0, longest))
        # about as long as the work takes here and now
        longest *= 1.2 if was_killed else 0.8
        yield copy
        killed += was_killed
        if killed == 20:
            return


def add(folder):
    DiskIndex.open(folder).add(TEACHER, NEW, NEW, show_progress_bar=False)


def rebuild(folder):
    build(folder, NEW, overwrite=True)


@pytest.mark.parametrize(("work", "after"), [(add, OLD + NEW), (rebuild, NEW)])
def test_killed_at_random_an_index_is_the_old_or_the_new_one(tmp_path, work, after):
    original = tmp_path / "index"
    build(original, OLD)
    for folder in killed_at_random(work, original, lambda copy: shutil.copytree(original, copy)):
        check(folder, OLD, after)
        if DiskIndex.open(folder).ids == OLD:
            work(folder)
        check(folder, after)


def test_a_first_build_killed_at_random_goes_on(tmp_path):
    for folder in killed_at_random(lambda folder: build(folder, OLD), tmp_path / "index", lambda copy: copy):
        if (folder / "manifest.json").exists():
            check(folder, OLD)
        else:
            with pytest.raises(IndexFormatError, match="no index in"):
                DiskIndex.open(folder)
        build(folder, OLD)
        check(folder, OLD)
