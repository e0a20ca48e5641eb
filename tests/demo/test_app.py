"""The app over HTTP: its API, its limits, its friendly errors, its page while it starts; and the command that starts it."""

import json
import os
import socket
import urllib.request

import pytest

pytest.importorskip("gradio")

from gradio_client import Client
from gradio_client.exceptions import AppError

from hf_optical.cli import main
from hf_optical.demo import app as module
from hf_optical.demo.app import build_demo, launch_options
from hf_optical.demo.engine import DemoEngine
from hf_optical.demo.settings import DemoSettings
from hf_optical.demo.starting_page import StartingPage

from .conftest import QUERY


@pytest.fixture(scope="module")
def demo(engine):
    blocks = build_demo(engine)
    blocks.launch(server_name="127.0.0.1", prevent_thread_lock=True, **launch_options(engine.settings))
    yield blocks
    blocks.close()


@pytest.fixture(scope="module")
def client(demo):
    return Client(demo.local_url, verbose=False)


def test_search_over_the_api(client, engine):
    record = client.predict(query=QUERY, language="sw", k=2, api_name="/search")
    answer = engine.search(QUERY, "sw", 2)
    assert [hit["id"] for hit in record["hits"]] == [hit.id for hit in answer.hits]
    assert record["hits"][0]["score"] == pytest.approx(answer.hits[0].score, abs=1e-3)
    assert (record["language"], record["searched"], record["highest_score"]) == ("sw", 4, answer.vectors)
    assert record["hits"][0]["matches"][0].keys() == {"query", "passage", "similarity"}


def test_compare_over_the_api(client):
    record = client.predict(query=QUERY, language="sw", api_name="/compare")
    assert list(record) == ["student", "zero-shot"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"query": ""}, "Write a question first"),
        ({"query": "a" * 10_000}, "10,000 characters; 500 at most"),
        ({"query": QUERY, "language": "xx"}, "There is no student for this language"),
        ({"query": QUERY, "k": 999}, "from 1 to 3"),
    ],
)
def test_errors_over_the_api_are_friendly(client, values, message):
    with pytest.raises(AppError, match=message) as error:
        client.predict(**values, api_name="/search")
    assert "Traceback" not in str(error.value)


def test_what_is_unexpected_tells_nothing(client, engine, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(DemoEngine, "search", broken)
    with pytest.raises(AppError, match="Something went wrong here") as error:
        client.predict(query=QUERY, api_name="/search")
    assert "secret" not in str(error.value)


def test_endpoints_of_the_page_are_not_in_the_api(client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    assert {"/search", "/compare", "/align"} <= set(named)
    assert all(not name.startswith("/lambda") for name in named)


def test_limits_are_set(demo, engine):
    assert demo._queue.max_size == engine.settings.queue_size
    assert demo._queue.default_concurrency_limit == engine.settings.concurrency
    limits = {fn.concurrency_limit for fn in demo.fns.values() if fn.concurrency_id == "models"}
    assert limits <= {engine.settings.concurrency, "default"}
    assert demo.max_file_size == 10_240


def test_the_page_needs_nothing_from_elsewhere(demo):
    with urllib.request.urlopen(demo.local_url) as response:
        page = response.read().decode()
    for host in ("googleapis", "gstatic", "cdnjs", "jsdelivr"):
        assert host not in page
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"


def test_the_first_page_has_an_answer_already(demo):
    with urllib.request.urlopen(f"{demo.local_url}config") as response:
        config = json.load(response)
    shown = [c["props"].get("value") for c in config["components"] if c["props"].get("elem_id") == "op-results"]
    assert 'class="op-card' in shown[0]
    assert "<script" not in shown[0]


def test_starting_page_tells_how_far_and_gives_the_address_back():
    with StartingPage("127.0.0.1", 0) as page:
        page.show(0.25, "training")
        address = f"http://127.0.0.1:{page.port}"
        with urllib.request.urlopen(f"{address}/") as response:
            assert "<progress" in response.read().decode()
        with urllib.request.urlopen(f"{address}/progress.json") as response:
            assert json.load(response) == {"part": 0.25, "text": "training"}
        with pytest.raises(OSError, match="give another port"):
            StartingPage("127.0.0.1", page.port)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", page.port))


def test_launch_takes_the_address_over(engine, monkeypatch):
    seen = []

    def load(settings, progress):
        progress(0.5, "loading")
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/progress.json") as response:
            seen.append(json.load(response))
        return engine

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr("hf_optical.demo.app.load_engine", load)
    told = []
    demo = module.launch(DemoSettings(port=port), lambda *step: told.append(step), block=False)
    try:
        assert seen == [{"part": 0.5, "text": "loading"}]
        assert told == [(0.5, "loading")]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/config") as response:
            assert response.status == 200
    finally:
        demo.close()


def test_the_command_hands_over_what_is_given(monkeypatch):
    started = []
    monkeypatch.setattr(module, "launch", lambda settings, progress: started.append(settings))
    monkeypatch.setenv("OPTICAL_DEMO_PORT", "8123")
    monkeypatch.setenv("OPTICAL_LEXICAL_WEIGHT", "0.25")
    command = ["demo", "--student", "sw=s", "--student", "ha=h", "--index", "i", "--max-results", "7"]
    assert main(command) == 0
    (settings,) = started
    assert settings.lexical_weight == 0.25
    assert main([*command, "--lexical_weight", "0.5"]) == 0
    assert main([*command, "--lexical-weight", "0"]) == 0
    assert [settings.lexical_weight for settings in started[1:]] == [0.5, 0.0]
    assert (settings.students, settings.index, settings.port) == ({"sw": "s", "ha": "h"}, "i", 8123)
    assert settings.max_results == 7
    assert settings.spelling_variants is False


def test_the_switch_of_the_command_and_that_of_the_environment(monkeypatch):
    started = []
    monkeypatch.setattr(module, "launch", lambda settings, progress: started.append(settings.spelling_variants))
    monkeypatch.delenv("OPTICAL_SPELLING_VARIANTS", raising=False)
    for arguments in ([], ["--spelling_variants"], ["--spelling-variants"]):
        assert main(["demo", *arguments]) == 0
    for value in ("1", "0"):
        monkeypatch.setenv("OPTICAL_SPELLING_VARIANTS", value)
        assert main(["demo"]) == 0
    assert main(["demo", "--spelling_variants"]) == 0
    monkeypatch.setenv("OPTICAL_SPELLING_VARIANTS", "1")
    for arguments in (["--no_spelling_variants"], ["--no-spelling-variants"]):
        assert main(["demo", *arguments]) == 0
    assert started == [False, True, True, True, False, True, False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--student", "sw=s"], "give --index"),
        (["--studnet", "s"], "did you mean '--student'"),
        (["--port", "x"], "is not a port"),
        (["--lexical_weight", "-1"], "'-1' is not a finite number of 0 or more"),
        (["--lexical_weight", "much"], "'much' is not a finite number of 0 or more"),
        (["--spelling_variant"], "did you mean '--spelling_variants'"),
        (["--student", "sw=nowhere", "--index", "nowhere", "--port", "0"], "nowhere"),
    ],
)
def test_mistakes_at_the_command_are_one_line(arguments, message, capsys):
    assert main(["demo", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]
    assert lines[-1].startswith("optical: error: ")


def test_the_command_says_that_gradio_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("hf_optical.commands.demo.find_spec", lambda name: None)
    assert main(["demo"]) == 2
    assert "pip install 'hf_optical[demo]'" in capsys.readouterr().err
