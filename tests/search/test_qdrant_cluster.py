"""What a cluster is told; its faults are retried, or told in one line.

Tested at the HTTP boundary with a stand-in; no Qdrant server has been seen.
"""

import logging

import httpx
import pytest

pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")

from hf_optical.search import IndexFormatError
from hf_optical.search import qdrant_connection as connection_module
from hf_optical.search import qdrant_index as index_module
from hf_optical.search.engine_error import EngineError
from hf_optical.search.qdrant_index import QdrantIndex
from hf_optical.search.qdrant_settings import CollectionSettings, SearchSettings

from .encoder import unit
from .qdrant_build import build, remote
from .qdrant_server import FakeServer

KEY = "not-to-be-seen"


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


def test_a_collection_that_is_not_ours_is_never_deleted(collection, server):
    from qdrant_client import models

    vectors = models.VectorParams(size=4, distance=models.Distance.DOT)
    server.engine.create_collection("passages", vectors_config=vectors)
    for overwrite in (True, False):
        with pytest.raises(IndexFormatError, match="is not an index of hf_optical"):
            build(collection(), remote(server), overwrite=overwrite, layout=CollectionSettings(payload_indexes={"x": "keyword"}))
    assert server.engine.collection_exists("passages")
    assert not server.calls["DELETE /"]
    assert not server.indexes


def test_one_of_ours_of_another_format_may_be_overwritten(collection, server):
    build(collection(), remote(server))
    server.engine.update_collection("passages", metadata={"version": 2})
    with pytest.raises(IndexFormatError, match="format version 2"):
        build(collection(), remote(server))
    assert len(build(collection(), remote(server), overwrite=True)) == 6


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"shard_number": 4}, "shard_number 2, not 4"),
        ({"replication_factor": 3}, "replication_factor 1, not 3"),
        ({"quantization": "binary"}, "quantization int8, not binary"),
        ({"on_disk": True}, "on_disk False, not True"),
        ({"hnsw_m": 16}, "hnsw_m 8, not 16"),
        ({"dtype": "float16"}, "dtype float32, not float16"),
        ({"shard_number": 2, "replication_factor": 1, "quantization": "int8", "hnsw_m": 8}, None),
        ({}, None),
    ],
)
def test_a_layout_that_cannot_be_had_any_more_is_told(collection, server, caplog, asked, told):
    made = CollectionSettings(shard_number=2, replication_factor=1, quantization="int8", hnsw_m=8)
    build(collection(), remote(server), layout=made)
    build(collection(), remote(server), layout=CollectionSettings(**asked))
    assert ("keeps its layout" in caplog.text) == (told is not None)
    assert told is None or f"layout: {told}." in caplog.text


def test_payload_indexes_that_a_killed_build_did_not_come_to_are_made(collection, server):
    layout = CollectionSettings(payload_indexes={"even": "bool"})
    server.failures["PUT /index"] = [httpx.Response(400, text="killed here")]
    with pytest.raises(EngineError, match="killed here"):
        build(collection(), remote(server), layout=layout)
    assert not server.indexes
    build(collection(), remote(server), layout=layout)
    assert [index["field_name"] for index in server.indexes] == ['metadata."even"']


def test_a_stopped_overwriting_build_goes_on(collection, server):
    def first(number):
        return tuple(part[:number] if isinstance(part, list) else part for part in made)

    made = collection()
    build(first(4), remote(server))  # as if the build of all six had been stopped there
    made[0].encoded.clear()
    index = build(made, remote(server), overwrite=True)
    assert made[0].encoded == made[2][4:]
    assert not server.calls["DELETE /"]
    assert len(index) == 6
    build(made, remote(server), overwrite=True, layout=CollectionSettings(hnsw_m=4))  # another layout is another collection
    assert server.calls["DELETE /"] == 1
    assert server.created["vectors"]["tokens"]["hnsw_config"]["m"] == 4
