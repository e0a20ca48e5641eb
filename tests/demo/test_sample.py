"""The embedded sample in its cache: whole or not there, once for all processes."""

import copy
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hf_optical.demo import sample as module
from hf_optical.demo.sample import Sample, prepare_sample, sample_key


def pretend(monkeypatch, seconds=0.0, fail=False):
    """Training that only writes files; the list of its runs."""
    runs = []

    def train(folder, teacher_steps, student_steps, progress):
        runs.append(folder)
        for name in ("teacher", "student", "index"):
            (folder / name).mkdir()
            time.sleep(seconds)
        if fail:
            raise RuntimeError("it broke")

    monkeypatch.setattr(module, "_train", train)
    return runs


def test_it_is_trained_once(tmp_path, monkeypatch):
    runs = pretend(monkeypatch)
    first, second = prepare_sample(tmp_path / "cache"), prepare_sample(tmp_path / "cache")
    assert first == second
    assert first.folder == tmp_path / "cache" / sample_key()
    assert first.student.is_dir()
    assert len(runs) == 1


def test_two_at_once_train_once(tmp_path, monkeypatch):
    runs = pretend(monkeypatch, seconds=0.2)
    told = []
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(prepare_sample, tmp_path, lambda part, text: told.append(text)) for _ in range(2)]
        assert waiting[0].result() == waiting[1].result()
    assert len(runs) == 1
    assert "another process is training the sample's models" in told


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    pretend(monkeypatch, fail=True)
    with pytest.raises(RuntimeError, match="it broke"):
        prepare_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    pretend(monkeypatch)
    assert prepare_sample(tmp_path).index.is_dir()


def test_leftovers_of_the_killed_are_removed(tmp_path, monkeypatch):
    pretend(monkeypatch)
    (tmp_path / ".making-old" / "student").mkdir(parents=True)
    prepare_sample(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", sample_key()]


def test_the_key_changes_with_the_data(tmp_path, monkeypatch):
    before = sample_key()
    assert before == sample_key()
    (tmp_path / "corpus.jsonl").write_text("{}")
    monkeypatch.setattr(module, "SAMPLE", tmp_path)
    assert sample_key() != before


def test_progress_is_read_off_the_bars():
    assert module._told(" 33%|###   | 50/150 [00:03<00:06, 16it/s]", 150, 1500)[0] == pytest.approx(0.08 + 0.2 / 3)
    assert module._told("100%|######| 1500/1500 [01:03<00:00]", 150, 1500)[0] == pytest.approx(0.95)
    assert module._told("encoding: 10/200 [", 150, 1500) is None
    assert module._told("a warning", 150, 1500) is None


def test_what_is_trained_dies_with_who_asked_for_it(tmp_path):
    """Its standard input ends, and so does it."""
    folder = tmp_path / "making"
    folder.mkdir()
    command = [sys.executable, "-m", "hf_optical.demo.sample", str(folder), "100000", "100000"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.stdin.close()
        assert process.wait(60) == 1
    finally:
        process.kill()


def test_the_results_of_the_student_are_kept(tmp_path, tiny_teacher, monkeypatch):
    """The About tab shows them."""

    def run(results, **steps):
        copy.deepcopy(tiny_teacher).save_pretrained(results / "sample-teacher")
        for folder in ("sample-teacher/bitext-embeddings", "sample-sw/evaluation"):
            (results / folder).mkdir(parents=True)

    monkeypatch.setattr("hf_optical.recipes.sample.run_sample", run)
    module._make(tmp_path, 1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "student", "teacher"]
    assert (tmp_path / "student" / "evaluation").is_dir()
    assert not (tmp_path / "teacher" / "bitext-embeddings").exists()


def test_a_sample_of_an_earlier_format_is_neither_used_nor_touched(tmp_path, monkeypatch):
    runs = pretend(monkeypatch)
    monkeypatch.setattr(module, "_FORMAT", 1)
    before = prepare_sample(tmp_path)
    monkeypatch.undo()
    runs += pretend(monkeypatch)
    assert prepare_sample(tmp_path).folder != before.folder
    assert before.student.is_dir()


@pytest.mark.slow
def test_it_is_really_trained(tmp_path):
    from hf_optical.demo.about import results_markdown
    from hf_optical.demo.loading import load_engine
    from hf_optical.demo.settings import DemoSettings
    from hf_optical.demo.student_cards import student_cards

    told = []
    made = prepare_sample(tmp_path, lambda part, text: told.append(part), teacher_steps=3, student_steps=4)
    assert told == sorted(told)
    assert max(told) > 0.9
    assert sorted(os.listdir(made.folder)) == ["index", "student", "teacher"]
    engine = load_engine(DemoSettings(cache=tmp_path))
    hit = engine.search("mahindi huhifadhiwaje?", "sw", 1).hits[0]
    assert hit.text.startswith(hit.metadata["title"])
    assert len(engine.index) == 200
    (card,) = student_cards(engine)
    assert "| sample, test |" in results_markdown([card])


def test_folders_of_a_sample():
    sample = Sample(Path("x"))
    assert (sample.teacher, sample.student, sample.index) == (Path("x/teacher"), Path("x/student"), Path("x/index"))
