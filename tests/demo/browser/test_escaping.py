"""HTML, scripts, Markdown and formulas of others are shown as text. That no code ran is checked after every test (`open_page`)."""

import pytest

from .conftest import ATTACK, SCRIPT, ask, open_tab

# Elements that only injected text would bring.
FOREIGN = "script, img, a, strong, b, iframe, svg[onload], .katex, math"


def shows_only_text(area) -> bool:
    area.page.wait_for_timeout(100)  # an image that cannot be loaded takes a moment to say so
    return area.locator(FOREIGN).count() == 0


def test_of_a_question_and_of_passages(shared_page):
    open_tab(shared_page, "Search")
    ask(shared_page, ATTACK)
    assert shared_page.locator("#op-query textarea").input_value() == ATTACK
    assert shared_page.locator("#op-results .op-word-text").all_inner_texts()[:4] == ["script", "window", "hacked", "1"]
    cards = shared_page.locator("#op-results .op-cards")
    card = cards.locator(".op-card", has=shared_page.locator("h3", has_text="script"))
    assert card.locator("h3").inner_text() == SCRIPT
    assert card.locator(".op-text").inner_text() == ATTACK
    assert shows_only_text(cards)
    assert shows_only_text(shared_page.locator("#op-results .op-words"))


def test_of_a_compared_question(shared_page):
    open_tab(shared_page, "Compare")
    ask(shared_page, ATTACK, "#op-compare", "#op-compare-query", "#op-comparison")
    assert shared_page.locator("#op-comparison .op-card", has_text="**fat** [link](javascript:hacked=1) $x$").count() == 2
    assert shows_only_text(shared_page.locator("#op-comparison .op-columns"))


@pytest.mark.parametrize("unit", ["Whole words", "Pieces of the tokenizers"])
def test_of_aligned_sentences(shared_page, unit):
    open_tab(shared_page, "Alignment")
    options = shared_page.locator("#op-align-options")
    if not options.get_by_role("radio").first.is_visible():
        shared_page.get_by_text("Play with it").click()
    shared_page.locator("#op-align-english textarea").fill(ATTACK)
    shared_page.get_by_role("radio", name=unit).check()
    ask(shared_page, f"{unit} {ATTACK}", "#op-align", "#op-align-foreign", "#op-alignment")
    assert shared_page.locator("#op-alignment g.cell").count() > 0
    assert shared_page.locator("#op-alignment").locator("script, img, a, iframe, svg[onload], .katex").count() == 0


def test_of_a_card(shared_page):
    open_tab(shared_page, "About")
    table = shared_page.locator("#op-about table")
    table.wait_for()
    text = table.inner_text()
    assert SCRIPT[:20] in text
    assert "<img src=x" in text
    assert shows_only_text(table)
