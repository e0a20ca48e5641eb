"""Words that a student does not know are asked for as they are spelt in English: what a service finds, tells and refuses."""

import asyncio
import json
import threading

import pytest

pytest.importorskip("fastapi", reason="fastapi is an optional extra")

from fastapi.testclient import TestClient

from hf_optical.search import Bm25Index, Searcher
from hf_optical.search.spelling_variants import spelling_variants
from hf_optical.serve import create_app

from .stand_in import TEXTS, StandIn
from .test_batcher import ask, held, run, service

# "school" and "market" stand in the passages; the tiny student spells what it does not know letter by letter
TYPED, ASKED = "a skhool", "a skhool school"
SCHOOL = [{"word": "skhool", "variant": "school"}]


@pytest.fixture(scope="module")
def respelling(searcher):
    return Searcher(searcher.students, searcher.index, variants=spelling_variants(searcher.index))


@pytest.fixture(scope="module")
def client(respelling):
    with TestClient(create_app(respelling), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def plain(searcher):
    with TestClient(create_app(searcher), raise_server_exceptions=False) as client:
        yield client


def found(hits):
    return json.loads(json.dumps([hit.to_dict() for hit in hits]))


@pytest.mark.parametrize(("sent", "on"), [({}, True), ({"spelling_variants": True}, True), ({"spelling_variants": False}, False)])
def test_the_answer_is_that_of_the_searcher(client, respelling, sent, on):
    asked = {"query": TYPED, "k": 4, "language": "sw", "matches": True} | sent
    answer = client.post("/search", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["hits"] == found(respelling.search(TYPED, 4, language="sw", variants=on)[0])
    assert answer.json()["spelling_variants"] == (SCHOOL if on else [])
    assert client.get("/search", params=asked).json() == answer.json()


def test_variants_are_searched_for_and_told_of_their_word(client, plain):
    asked = {"query": TYPED, "k": 4, "language": "sw"}
    scores = [
        [(hit["id"], hit["score"]) for hit in service.post("/search", json=asked | sent).json()["hits"]]
        for service, sent in ((client, {}), (plain, {"query": ASKED}), (plain, {}))
    ]
    assert scores[0] == scores[1] != scores[2]
    (best, *_) = client.post("/search", json=asked | {"matches": True}).json()["hits"]
    assert all(match["query_text"] in TYPED for match in best["matches"])
    assert [2, 8] in [match["query"] for match in best["matches"]]


def test_without_them_it_is_the_answer_of_a_service_that_has_none(client, plain):
    asked = {"query": TYPED, "k": 4, "language": "sw"}
    expected = plain.post("/search", json=asked).json()
    assert client.post("/search", json=asked | {"spelling_variants": False}).json() == expected
    assert plain.post("/search", json=asked | {"spelling_variants": False}).json() == expected
    assert plain.post("/search", json=asked | {"spelling_variants": None}).json() == expected
    assert expected["spelling_variants"] == []


def test_variants_are_told_as_the_words_were_typed(client):
    asked = {"query": "Skhool?", "language": "ha"}
    assert client.post("/search", json=asked).json()["spelling_variants"] == [{"word": "Skhool", "variant": "school"}]
    assert client.post("/search", json=asked | {"query": "maji"}).json()["spelling_variants"] == []


def test_beside_bm25(searcher):
    parts = {"lexical": Bm25Index(list("abcd"), TEXTS), "lexical_weight": 0.5}
    both = Searcher(searcher.students, searcher.index, variants=spelling_variants(searcher.index), **parts)
    asked = {"query": TYPED, "k": 4, "language": "sw", "matches": True}
    with TestClient(create_app(both)) as client:
        for on in (True, False):
            answer = client.post("/search", json=asked | {"spelling_variants": on, "lexical_weight": 2.0}).json()
            assert answer["hits"] == found(both.search(TYPED, 4, language="sw", variants=on, lexical_weight=2.0)[0])
            assert (answer["lexical_weight"], answer["spelling_variants"]) == (2.0, SCHOOL if on else [])


def test_a_service_without_them_says_so(plain):
    asked = {"query": "maji", "language": "sw", "spelling_variants": True}
    for answer in (plain.post("/search", json=asked), plain.get("/search", params=asked)):
        assert answer.status_code == 422
        assert "has no spelling variants: leave spelling_variants out; its operator starts it with" in answer.json()["error"]


@pytest.mark.parametrize("value", [1, "true", "yes", 0.5, []])
def test_what_is_neither_true_nor_false(client, value):
    answer = client.post("/search", json={"query": "maji", "language": "sw", "spelling_variants": value})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("spelling_variants: Input should be a valid boolean")
    answer = client.get("/search", params={"query": "maji", "language": "sw", "spelling_variants": "perhaps"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("spelling_variants: Input should be a valid boolean")


def test_the_description_tells_of_them(client):
    schema = client.get("/openapi.json").json()
    assert schema["components"]["schemas"]["SearchRequest"]["properties"]["spelling_variants"]["anyOf"][0] == {"type": "boolean"}
    assert "spelling_variants" in {parameter["name"] for parameter in schema["paths"]["/search"]["get"]["parameters"]}
    assert set(schema["components"]["schemas"]["SpellingVariant"]["properties"]) == {"word", "variant"}


def test_questions_with_and_without_them_are_searched_apart():
    async def test():
        searcher = StandIn()
        async with service(searcher) as client:
            first = await held(searcher, client)
            asked = [{}, {"spelling_variants": False}, {"spelling_variants": True}, {"spelling_variants": None}]
            asked += [{"spelling_variants": False}]
            tasks = [ask(client, f"Tanzaniya {i}", **one) for i, one in enumerate(asked)]
            await asyncio.sleep(0.05)
            searcher.go.set()
            answers = await asyncio.gather(first, *tasks)
        batches = zip(searcher.batches, searcher.respelt, strict=True)
        assert [([query[-1] for query in queries], variants) for (queries, *_), variants in batches] == [
            (["t"], True),
            (["0", "2", "3"], True),
            (["1", "4"], False),
        ]
        told = [answer.json()["spelling_variants"] for answer in answers]
        tanzania = [{"word": "Tanzaniya", "variant": "Tanzania"}]
        assert told == [[], tanzania, [], tanzania, tanzania, []]

    run(test)


def test_who_waits_together_gets_his_own_variants(searcher):
    class Held(Searcher):
        go, batches = threading.Event(), []

        def search(self, queries, k, **options):
            self.batches.append(queries)
            assert self.go.wait(20)
            return super().search(queries, k, **options)

    async def test():
        slow = Held(searcher.students, searcher.index, variants=spelling_variants(searcher.index))
        async with service(slow) as client:
            first = await held(slow, client)
            queries = [TYPED, "maji", "a marret", TYPED]
            tasks = [ask(client, query, spelling_variants=place < 3) for place, query in enumerate(queries)]
            await asyncio.sleep(0.05)
            slow.go.set()
            answers = [answer.json() for answer in (await asyncio.gather(first, *tasks))[1:]]
            alone = [(await ask(client, query, spelling_variants=i < 3)).json() for i, query in enumerate(queries)]
        assert slow.batches[:3] == [["first"], queries[:3], queries[3:]]
        assert [answer["spelling_variants"] for answer in answers] == [SCHOOL, [], [{"word": "marret", "variant": "market"}], []]
        for together, by_itself in zip(answers, alone, strict=True):
            assert {hit["id"]: hit["score"] for hit in together["hits"]} == pytest.approx(
                {hit["id"]: hit["score"] for hit in by_itself["hits"]}, abs=1e-4
            )

    run(test)
