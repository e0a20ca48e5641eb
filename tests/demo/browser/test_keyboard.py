"""From the loaded page to a result that is read, without a mouse."""

from .conftest import EXAMPLES, changes, settle

FOCUSED = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  return {tag: node.tagName.toLowerCase(), id: node.closest('[id^=op-]')?.id || '',
          classes: String(node.className.baseVal ?? node.className),
          name: node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.innerText || '',
          ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== 'none'};
}"""


def walk(page, key: str, until, most: int = 40) -> list[dict]:
    """Press a key until the focus is where it should be; all stops on the way."""
    stops = []
    for _ in range(most):
        page.keyboard.press(key)
        stops.append(page.evaluate(FOCUSED))
        if until(stops[-1]):
            return stops
    raise AssertionError(f"not reached with {most} times {key}: {stops}")


def test_ask_and_read(page):
    stops = walk(page, "Tab", lambda stop: stop["tag"] == "textarea" and stop["id"] == "op-query", most=15)
    page.keyboard.press("Control+A")
    page.keyboard.type("maji ya mto")
    changes(page, lambda: page.keyboard.press("Enter"))
    stops += walk(page, "Tab", lambda stop: "op-word" in stop["classes"], most=20)
    assert stops[-1]["name"].startswith("maji")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "true"
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "false"
    stops += walk(page, "Tab", lambda stop: "op-mark" in stop["classes"])
    assert ", found by " in stops[-1]["name"]
    page.keyboard.press(" ")
    assert page.locator("#op-results [aria-pressed=true]").count() >= 1
    assert [stop for stop in stops if not stop["ring"]] == []  # the focus can be seen wherever it stops
    assert [stop for stop in stops if not stop["name"].strip()] == []  # and has a name
    walk(page, "Shift+Tab", lambda stop: stop["tag"] == "textarea" and stop["id"] == "op-query")  # there is a way back


def test_choose_tab_and_language(page):
    walk(page, "Tab", lambda stop: stop["name"].strip() == "Alignment")
    page.keyboard.press("Enter")
    page.locator("#op-align").wait_for()
    walk(page, "Shift+Tab", lambda stop: stop["name"].strip() == "Search", most=3)
    page.keyboard.press("Enter")
    page.locator("#op-search").wait_for()
    walk(page, "Tab", lambda stop: stop["name"].strip() == "English", most=15)
    page.keyboard.press(" ")  # Gradio's radio buttons are stops of their own, without arrow keys
    examples = page.locator(".op-examples button").locator("visible=true")
    assert settle(lambda: examples.all_inner_texts() == EXAMPLES["en"])
