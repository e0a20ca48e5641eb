"""What cannot be answered is told in a friendly line, in its place and as a warning; the demo goes on."""

import pytest

from .conftest import QUERY, ask, open_tab

TOO_LONG = "maji " * 2_000
CASES = [("", "Write a question first."), ("   \n ", "Write a question first."), ("?!…", "no word"), (TOO_LONG, "500 at most")]


def notice(page, area: str = "#op-results") -> str:
    return page.locator(f"{area} .op-notice").inner_text()


def test_long_words_and_every_script(shared_page):
    open_tab(shared_page, "Search")
    ask(shared_page, "a" * 500)
    assert shared_page.locator("#op-results .op-card").count() == 5
    ask(shared_page, "Ẹ̀kọ́ ọ̀rọ̀ 水 מים 💧\u202e maji\x07")
    assert shared_page.locator("#op-results .op-card").count() == 5


@pytest.mark.parametrize(("question", "message"), CASES, ids=["empty", "blank", "signs", "10,000 characters"])
def test_a_question_that_is_none(shared_page, question, message):
    open_tab(shared_page, "Search")
    assert len(TOO_LONG) == 10_000
    ask(shared_page, question)
    assert message in notice(shared_page)
    shared_page.locator(".toast-wrap, [role=alert]", has_text=message).first.wait_for()
    ask(shared_page, f"{QUERY} {len(question)}")
    assert shared_page.locator("#op-results .op-card").count() == 5


def test_in_the_comparison(shared_page):
    open_tab(shared_page, "Compare")
    ask(shared_page, TOO_LONG, "#op-compare", "#op-compare-query", "#op-comparison")
    assert "500 at most" in notice(shared_page, "#op-comparison")


def test_in_the_alignment(shared_page):
    open_tab(shared_page, "Alignment")
    ask(shared_page, "", "#op-align", "#op-align-foreign", "#op-alignment")
    assert notice(shared_page, "#op-alignment").startswith("Write")
    assert len(notice(shared_page, "#op-alignment").splitlines()) == 1


def test_the_alignment_takes_no_more_than_it_can_use(shared_page):
    open_tab(shared_page, "Alignment")
    box = shared_page.locator("#op-align-foreign textarea")
    box.fill("")
    box.focus()
    shared_page.keyboard.insert_text(TOO_LONG)
    assert len(box.input_value()) <= 500
