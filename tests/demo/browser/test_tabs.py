"""The tabs besides search: alignment, comparison, about."""

import re

import pytest

from .conftest import QUERY, ask, changes, open_tab, settle

PAIR = ("water from the river", "maji ya mto safi")


@pytest.fixture(scope="module")
def aligned(shared_page):
    open_tab(shared_page, "Alignment")
    shared_page.locator("#op-align-english textarea").fill(PAIR[0])
    ask(shared_page, PAIR[1], "#op-align", "#op-align-foreign", "#op-alignment")
    return shared_page


def test_alignment_draws_ribbons_and_a_heat_map_of_the_words(aligned):
    area = aligned.locator("#op-alignment")
    assert area.locator(".optical-ribbons .word .label").all_text_contents() == [*PAIR[1].split(), *PAIR[0].split()]
    cells = area.locator("g.cell")
    assert cells.count() == 16
    assert all(cells.nth(i).is_visible() for i in (0, 15))
    assert "%" in cells.first.locator("title").text_content()
    costs = [float(text) for text in area.locator(".optical-costs .number").all_inner_texts()]
    assert len(costs) == 3
    assert min(costs) >= 0


def test_a_word_in_focus_emphasises_its_ribbons(aligned):
    opacity = "(ribbons) => ribbons.map((ribbon) => getComputedStyle(ribbon).opacity)"
    word = aligned.locator("#op-alignment .optical-ribbons g.word.foreign1")
    word.focus()
    own = aligned.locator("#op-alignment .ribbon.f1").evaluate_all(opacity)
    others = aligned.locator("#op-alignment .ribbon:not(.f1)").evaluate_all(opacity)
    assert own
    assert set(own) == {"1"}
    assert others
    assert max(map(float, others)) < 0.5
    assert word.get_attribute("aria-label").startswith("ya goes to: ")


def test_solver_epsilon_weights_and_reader_can_be_played_with(aligned):
    aligned.get_by_text("Play with it").click()
    fine = aligned.locator("#op-alignment .fine")
    assert "epsilon 0.05" in fine.inner_text()
    changes(aligned, lambda: aligned.get_by_role("slider", name=re.compile("epsilon")).first.press("Home"), "#op-alignment")
    assert settle(lambda: "epsilon 0.005" in fine.inner_text())
    changes(aligned, aligned.get_by_role("radio", name="Exact").click, "#op-alignment")
    assert settle(lambda: "the exact solver" in fine.inner_text())
    exact, greedy, spread = (float(text) for text in aligned.locator("#op-alignment .optical-costs .number").all_inner_texts())
    assert exact <= greedy + 0.0011
    assert exact <= spread + 0.0011
    changes(aligned, aligned.get_by_role("radio", name="Longer words more").click, "#op-alignment")
    changes(aligned, aligned.get_by_role("radio", name="The English teacher").click, "#op-alignment")
    changes(aligned, aligned.get_by_role("radio", name="Similarity").click, "#op-alignment")
    assert "How alike" in aligned.locator("#op-alignment").inner_text()


def test_alignment_follows_the_language(page):
    open_tab(page, "Alignment")
    panel = page.locator("#op-align-language")
    changes(page, panel.get_by_role("radio", name="Kiswahili").click, "#op-alignment")
    assert page.get_by_label("Sentence in Kiswahili").is_visible()
    assert "Kiswahili" in page.locator("#op-alignment .optical-ribbons").inner_text()


def test_comparison_puts_student_and_zero_shot_side_by_side(page):
    open_tab(page, "Compare")
    panel = page.get_by_role("tabpanel").locator("visible=true")
    assert panel.get_by_role("radio").count() == 2  # English has no student to compare
    panel.get_by_role("radio", name="Kiswahili").click()
    example = panel.locator(".op-examples button", has_text=QUERY)
    changes(page, example.click, "#op-comparison")
    columns = page.locator("#op-comparison .op-column")
    assert columns.locator("> h3").all_inner_texts() == ["Student", "Zero-shot"]
    tops = columns.evaluate_all("(columns) => columns.map((column) => column.getBoundingClientRect().top)")
    assert tops[0] == tops[1]
    assert page.locator("#op-comparison .op-relevant").count() == 2
    verdicts = page.locator("#op-comparison .op-verdicts li")
    for column, verdict in zip(columns.all(), verdicts.all(), strict=True):
        ranks = column.locator(".op-card").evaluate_all("(cards) => cards.map((card) => card.classList.contains('op-relevant'))")
        assert f"rank {ranks.index(True) + 1}" in verdict.inner_text()


def test_about_tells_what_the_card_states(page):
    open_tab(page, "About")
    about = page.locator("#op-about")
    about.get_by_role("heading", name="What it is").wait_for()
    text = about.inner_text()
    assert "50.0" in about.locator("table").inner_text()
    assert "this student has no card" in text  # Hausa's
    assert 'api_name="/search"' in text
    assert "Apache License 2.0" in text
