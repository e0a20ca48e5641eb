"""Asking: by button, by Enter, by example, in another language."""

from .conftest import ATTACK, EXAMPLES, PASSAGES, QUERY, ask, changes, settle


def words(page) -> list[str]:
    return page.locator("#op-results .op-word-text").all_inner_texts()


def radio(page, name: str):
    return page.get_by_role("radio", name=name).locator("visible=true")


def keeps(box, value: str) -> bool:
    """Fill in a value; False if the page, still at building what was just opened, puts the old one back."""
    box.fill(value)
    box.page.wait_for_timeout(150)
    return box.input_value() == value


def test_a_question_is_answered_by_passages_best_first(page):
    ask(page, QUERY)
    assert words(page) == QUERY.split()
    cards = page.locator("#op-results .op-card")
    assert cards.count() == len(PASSAGES)
    scores = [float(text.split("/")[0]) for text in page.locator("#op-results .op-number").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    widths = page.locator("#op-results .op-bar > span").evaluate_all(
        "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
    )
    assert widths == sorted(widths, reverse=True)
    titles = page.locator("#op-results .op-card h3").all_inner_texts()
    assert set(titles) == {title or id for id, (title, _) in PASSAGES.items()}
    facts = page.locator("#op-results .op-facts").inner_text()
    assert "5 of 5 passages" in facts
    assert facts.endswith(" ms")
    told = page.get_by_role("status").filter(has_text="5 of 5 passages")  # read out by a screen reader
    assert settle(lambda: told.inner_text() == page.locator("#op-results .op-facts").inner_text())


def test_enter_asks_and_the_number_of_passages_can_be_chosen(page):
    page.get_by_text("Options").locator("visible=true").click()
    number = page.get_by_role("spinbutton", name="Passages to show")
    assert settle(lambda: keeps(number, "2"))
    page.locator("#op-query textarea").fill("maji ya mto")
    changes(page, lambda: page.locator("#op-query textarea").press("Enter"))
    assert words(page) == ["maji", "ya", "mto"]
    assert page.locator("#op-results .op-card").count() == 2


def test_languages_are_offered_by_native_name_and_bring_their_examples(page):
    labels = page.locator(".op-language").locator("visible=true").locator("label").all_inner_texts()
    assert [label.strip() for label in labels] == ["Hausa", "Kiswahili (Swahili)", "English"]
    examples = page.locator(".op-examples button").locator("visible=true")
    assert examples.all_inner_texts() == EXAMPLES["ha"]
    radio(page, "Kiswahili").click()
    assert settle(lambda: examples.all_inner_texts() == EXAMPLES["sw"])
    changes(page, examples.first.click)
    assert page.locator("#op-query textarea").input_value() == QUERY
    assert words(page) == QUERY.split()
    assert page.locator("#op-results .op-card.op-relevant").inner_text().count("the answer") == 1
    radio(page, "English").click()
    assert settle(lambda: examples.all_inner_texts() == EXAMPLES["en"])
    ask(page, "dry maize in the store")
    assert page.locator("#op-results .op-gloss").count() == 0  # English needs no English words


def test_visitors_do_not_see_each_other(open_page):
    first, second = open_page(), open_page()
    ask(first, "maji safi")
    ask(second, ATTACK)
    assert words(first) == ["maji", "safi"]
    assert first.locator("#op-query textarea").input_value() == "maji safi"
