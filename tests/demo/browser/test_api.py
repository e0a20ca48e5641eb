"""The demo from a program, by gradio_client; and what its process asks of others: nothing."""

import json
import urllib.error
import urllib.request

import pytest

from .conftest import ATTACK, PASSAGES, QUERY


@pytest.fixture(scope="module")
def client(demo):
    from gradio_client import Client

    return Client(demo.address, verbose=False)


def test_search(client):
    answer = client.predict(query=QUERY, language="sw", k=3, api_name="/search")
    assert (answer["query"], answer["language"], answer["searched"]) == (QUERY, "sw", len(PASSAGES))
    scores = [hit["score"] for hit in answer["hits"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert max(scores) <= answer["highest_score"]
    for hit in answer["hits"]:
        assert hit["text"] == " ".join(PASSAGES[hit["id"]]).strip()
        assert all(match["passage"] in hit["text"] for match in hit["matches"])


def test_languages_have_students_of_their_own(client):
    answers = [client.predict(query=QUERY, language=code, k=5, api_name="/search")["hits"] for code in ("sw", "ha")]
    assert [hit["score"] for hit in answers[0]] != [hit["score"] for hit in answers[1]]


def test_compare(client):
    record = client.predict(query=QUERY, language="sw", api_name="/compare")
    assert list(record) == ["student", "zero-shot"]
    assert record["student"]["hits"] == client.predict(query=QUERY, language="sw", k=5, api_name="/search")["hits"]


@pytest.mark.parametrize("solver", ["sinkhorn", "ipot", "exact"])
def test_align(client, solver):
    plan = client.predict(english="water from the river", foreign="maji ya mto", language="sw", solver=solver, api_name="/align")
    assert plan["foreign"] == ["maji", "ya", "mto"]
    assert plan["english"] == ["water", "from", "the", "river"]
    assert sum(map(sum, plan["plan"])) == pytest.approx(1, abs=1e-3)
    assert [sum(row) for row in plan["plan"]] == pytest.approx(plan["foreign_mass"], abs=5e-3)
    assert plan["cost"] <= plan["spread_cost"] + 1e-4


def test_text_of_others_comes_back_as_it_is(client):
    answer = client.predict(query=ATTACK, language="en", k=5, api_name="/search")
    assert answer["query"] == ATTACK
    assert next(hit["text"] for hit in answer["hits"] if hit["id"] == "d3") == " ".join(PASSAGES["d3"])


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("/search", {"query": ""}),
        ("/search", {"query": "a" * 10_000}),
        ("/search", {"query": None}),
        ("/search", {"query": {"a": [1]}}),
        ("/search", {"query": QUERY, "language": ["sw"]}),
        ("/search", {"query": QUERY, "language": "../../etc"}),
        ("/search", {"query": QUERY, "k": "many"}),
        ("/search", {"query": QUERY, "k": -1}),
        ("/compare", {"query": QUERY, "language": "xx"}),
        ("/align", {"english": "", "foreign": ""}),
        ("/align", {"english": "a", "foreign": "maji", "solver": "guess"}),
        ("/align", {"english": "a", "foreign": "maji", "epsilon": 0}),
        ("/align", {"english": "a", "foreign": "maji", "epsilon": "NaN"}),
        ("/align", {"english": "a", "foreign": "maji", "weights": 7, "unit": []}),
    ],
)
def test_mistakes_are_told_in_one_friendly_line(client, endpoint, values):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as error:
        client.predict(**values, api_name=endpoint)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 250
    assert not any(word in message for word in ("Traceback", "Error", ".py", "site-packages", "upstream Gradio app"))


def test_it_is_documented(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/search", "/compare", "/align"} <= set(endpoints)
    names = [parameter["parameter_name"] for parameter in endpoints["/search"]["parameters"]]
    assert names == ["query", "language", "k", "lexical", "spelling_variants"]
    assert all(parameter["parameter_has_default"] for parameter in endpoints["/search"]["parameters"][1:])


@pytest.mark.parametrize("path", ["gradio_api/file=/etc/passwd", "file=/etc/passwd", "gradio_api/proxy=http://example.org/"])
def test_no_file_and_no_other_host_is_served(demo, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{demo.address}/{path}")
    assert 400 <= error.value.code < 500


def test_the_process_asks_nobody(demo, client):
    client.predict(query="maji", language="sw", api_name="/search")
    assert demo.outside == []
    with urllib.request.urlopen(f"{demo.address}/config") as response:
        assert json.load(response)["analytics_enabled"] is False
