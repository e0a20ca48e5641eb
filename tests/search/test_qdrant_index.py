"""The engine index finds what the exact one finds; a cluster's faults are retried, or told in one line.

Local mode is qdrant-client's own. `url=` is tested at the HTTP boundary with a stand-in; no Qdrant server has been seen.
"""

import pytest
import torch

pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")

from hf_optical.models import TeacherMismatchError
from hf_optical.search import DiskIndex, ExactIndex, IndexFormatError, Searcher
from hf_optical.search.engine_error import EngineError
from hf_optical.search.opening import build_index, engine_place, open_index
from hf_optical.search.qdrant_filter import field_path
from hf_optical.search.qdrant_index import QdrantIndex
from hf_optical.search.qdrant_points import point_id

from .encoder import unit
from .qdrant_build import build, remote

KEY = "not-to-be-seen"


def assert_same(found, expected):
    assert len(found) == len(expected)
    for row, other in zip(found, expected, strict=True):
        assert [i for i, _ in row] == [i for i, _ in other]
        assert [score for _, score in row] == pytest.approx([score for _, score in other], abs=1e-5)


@pytest.mark.parametrize("kind", ["path", "url"])
def test_it_equals_the_exact_index(collection, server, tmp_path, kind):
    lengths = [1 + (7 * i) % 30 for i in range(150)] + [0]
    made = collection(lengths)
    encoder, ids, _, _, documents = made
    where = {"path": tmp_path / "q"} if kind == "path" else remote(server)
    exact = ExactIndex(ids, documents, encoder.fingerprint())
    queries = [*unit([8] * 30, seed=1), torch.empty(0, 16)]
    with build(made, where) as index:
        assert len(index) == 151
        assert_same(index.search(queries, k=10, batch_size=7), exact.search(queries, k=10))
        assert_same(index.search(queries[:2], k=10**9), exact.search(queries[:2], k=10**9))
        assert "d150" not in {i for row in index.search(queries, k=1000) for i, _ in row}  # it has no token
        assert sorted(index.ids) == sorted(ids)
        document = index.document("d3")
        assert (document.id, document.text, document.metadata["number"]) == ("d3", "text 3", 3)
        torch.testing.assert_close(document.embeddings, documents[3], atol=1e-8, rtol=0)
        assert index.document("d150").embeddings.shape == (0, 16)
        assert [d.id for d in index.documents(["d5", "d1"])] == ["d5", "d1"]
        with pytest.raises(KeyError):
            index.document("nowhere")
    if kind == "path":  # it is there again
        with QdrantIndex.open(path=tmp_path / "q") as index:
            assert_same(index.search(queries[:3], k=5), exact.search(queries[:3], k=5))


def test_filters_are_those_of_the_disk_index(collection, tmp_path):
    encoder, ids, texts, metadata, _ = made = collection([3] * 12)
    metadata[4]["none"] = None
    disk = DiskIndex.build(tmp_path / "disk", encoder, ids, texts, metadata, show_progress_bar=False)
    filters = [
        {"even": True},
        {"number": 7},
        {"number": [1, 4, 99]},
        {"half": 2.5},
        {"a.b": ["x", "y"]},
        {"a.b": "z", "even": False},
        {"number": [3, "no"]},
        {"number": []},
        {"none": None},
        {"nowhere": 1},
        {},
    ]
    query = unit([4], seed=5)
    with build(made, {"path": tmp_path / "q"}) as index:
        for wanted in filters:
            found, expected = (each.search(query, k=20, filter=wanted)[0] for each in (index, disk))
            assert [i for i, _ in found] == [i for i, _ in expected], wanted
        with pytest.raises(ValueError, match="function cannot run"):
            index.search(query, filter=lambda metadata: True)
        with pytest.raises(ValueError, match="'number': dict cannot be compared"):
            index.search(query, filter={"number": {}})


def test_documents_are_added_and_deleted(collection, tmp_path):
    encoder, ids, texts, metadata, documents = made = collection()
    with build(tuple(part[:4] if isinstance(part, list) else part for part in made), {"path": tmp_path / "q"}) as index:
        index.add(encoder, ids[4:], texts[4:], metadata[4:], show_progress_bar=False)
        index.delete(["d0", "d4"])
        left = [i for i in range(6) if i not in (0, 4)]
        exact = ExactIndex([ids[i] for i in left], [documents[i] for i in left], "")
        queries = unit([5, 5], seed=2)
        assert_same(index.search(queries, k=9), exact.search(queries, k=9))
        with pytest.raises(ValueError, match=r"1 of 2 documents to delete .* such as 'd0': nothing was deleted"):
            index.delete(["d0", "d1"])
        assert "d1" in index.ids
        with pytest.raises(ValueError, match="with another text or other metadata, or encoded by another model, the first is 'd1'"):
            index.add(encoder, ["d1"], ["text 2"], [metadata[1]], show_progress_bar=False)


def test_a_collection_with_other_documents_is_not_built_over(collection, server):
    def first(number):
        return tuple(part[:number] if isinstance(part, list) else part for part in made)

    made = collection()
    build(first(4), remote(server))
    with pytest.raises(IndexFormatError, match="holds 2 other documents already"):
        build(first(2), remote(server))
    assert len(build(made, remote(server))) == 6
    assert len(build(first(2), remote(server), overwrite=True)) == 2


def test_documents_of_a_disk_index_are_moved_without_encoding(collection, server, tmp_path):
    encoder, ids, texts, metadata, _ = made = collection()
    disk = DiskIndex.build(tmp_path / "disk", encoder, ids, texts, metadata, show_progress_bar=False)
    index = build((encoder, [], [], [], []), remote(server))
    encoder.encoded.clear()
    index.add_documents(disk.document(i) for i in disk.ids)
    assert not encoder.encoded
    assert_same(index.search(unit([4], seed=3), k=6), disk.search(unit([4], seed=3), k=6))
    build(made, remote(server))  # they count as sent
    assert not encoder.encoded


def test_the_wrong_teacher_dimension_or_format_is_refused_with_both_values(collection, tmp_path, tiny_student):
    made = collection()
    index = build(made, {"path": tmp_path / "q"})
    other, *rest = collection(fingerprint="f" * 16)
    with pytest.raises(TeacherMismatchError, match=r"0123456789abcdef.*ffffffffffffffff"):
        index.add(other, ["x"], ["text 0"], show_progress_bar=False)
    with pytest.raises(ValueError, match="0123456789abcdef"):
        index.check_model(tiny_student)
    with pytest.raises(ValueError, match=r"query 0 has embeddings of shape \(3, 8\), not \(tokens, 16\)"):
        index.search(unit([3], dim=8))
    index.close()
    with pytest.raises(TeacherMismatchError, match=r"0123456789abcdef.*ffffffffffffffff"):
        build((other, *rest), {"path": tmp_path / "q"})
    with pytest.raises(IndexFormatError, match="has dim 16, not 8"):
        build(collection(dim=8), {"path": tmp_path / "q"})
    with pytest.raises(IndexFormatError, match="has pool_factor 1, not 2"):
        build(made, {"path": tmp_path / "q"}, pool_factor=2)

    with QdrantIndex.open(path=tmp_path / "q") as index:
        index._connection.call("update_collection", metadata={"version": 2})
    with pytest.raises(IndexFormatError, match="has format version 2, this hf_optical reads version 1: upgrade"):
        QdrantIndex.open(path=tmp_path / "q")
    with pytest.raises(IndexFormatError, match="there is no collection 'other'"):
        QdrantIndex.open(path=tmp_path / "q", collection="other")
    with pytest.raises(IndexFormatError, match="no Qdrant index in"):
        QdrantIndex.open(path=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_foreign_collection_is_refused(server):
    from qdrant_client import models

    vectors = models.VectorParams(size=4, distance=models.Distance.DOT)
    server.engine.create_collection("passages", vectors_config=vectors)
    with pytest.raises(IndexFormatError, match="is not an index of hf_optical"):
        QdrantIndex.open(**remote(server))


def test_a_folder_that_is_open_is_refused(collection, tmp_path):
    with build(collection(), {"path": tmp_path / "q"}), pytest.raises(EngineError, match="is open already"):
        QdrantIndex.open(path=tmp_path / "q")


def test_open_index_by_where_it_is(collection, tmp_path, monkeypatch):
    encoder, ids, texts, metadata, _ = collection()
    local = f"qdrant+path:{tmp_path / 'q'}#news"
    build_index(local, encoder, ids, texts, metadata, show_progress_bar=False).close()
    with open_index(local) as index:
        assert isinstance(index, QdrantIndex)
        assert index.describe()["passages"] == 6
        assert index.describe()["index"] == local
        assert index.verify() == []
    build_index(tmp_path / "disk", encoder, ids, texts, metadata, show_progress_bar=False)
    assert isinstance(open_index(tmp_path / "disk", device="cpu"), DiskIndex)
    assert engine_place("https://host:6333/proxy/qdrant/news/") == {
        "url": "https://host:6333/proxy/qdrant",
        "collection": "news",
    }
    with pytest.raises(ValueError, match="write the collection behind the address"):
        open_index("http://host:6333")
    with pytest.raises(ValueError, match="FOLDER#COLLECTION"):
        open_index("qdrant+path:")
    with pytest.raises(ValueError, match="cannot be filtered"):
        field_path('a"b')


def test_the_searcher_works_with_it(tiny_teacher, tiny_student, tmp_path):
    texts = ["water for the farm", "maize market", "the child at school", "rain and soil"]
    ids = ["a", "b", "c", "d"]
    disk = DiskIndex.build(tmp_path / "disk", tiny_teacher, ids, texts, show_progress_bar=False)
    with QdrantIndex.build(tiny_teacher, ids, texts, path=tmp_path / "q", show_progress_bar=False) as index:
        found = Searcher({"sw": tiny_student}, index).search(["maji ya shamba"], k=3)[0]
        expected = Searcher({"sw": tiny_student}, disk).search(["maji ya shamba"], k=3)[0]
    assert [hit.id for hit in found] == [hit.id for hit in expected]
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-2)  # float16 on the disk
    assert [[m.document_text for m in hit.matches] for hit in found] == [[m.document_text for m in h.matches] for h in expected]


def test_the_id_of_a_point_is_that_of_its_document():
    assert point_id("d1") == point_id("d1") != point_id("d2")
    assert len(point_id("ọ̀rọ̀ 🐘")) == 36


def test_the_searcher_opens_and_filters_it(tiny_teacher, tiny_student, tmp_path):
    where = f"qdrant+path:{tmp_path / 'q'}"
    texts, metadata = ["water for the farm", "maize market"], [{"country": "KE"}, {"country": "TZ"}]
    build_index(where, tiny_teacher, ["a", "b"], texts, metadata, show_progress_bar=False).close()
    tiny_student.save_pretrained(tmp_path / "student")
    searcher = Searcher.from_pretrained({"sw": tmp_path / "student"}, index=where)
    assert [hit.id for hit in searcher.search("maji", filter={"country": "TZ"})[0]] == ["b"]
