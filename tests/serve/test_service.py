"""What is asked for is found; what cannot be answered is told with what to do, and nothing of the inside."""

import json

import pytest

pytest.importorskip("fastapi", reason="fastapi is an optional extra")

from fastapi.testclient import TestClient

from hf_optical.search import Bm25Index, DiskIndex, ExactIndex, IndexFormatError, Searcher
from hf_optical.search.engine_error import EngineError
from hf_optical.serve import ServeSettings, create_app

from .stand_in import TEXTS, StandIn


@pytest.fixture(scope="module")
def client(searcher):
    with TestClient(create_app(searcher, ServeSettings(max_query_length=300)), raise_server_exceptions=False) as client:
        yield client


def stand_in(searcher, **settings):
    return TestClient(create_app(searcher, ServeSettings(**settings)), raise_server_exceptions=False)


def test_the_answer_is_that_of_the_searcher(client, searcher):
    asked = {"query": "maji ya shamba", "k": 3, "language": "sw", "matches": True}
    answer = client.post("/search", json=asked)
    expected = searcher.search("maji ya shamba", 3, language="sw")[0]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["hits"] == json.loads(json.dumps([hit.to_dict() for hit in expected]))
    assert (
        client.get("/search", params={"query": "maji ya shamba", "k": 3, "language": "sw", "matches": True}).json() == answer.json()
    )
    assert client.post("/search", json=asked | {"matches": False}).json()["hits"][0]["matches"] is None


@pytest.mark.parametrize(("wanted", "found"), [({"country": "KE"}, {"a", "c"}), ({"country": ["TZ", "UG"]}, {"b", "d"})])
def test_filters(client, wanted, found):
    asked = {"query": "maji", "language": "ha", "filter": wanted}
    assert {hit["id"] for hit in client.post("/search", json=asked).json()["hits"]} == found
    answer = client.get("/search", params=asked | {"filter": json.dumps(wanted)})
    assert {hit["id"] for hit in answer.json()["hits"]} == found
    assert client.post("/search", json=asked | {"filter": {"country": "XX"}}).json()["hits"] == []


BAD = [
    ({"content": b'{"query": '}, 400, "not JSON"),
    ({"content": b"\xff\xfe{}"}, 400, "not JSON"),
    ({"content": b"[" * 60_000}, 400, "not JSON"),
    ({"content": b'{"k": ' + b"9" * 5000 + b"}"}, 400, "not JSON"),
    ({"content": b""}, 422, "the body is missing"),
    ({"content": b"[1]"}, 422, "the body"),
    ({"json": {"query": "x" * 1_000_000, "language": "sw"}}, 413, "more than 65,536 bytes: shorten"),
    ({"content": iter([b'{"query": "'] + [b"x" * 10_000] * 100)}, 413, "more than 65,536 bytes: shorten"),
    ({"json": {"query": "x" * 301, "language": "sw"}}, 422, "query has 301 characters: 300 at most"),
    ({"json": {"query": "", "language": "sw"}}, 422, "query is empty: write a question"),
    ({"json": {"query": " \n\t", "language": "sw"}}, 422, "query is empty"),
    ({"json": {"language": "sw"}}, 422, "query is missing"),
    ({"json": {"query": 7, "language": "sw"}}, 422, "query: Input should be a valid string"),
    ({"json": {"query": "a", "k": 0, "language": "sw"}}, 422, "k must be from 1 to 100, got 0"),
    ({"json": {"query": "a", "k": -1, "language": "sw"}}, 422, "k must be from 1 to 100, got -1"),
    ({"json": {"query": "a", "k": 10**9, "language": "sw"}}, 422, "k must be from 1 to 100, got 1000000000"),
    ({"json": {"query": "a", "k": 10**400, "language": "sw"}}, 422, "k"),
    ({"json": {"query": "a", "k": True, "language": "sw"}}, 422, "k: Input should be a valid integer"),
    ({"json": {"query": "a", "k": 2.5, "language": "sw"}}, 422, "k: Input should be a valid integer"),
    ({"content": b'{"query": "a", "k": 1e400}'}, 422, "k"),
    ({"json": {"query": "a", "language": "xx"}}, 422, "no student for language 'xx': there are sw, ha"),
    ({"json": {"query": "a"}}, 422, "2 students are loaded: say the language"),
    ({"json": {"query": "a", "language": "sw", "top": 3}}, 422, "'top' is unknown: a search has query, k, language"),
    ({"json": {"query": "a", "language": "sw", "filter": "KE"}}, 422, "filter"),
    ({"json": {"query": "a", "language": "sw", "filter": {"a": {"b": 1}}}}, 422, "filter"),
    ({"json": {"query": "a", "language": "sw", "filter": {"a": list(range(300))}}}, 422, "filter has 300 values: 256 at most"),
    ({"content": b'{"query": "a", "language": "sw", "filter": {"a": NaN}}'}, 422, "filter"),
    ({"content": rb'{"query": "\ud800", "language": "sw"}'}, 422, "surrogate"),
    ({"content": rb'{"query": "a", "language": "\udfff"}'}, 422, "surrogate"),
    ({"content": rb'{"query": "a", "\udfff": 1}'}, 422, "unicode"),
]


@pytest.mark.parametrize(("sent", "status", "message"), BAD, ids=[f"{i}-{case[1]}" for i, case in enumerate(BAD)])
def test_a_bad_request_is_told_what_to_do(client, sent, status, message):
    answer = client.post("/search", headers={"Content-Type": "application/json"}, **sent)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert message in answer.json()["error"]
    assert len(answer.json()["error"]) < 300
    assert not any(inside in answer.text for inside in ("Traceback", "/", "File")) or "/openapi.json" in answer.text


@pytest.mark.parametrize("weight", [-0.1, 10.5, 10**400, True, "0.5", float("nan"), float("inf")])
def test_a_bad_weight(client, weight):
    content = json.dumps({"query": "a", "language": "sw", "lexical_weight": weight}).encode()
    answer = client.post("/search", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("lexical_weight: Input should be")
    address = {"query": "a", "language": "sw", "lexical_weight": "x" if isinstance(weight, (str, bool)) else str(weight)}
    assert client.get("/search", params=address).json()["error"].startswith("lexical_weight: Input should be")


def test_fused_search(searcher, client):
    joined = Searcher(searcher.students, searcher.index, lexical=Bm25Index(list("abcd"), TEXTS), lexical_weight=0.5)
    asked = {"query": "school rain", "language": "sw", "k": 4}
    with stand_in(joined) as fused:
        for weight, expected in ((None, 0.5), (0.5, 0.5), (0, 0), (10, 10), (3.5, 3.5)):
            sent = asked | ({} if weight is None else {"lexical_weight": weight})
            answer = fused.post("/search", json=sent)
            assert answer.status_code == 200, answer.text
            hits = joined.search(["school rain"], 4, language="sw", lexical_weight=expected)[0]
            assert [(hit["id"], hit["score"]) for hit in answer.json()["hits"]] == [(hit.id, hit.score) for hit in hits]
            assert answer.json()["lexical_weight"] == expected
            assert fused.get("/search", params=sent).json() == answer.json()
        heavy = fused.post("/search", json=asked | {"lexical_weight": 10, "filter": {"country": ["TZ", "UG"]}}).json()
        assert [hit["id"] for hit in heavy["hits"]] == ["d", "b"]
        alone = fused.post("/search", json=asked | {"lexical_weight": 0}).json()
    assert alone == client.post("/search", json=asked).json()
    assert alone["lexical_weight"] == 0


def test_a_service_without_bm25_says_so(client):
    asked = {"query": "maji", "language": "sw"}
    for answer in (
        client.post("/search", json=asked | {"lexical_weight": 0.5}),
        client.get("/search", params=asked | {"lexical_weight": 0.5}),
    ):
        assert answer.status_code == 422
        assert "this service has no BM25: leave lexical_weight out; its operator starts it with" in answer.json()["error"]
    for weight in (0, None):
        assert client.post("/search", json=asked | {"lexical_weight": weight}).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_another_content_type_is_refused(client, content_type):
    answer = client.post("/search", content=b'{"query": "a", "language": "sw"}', headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["error"]


@pytest.mark.parametrize(
    ("address", "status", "message"),
    [
        ("/search", 422, "query is missing"),
        ("/search?query=a&language=sw&k=0", 422, "k must be from 1"),
        ("/search?query=a&language=sw&k=many", 422, "k: Input should be a valid integer"),
        ("/search?query=a&language=sw&filter={", 422, "filter is not JSON"),
        ("/search?query=a&language=sw&filter=7", 422, "filter"),
        ("/nothing", 404, "there are /search, /healthz"),
        ("/docs", 404, "nothing at this address"),
    ],
)
def test_bad_addresses(client, address, status, message):
    answer = client.get(address)
    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_a_long_address():
    with stand_in(StandIn(), max_body_bytes=1000) as client:
        answer = client.get("/search", params={"query": "x" * 1000, "language": "sw"})
    assert answer.status_code == 414
    assert "more than 1,000 bytes" in answer.json()["error"]


def test_another_method(client):
    answer = client.delete("/search")
    assert answer.status_code == 405
    assert "POST or GET" in answer.json()["error"]
    assert answer.headers["Allow"]


def test_words_of_other_scripts(client):
    for query in ("ọ̀rọ̀ àgbàdo", "🌽" * 100, "\x00\x01", "السلام", "a\nb", "[MASK] </s>"):
        assert client.post("/search", json={"query": query, "language": "sw"}).status_code == 200


@pytest.mark.parametrize("exact", [True, False])
def test_an_empty_index(tiny_teacher, tiny_student, tmp_path, exact):
    if exact:
        index = ExactIndex.build(tiny_teacher, [], [])
    else:
        index = DiskIndex.build(tmp_path / "index", tiny_teacher, [], [], show_progress_bar=False)
    with stand_in(Searcher({"sw": tiny_student}, index)) as client:
        answer = client.post("/search", json={"query": "maji"})
        assert answer.status_code == 409
        assert "holds no passages: add some with `optical index`" in answer.json()["error"]
        assert client.get("/healthz").json() == {"status": "ok", "passages": 0, "languages": ["sw"]}


def test_a_filter_where_there_is_no_metadata(tiny_teacher, tiny_student):
    index = ExactIndex.build(tiny_teacher, ["a"], ["water"])
    with stand_in(Searcher({"sw": tiny_student}, index)) as client:
        answer = client.post("/search", json={"query": "maji", "filter": {"country": "KE"}})
    assert answer.status_code == 422
    assert "no metadata to filter by" in answer.json()["error"]


def test_what_goes_wrong_inside_stays_inside(caplog):
    searcher = StandIn()
    searcher.failures = {"bad": RuntimeError("/secret/path"), "down": EngineError("collection at http://10.0.0.1: no answer")}
    with stand_in(searcher) as client:
        for query, status, message in (("bad", 500, "the search failed"), ("down", 503, "does not answer")):
            answer = client.post("/search", json={"query": query, "language": "sw"})
            assert (answer.status_code, message in answer.json()["error"]) == (status, True)
            assert not any(word in answer.text for word in ("secret", "10.0.0.1", "Traceback"))
        assert answer.headers["Retry-After"] == "5"
    assert "/secret/path" in caplog.text


def test_an_index_that_has_vanished_is_not_the_askers_mistake(caplog):
    class Gone:
        def __len__(self):
            raise IndexFormatError("there is no collection 'secret' in http://10.0.0.1")

    searcher = StandIn()
    searcher.failures = {"gone": IndexFormatError("there is no collection 'secret' in http://10.0.0.1")}
    with stand_in(searcher) as client:
        asked = client.post("/search", json={"query": "gone", "language": "sw"})
        searcher.index = Gone()
        for answer in (asked, client.get("/healthz")):
            assert answer.status_code == 503
            assert answer.json() == {"error": "the index behind this service does not answer: try again later."}
            assert answer.headers["Retry-After"] == "5"
    assert caplog.text.count("there is no collection 'secret'") == 2


def test_an_engine_that_is_down():
    class Down:
        def __len__(self):
            raise EngineError("no answer")

    searcher = StandIn()
    searcher.index = Down()
    with stand_in(searcher) as client:
        assert client.get("/healthz").status_code == 503
        assert "optical_index_passages -1" in client.get("/metrics").text


def test_metrics(searcher):
    with stand_in(searcher) as client:
        client.post("/search", json={"query": "maji", "language": "sw"})
        client.post("/search", json={"query": "", "language": "sw"})
        client.get("/anything")
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    for line in (
        'optical_requests_total{path="/search",status="200"} 1',
        'optical_requests_total{path="other",status="404"} 1',
        'optical_errors_total{status="422"} 1',
        'optical_search_seconds_bucket{le="+Inf"} 2',
        "optical_search_seconds_count 2",
        "optical_batch_size_count 1",
        "optical_requests_in_flight 1",
        "optical_searches_in_flight 0",
        "optical_index_passages 4",
    ):
        assert line in lines
    memory = next(line for line in lines if line.startswith("process_resident_memory_bytes"))
    assert 10**7 < int(memory.split()[1]) < 10**11


def test_the_description_has_examples(client):
    schema = client.get("/openapi.json").json()
    assert {"/search", "/healthz", "/metrics"} <= schema["paths"].keys()
    assert schema["components"]["schemas"]["SearchRequest"]["examples"][0]["query"]
    assert schema["components"]["schemas"]["SearchResponse"]["examples"][0]["hits"]
    assert schema["components"]["schemas"]["SearchRequest"]["properties"]["lexical_weight"]["anyOf"][0]["maximum"] == 10
    assert "lexical_weight" in {parameter["name"] for parameter in schema["paths"]["/search"]["get"]["parameters"]}
    assert {"400", "409", "413", "415", "422", "503", "504"} <= schema["paths"]["/search"]["post"]["responses"].keys()
