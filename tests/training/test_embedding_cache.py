"""The cache of the teacher's embeddings: same result, resumable, keyed by teacher and data, never a pickle."""

import copy
import os
import time

import numpy as np
import pytest
import torch

from hf_optical.training import EmbeddingCache, embedding_cache


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(embedding_cache, "_SENTENCES_PER_CHUNK", 8)


@pytest.fixture
def ids(tiny_teacher, bitext):
    processor = tiny_teacher.processor
    return processor.token_ids(bitext["english"][:], processor.query_marker, tiny_teacher.config.query_length)


@pytest.mark.parametrize("expand", [True, False])
def test_holds_the_teachers_embeddings(tiny_teacher, ids, tmp_path, expand):
    cache = EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=expand)
    assert len(cache) == len(ids) == 40
    with torch.no_grad():
        for row in (0, 7, 8, 39):
            output = tiny_teacher(**tiny_teacher.processor.pad_queries([ids[row]], expand=expand))
            torch.testing.assert_close(cache[row].float(), output.embeddings[0], atol=1e-3, rtol=1e-3)
    assert cache[0].dtype == torch.float16
    assert len(cache[3]) == (16 if expand else len(ids[3]))


def test_training_with_cache_gives_the_same_losses_and_student(make_trainer, tmp_path):
    results = []
    for cache in (None, str(tmp_path / "cache"), str(tmp_path / "cache")):
        trainer = make_trainer(teacher_cache=cache, max_steps=8)
        trainer.train()
        results.append(([x["loss"] for x in trainer.state.log_history if "loss" in x], trainer.model.state_dict()))
    (plain, student), (cached, with_cache), (again, from_cache) = results
    assert cached == pytest.approx(plain, abs=1e-3)
    assert again == cached
    for name, weight in student.items():
        torch.testing.assert_close(with_cache[name], weight, atol=2e-2, rtol=2e-2)
        torch.testing.assert_close(from_cache[name], with_cache[name], atol=0, rtol=0)


def test_a_killed_build_goes_on_where_it_stopped(tiny_teacher, ids, tmp_path, monkeypatch):
    encode, calls = embedding_cache._encode, []

    def killed_in_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(*args)

    monkeypatch.setattr(embedding_cache, "_encode", killed_in_third)
    with pytest.raises(KeyboardInterrupt):
        EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    (folder,) = tmp_path.iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["chunk-000000.npy", "chunk-000001.npy"]
    cache = EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    assert len(calls) == 3 + 3
    fresh = EmbeddingCache.build(tmp_path / "other", tiny_teacher, ids, expand=True)
    assert all(torch.equal(cache[i], fresh[i]) for i in range(len(ids)))
    EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    assert len(calls) == 3 + 3 + 5  # only those of `fresh`


def test_processes_share_the_work(tiny_teacher, ids, tmp_path):
    with pytest.raises(FileNotFoundError):  # nothing may be opened before the others have written
        EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True, process_index=1, num_processes=2)
    (folder,) = tmp_path.iterdir()
    assert sorted(file.name for file in folder.iterdir()) == ["chunk-000001.npy", "chunk-000003.npy"]
    assert len(EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True, process_index=0, num_processes=2)) == 40


def test_key_is_teacher_and_data_and_padding(tiny_teacher, ids, tmp_path):
    other = copy.deepcopy(tiny_teacher)
    with torch.no_grad():
        other.linear.weight[0, 0] += 1
    builds = [(tiny_teacher, ids, True), (other, ids, True), (tiny_teacher, ids[1:], True), (tiny_teacher, ids, False)]
    builds.append((tiny_teacher, [*ids[:-1], [*ids[-1][:-2], 50, ids[-1][-1]]], True))
    folders = {EmbeddingCache.build(tmp_path, t, i, expand=e).folder for t, i, e in builds}
    assert len(folders) == len(builds)
    assert EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True).folder in folders


def test_no_pickle_is_written_or_read(tiny_teacher, ids, tmp_path):
    cache = EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    file = sorted(cache.folder.iterdir())[0]
    assert np.load(file, allow_pickle=False).dtype == np.float16
    assert isinstance(cache._chunks[0], np.memmap)
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"chunk-000000.npy is damaged"):
        EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)


def test_truncated_chunk_is_named(tiny_teacher, ids, tmp_path):
    cache = EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    file = cache.folder / "chunk-000002.npy"
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"chunk-000002.npy is damaged .*: delete it"):
        EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)


def test_full_disk_leaves_whole_chunks_only(tiny_teacher, ids, tmp_path, monkeypatch):
    save, calls = np.save, []

    def full(out, data, **kwargs):
        calls.append(data)
        if len(calls) == 2:
            out.write(b"half")
            raise OSError(28, "No space left on device")
        save(out, data, **kwargs)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match=r"could not be written to .*chunk-000001.npy \(No space left on device\): make room"):
        EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    (folder,) = tmp_path.iterdir()
    assert [file.name for file in folder.iterdir()] == ["chunk-000000.npy"]


def test_leftovers_of_killed_builds_go(tiny_teacher, ids, tmp_path):
    folder = EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True).folder
    old, young = folder / "chunk-000000.1.tmp", folder / "chunk-000000.2.tmp"
    for file in (old, young):
        file.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    EmbeddingCache.build(tmp_path, tiny_teacher, ids, expand=True)
    assert (old.exists(), young.exists()) == (False, True)


def test_folder_that_cannot_be_written(tiny_teacher, ids, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"teacher_cache .* cannot be written to \(Not a directory\): give another folder"):
        EmbeddingCache.build(tmp_path / "file" / "cache", tiny_teacher, ids, expand=True)
