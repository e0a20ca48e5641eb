"""Spelling variants: the box in the Search tab and the line above the passages, in a demo of its own."""

import pytest

from .conftest import ask, changes, run_demo

QUERY = "<b>skhool"  # "school" stands in d4; short: the tiny student reads sixteen tokens


@pytest.fixture(scope="module")
def demo(demo_files):
    pytest.importorskip("gradio", reason="gradio is an optional extra: pip install 'hf_optical[demo]'")
    places = ["--index", str(demo_files / "index"), "--teacher", str(demo_files / "teacher")]
    with run_demo("--student", f"sw={demo_files / 'student-sw'}", *places, "--spelling_variants") as running:
        running.wait()
        yield running


def test_the_box_is_on_and_may_be_switched_off(page):
    box = page.get_by_label("Ask for unknown words as they are spelt in English, too")
    line = page.locator("#op-results .op-variants")
    assert box.is_checked()
    ask(page, QUERY)
    assert line.inner_text() == "Also asked for: skhool as school"
    changes(page, box.uncheck)
    assert line.count() == 0
    changes(page, box.check)
    assert line.inner_text() == "Also asked for: skhool as school"
