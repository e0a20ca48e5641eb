"""The index on disk finds what brute force finds; documents are added, deleted, and built by several processes."""

import copy
import os
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.search import DiskIndex, ExactIndex, IndexFormatError, index_writer, segment_scan
from hf_optical.search.token_spans import NO_SPAN

from .encoder import Encoder, built, names, unit


def whole_numbers(lengths, dim=3, seed=0):
    """Small whole numbers: exact in every type, whatever the order of the sums, and with many ties."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(-1, 2, (n, dim), generator=generator).float() for n in lengths]


def brute_force(documents, queries, k, hidden=()):
    results = []
    for query in queries:
        scores = [
            (f"d{i}", torch.einsum("qd,td->qt", query.double(), document.double()).amax(1).sum().item())
            for i, document in enumerate(documents)
            if len(document) and f"d{i}" not in hidden
        ]
        results.append(sorted(scores, key=lambda hit: -hit[1])[:k] if len(query) else [])
    return results


@given(
    lengths=st.lists(st.integers(0, 7), max_size=40),
    query_lengths=st.lists(st.integers(0, 5), max_size=5),
    k=st.integers(1, 45),
    hidden=st.sets(st.integers(0, 39), max_size=10),
    filtered=st.booleans(),
    dtype=st.sampled_from(["float16", "int8"]),
    per_segment=st.sampled_from([1, 7, 4096]),
    per_block=st.sampled_from([1, 20, 2048]),
    integers=st.booleans(),
    cache=st.sampled_from([0, 2**31]),
    seed=st.integers(0, 1000),
)
def test_it_equals_brute_force_to_ties(
    tiny_teacher,
    tmp_path_factory,
    lengths,
    query_lengths,
    k,
    hidden,
    filtered,
    dtype,
    per_segment,
    per_block,
    integers,
    cache,
    seed,
):
    documents, queries = whole_numbers(lengths, seed=seed), whole_numbers(query_lengths, seed=seed + 1)
    texts = [f"text {i}" for i in range(len(documents))]
    teacher = Encoder(tiny_teacher, dict(zip(texts, documents, strict=True)))
    hidden = {f"d{i}" for i in hidden if i < len(documents)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", per_segment)
        patch.setattr(index_writer, "document_spans", lambda processor, texts: [[NO_SPAN] * 10 for _ in texts])
        patch.setattr(os, "fsync", lambda descriptor: None)  # which takes most of the time
        patch.setattr(segment_scan, "_TOKENS_PER_BLOCK", per_block)
        if not integers:
            patch.setattr(segment_scan, "int8_is_faster", lambda: False)
        metadata = [{"shown": name not in hidden} for name in names(documents)]
        folder = tmp_path_factory.mktemp("index") / "index"
        DiskIndex.build(folder, teacher, names(documents), texts, metadata, dtype=dtype, show_progress_bar=False)
        index = DiskIndex.open(folder, cache_bytes=cache)
        if not filtered:
            index.delete(sorted(hidden))
        wanted = {"shown": True} if filtered else None
        expected = brute_force(documents, queries, k, hidden)
        for _ in range(2):  # the second search has prepared blocks
            found = index.search(queries, k, filter=wanted, batch_size=2)
            if dtype == "float16":
                assert found == expected
            else:
                for mine, theirs in zip(found, expected, strict=True):
                    assert [s for _, s in mine] == pytest.approx([s for _, s in theirs], abs=1e-5)
        assert len(index) == len(documents) - (0 if filtered else len(hidden))
        index.compact()
        if dtype == "float16":
            assert index.search(queries, k, filter=wanted) == expected
        assert index.verify() == []


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-2), ("int8", 0.1)])
def test_it_finds_what_the_index_in_memory_finds(tmp_path, encoder, dtype, tolerance):
    lengths = torch.randint(1, 60, (900,), generator=torch.Generator().manual_seed(3)).tolist()
    documents, queries = unit(lengths, dim=128), unit([32, 5, 17], dim=128, seed=1)
    teacher, texts = encoder(documents, dim=128)
    index = DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, dtype=dtype, show_progress_bar=False)
    stored = [index.document(i).embeddings for i in names(documents)]
    in_memory = ExactIndex(names(documents), stored, "t")
    for k in (1, 10, 10**9):
        for mine, theirs, same in zip(
            index.search(queries, k), brute_force(stored, queries, k), in_memory.search(queries, k), strict=True
        ):
            # further down, scores lie closer together than float32 tells apart
            assert [i for i, _ in mine[:10]] == [i for i, _ in theirs[:10]] == [i for i, _ in same[:10]]
            assert len(mine) == len(theirs) == len(same)
            assert [s for _, s in mine] == pytest.approx([s for _, s in theirs], abs=1e-5)
    exact = ExactIndex(names(documents), documents, "t").scores(queries)
    assert torch.allclose(in_memory.scores(queries), exact, atol=tolerance)


def test_equal_documents_score_equally_wherever_they_lie(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 50)
    documents = unit([5, 30, 60, 90] * 30, dim=128)
    documents[3] = documents[77] = documents[119] = documents[7].clone()
    teacher, texts = encoder(documents, dim=128)
    index = DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, dtype="int8", show_progress_bar=False)
    (found,) = index.search([documents[7][:20]], 4)
    assert [i for i, _ in found] == ["d3", "d7", "d77", "d119"]
    assert len({score for _, score in found}) == 1


def test_documents_are_added_and_deleted(tmp_path, encoder):
    documents = unit([3, 4, 5, 6], dim=3)
    teacher, texts = encoder(documents)
    index = DiskIndex.build(tmp_path / "i", teacher, ["a", "b"], texts[:2], [{"n": 1}, {"n": 2}], show_progress_bar=False)
    before = DiskIndex.open(tmp_path / "i")
    index.add(teacher, ["c", "d"], texts[2:], [{"n": 1}, {}], show_progress_bar=False)
    assert index.ids == ["a", "b", "c", "d"]
    assert before.ids == ["a", "b"]
    index.delete(["b", "c"])
    assert index.ids == ["a", "d"]
    with pytest.raises(KeyError):
        index.document("b")
    index.add(teacher, ["b"], texts[2:3], show_progress_bar=False)
    assert index.ids == ["a", "d", "b"]
    assert index.document("b").text == "text 2"
    assert torch.equal(index.document("b").embeddings, documents[2].half().float())
    query = documents[0]
    assert {i for i, _ in index.search([query], 10)[0]} == {"a", "b", "d"}
    assert {i for i, _ in index.search([query], 10, filter={"n": 1})[0]} == {"a"}
    assert {i for i, _ in index.search([query], 10, filter={"n": [1, 2]})[0]} == {"a"}
    assert {i for i, _ in index.search([query], 10, filter=lambda m: "n" not in m)[0]} == {"b", "d"}
    reader = DiskIndex.open(tmp_path / "i")
    index.compact()
    assert len(list((tmp_path / "i").glob("segment-*"))) == 1
    assert reader.search([query], 10) == index.search([query], 10)
    assert reader.document("d").text == index.document("d").text == "text 3"
    before.reload()
    assert before.ids == ["a", "d", "b"]


def test_nothing_is_left_behind(tmp_path, encoder):
    index, teacher, texts = built(tmp_path / "i", encoder)
    (tmp_path / "i" / f".segment-{'0' * 16}.{'a' * 8}.tmp").mkdir()
    index.delete(["d1"])
    index.compact()
    index.delete(["d2"])
    index.delete(["d3"])
    kept = sorted(p.name for p in (tmp_path / "i").iterdir())
    assert [name.split("-")[0] for name in kept] == [".lock", "deleted", "manifest.json", "segment"]
    DiskIndex.build(tmp_path / "i", teacher, ["x"], texts[:1], overwrite=True, show_progress_bar=False)
    assert DiskIndex.open(tmp_path / "i").ids == ["x"]
    assert len(list((tmp_path / "i").glob("segment-*"))) == 1


def test_a_build_goes_on_where_it_stopped(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 2)
    documents = unit([3] * 6, dim=3)
    teacher, texts = encoder(documents)
    encoded, encode = [], teacher.encode_document

    def until(count):
        def encode_document(part, **options):
            if len(encoded) >= count:
                raise KeyboardInterrupt
            encoded.extend(part)
            return encode(part)

        return encode_document

    teacher.encode_document = until(4)
    with pytest.raises(KeyboardInterrupt):
        DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, show_progress_bar=False)
    with pytest.raises(IndexFormatError, match="a build was begun there"):
        DiskIndex.open(tmp_path / "i")
    teacher.encode_document = until(100)
    assert len(DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, show_progress_bar=False)) == 6
    assert encoded == texts
    assert len(DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, show_progress_bar=False)) == 6
    assert encoded == texts
    with pytest.raises(IndexFormatError, match="holds another index already"):
        DiskIndex.build(tmp_path / "i", teacher, names(documents), texts[::-1], show_progress_bar=False)


def test_processes_share_a_build(tmp_path, encoder, monkeypatch):
    """Two processes, as threads: each encodes its own part, and waits for the other."""
    monkeypatch.setattr(index_writer, "DOCUMENTS_PER_SEGMENT", 2)
    documents = unit([3] * 7, dim=3)
    teacher, texts = encoder(documents)
    barrier, encoded = threading.Barrier(2, timeout=20), {0: [], 1: []}
    plan = index_writer.Manifest(teacher.fingerprint(), "t", 3, "float16")
    folder = tmp_path / "i"

    def work(process):
        mine = copy.copy(teacher)
        mine.encode_document = lambda part, **_: encoded[process].extend(part) or teacher.encode_document(part)
        writer = index_writer.IndexWriter(folder, process, 2, barrier.wait)
        writer.build(plan, mine, index_writer.Rows(names(documents), texts), batch_size=1, overwrite=False, show=False)

    threads = [threading.Thread(target=work, args=(process,)) for process in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert encoded == {0: texts[:2] + texts[4:6], 1: texts[2:4] + texts[6:]}
    assert DiskIndex.open(folder).ids == names(documents)


def test_an_empty_index(tmp_path, encoder):
    teacher, _ = encoder([])
    index = DiskIndex.build(tmp_path / "i", teacher, [], [], show_progress_bar=False)
    assert index.search([torch.ones(2, 3), torch.ones(0, 3)], 5) == [[], []]
    assert index.search([], 5) == []
    assert len(index) == 0
    index.compact()
    assert index.verify() == []


def test_pooled_documents_are_smaller(tmp_path, encoder):
    documents = unit([21] * 6, dim=3)
    teacher, texts = encoder(documents)
    index = DiskIndex.build(tmp_path / "i", teacher, names(documents), texts, pool_factor=2, show_progress_bar=False)
    assert len(index.document("d0").embeddings) == 11
    assert torch.allclose(index.document("d0").embeddings.norm(dim=1), torch.ones(11), atol=1e-3)


def test_a_teacher_encodes_what_is_stored(tmp_path, tiny_teacher, tiny_student):
    texts = ["Maize is dried, then stored.", "water!", "", "the lion sleeps " * 30]
    index = DiskIndex.build(tmp_path / "i", tiny_teacher, list("abcd"), texts, show_progress_bar=False)
    for i, text, embeddings in zip("abcd", texts, tiny_teacher.encode_document(texts), strict=True):
        document = index.document(i)
        assert document.text == text
        assert torch.allclose(document.embeddings, embeddings, atol=1e-3)
        assert len(document.spans) == len(embeddings)
    assert [texts[0][slice(*span)] for span in index.document("a").spans if span != NO_SPAN][:3] == ["Maize", "is", "d"]
    index.check_model(tiny_teacher)
    index.check_model(tiny_student)
