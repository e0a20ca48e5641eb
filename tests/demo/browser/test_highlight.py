"""The words of the question show what they found: to the mouse, to a finger, to the keyboard."""

import pytest

from .conftest import PHONE, QUERY, ask, open_tab

WORD = "#op-results .op-word"
LIT = "#op-results .op-mark.op-lit"


def expected(page, word: int) -> list[str]:
    """The marked words of all passages that a word of the question found, in their order."""
    pairs = "(marks) => marks.map((mark) => [mark.textContent, mark.dataset.pairs.split(' ').map((pair) => pair.split(':')[0])])"
    marks = page.locator("#op-results .op-mark[data-pairs]").evaluate_all(pairs)
    return [text for text, found in marks if str(word) in found]


def word_with_marks(page) -> int:
    return next(i for i in range(len(QUERY.split())) if expected(page, i))


def lit(page) -> list[str]:
    return page.locator(LIT).all_text_contents()


@pytest.fixture(scope="module")
def answer(shared_page):
    ask(shared_page, QUERY)  # the first page brought other marks: the script works on what came later
    return shared_page


@pytest.fixture
def asked(answer):
    """An answer in which nothing is lit."""
    answer.mouse.move(2, 2)
    answer.keyboard.press("Escape")
    answer.locator("#op-query textarea").focus()
    assert lit(answer) == []
    return answer


def test_hover_shows_and_leaving_hides(asked):
    number = word_with_marks(asked)
    asked.locator(WORD).nth(number).hover()
    assert lit(asked) == expected(asked, number) != []
    asked.mouse.move(2, 2)
    assert lit(asked) == []


def test_colour_is_not_the_only_signal(asked):
    number = word_with_marks(asked)
    mark = asked.locator(".op-mark[data-pairs]").first
    widths = "(mark) => parseFloat(getComputedStyle(mark).borderBottomWidth)"
    assert mark.evaluate(widths) >= 1
    asked.locator(WORD).nth(number).hover()
    shown = asked.locator(LIT).first.evaluate("(mark) => getComputedStyle(mark, '::after').content")
    assert 0 <= float(shown.strip('"')) <= 1


def test_a_mark_tells_which_words_found_it(asked):
    mark = asked.locator("#op-results .op-mark[data-pairs]").first
    numbers = [int(pair.split(":")[0]) for pair in mark.get_attribute("data-pairs").split()]
    label = mark.get_attribute("aria-label")
    assert all(QUERY.split()[number] in label for number in numbers)
    mark.hover()
    words = asked.locator(f"{WORD}.op-lit .op-word-text").all_inner_texts()
    assert words == [QUERY.split()[number] for number in sorted(numbers)]


def test_a_press_stays_until_escape_and_is_told(asked):
    number = word_with_marks(asked)
    asked.locator(WORD).nth(number).click()
    asked.mouse.move(2, 2)
    assert lit(asked) == expected(asked, number)
    assert asked.locator(WORD).nth(number).get_attribute("aria-pressed") == "true"
    assert asked.locator("#op-results .op-live").inner_text().startswith(f"found {expected(asked, number)[0]} ")
    asked.keyboard.press("Escape")
    assert lit(asked) == []
    assert asked.locator("#op-results [aria-pressed=true]").count() == 0


def test_keyboard_focus_shows_and_enter_holds(asked):
    number = word_with_marks(asked)
    asked.locator(WORD).nth(number).focus()
    assert lit(asked) == expected(asked, number)
    asked.keyboard.press("Enter")
    asked.locator("#op-query textarea").focus()
    assert lit(asked) == expected(asked, number)


def test_a_finger_taps_words_and_marks(open_page):
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    ask(page, QUERY)
    number = word_with_marks(page)
    word = page.locator(WORD).nth(number)
    word.tap()
    assert lit(page) == expected(page, number)
    assert word.get_attribute("aria-pressed") == "true"
    word.tap()
    assert word.get_attribute("aria-pressed") == "false"
    page.locator("#op-results .op-mark[data-pairs]").first.tap()
    assert page.locator("#op-results [aria-pressed=true]").count() >= 1


def test_it_works_in_the_comparison_too(page):
    open_tab(page, "Compare")
    ask(page, QUERY, "#op-compare", "#op-compare-query", "#op-comparison")
    words = page.locator("#op-comparison .op-word")
    for number in range(words.count()):
        words.nth(number).hover()
        if page.locator("#op-comparison .op-mark.op-lit").count():
            break
    assert page.locator("#op-comparison .op-mark.op-lit").count()
    assert lit(page) == []  # of the other tab nothing
