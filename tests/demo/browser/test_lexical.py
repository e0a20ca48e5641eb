"""BM25 beside the student: the box in the Search tab, in a demo of its own."""

import pytest

from .conftest import ask, changes, run_demo

WEIGHT = 9  # so great that a passage found by its letters comes first
QUERY = "people na fish"  # both stand in d2, River, alone


@pytest.fixture(scope="module")
def demo(demo_files):
    pytest.importorskip("gradio", reason="gradio is an optional extra: pip install 'hf_optical[demo]'")
    places = ["--index", str(demo_files / "index"), "--teacher", str(demo_files / "teacher")]
    with run_demo("--student", f"sw={demo_files / 'student-sw'}", *places, "--lexical_weight", str(WEIGHT)) as running:
        running.wait()
        yield running


def test_the_box_is_on_and_may_be_switched_off(page):
    box = page.get_by_label("Find names and numbers by their letters, too (BM25)")
    assert box.is_checked()
    ask(page, QUERY)
    titles, scores = page.locator("#op-results .op-card h3"), page.locator("#op-results .op-number")
    assert titles.first.inner_text() == "River"
    assert scores.first.inner_text().startswith("0.1")
    assert page.locator("#op-results .op-bar").count() == 0
    assert "BM25, weight 9" in page.locator("#op-results .op-order").inner_text()
    changes(page, box.uncheck)
    assert "/" in scores.first.inner_text()
    assert page.locator("#op-results .op-bar").count() == titles.count()
    assert page.locator("#op-results .op-order").inner_text() == "Order: the model's score alone."
    changes(page, box.check)
    assert titles.first.inner_text() == "River"
