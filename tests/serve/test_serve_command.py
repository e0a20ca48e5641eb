"""`optical serve` as a command: its options, and mistakes in them."""

import re

import pytest

pytest.importorskip("fastapi", reason="fastapi is an optional extra")

from fastapi.testclient import TestClient

from hf_optical.commands import serve as command
from hf_optical.commands.serve import named_students
from hf_optical.serve import ServeSettings


def test_the_command(workshop, tiny_teacher, searcher, monkeypatch):
    served = {}

    def capture(app, host, port, *, grace):
        with TestClient(app) as client:
            served["answer"] = client.post("/search", json={"query": "maji", "k": 2, "language": "sw"})
            served["languages"] = client.get("/healthz").json()["languages"]
        served["at"] = (host, port, grace)

    monkeypatch.setattr("hf_optical.serve.server.serve", capture)
    command.run([str(searcher.index.folder), "--student", "sw=student", "--port", "0", "--timeout", "5"])
    assert served["answer"].status_code == 200
    assert len(served["answer"].json()["hits"]) == 2
    assert served["languages"] == ["sw"]
    assert served["at"] == ("127.0.0.1", 0, 10.0)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nowhere", "--student", "s"], "no index in nowhere"),
        (["i", "--student", "s", "--port", "70000"], "is not a port"),
        (["i", "--student", "s", "--timeout", "0"], "not a number of seconds above 0"),
        (["i", "--student", "s", "--lexical_weight", "-1"], "'-1' is not a finite number of 0 or more"),
        (["i", "--student", "s", "--max-k", "0"], "whole number of 1 or more"),
        (["i", "--student", "a/s", "--student", "b/s"], "there is a student named 's' already; write OTHER_NAME=b/s"),
        (["i", "--student", "s", "--prot", "1"], "unknown option --prot; did you mean"),
        (["i"], "--student"),
    ],
)
def test_mistakes_on_the_command_line(argv, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        command.run(argv)


def test_the_command_with_bm25(workshop, searcher, monkeypatch):
    served = []

    def capture(app, host, port, *, grace):
        with TestClient(app) as client:
            served.append(client.post("/search", json={"query": "rain", "k": 1, "language": "sw"}).json())

    monkeypatch.setattr("hf_optical.serve.server.serve", capture)
    command.run([str(searcher.index.folder), "--student", "sw=student", "--port", "0", "--lexical_weight", "100"])
    (answer,) = served
    assert answer["lexical_weight"] == 100
    assert answer["hits"][0]["id"] == "d"


@pytest.mark.parametrize("switch", ["--spelling_variants", "--spelling-variants"])
def test_the_command_with_spelling_variants(workshop, searcher, monkeypatch, switch):
    served = []

    def capture(app, host, port, *, grace):
        with TestClient(app) as client:
            served.append(client.post("/search", json={"query": "a skhool", "language": "sw"}).json())

    monkeypatch.setattr("hf_optical.serve.server.serve", capture)
    command.run([str(searcher.index.folder), "--student", "sw=student", "--port", "0", switch])
    assert served[0]["spelling_variants"] == [{"word": "skhool", "variant": "school"}]


@pytest.mark.parametrize("wanted", [["--spelling_variants"], ["--lexical_weight", "0.5"]])
def test_an_index_whose_texts_are_elsewhere_is_refused_in_one_line(workshop, wanted):
    pytest.importorskip("qdrant_client", reason="qdrant-client is an optional extra")
    from hf_optical.cli import main

    assert main(["index", "benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "qdrant+path:q"]) == 0
    message = "BM25 and spelling variants need the texts, and those of this index are on its server"
    with pytest.raises(ValueError, match=message) as error:
        command.run(["qdrant+path:q", "--student", "sw=student", "--port", "0", *wanted])
    assert "\n" not in str(error.value)


def test_names_of_students_are_no_paths():
    assert named_students(["sw=/models/a", "/models/ha-student", "org/de"]) == {
        "sw": "/models/a",
        "ha-student": "/models/ha-student",
        "de": "org/de",
    }


def test_missing_packages_are_one_line(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"fastapi and uvicorn not installed: pip install 'hf_optical\[serve\]'"):
        command.run(["i", "--student", "s"])


def test_limits_must_be_positive():
    with pytest.raises(ValueError, match="timeout must be positive, got 0"):
        ServeSettings(timeout=0)
