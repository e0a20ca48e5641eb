"""The engine index finds what the exact one finds; a cluster's faults are retried, or told in one line.

Local mode is qdrant-client's own. `url=` is tested at the HTTP boundary with a stand-in; no Qdrant server has been seen.
"""

import copy
import logging

import httpx
import pytest
import torch

pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")

from hf_optical.models import TeacherMismatchError
from hf_optical.search import DiskIndex, ExactIndex, IndexFormatError, Searcher, index_writer
from hf_optical.search import qdrant_connection as connection_module
from hf_optical.search import qdrant_index as index_module
from hf_optical.search import qdrant_writer as writer_module
from hf_optical.search.engine_error import EngineError
from hf_optical.search.opening import build_index, engine_place, open_index
from hf_optical.search.qdrant_filter import field_path
from hf_optical.search.qdrant_index import QdrantIndex
from hf_optical.search.qdrant_points import point_id
from hf_optical.search.qdrant_settings import CollectionSettings, SearchSettings
from hf_optical.search.token_spans import NO_SPAN

from .qdrant_server import FakeServer

KEY = "not-to-be-seen"


class Encoder:
    """A teacher whose documents are given: text -> `(tokens, d)`."""

    name_or_path = "org/teacher"

    def __init__(self, teacher, embeddings, dim, fingerprint):
        self.embeddings, self.processor, self.encoded = embeddings, teacher.processor, []
        self.config = copy.copy(teacher.config)
        self.config.embedding_dim = dim
        self._fingerprint = fingerprint

    def fingerprint(self):
        return self._fingerprint

    def encode_document(self, texts, **_):
        self.encoded += texts
        return [self.embeddings[text] for text in texts]


def unit(lengths, dim=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.functional.normalize(torch.randn(n, dim, generator=generator), dim=-1) for n in lengths]


@pytest.fixture
def collection(tiny_teacher, monkeypatch):
    """`collection(lengths)`: encoder, ids, texts, metadata and embeddings. Spans are another test's."""
    for module in (writer_module, index_writer):
        monkeypatch.setattr(module, "document_spans", lambda processor, texts: [[NO_SPAN] * 1000 for _ in texts])

    def make(lengths=(3, 5, 2, 7, 4, 6), dim=16, fingerprint="0123456789abcdef"):
        documents = unit(lengths, dim)
        texts = [f"text {i}" for i in range(len(documents))]
        encoder = Encoder(tiny_teacher, dict(zip(texts, documents, strict=True)), dim, fingerprint)
        metadata = [{"even": i % 2 == 0, "number": i, "half": i / 2, "a.b": "xyz"[i % 3]} for i in range(len(documents))]
        return encoder, [f"d{i}" for i in range(len(documents))], texts, metadata, documents

    return make


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(connection_module.time, "sleep", lambda seconds: None)
    return FakeServer()


def remote(server, **options):
    return {"url": "http://cluster:6333", "client_options": {"transport": server.transport}, **options}


def build(collection, where, **options):
    encoder, ids, texts, metadata, _ = collection
    return QdrantIndex.build(encoder, ids, texts, metadata, show_progress_bar=False, **where, **options)


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
        with pytest.raises(ValueError, match="with another text or other metadata, the first is 'd1'"):
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


def test_what_a_cluster_is_told(collection, server):
    layout = CollectionSettings(
        shard_number=6,
        replication_factor=2,
        dtype="float16",
        quantization="int8",
        on_disk=True,
        hnsw_m=16,
        payload_indexes={"a.b": "keyword"},
    )
    index = build(collection(), remote(server), layout=layout)
    vector = server.created["vectors"]["tokens"]
    assert (server.created["shard_number"], server.created["replication_factor"]) == (6, 2)
    assert server.created["on_disk_payload"]
    assert (vector["size"], vector["distance"], vector["datatype"], vector["on_disk"]) == (16, "Dot", "float16", True)
    assert vector["multivector_config"] == {"comparator": "max_sim"}
    assert vector["hnsw_config"]["m"] == 16
    assert vector["quantization_config"] == {"scalar": {"type": "int8", "always_ram": True}}
    assert server.indexes == [{"field_name": 'metadata."a.b"', "field_schema": "keyword"}]

    index.search(unit([2]), filter={"number": 1})
    assert server.queries[-1]["params"]["quantization"] == {"rescore": True, "oversampling": 3.0}
    assert server.queries[-1]["filter"] == {"must": [{"key": 'metadata."number"', "match": {"value": 1}}]}
    QdrantIndex.open(**remote(server), settings=SearchSettings(exact=True)).search(unit([2]))
    assert server.queries[-1]["params"] == {"exact": True}

    build(collection(), remote(server), overwrite=True, layout=CollectionSettings(quantization="binary"))
    vector = server.created["vectors"]["tokens"]
    assert vector["quantization_config"] == {"binary": {"always_ram": True}}
    assert vector["hnsw_config"] == {"m": 0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shard_number": 0}, "shard_number must be at least 1, got 0"),
        ({"quantization": "int4"}, "one of int8, binary, got 'int4'"),
        ({"dtype": "int8"}, "one of float32, float16, got 'int8'"),
        ({"hnsw_m": -1}, "hnsw_m must be 0"),
        ({"payload_indexes": {"x": "text"}}, "type of metadata field 'x'"),
    ],
)
def test_an_impossible_layout_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CollectionSettings(**settings)


def test_uploads_are_tried_again_and_the_wait_grows(collection, server, monkeypatch):
    monkeypatch.setattr("hf_optical.search.qdrant_points._POINTS_PER_REQUEST", 2)
    waits = []
    monkeypatch.setattr(connection_module.time, "sleep", waits.append)
    monkeypatch.setattr(connection_module.random, "uniform", lambda low, high: high)
    server.failures["PUT /points"] = [
        httpx.Response(503),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("late"),
        httpx.Response(429, headers={"Retry-After": "9"}),
        httpx.Response(500),
    ]
    index = build(collection(), remote(server), parallel=1)
    assert waits == [0.5, 1, 2, 9, 8]
    assert server.calls["PUT /points"] == 3 + 5
    assert len(index) == 6


def test_what_cannot_pass_is_not_tried_again(collection, server):
    server.failures["PUT /points"] = [httpx.Response(400, json={"status": {"error": "Wrong input: Vector dimension error"}})]
    with pytest.raises(EngineError, match=r"the server answered 400 .*Vector dimension error"):
        build(collection(), remote(server), parallel=1)
    assert server.calls["PUT /points"] == 1


def test_a_stopped_upload_goes_on_where_it_was(collection, server, monkeypatch):
    monkeypatch.setattr("hf_optical.search.qdrant_points._POINTS_PER_REQUEST", 2)
    made = collection([2] * 20)
    encoder = made[0]

    answer = server.answer
    monkeypatch.setattr(server, "answer", lambda request: httpx.Response(503) if len(server.upserted) >= 8 else answer(request))
    with pytest.raises(EngineError, match="503 after 3 attempts"):
        build(made, remote(server), parallel=2, attempts=3)
    sent = set(server.upserted)
    assert 8 <= len(sent) < 20

    monkeypatch.setattr(server, "answer", answer)
    server.upserted.clear()
    encoder.encoded.clear()
    index = build(made, remote(server), parallel=2)
    assert sent.isdisjoint(server.upserted)
    assert len(server.upserted) == len(encoder.encoded) == 20 - len(sent)
    assert sorted(index.ids) == sorted(made[1])


def test_processes_share_the_work(collection, server, monkeypatch):
    made = collection([2] * 9)
    for process in (1, 0, 1):  # the second finds no collection yet in the first round, as when it does not wait
        shared = {"process_index": process, "num_processes": 2, "wait": lambda: None}
        monkeypatch.setattr(index_module, "shared_build", lambda shared=shared: dict(shared))
        server.upserted.clear()
        if not server.engine.collection_exists("passages") and process:
            with pytest.raises(IndexFormatError, match="there is no collection"):
                build(made, remote(server))
            continue
        build(made, remote(server))
        assert sorted(server.upserted) == made[1][process::2]


def test_the_key_comes_from_the_environment_and_is_never_shown(collection, monkeypatch, caplog):
    monkeypatch.setattr(connection_module.time, "sleep", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    server = FakeServer(key=KEY)
    with pytest.raises(EngineError, match=r"refused \(401\): no key was given: set QDRANT_API_KEY"):
        build(collection(), remote(server))
    monkeypatch.setenv("QDRANT_API_KEY", "wrong")
    with pytest.warns(UserWarning, match="insecure"), pytest.raises(EngineError, match="the key in QDRANT_API_KEY is wrong"):
        build(collection(), remote(server))
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    server.failures["PUT /points"] = [httpx.Response(503)]
    with pytest.warns(UserWarning, match="insecure"):
        index = build(collection(), remote(server))
    assert server.headers[-1]["api-key"] == KEY
    server.failures["POST /points/query/batch"] = [httpx.Response(500)]
    with pytest.raises(EngineError) as raised:
        index.search(unit([2]))
    shown = f"{raised.value} {index!r} {vars(index)} {vars(index._connection)} {caplog.text}"
    assert KEY not in shown
    assert "\n" not in str(raised.value)


def test_no_server_is_one_clear_line():
    with pytest.raises(EngineError, match=r"no answer .*is the server running") as raised:
        QdrantIndex.open(url="http://127.0.0.1:9")
    assert "\n" not in str(raised.value)


def test_no_client_is_one_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr(connection_module, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=r"pip install 'hf_optical\[qdrant\]'"):
        QdrantIndex.open(path=tmp_path)


@pytest.mark.parametrize("url", ["http://user:secret@host:6333", "https://host?api-key=secret", "ftp://host", "host:6333"])
def test_unsafe_urls_are_refused_without_showing_secrets(url):
    with pytest.raises(ValueError, match=r"leave it out|write http") as raised:
        QdrantIndex.open(url=url)
    assert "secret" not in str(raised.value)


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
