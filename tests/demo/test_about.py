"""The About text: results come from cards, and whatever a card holds is shown as text."""

import string
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.demo.about import StudentCard, about_markdown, escape, results_markdown, student_cards

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
