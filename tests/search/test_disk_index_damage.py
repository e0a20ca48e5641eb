"""An index on disk refuses what does not fit, and names what is damaged or missing."""

import json

import pytest
import torch

from hf_optical.models import TeacherMismatchError
from hf_optical.search import DiskIndex, IndexFormatError, index_writer

from .encoder import built, names


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


def flipped(file):
    content = file.read_bytes()
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    return file


@pytest.mark.parametrize(("name", "filter"), [("ids.json", None), ("metadata.json", {"n": 1})])
def test_damaged_names_are_told_when_they_are_read(tmp_path, encoder, name, filter):
    index, *_ = built(tmp_path / "i", encoder)
    damaged = flipped(tmp_path / "i" / index.manifest.segments[0].name / name)
    with pytest.raises(IndexFormatError, match=f"{name} is damaged .*optical index --verify"):
        DiskIndex.open(tmp_path / "i").search([torch.ones(2, 3)], 3, filter=filter)
    damaged.write_bytes(b"1".ljust(damaged.stat().st_size))
    with pytest.raises(IndexFormatError, match=f"{name} is damaged: "):
        DiskIndex.open(tmp_path / "i").search([torch.ones(2, 3)], 3, filter=filter)


@pytest.mark.parametrize("name", ["embeddings.bin", "segment.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_same_build_mends_what_is_damaged_and_nothing_else(tmp_path, encoder, monkeypatch, caplog, overwrite, name):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 2)
    index, teacher, texts = built(tmp_path / "i", encoder)
    files = sorted(file for file in (tmp_path / "i").rglob("*") if file.name not in (".lock", "manifest.json"))
    before = {file: file.stat().st_mtime_ns for file in files if file.is_file()}
    damaged = tmp_path / "i" / index.manifest.segments[1].name / name
    if name == "segment.json":  # still JSON, of a number that no size tells
        damaged.write_text(damaged.read_text().replace('"max_norm": ', '"max_norm": 7'))
    else:
        flipped(damaged)
        assert len(index.verify()) == 1
    teacher.encoded.clear()
    mended = DiskIndex.build(tmp_path / "i", teacher, index.ids, texts, show_progress_bar=False, overwrite=overwrite)
    assert teacher.encoded == texts[2:4]
    assert f"{damaged.parent} is damaged: its documents are encoded again" in caplog.text
    assert mended.verify() == []
    changed = {file.parent for file, time in before.items() if file.stat().st_mtime_ns != time}
    assert changed <= {damaged.parent}


def test_a_damaged_part_of_a_killed_build_is_not_taken_for_whole(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 3)
    index, teacher, texts = built(tmp_path / "i", encoder)
    (tmp_path / "i" / "manifest.json").unlink()
    flipped(tmp_path / "i" / index.manifest.segments[0].name / "ids.json")
    teacher.encoded.clear()
    again = DiskIndex.build(tmp_path / "i", teacher, names(texts), texts, show_progress_bar=False)
    assert teacher.encoded == texts[:3]
    assert again.verify() == []


def test_a_whole_index_is_not_written_again(tmp_path, encoder):
    index, teacher, texts = built(tmp_path / "i", encoder)
    manifest = tmp_path / "i" / "manifest.json"
    before = manifest.stat()
    teacher.encoded.clear()
    DiskIndex.build(tmp_path / "i", teacher, index.ids, texts, show_progress_bar=False)
    assert not teacher.encoded
    assert manifest.stat().st_ino == before.st_ino


def test_compacting_does_not_hide_damage(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 2)
    index, *_ = built(tmp_path / "i", encoder)
    index.delete(["d0"])
    damaged = flipped(tmp_path / "i" / index.manifest.segments[2].name / "embeddings.bin")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IndexFormatError, match="Nothing was changed") as raised:
        index.compact()
    assert str(damaged) in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before
    assert len(index.verify()) == 1
    flipped(damaged)
    index.compact()
    assert DiskIndex.open(tmp_path / "i").verify() == []
    assert index.ids == [f"d{i}" for i in range(1, 6)]


def test_compacting_reads_only_what_it_copies(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 2)
    index, *_ = built(tmp_path / "i", encoder)
    index.delete(["d5"])
    first = index.manifest.segments[0]
    flipped(tmp_path / "i" / first.name / "embeddings.bin")  # stays as it is, with its old checksum
    index.compact()
    assert index.manifest.segments[0] == first
    assert len(index.verify()) == 1


def test_what_others_put_into_the_folder_stays(tmp_path, encoder):
    folder = tmp_path / "i"
    for name in ("segment-audio", ".segment-notes", "deleted-scenes", "segment-0123456789abcdef-copy", "segment-0123456789ABCDEF"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.wav").write_bytes(b"sound")
    for name in ("deleted-items.bin", ".manifest.old", "segment-list.txt", "deleted-0123456789abcdef.bin.gz"):
        (folder / name).write_text("mine")
    before = set(folder.rglob("*"))
    left = folder / f".manifest.json.{2**15}.tmp"  # by a killed writer
    left.write_text("{")
    index, *_ = built(folder, encoder)
    index.delete(["d1"])
    index.compact()
    assert before <= set(folder.rglob("*"))
    assert not left.exists()


@pytest.mark.parametrize("where", ["id", "text", "metadata"])
def test_half_of_a_surrogate_pair_is_refused_before_encoding(tmp_path, encoder, where):
    teacher, texts = encoder([torch.ones(1, 3)] * 2)
    ids, metadata = ["a", "b"], [{}, {}]
    if where == "metadata":
        metadata[1] = {"place": ["\udc80"]}
    else:
        (ids if where == "id" else texts)[1] = "x\ud800"
    with pytest.raises(ValueError, match=f"its {where} holds half of a surrogate pair"):
        DiskIndex.build(tmp_path / "i", teacher, ids, texts, metadata, show_progress_bar=False)
    assert not teacher.encoded


def test_a_segment_from_before_its_entry_had_a_checksum_is_whole(tmp_path, encoder):
    index, teacher, texts = built(tmp_path / "i", encoder)
    (file,) = (tmp_path / "i").glob("segment-*/segment.json")
    content = json.loads(file.read_text())
    del content["checksum"]
    file.write_text(json.dumps(content))
    teacher.encoded.clear()
    DiskIndex.build(tmp_path / "i", teacher, index.ids, texts, show_progress_bar=False)
    assert not teacher.encoded
