"""What the tabs ask of the models: languages, search, comparison, glosses, and friendly errors."""

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from hf_optical.demo import loading
from hf_optical.demo.engine import DemoEngine
from hf_optical.demo.errors import DemoError
from hf_optical.demo.examples import read_examples, sample_examples
from hf_optical.demo.loading import find_teacher, load_engine
from hf_optical.demo.settings import DemoSettings
from hf_optical.search import Searcher

from .conftest import QUERY


def test_languages_by_native_name_and_english_last(engine):
    assert [(choice.code, choice.label) for choice in engine.languages()] == [("sw", "Kiswahili (Swahili)"), ("en", "English")]


def test_an_answer_is_that_of_the_searcher(engine, tiny_student):
    answer = engine.search(f"  {QUERY}\n", "sw", 2)
    expected = Searcher({"sw": tiny_student}, engine.index).search(QUERY, 2)[0]
    assert [(hit.id, round(hit.score, 4)) for hit in answer.hits] == [(hit.id, round(hit.score, 4)) for hit in expected]
    assert (answer.query, answer.searched) == (QUERY, 4)
    assert answer.vectors == len(tiny_student.encode_query([QUERY])[0])
    assert answer.seconds > 0


def test_english_goes_to_the_teacher(engine, tiny_teacher):
    expected = Searcher({"en": tiny_teacher}, engine.index).search("dry maize", 3)[0]
    assert [hit.id for hit in engine.search("dry maize", "en", 3).hits] == [hit.id for hit in expected]


def test_comparison(engine, tiny_student):
    answers = engine.compare(QUERY, "sw", 3)
    assert list(answers) == ["student", "zero-shot"]
    assert list(engine.compare(QUERY, "en", 3)) == ["teacher"]
    more = DemoEngine({"sw": tiny_student, "sw-mse": tiny_student}, engine.index, engine.teacher)
    assert list(more.compare(QUERY, "sw", 3)) == ["student", "sw-mse", "zero-shot"]
    assert set(more.students) == {"sw"}


def test_a_language_in_the_name_wins_over_the_config(engine, tiny_student):
    both = DemoEngine({"other": tiny_student, "sw": copy.deepcopy(tiny_student)}, engine.index)
    assert both.students["sw"] is not tiny_student
    assert list(both.others["sw"]) == ["other"]
    assert [choice.code for choice in both.languages()] == ["sw"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Write a question first"),
        (" \n\t", "Write a question first"),
        (None, "Write a question first"),
        (["maji"], "Write a question first"),
        ("a" * 10_000, "has 10,000 characters; 500 at most"),
        ("?! …", "There is no word in this question"),
        ("maji \ud800", "broken characters"),
    ],
)
def test_what_cannot_be_searched_is_told_in_one_line(engine, text, message):
    for ask in (engine.search, engine.compare, engine.glosses):
        with pytest.raises(DemoError, match=message) as error:
            ask(text, "sw")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("language", ["xx", "", None, ["sw"]])
def test_unknown_languages_are_refused(engine, language):
    with pytest.raises(DemoError, match=r"choose one of Kiswahili \(Swahili\), English"):
        engine.search(QUERY, language)


@pytest.mark.parametrize("k", [0, 4, -1, True, "3", float("nan")])
def test_numbers_of_passages_have_limits(engine, k):
    with pytest.raises(DemoError, match="from 1 to 3"):
        engine.search(QUERY, "sw", k)


def test_what_breaks_inside_stays_inside(engine, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("/secret/path of a model")

    monkeypatch.setattr(Searcher, "search", broken)
    with pytest.raises(DemoError) as error:
        engine.search(QUERY, "sw")
    assert "secret" not in str(error.value)
    assert "secret" in caplog.text


def test_glosses_are_words_of_the_passages(engine):
    answer = engine.search(QUERY, "sw", 3)
    found = engine.glosses(QUERY, "sw", answer)
    assert [gloss.word for gloss in found] == QUERY.split()
    text = " ".join(hit.text.lower() for hit in answer.hits)
    for gloss in found:
        assert all(word in text for word, _ in gloss.english)
        assert sum(weight for _, weight in gloss.english) <= 1.01
    assert engine.glosses("dry maize", "en") == []


def test_without_a_teacher_the_rest_works(engine, tiny_student):
    alone = DemoEngine({"sw": tiny_student}, engine.index)
    assert [choice.code for choice in alone.languages()] == ["sw"]
    assert list(alone.compare(QUERY, "sw", 2)) == ["student"]
    assert not alone.has_teacher
    with pytest.raises(DemoError, match="without its English teacher"):
        _ = alone.teacher


def test_many_at_once(engine):
    """Tokenizers refuse to be used by two threads at a time."""
    queries = [QUERY, "maji", "soko la kijiji na bei ya mbegu", "mvua"] * 8
    alone = [[hit.id for hit in engine.search(query, "sw", 3).hits] for query in queries]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda query: [hit.id for hit in engine.search(query, "sw", 3).hits], queries))
    assert together == alone


def test_loading_finds_the_teacher_that_the_index_remembers(workshop, tiny_teacher, capsys):
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "index"]) == 0
    settings = DemoSettings(students="sw=student", index="index", examples="benchmark")
    steps = []
    engine = load_engine(settings, lambda part, text: steps.append((part, text)))
    assert engine.has_teacher
    assert engine.sources == {"sw": "student"}
    assert len(engine.examples("sw")) == 8
    assert engine.examples("sw")[0].relevant == {"d0"}
    assert [part for part, _ in steps] == sorted(part for part, _ in steps)
    assert steps[-1] == (1.0, "ready")
    with pytest.raises(ValueError, match="no such folder"):
        find_teacher("nowhere", [], engine.index)


@pytest.mark.parametrize("name", ["runs/teacher", "teacher"])
def test_a_folder_that_is_remembered_is_not_asked_for_on_the_hub(engine, tiny_student, tiny_teacher, tmp_path, monkeypatch, name):
    student = copy.deepcopy(tiny_student)
    student.config.teacher |= {"name_or_path": name, "revision": None}
    index = SimpleNamespace(teacher_name=name, check_model=engine.index.check_model)
    monkeypatch.chdir(tmp_path)
    asked = []

    def load(name, revision=None):
        asked.append((name, revision))
        return tiny_teacher

    monkeypatch.setattr(loading, "load_teacher", load)
    assert find_teacher("", [student], index) is None
    assert not asked
    (tmp_path / name).mkdir(parents=True)
    assert find_teacher("", [student], index) is tiny_teacher
    student.config.teacher |= {"name_or_path": "org/teacher", "revision": "0123abc"}
    assert find_teacher("", [student], index) is tiny_teacher
    assert asked == [(name, None), ("org/teacher", "0123abc")]


def test_examples_of_the_sample():
    examples = sample_examples()
    assert {"sw", "en"} == set(examples)
    assert all(example.relevant and example.english for example in examples["sw"])
    subjects = [min(example.relevant).split("-")[0] for example in examples["sw"]]
    assert len(set(subjects[:4])) == 4  # not six questions about one subject


def test_examples_of_a_file(tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [{"text": "maji  gani?", "language": "ha", "relevant": [1]}, {"text": "mvua"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    found = read_examples(file, "sw")
    assert found["ha"][0].text == "maji gani?"
    assert found["ha"][0].relevant == {"1"}
    assert [example.text for example in found["sw"]] == ["mvua"]
    file.write_text('{"text": ""}')
    with pytest.raises(ValueError, match=r"questions.jsonl:1"):
        read_examples(file, "sw")
