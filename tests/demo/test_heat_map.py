"""The heat map: every cell has its title, texts are escaped, and numbers can be read on every shade."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_optical.demo.alignment import Alignment
from hf_optical.demo.heat_map import _SWITCH, CSS, DARK, LIGHT, VALUES, cell_title, heat_map, legend, opacity

SVG = "{http://www.w3.org/2000/svg}"
WORDS = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30), min_size=1, max_size=7)


def made(foreign, english, seed=0):
    """An alignment of any words, with an uneven plan."""
    n, m = len(foreign), len(english)
    raw = [[((i * 7 + j * 3 + seed) % 5) ** 2 + 0.01 for j in range(m)] for i in range(n)]
    total = sum(map(sum, raw))
    plan = tuple(tuple(value / total for value in row) for row in raw)
    return Alignment(
        foreign=tuple(foreign), english=tuple(english), plan=plan,
        similarity=tuple(tuple(((i - j) % 5) / 2 - 1 for j in range(m)) for i in range(n)),
        foreign_mass=tuple(map(sum, plan)), english_mass=tuple(map(sum, zip(*plan, strict=True))), cost=0.5, spread_cost=0.8,
        greedy_cost=0.4, greedy_filled_cost=0.6, greedy_pairs=tuple((k, k) for k in range(min(n, m))), greedy_left_out=abs(n - m),
        marginal_error=0.0, iterations=3, converged=True, solver="exact", epsilon=None, weights="uniform", unit="words",
    )  # fmt: skip


def parse(html):
    return ET.fromstring(html)


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS, st.sampled_from(VALUES))
def test_every_cell_is_there_with_its_title_and_number(foreign, english, values):
    alignment = made(foreign, english)
    tree = parse(heat_map(alignment, values, "<Kiswahili>"))
    rows = [g for g in tree.iter(f"{SVG}g") if g.get("class") == "row"]
    assert len(rows) == len(foreign)
    for i, row in enumerate(rows):
        assert row.get("tabindex") == "0"
        assert row.get("aria-label").startswith(foreign[i])
        cells = [g for g in row if g.get("class", "").startswith("cell")]
        assert [cell.find(f"{SVG}title").text for cell in cells] == [cell_title(alignment, i, j) for j in range(len(english))]
        for j, cell in enumerate(cells):
            value = alignment.share(i, j) if values == "plan" else max(0.0, alignment.similarity[i][j])
            assert int(cell.find(f"{SVG}text").text) == round(100 * value)
            assert float(cell.find(f"{SVG}rect").get("fill-opacity")) == pytest.approx(opacity(value), abs=1e-3)
            assert (cell.find(f"{SVG}circle") is not None) == ((i, j) in alignment.greedy_pairs)


def test_texts_are_escaped():
    bad = '<img src=x onerror="alert(1)">'
    html = heat_map(made([bad], [bad + "&"]), foreign_name=bad)
    assert "<img" not in html
    assert bad in "".join(parse(html).itertext())


def test_only_known_values_are_drawn():
    with pytest.raises(ValueError, match="plan or similarity"):
        heat_map(made(["a"], ["b"]), "cost")
    assert "similarity" in legend("similarity")


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_value_is_never_paler(a, b):
    assert (opacity(a) <= opacity(b)) == (a <= b) or opacity(a) == opacity(b)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_numbers_have_contrast_aa_on_every_shade(colours):
    for step in range(1001):
        value = step / 1000
        deep = opacity(value)
        shade = [deep * a + (1 - deep) * p for a, p in zip(_rgb(colours["accent"]), _rgb(colours["page"]), strict=True)]
        text = _rgb(colours["inverse"] if value > _SWITCH else colours["text"])
        assert contrast(text, shade) >= 4.5, value


def test_the_style_names_its_colours():
    assert LIGHT["accent"] in CSS
    assert DARK["accent"] in CSS
    assert CSS.count("{") == CSS.count("}")
    assert not re.search(r"url\(|@import", CSS)


def _rgb(colour):
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def contrast(a, b):
    """Contrast ratio of WCAG 2.2."""

    def luminance(rgb):
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)
