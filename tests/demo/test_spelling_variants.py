"""Spelling variants in the Search tab: their box, the line that tells of them, and their place in the API."""

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
from hf_optical.models import OpticalStudentModel
from hf_optical.search import Searcher
from hf_optical.search.spelling_variants import spelling_variants

from .test_lexical import LABEL, boxes, ids, on_the_page

# "school" stands in d4; the tiny student spells what it does not know letter by letter
QUERY, ASKED, VARIANTS = "a skhool", "a skhool school", (("skhool", "school"),)
RECORD = [{"word": "skhool", "variant": "school"}]
BOX, LINE = "Ask for unknown words as they are spelt in English, too", "Also asked for: "


def ready(engine, tiny_student, **settings):
    return DemoEngine({"sw": tiny_student}, engine.index, engine.teacher, settings=DemoSettings(max_results=3, **settings))


@pytest.fixture(scope="module")
def respelling(engine, tiny_student):
    return ready(engine, tiny_student, spelling_variants=True)


@pytest.fixture(scope="module")
def both(engine, tiny_student):
    return ready(engine, tiny_student, spelling_variants=True, lexical_weight=9.0)


@pytest.fixture(scope="module")
def client(respelling):
    blocks = build_demo(respelling)
    blocks.launch(server_name="127.0.0.1", prevent_thread_lock=True, **launch_options(respelling.settings))
    yield Client(blocks.local_url, verbose=False)
    blocks.close()


def scores(hits):
    return [(hit.id, round(hit.score, 4)) for hit in hits]


def test_the_answer_is_that_of_the_searcher(engine, respelling, tiny_student):
    searcher = Searcher({"sw": tiny_student}, engine.index, variants=spelling_variants(engine.index))
    for wanted, on in ((None, True), (True, True), (False, False)):
        answer = respelling.search(QUERY, "sw", 3, variants=wanted)
        assert scores(answer.hits) == scores(searcher.search(QUERY, 3, variants=on)[0])
        assert (answer.query, answer.variants) == (QUERY, VARIANTS if on else ())
        assert answer.vectors == len(tiny_student.encode_query([ASKED if on else QUERY])[0])
    assert scores(respelling.search(QUERY, "sw", 3, variants=False).hits) == scores(engine.search(QUERY, "sw", 3).hits)
    assert respelling.search("school", "sw").variants == ()


def test_the_highest_score_counts_them(engine, tiny_teacher):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"], do_query_expansion=False)
    settings = DemoSettings(max_results=3, spelling_variants=True)
    short = DemoEngine({"sw": student}, engine.index, settings=settings)
    highest = [short.search(QUERY, "sw", variants=on).highest_score for on in (True, False)]
    assert highest == [len(student.encode_query([text])[0]) for text in (ASKED, QUERY)]
    assert highest[0] == highest[1] + 1  # one token, "school"


def test_beside_bm25(both, engine, tiny_student):
    searcher = Searcher({"sw": tiny_student}, engine.index, variants=spelling_variants(engine.index))
    for on in (True, False):
        answer = both.search(QUERY, "sw", 3, lexical=False, variants=on)
        assert scores(answer.hits) == scores(searcher.search(QUERY, 3, variants=on)[0])
        assert (answer.lexical_weight, answer.variants) == (0.0, VARIANTS if on else ())
    joined = both.search(QUERY, "sw", 3)
    assert (joined.lexical_weight, joined.variants) == (9.0, VARIANTS)


def test_other_ways_in_are_the_models_own(respelling, engine):
    for language in ("sw", "en"):
        found, expected = (e.compare(QUERY, language, 3) for e in (respelling, engine))
        assert {name: scores(answer.hits) for name, answer in found.items()} == {n: scores(a.hits) for n, a in expected.items()}
        assert {answer.variants for answer in found.values()} == {()}


def test_the_box_is_there_only_with_them(engine, fused_engine, respelling, both):
    assert [e.has_variants for e in (engine, fused_engine, respelling, both)] == [False, False, True, True]
    shown = [[(box["label"], box["value"]) for box in boxes(build_demo(e))] for e in (engine, fused_engine, respelling, both)]
    assert shown == [[], [(LABEL, True)], [(BOX, True)], [(LABEL, True), (BOX, True)]]


def test_the_page_says_what_was_asked_for(engine, fused_engine, respelling, both):
    told = '<span dir="auto">skhool</span> as <span lang="en" dir="auto">school</span></p>'
    alone, beside = build_demo(respelling), build_demo(both)
    assert f"{LINE}{told}" in on_the_page(alone, QUERY, "sw", 3, True)
    assert LINE not in on_the_page(alone, QUERY, "sw", 3, False)
    assert LINE not in on_the_page(alone, "school", "sw", 3, True)
    assert "op-order" not in on_the_page(alone, QUERY, "sw", 3, True)
    # each box is its own
    for lexical in (True, False):
        for variants in (True, False):
            page = on_the_page(beside, QUERY, "sw", 3, lexical, variants)
            assert (("joined score" in page), (LINE in page)) == (lexical, variants)
    assert LINE not in on_the_page(build_demo(engine), QUERY, "sw", 3)
    assert LINE not in on_the_page(build_demo(fused_engine), QUERY, "sw", 3, True)


def test_marks_tell_the_words_that_were_typed(respelling):
    blocks = build_demo(respelling)
    marks = [re.findall(r"found by (\w+) (\d\.\d+)", on_the_page(blocks, QUERY, "sw", 3, on)) for on in (True, False)]
    assert {word for word, _ in marks[0]} == {"a", "skhool"}
    assert marks[0] != marks[1]


def test_what_is_typed_is_no_markup(respelling):
    page = on_the_page(build_demo(respelling), "<xmp>skhool", "sw", 3, True)  # short: the tiny student reads sixteen tokens
    assert LINE in page
    assert "<xmp" not in page
    page = on_the_page(build_demo(respelling), "<b>skhool</b> <script>", "sw", 3, True)
    assert "<b>" not in page
    assert "<script" not in page


def test_a_change_of_a_box_asks_anew(both):
    blocks = build_demo(both)
    for name in ("op-lexical", "op-variants"):
        box = next(block for block in blocks.blocks.values() if getattr(block, "elem_id", "") == name)
        events = {event for f in blocks.fns.values() if f.name == "show_answer" for target, event in f.targets if target == box._id}
        assert events == {"input"}


def test_a_client_need_not_know_of_them(client, respelling):
    record = client.predict(QUERY, "sw", 3, api_name="/search")
    assert [hit["id"] for hit in record["hits"]] == ids(respelling.search(QUERY, "sw", 3, variants=True))
    assert record["spelling_variants"] == RECORD
    assert record == client.predict(query=QUERY, language="sw", k=3, spelling_variants=True, api_name="/search") | {
        "seconds": record["seconds"]
    }
    alone = client.predict(query=QUERY, language="sw", k=3, spelling_variants=False, api_name="/search")
    assert [hit["id"] for hit in alone["hits"]] == ids(respelling.search(QUERY, "sw", 3, variants=False))
    assert alone["spelling_variants"] == []


def test_what_cannot_be_asked_for_is_told_in_one_line(engine, respelling, client):
    assert answer_record(engine.search(QUERY, "sw"))["spelling_variants"] == []
    with pytest.raises(DemoError, match="has no spelling variants; leave that out"):
        engine.search(QUERY, "sw", variants=True)
    with pytest.raises(DemoError, match="true or false"):
        respelling.search(QUERY, "sw", variants="maybe")
    with pytest.raises(AppError, match="true or false"):
        client.predict(query=QUERY, language="sw", spelling_variants="maybe", api_name="/search")


def test_they_are_read_when_the_demo_starts(workshop, capsys):
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "index"]) == 0
    steps = []
    settings = DemoSettings(students="sw=student", index="index", spelling_variants=True)
    engine = load_engine(settings, lambda part, text: steps.append((part, text)))
    assert (engine.has_variants, engine.has_lexical) == (True, False)
    assert (0.99, "reading the words of the passages") in steps
    assert [part for part, _ in steps] == sorted(part for part, _ in steps)
    assert engine.search("hervest", "sw").variants == (("hervest", "harvest"),)


def test_an_index_whose_texts_are_elsewhere_is_refused_in_one_line(workshop, capsys):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "qdrant+path:q"]) == 0
    assert main(["demo", "--student", "sw=student", "--index", "qdrant+path:q", "--port", "0", "--spelling_variants"]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("optical: error: BM25 and spelling variants need the texts, and those of this index are on its server")
