"""A phone, dark mode, and contrast computed from what the browser draws."""

import pytest

from .conftest import ATTACK, PHONE, QUERY, ask, open_tab, settle

# A phone's browser widens its window to what does not fit: everything is held against the screen.
WIDER = "(width) => document.scrollingElement.scrollWidth - width"
# What reaches over the edge of the screen, unless it is meant to be scrolled by itself.
OUTSIDE = """(width) => [...document.querySelectorAll(
  '.op-answer *, .op-notice, .optical-figure *, #op-about *, button, textarea, h1, p')].filter((node) => {
  const box = node.getBoundingClientRect();
  return box.width && box.height && box.right > width + 1 && !node.closest('.op-unseen, .op-examples .gallery, table, pre');
}).map((node) => node.tagName + '.' + (node.className.baseVal ?? node.className) + ': ' + node.textContent.slice(0, 30))"""

# Ratio of every piece of text to what is behind it, all layers composed (WCAG 2.2, 1.4.3).
CONTRAST = """(scope) => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => below.slice(0, 3).map((value, i) => top[i] * top[3] + value * (1 - top[3]));
  const behind = (node) => {
    const layers = [];
    for (let up = node; up; up = up.parentElement) layers.push(rgba(getComputedStyle(up).backgroundColor));
    return layers.reverse().reduce((colour, layer) => over(layer, colour), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const root of document.querySelectorAll(scope)) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let text; (text = walker.nextNode());) {
      const node = text.parentElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
      if (!text.textContent.trim() || box.width < 2 || style.visibility === 'hidden') continue;
      if (node.closest('.op-unseen, style, script, title')) continue;
      let opacity = 1;
      for (let up = node; up; up = up.parentElement) opacity *= parseFloat(getComputedStyle(up).opacity);
      const back = behind(node), colour = rgba(node instanceof SVGElement ? style.fill : style.color);
      colour[3] *= opacity;
      const [a, b] = [light(over(colour, back)), light(back)];
      const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && parseInt(style.fontWeight) >= 700;
      const sign = node.ariaHidden === 'true' && !/[\\p{L}\\p{N}]/u.test(text.textContent);  // 1.4.11: 3 for what is no text
      found.push({text: text.textContent.trim().slice(0, 40), node: node.tagName + '.' + (node.className.baseVal ?? node.className),
        ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), needed: large || sign ? 3 : 4.5});
    }
  }
  return found;
}"""

PLAIN = """(scope) => {
  let nodes = [...document.querySelectorAll(scope)];
  for (; nodes.length; nodes = nodes.map((node) => node.parentElement).filter(Boolean))
    if (nodes.some((node) => getComputedStyle(node).opacity !== '1' && !node.closest('.optical-ribbons'))) return false;
  return true;
}"""


def too_faint(page, scope: str) -> list[str]:
    assert settle(lambda: page.evaluate(PLAIN, scope))  # what is on its way fades in
    found = page.evaluate(CONTRAST, scope)
    assert found, f"no text in {scope}"
    return sorted({f"{f['ratio']:.2f} {f['node']}: {f['text']}" for f in found if f["ratio"] < f["needed"]})


def beyond(page) -> tuple[int, list[str]]:
    """How much wider than the screen a page is, and what reaches over the edge."""
    return page.evaluate(WIDER, PHONE["width"]), page.evaluate(OUTSIDE, PHONE["width"])


def luminance(page, selector: str) -> float:
    """Of the background, 0 to 1."""
    colour = page.locator(selector).first.evaluate("(node) => getComputedStyle(node).backgroundColor")
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].replace(",", " ").split()[:3]) / 3 / 255


def test_a_phone_never_scrolls_sideways(open_page):
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    ask(page, ATTACK)
    wide = {"Search": beyond(page)}
    small = "(nodes) => nodes.filter((node) => node.getBoundingClientRect().height < 44).map((node) => node.innerText)"
    assert page.locator("#op-results .op-word, #op-search, .op-language label").locator("visible=true").evaluate_all(small) == []
    open_tab(page, "Alignment")
    ask(page, "watoto wanakunywa maji safi ya mto", "#op-align", "#op-align-foreign", "#op-alignment")
    wide["Alignment"] = beyond(page)
    open_tab(page, "Compare")
    ask(page, ATTACK, "#op-compare", "#op-compare-query", "#op-comparison")
    wide["Compare"] = beyond(page)
    open_tab(page, "About")
    page.locator("#op-about table").wait_for()
    wide["About"] = beyond(page)
    assert wide == dict.fromkeys(wide, (0, []))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(open_page, scheme):
    page = open_page(color_scheme=scheme)
    background = luminance(page, "body")
    assert background < 0.2 if scheme == "dark" else background > 0.8
    assert page.locator("#op-results .op-badge").is_visible()  # the page begins with an example's answer
    scopes = [
        "#op-hero",
        ".op-answer .op-card",
        ".op-answer",
        ".op-language label",
        ".op-examples button",
        "#op-search",
        "#op-query",
    ]
    faint = {f"{scope}": too_faint(page, scope) for scope in scopes}
    for level in (1, 2, 3, 4):  # whatever random models found: every level, in the text of a card
        page.locator("#op-results .op-text mark").first.evaluate(
            "(mark, level) => mark.className = mark.className.replace(/op-level-\\\\d/, `op-level-${level}`)", level
        )
        faint[f"level {level}"] = too_faint(page, "#op-results .op-text mark")
    page.locator("#op-results .op-word").first.click()
    assert settle(lambda: page.locator("#op-results .op-active").count() == 1)
    faint["pressed"] = too_faint(page, "#op-results .op-words, #op-results .op-card")
    ask(page, "")
    faint["notice"] = too_faint(page, "#op-results .op-notice")
    faint["toast"] = too_faint(page, ".toast-body")
    open_tab(page, "Compare")
    ask(page, QUERY, "#op-compare", "#op-compare-query", "#op-comparison")
    faint["comparison"] = too_faint(page, "#op-comparison .op-answer")
    open_tab(page, "Alignment")
    page.locator("#op-alignment .optical-ribbons").wait_for()
    faint["alignment"] = too_faint(page, "#op-alignment .optical-sum, #op-alignment .optical-ribbons .label, .optical-figure > p")
    open_tab(page, "About")
    page.locator("#op-about table").wait_for()
    faint["about"] = too_faint(page, "#op-about :is(p, li, h2, th, td)")
    assert {scope: texts for scope, texts in faint.items() if texts} == {}
