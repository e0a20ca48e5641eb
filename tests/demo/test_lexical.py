"""BM25 beside the student in the Search tab: its box, its order, what its scores are called, and its place in the API."""

import re

import pytest

pytest.importorskip("gradio")

from gradio_client import Client
from gradio_client.exceptions import AppError

from hf_optical.demo.app import build_demo, launch_options
from hf_optical.demo.engine import DemoEngine
from hf_optical.demo.errors import DemoError
from hf_optical.demo.loading import load_engine
from hf_optical.demo.search_tab import answer_record
from hf_optical.demo.settings import DemoSettings
from hf_optical.search import ExactIndex, Searcher
from hf_optical.search.lexical_side import lexical_index

# "fish" and "people" stand in d2 alone, "seed" in d3
QUERIES = ("fish na people", "seed gani?", "book katika school")
LABEL = "Find names and numbers by their letters, too (BM25)"


@pytest.fixture(scope="module")
def served(fused_engine):
    blocks = build_demo(fused_engine)
    blocks.launch(server_name="127.0.0.1", prevent_thread_lock=True, **launch_options(fused_engine.settings))
    yield blocks
    blocks.close()


@pytest.fixture(scope="module")
def client(served):
    return Client(served.local_url, verbose=False)


def ids(answer):
    return [hit.id for hit in answer.hits]


def boxes(blocks):
    return [c["props"] for c in blocks.get_config_file()["components"] if c["type"] == "checkbox"]


def on_the_page(blocks, *asked):
    """What the function behind the button gives for these values of its inputs."""
    (show,) = [f for f in blocks.fns.values() if f.name == "show_answer" and any(event == "submit" for _, event in f.targets)]
    assert len(show.inputs) == len(asked)
    return show.fn(*asked)


def test_the_box_is_there_only_with_bm25(engine, fused_engine, served):
    assert (engine.has_lexical, fused_engine.has_lexical) == (False, True)
    assert boxes(build_demo(engine)) == []
    (box,) = boxes(served)
    assert (box["label"], box["value"], box["elem_id"]) == (LABEL, True, "op-lexical")


@pytest.mark.parametrize("query", QUERIES)
def test_the_order_is_that_of_the_searcher(fused_engine, engine, tiny_student, query):
    searcher = Searcher({"sw": tiny_student}, engine.index, lexical=lexical_index(engine.index), lexical_weight=9.0)
    for lexical, weight in ((None, 9.0), (True, 9.0), (False, 0.0)):
        answer = fused_engine.search(query, "sw", 3, lexical)
        expected = searcher.search(query, 3, lexical_weight=weight)[0]
        assert [(hit.id, round(hit.score, 6)) for hit in answer.hits] == [(hit.id, round(hit.score, 6)) for hit in expected]
        assert answer.lexical_weight == weight
    assert ids(fused_engine.search(query, "sw", 3, False)) == ids(engine.search(query, "sw", 3))


def test_the_box_changes_the_order(fused_engine):
    both = [[ids(fused_engine.search(query, "sw", 3, lexical)) for lexical in (True, False)] for query in QUERIES]
    assert [fused[0] for fused, _ in both] == ["d2", "d3", "d4"]
    assert any(fused != alone for fused, alone in both)


def test_other_ways_in_are_the_models_own(fused_engine, engine):
    for language in ("sw", "en"):
        found, expected = (e.compare(QUERIES[0], language, 3) for e in (fused_engine, engine))
        assert {name: ids(answer) for name, answer in found.items()} == {name: ids(answer) for name, answer in expected.items()}
        assert {answer.lexical_weight for answer in found.values()} == {0.0}


def test_the_page_says_what_the_order_is(engine, fused_engine, served):
    fused, alone = (on_the_page(served, QUERIES[0], "sw", 3, box) for box in (True, False))
    score = fused_engine.search(QUERIES[0], "sw", 3).hits[0].score
    assert score == pytest.approx(0.15, abs=0.02)
    assert f"{score:.4f}<small> joined score" in fused
    assert "op-bar" not in fused
    assert re.findall(r'op-order">([^<]*)<', fused) == [
        "Order: the model's ranking joined with that by letters (BM25, weight 9); the score counts places, not likeness."
    ]
    assert alone.count("op-bar") == 3
    assert "joined score" not in alone
    assert re.findall(r'op-order">([^<]*)<', alone) == ["Order: the model's score alone."]
    assert "op-order" not in on_the_page(build_demo(engine), QUERIES[0], "sw", 3)


def test_a_change_of_the_box_asks_anew(served):
    box = next(block for block in served.blocks.values() if getattr(block, "elem_id", "") == "op-lexical")
    events = {event for f in served.fns.values() if f.name == "show_answer" for target, event in f.targets if target == box._id}
    assert events == {"input"}


def test_a_client_need_not_know_of_it(client, fused_engine):
    record = client.predict(QUERIES[0], "sw", 3, api_name="/search")
    assert [hit["id"] for hit in record["hits"]] == ids(fused_engine.search(QUERIES[0], "sw", 3, True))
    assert record == client.predict(query=QUERIES[0], language="sw", k=3, lexical=True, api_name="/search") | {
        "seconds": record["seconds"]
    }
    assert record["lexical_weight"] == 9
    assert max(hit["score"] for hit in record["hits"]) <= record["highest_score"] == pytest.approx(10 / 61, abs=1e-6)
    alone = client.predict(query=QUERIES[0], language="sw", k=3, lexical=False, api_name="/search")
    assert [hit["id"] for hit in alone["hits"]] == ids(fused_engine.search(QUERIES[0], "sw", 3, False))
    assert (alone["lexical_weight"], alone["highest_score"]) == (0, fused_engine.search(QUERIES[0], "sw").vectors)


def test_joined_scores_are_told_apart_for_a_client(engine, tiny_student):
    fused = DemoEngine({"sw": tiny_student}, engine.index, settings=DemoSettings(lexical_weight=1e-9))
    scores = [hit["score"] for hit in answer_record(fused.search(QUERIES[0], "sw", 4))["hits"]]
    assert scores == [round(1 / (60 + rank), 6) for rank in (1, 2, 3, 4)]


def test_what_cannot_be_joined_is_told_in_one_line(engine, fused_engine, client):
    with pytest.raises(DemoError, match="does not search by letters"):
        engine.search(QUERIES[0], "sw", lexical=True)
    with pytest.raises(DemoError, match="true or false"):
        fused_engine.search(QUERIES[0], "sw", lexical="maybe")
    with pytest.raises(AppError, match="true or false"):
        client.predict(query=QUERIES[0], language="sw", lexical="maybe", api_name="/search")


def test_an_index_in_memory_has_it_too(engine, tiny_student, tiny_teacher):
    texts = ["many fish drink water", "teacher and child read a book"]
    index = ExactIndex.build(tiny_teacher, ["a", "b"], texts)
    for query, best in (("fish", "a"), ("book", "b")):
        fused = DemoEngine({"sw": tiny_student}, index, settings=DemoSettings(lexical_weight=9.0))
        assert ids(fused.search(query, "sw", 1)) == [best]


def test_it_is_built_when_the_demo_starts(workshop, capsys):
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "index"]) == 0
    steps = []
    settings = DemoSettings(students="sw=student", index="index", lexical_weight=0.5)
    fused = load_engine(settings, lambda part, text: steps.append((part, text)))
    assert fused.has_lexical
    assert (0.99, "reading the words of the passages") in steps
    assert [part for part, _ in steps] == sorted(part for part, _ in steps)
    assert fused.search("maji", "sw").lexical_weight == 0.5


def test_an_index_whose_texts_are_elsewhere_is_refused_in_one_line(workshop, tiny_teacher, capsys):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "qdrant+path:q"]) == 0
    command = ["demo", "--student", "sw=student", "--index", "qdrant+path:q", "--port", "0"]
    assert main([*command, "--lexical_weight", "0.5"]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("optical: error: BM25 and spelling variants need the texts, and those of this index are on its server")
