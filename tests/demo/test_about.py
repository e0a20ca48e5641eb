"""The About text: results come from cards, and whatever a card holds is shown as text."""

import string
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.demo.about import about_markdown, escape, results_markdown
from hf_optical.demo.student_cards import StudentCard, student_cards
from hf_optical.evaluation import RetrievalResult

CARD = """---
license: cc-by-4.0
model-index:
- name: optical-sw
  results:
  - task: {type: text-ranking}
    dataset: {name: "AfriQA <b>swa</b>", type: afriqa, split: test}
    metrics:
    - {type: recall_at_10, name: recall@10, value: 0.825}
    - {type: mrr_at_10, name: "mrr|@10", value: .nan}
  - task: {type: text-ranking}
    dataset: {name: sample, type: sample, split: test}
    metrics:
    - {type: recall_at_10, name: recall@10, value: 0.5}
---
# A card
"""


def test_results_are_those_of_the_card():
    text = results_markdown([StudentCard("Kiswahili", "optical-sw", CARD)])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert "82&#46;5" in rows[2]
    assert "50&#46;0" in rows[3]
    assert "<b>" not in text
    assert "nan" not in text


def test_bm25_is_told_of_where_it_is():
    assert "BM25" in about_markdown([], lexical=True)
    assert "BM25" not in about_markdown([])


def test_spelling_variants_are_told_of_where_they_are():
    assert "as it is spelt in English" in about_markdown([], variants=True)
    assert "spelt in English" not in about_markdown([], lexical=True)


@pytest.mark.parametrize(
    ("card", "told"),
    [(None, "has no card"), ("# no metadata", "states no results"), ("---\nlicense: mit\n---\n", "states no results")],
)
def test_a_student_without_results_says_so(card, told):
    assert told in results_markdown([StudentCard("Kiswahili", "sw", card)])


@pytest.mark.parametrize(
    "card",
    [f"---\n{data}\n---\n" for data in (": [", "- a", "model-index: 3", "model-index:\n- name: x\n  results: [3]")] + ["---"],
)
def test_a_damaged_card_is_as_good_as_none(card):
    assert "states no results" in about_markdown([StudentCard("Kiswahili", "sw", card)])


@given(st.text())
def test_escaped_text_has_no_sign_with_a_meaning(text):
    shown = escape(text)
    rest = shown.replace("&#", "").replace(";", "")
    assert not set(rest) & set(string.punctuation)
    assert "\n" not in shown
    assert len(escape(text, 10)) <= 10 * len("&#123;")


def test_the_whole_text_links_and_licences():
    text = about_markdown(
        [StudentCard("Kiswahili", "org/optical-sw", CARD, "org/optical-sw")], sample=True, example=("sw", "Clean 'water'", "Maji")
    )
    assert "cc&#45;by&#45;4&#46;0" in text
    assert "(https://huggingface.co/org/optical-sw)" in text
    assert "\"Clean 'water'\"" in text
    assert "very small model" in text
    for placeholder in ("(PAPER)", "(COLBERT)", "QUESTION", "FOREIGN"):
        assert placeholder not in text


def test_cards_are_found_beside_the_weights(tmp_path: Path):
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    student = SimpleNamespace(config=SimpleNamespace(), name_or_path=str(tmp_path))
    engine = SimpleNamespace(
        students={"sw": student, "ha": student},
        sources={"sw": str(tmp_path), "ha": "/nowhere at all"},
        languages=lambda: [SimpleNamespace(code="sw", label="Kiswahili (Swahili)")],
    )
    first, second = student_cards(engine)
    assert first.text == CARD
    assert first.language == "Kiswahili (Swahili)"
    assert second.text is None
    assert second.language == "ha"
    assert str(tmp_path) not in about_markdown([first, second])


def test_the_card_is_that_of_the_loaded_commit(tmp_path, monkeypatch):
    """Not that of `main`, which may have moved on since."""
    asked = []

    def download(repository, name, *, revision):
        asked.append((repository, name, revision))
        (tmp_path / name).write_text(CARD, encoding="utf-8")
        return str(tmp_path / name)

    monkeypatch.setattr("hf_optical.demo.student_cards.hf_hub_download", download)
    monkeypatch.setattr("hf_optical.demo.student_cards.hub_commit", lambda repository, arguments: f"commit of {repository}")
    student = SimpleNamespace(config=SimpleNamespace(), name_or_path="org/optical-sw")
    (card,) = student_cards(SimpleNamespace(students={"sw": student}, sources={}, languages=list))
    assert asked == [("org/optical-sw", "README.md", "commit of org/optical-sw")]
    assert (card.text, card.repository) == (CARD, "org/optical-sw")


def evaluated(folder, name, fingerprint, mean):
    """A result as an evaluation writes it, on two questions."""
    result = RetrievalResult(name, 2, {"recall@10": mean}, {}, {"recall@10": {"q1": 2 * mean, "q2": 0.0}}, {})
    benchmark = {"name": "AfriQA <b>", "split": "test", "fingerprint": "5a5a5a5a5a5a5a5a"}
    replace(result, benchmark=benchmark, fingerprint=fingerprint).save(folder / "evaluation" / f"{name}.json")


def test_a_folder_without_a_card_shows_what_was_measured_of_these_weights(tiny_student, tmp_path):
    evaluated(tmp_path, "student", tiny_student.fingerprint(), 0.375)
    evaluated(tmp_path, "former", "0123456789abcdef", 0.25)
    evaluated(tmp_path, "teacher, English queries", tiny_student.config.teacher["fingerprint"], 0.5)
    engine = SimpleNamespace(students={"sw": tiny_student}, sources={"sw": str(tmp_path)}, languages=list)
    text = results_markdown(student_cards(engine))
    assert "as the evaluation beside it says" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[1:] == ["|---|---:|", "| AfriQA &#60;b&#62;, test | 37&#46;5 |"]
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    assert "37&#46;5" not in results_markdown(student_cards(engine))  # a card is what its owner says of it


def test_damaged_results_are_as_good_as_none(tiny_student, tmp_path):
    evaluated(tmp_path, "student", tiny_student.fingerprint(), 0.375)
    engine = SimpleNamespace(students={"sw": tiny_student}, sources={"sw": str(tmp_path)}, languages=list)
    for content in ("{", '{"system": 1, "queries": 2, "metrics": 3, "per_query": {}}'):
        (tmp_path / "evaluation" / "more.json").write_text(content)
        assert "has no card" in results_markdown(student_cards(engine))
