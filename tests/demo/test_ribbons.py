"""Ribbons: they carry the plan, stay within their words, and can be walked with the keyboard."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_optical.demo.alignment import Alignment
from hf_optical.demo.ribbons import COLOURS, CSS, THINNEST, ribbons

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def alignments(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    raw = draw(st.lists(st.lists(st.one_of(st.just(0.0), st.floats(1e-4, 1)), min_size=m, max_size=m), min_size=n, max_size=n))
    raw = [[value + (1e-3 if i % m == j else 0) for j, value in enumerate(row)] for i, row in enumerate(raw)]
    total = sum(map(sum, raw))
    plan = tuple(tuple(value / total for value in row) for row in raw)
    word = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
    return _made(tuple(draw(word) for _ in range(n)), tuple(draw(word) for _ in range(m)), plan)


def _made(foreign, english, plan):
    return Alignment(
        foreign=foreign, english=english, plan=plan, similarity=tuple(tuple(0.5 for _ in row) for row in plan),
        foreign_mass=tuple(map(sum, plan)), english_mass=tuple(map(sum, zip(*plan, strict=True))), cost=0.5, spread_cost=0.8,
        greedy_cost=0.4, greedy_filled_cost=0.6, greedy_pairs=(), greedy_left_out=0, marginal_error=0.0, iterations=3,
        converged=True, solver="exact", epsilon=None, weights="uniform", unit="words",
    )  # fmt: skip


def _paths(tree):
    for path in tree.iter(f"{SVG}path"):
        _, f, e = path.get("class").split()
        yield int(f[1:]), int(e[1:]), float(path.get("data-mass")), path


@settings(max_examples=50, deadline=None)
@given(alignments())
def test_ribbons_carry_the_plan(alignment):
    tree = ET.fromstring(ribbons(alignment))
    drawn = {(i, j): mass for i, j, mass, _ in _paths(tree)}
    hidden = float(tree.find(f"{SVG}svg").get("data-hidden"))
    assert sum(drawn.values()) + hidden == pytest.approx(1, abs=1e-6)
    for i, row in enumerate(alignment.plan):
        for j, mass in enumerate(row):
            assert ((i, j) in drawn) == (mass >= THINNEST)
            assert drawn.get((i, j), mass) == pytest.approx(mass, abs=1e-8)
    assert hidden <= THINNEST * sum(map(len, alignment.plan))


@settings(max_examples=50, deadline=None)
@given(alignments())
def test_a_ribbon_is_as_wide_as_its_mass_and_lies_on_its_blocks(alignment):
    tree = ET.fromstring(ribbons(alignment))
    blocks = {side: [] for side in ("foreign", "english")}
    for rect in tree.iter(f"{SVG}rect"):
        if rect.get("class").startswith("block"):
            blocks[rect.get("class").split()[1]].append((float(rect.get("y")), float(rect.get("height"))))
    scale = 30 * max(len(alignment.foreign), len(alignment.english))
    for i, j, mass, path in _paths(tree):
        numbers = [float(x) for x in re.findall(r"-?\d+\.?\d*", path.get("d"))]
        left_top, right_top, right_bottom, left_bottom = numbers[1], numbers[7], numbers[8], numbers[14]
        for side, k, top, bottom in (("foreign", i, left_top, left_bottom), ("english", j, right_top, right_bottom)):
            assert bottom - top == pytest.approx(mass * scale, abs=0.02)
            y, height = blocks[side][k]
            assert y - 0.03 <= top
            assert bottom <= y + height + 0.03


@settings(max_examples=50, deadline=None)
@given(alignments())
def test_words_do_not_overlap_and_all_is_inside(alignment):
    tree = ET.fromstring(ribbons(alignment))
    height = float(tree.find(f"{SVG}svg").get("viewBox").split()[3])
    for side in ("foreign", "english"):
        hits = [g.find(f"{SVG}rect") for g in tree.iter(f"{SVG}g") if g.get("class", "").startswith(f"word {side}")]
        spans = [(float(hit.get("y")), float(hit.get("y")) + float(hit.get("height"))) for hit in hits]
        assert all(a[1] <= b[0] + 0.2 for a, b in pairwise(spans))
        assert all(0 <= start < stop <= height for start, stop in spans)


def test_words_can_be_reached_and_are_spoken():
    tree = ET.fromstring(ribbons(_made(("maji", "safi"), ("clean", "water"), ((0.05, 0.45), (0.5, 0.0)))))
    words = [g for g in tree.iter(f"{SVG}g") if g.get("class", "").startswith("word")]
    assert [g.get("tabindex") for g in words] == ["0"] * 4
    assert words[0].get("aria-label") == "maji goes to: water 90 percent, clean 10 percent"
    assert words[3].get("aria-label") == "water comes from: maji 100 percent"


def test_texts_are_escaped():
    bad = "<script>alert(1)</script>"
    html = ribbons(_made((bad,), ('"&' + bad,), ((1.0,),)), bad)
    assert "<script" not in html
    assert bad in "".join(ET.fromstring(html).itertext())


def test_ribbons_are_seen_on_white_and_on_black():
    for colour in COLOURS:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 3
        assert (luminance + 0.05) / (0.0103 + 0.05) >= 3
    assert CSS.count("{") == CSS.count("}")
