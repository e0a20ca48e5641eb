"""An index on disk refuses what does not fit, and names what is damaged or missing."""

import json

import pytest
import torch

from hf_optical.models import TeacherMismatchError
from hf_optical.search import DiskIndex, IndexFormatError, index_writer

from .encoder import built


def test_a_flipped_byte_is_found_and_named(tmp_path, encoder):
    index, *_ = built(tmp_path / "i", encoder, dtype="int8")
    index.delete(["d1"])
    index = DiskIndex.open(tmp_path / "i")
    files = [
        file for file in sorted((tmp_path / "i").rglob("*.*")) if file.is_file() and file.name not in ("segment.json", ".lock")
    ]
    assert len(files) == 11
    for file in files:
        whole = file.read_bytes()
        if not whole:
            continue
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        if file.name == "manifest.json":
            with pytest.raises(IndexFormatError, match=r"manifest.json is damaged"):
                DiskIndex.open(tmp_path / "i")
        else:
            (problem,) = index.verify()
            assert str(file) in problem
            assert "damaged" in problem
        file.write_bytes(whole)
    assert index.verify() == []


def test_what_does_not_fit_is_refused(tmp_path, encoder, tiny_teacher, tiny_student):
    index, teacher, texts = built(tmp_path / "i", encoder)
    with pytest.raises(ValueError, match=r"query 1 has embeddings of shape \(2, 5\), not \(tokens, 3\)"):
        index.search([torch.ones(2, 3), torch.ones(2, 5)])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        index.search([torch.ones(2, 3)], 0)
    with pytest.raises(TeacherMismatchError, match=f"{tiny_teacher.fingerprint()}.*0123456789abcdef"):
        index.check_model(tiny_student)
    with pytest.raises(TeacherMismatchError, match=r"0123456789abcdef.*fingerprint other\): add with the same teacher"):
        index.add(encoder([torch.ones(1, 3)], fingerprint="other")[0], ["x"], ["text 0"])
    with pytest.raises(ValueError, match=r"1 of 2 documents are in .* already, the first is 'd1'"):
        index.add(teacher, ["x", "d1"], texts[:2])
    with pytest.raises(ValueError, match=r"1 of 2 documents to delete are not in .*such as 'x'"):
        index.delete(["d1", "x"])
    with pytest.raises(ValueError, match="unique, but 'a' occurs twice"):
        index.add(teacher, ["a", "a"], texts[:2])
    with pytest.raises(ValueError, match="2 ids, but 1 texts"):
        index.add(teacher, ["a", "b"], texts[:1])
    with pytest.raises(ValueError, match="dtype must be one of float16, int8, got 'int4'"):
        DiskIndex.build(tmp_path / "j", teacher, ["a"], texts[:1], dtype="int4")
    assert len(DiskIndex.open(tmp_path / "i")) == 6
    with pytest.raises(IndexFormatError, match=r"no index in .*missing.*make one with `optical index"):
        DiskIndex.open(tmp_path / "missing")


def test_missing_and_cut_files_and_newer_formats_are_refused(tmp_path, encoder):
    index, *_ = built(tmp_path / "i", encoder)
    (file,) = (tmp_path / "i").glob("segment-*/embeddings.bin")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(IndexFormatError, match=r"embeddings.bin has 107 bytes, 108 by the manifest"):
        DiskIndex.open(tmp_path / "i")
    file.unlink()
    with pytest.raises(IndexFormatError, match=r"embeddings.bin is missing \(108 bytes by the manifest\)"):
        DiskIndex.open(tmp_path / "i")
    assert index.verify() == [f"{file} is missing"]
    manifest = tmp_path / "i" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(IndexFormatError, match="has format version 2, this hf_optical reads version 1: upgrade"):
        DiskIndex.open(tmp_path / "i")
    manifest.write_text("{}")
    with pytest.raises(IndexFormatError, match="not the manifest of an hf_optical index"):
        DiskIndex.open(tmp_path / "i")


def test_one_writer_at_a_time(tmp_path, encoder):
    index, *_ = built(tmp_path / "i", encoder)
    with index_writer.IndexWriter(tmp_path / "i").locked(), pytest.raises(IndexFormatError, match="another process is writing"):
        index.delete(["d1"])
    index.delete(["d1"])
