"""One demo of tiny random models in a process of its own, and headless Chromium in front of it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch

QUERY = "mahindi katika shamba la mkulima"
EXAMPLES = {"sw": [QUERY, "watoto shule maji"], "ha": ["ruwa da kasuwa"], "en": ["dry maize in the store"]}
# HTML, an event handler, an attribute's end, Markdown and a formula: in the question, in a title, in a text, in a student's card
SCRIPT = "<script>window.hacked=1</script>"
HANDLERS = """<img src=x onerror="window.hacked=1"> '"><svg onload=window.hacked=1>"""
ATTACK = f"{SCRIPT} {HANDLERS} **fat** [link](javascript:hacked=1) $x$ maji"
PASSAGES = {
    "d1": ("Storing maize", "the maize is dry in the store of a farmer"),
    "d2": ("River", "many fish and people drink water from the river"),
    "d3": (SCRIPT, ATTACK),
    "d4": ("School", "teacher and child read a book at school"),
    "d5": ("", "soil " * 90 + "https://example.org/" + "a" * 300),  # what cannot be broken must not widen a phone's page
}
CARD = f"""---
language: sw
license: apache-2.0
model-index:
- name: tiny
  results:
  - task: {{type: retrieval}}
    dataset: {{type: tiny, name: {json.dumps(ATTACK)}}}
    metrics: [{{type: recall_at_10, value: 0.5, name: {json.dumps(SCRIPT)}}}]
---
"""
READY = re.compile(r"the demo is on (http://127\.0\.0\.1:\d+)")
_DEMO = "import sys; from hf_optical.cli import main; sys.exit(main(['demo', *sys.argv[1:]]))"
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
_PATIENCE = 20_000  # milliseconds
# what an answer is, in each tab
_ANSWER = ":is(.op-answer, .op-notice, .optical-sum)"
# resolves when the document was left alone for 150 ms, or after 3 s
_REST = """() => new Promise((resolve) => {
    const end = () => { watch.disconnect(); resolve(); };
    let timer = setTimeout(end, 150);
    const watch = new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(end, 150); });
    watch.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
    setTimeout(end, 3000);
})"""
_LIVE = {"http", "https", "ws", "wss"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a browser, a server and a crowded machine do together is tried a second time before it fails; the summary says so."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@dataclass
class Demo:
    """A demo that runs or starts. `outside` are the addresses beyond this machine that its process asked for."""

    process: subprocess.Popen
    log: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """ "" until it is ready."""
        found = READY.search("".join(self.log))
        return found[1] if found else ""

    def wait(self, seconds: float = 60) -> None:
        settle(lambda: self.address or self.process.poll() is not None, seconds)
        if not self.address:
            pytest.fail(f"the demo did not start within {seconds:g} s: {''.join(self.log)}")


@contextlib.contextmanager
def run_demo(*arguments: str, port: int = 0) -> Iterator[Demo]:
    """Start `optical demo`. All its proxies are one that answers nobody and writes down what was asked for."""
    outside: list[str] = []
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPTICAL_", "GRADIO_", "HF_HUB_"))}
    environment |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
    environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), _trap(outside))
    environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    command = [sys.executable, "-c", _DEMO, *arguments, "--port", str(port), "--threads", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            running = Demo(process, outside=outside)
            threading.Thread(target=lambda: [running.log.append(line) for line in process.stderr], daemon=True).start()
            yield running
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def demo_files(tiny_teacher, tiny_student, tmp_path_factory) -> Path:
    """Teacher, students for Swahili and Hausa, index, example questions."""
    from hf_optical.search import DiskIndex

    folder = tmp_path_factory.mktemp("demo-files")
    copy.deepcopy(tiny_teacher).save_pretrained(folder / "teacher")
    for code in ("sw", "ha"):
        student = copy.deepcopy(tiny_student)  # as the teacher, since it was not trained yet
        student.config.languages = [code]
        with torch.no_grad():
            for weight in student.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
        student.save_pretrained(folder / f"student-{code}")
    (folder / "student-sw" / "README.md").write_text(CARD)
    texts = [f"{title} {text}".strip() for title, text in PASSAGES.values()]
    titles = [{"title": title} if title else {} for title, _ in PASSAGES.values()]
    DiskIndex.build(folder / "index", tiny_teacher, list(PASSAGES), texts, titles)
    lines = [{"text": text, "language": code, "relevant": ["d1"]} for code, texts in EXAMPLES.items() for text in texts]
    (folder / "examples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(scope="session")
def demo(demo_files) -> Iterator[Demo]:
    """The one process that all tests ask."""
    pytest.importorskip("gradio", reason="gradio is an optional extra: pip install 'hf_optical[demo]'")
    students = [part for code in ("sw", "ha") for part in ("--student", f"{code}={demo_files / f'student-{code}'}")]
    places = ["--index", str(demo_files / "index"), "--teacher", str(demo_files / "teacher")]
    with run_demo(*students, *places, "--examples", str(demo_files / "examples.jsonl")) as running:
        running.wait()
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium for the tests of a file; no longer: other tests would trip over the event loop that Playwright keeps running."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'hf_optical[test]'")
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        pytest.skip("no chromium, chromium-browser or google-chrome in PATH")
    with playwright.sync_playwright() as running:
        # a sandbox needs rights that containers lack; the pages are ours
        chromium = running.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


class Visits:
    """Pages of the demo, each in a browser context of its own, and what went wrong in them."""

    def __init__(self, browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._contexts: list = []
        self.urls: list[str] = []
        self._failures: list[str] = []

    def __call__(self, until: str = "#op-search", **options):
        """A page that shows the demo, once something is on it. Options: of a browser context."""
        context = self._browser.new_context(**({"viewport": DESKTOP, "reduced_motion": "reduce"} | options))
        context.set_default_timeout(_PATIENCE)
        self._contexts.append(context)
        context.on("request", lambda request: self.urls.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: self.urls.append(socket.url))
        page.on("pageerror", lambda error: self._failures.append(f"script: {error}"))
        page.on("dialog", self._dismiss)
        page.goto(self._address, wait_until="domcontentloaded")
        page.locator(until).wait_for()
        return page

    def check(self) -> None:
        """Nothing was asked for beyond this machine, no injected code ran, no script failed, no traceback was shown."""
        failures, self._failures = self._failures, []
        failures += [f"request to {url}" for url in self.urls if not is_local(url)]
        for page in (page for context in self._contexts for page in context.pages):
            if page.evaluate("() => 'hacked' in window"):
                failures.append("injected code ran")
            shown = page.locator("body").inner_text()
            failures += [f"the page shows {word!r}" for word in ("Traceback", "site-packages", "Error:") if word in shown]
        assert not failures

    def close(self, page=None) -> None:
        """One page, or all."""
        for context in [page.context] if page else [*self._contexts]:
            self._contexts.remove(context)
            context.close()

    def _dismiss(self, dialog) -> None:
        self._failures.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="module")
def open_page(browser, demo) -> Iterator[Visits]:
    """`open_page(**options of a browser context)`: a page of the demo, closed after the last test of the file."""
    visits = Visits(browser, demo.address)
    yield visits
    visits.close()


@pytest.fixture(autouse=True)
def nothing_untoward(request):
    """Whatever a test is about, `Visits.check` holds after it."""
    visits = request.getfixturevalue("open_page") if "open_page" in request.fixturenames else None
    yield
    if visits:
        visits.check()


@pytest.fixture
def page(open_page):
    """The demo as somebody sees it who comes anew."""
    visited = open_page()
    yield visited
    open_page.check()
    open_page.close(visited)


@pytest.fixture(scope="module")
def shared_page(open_page):
    """A page for all tests of a file that do not mind what others asked: loading one takes seconds."""
    return open_page()


def is_local(url: str) -> bool:
    """Whether a request stays on this machine: loopback, or no request at all (data:, blob:)."""
    parts = urlsplit(url)
    return parts.scheme not in _LIVE or parts.hostname in ("127.0.0.1", "localhost", "::1")


def ask(page, text: str, button: str = "#op-search", box: str = "#op-query", area: str = "#op-results") -> None:
    """Type a text, press the button, and wait until the answer is another one.

    A tab is built when it is opened; what is typed or pressed while its parts come up may be lost. So, after a while, once more.
    """
    from playwright.sync_api import TimeoutError as NothingHappened

    def type_and_press() -> None:
        page.locator(f"{box} textarea").fill(text)
        page.locator(button).click()

    try:
        changes(page, type_and_press, area, milliseconds=_PATIENCE // 4)
    except NothingHappened:
        changes(page, type_and_press, area)


def changes(page, act: Callable[[], object], area: str = "#op-results", milliseconds: int = _PATIENCE) -> None:
    """Do something, and wait until the answer in an area is another one."""
    page.locator(area).evaluate("(area, answer) => area.querySelector(answer)?.setAttribute('data-old', '')", _ANSWER)
    act()
    page.locator(f"{area} {_ANSWER}:not([data-old])").first.wait_for(timeout=milliseconds)


def open_tab(page, name: str) -> None:
    """Open a tab, and wait until nothing has changed on the page for a moment."""
    page.get_by_role("tab", name=name, exact=True).click()
    page.evaluate(_REST)


def settle(check: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether a condition comes true within so many seconds."""
    end = time.monotonic() + seconds
    while not (true := check()) and time.monotonic() < end:
        time.sleep(0.05)
    return true


def _trap(asked: list[str]) -> str:
    """A proxy that forwards nothing; the address, and in `asked` the first line of every request."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline(1000).decode("latin-1").strip())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host, port = server.socket.getsockname()
    return f"http://{host}:{port}"
