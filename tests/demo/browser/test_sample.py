"""The first start, with nothing given: the embedded sample is trained, a page tells how far it is, and gives way to the demo."""

import re
import socket
import urllib.request

import pytest

from .conftest import Visits, ask, changes, run_demo, settle

_TRAINING_SECONDS = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.slow
def test_the_first_start_trains_the_sample_and_tells_how_far_it_is(browser, tmp_path):
    pytest.importorskip("gradio", reason="gradio is an optional extra: pip install 'hf_optical[demo]'")
    address = f"http://127.0.0.1:{(port := free_port())}"
    with run_demo("--cache", str(tmp_path), port=port) as running:
        assert settle(lambda: answers(address), 60)
        visits = Visits(browser, address)
        page = visits(until="progress")
        parts = []

        def trained() -> bool:
            bar = page.locator("progress")
            if bar.count():
                parts.append(bar.evaluate("(bar) => bar.value"))
            page.wait_for_timeout(500)
            return page.locator("#op-search").count() > 0

        assert settle(trained, _TRAINING_SECONDS)
        assert len(set(parts)) > 5
        assert parts == sorted(parts)
        assert page.locator("#op-results .op-card").count() == 5  # the first example's
        ask(page, "Ninawezaje kutuma pesa kwa simu?")
        assert "of 200 passages" in page.locator("#op-results .op-facts").inner_text()
        changes(page, page.locator(".op-examples button").locator("visible=true").nth(1).click)
        assert re.search(r"In English: .\w+", page.locator("#op-results .op-english").inner_text())
        visits.check()
        visits.close()
        assert running.outside == []
    with run_demo("--cache", str(tmp_path)) as again:
        again.wait(60)  # and not the time of a training
