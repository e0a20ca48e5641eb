"""`--device` of the commands: what is not there is one line, what is there is used by every model."""

import pytest
import torch

from hf_optical.commands import index, search, serve
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel

COMMANDS = {
    search: ["i", "q", "--student", "student"],
    index: ["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "i"],
    serve: ["i", "--student", "student"],
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__.rpartition(".")[2])
@pytest.mark.parametrize("name", ["nonsense", "cuda:99", "hpu", "meta", "", " cpu", "cpu\ud800"])
def test_a_device_that_is_not_there(workshop, command, name):
    with pytest.raises(ValueError, match=r"argument --device: .*: give cpu, cuda") as raised:
        command.run([*COMMANDS[command], "--device", name])
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 250
    assert not (workshop / "i").exists()


def test_no_device_for_what_encodes_nothing():
    with pytest.raises(ValueError, match="device has no meaning with --verify"):
        index.run(["--output", "i", "--verify", "--device", "cpu"])


@pytest.fixture
def moved(monkeypatch):
    """Where models were sent; a machine of tests has no other device to send them to."""
    places = []
    for kind in (OpticalTeacherModel, OpticalStudentModel):
        monkeypatch.setattr(kind, "to", lambda self, device, kind=kind: places.append((kind.__name__, str(device))) or self)
    return places


def test_it_reaches_teacher_and_students(workshop, moved, capsys):
    asked = ["maji", "--student", "student", "--device", "cpu:0"]
    search.run([*asked, "--passages", "benchmark/corpus.jsonl", "--teacher", "teacher"])
    assert moved == [("OpticalTeacherModel", "cpu:0"), ("OpticalStudentModel", "cpu:0")]
    index.run([*COMMANDS[index], "--device", "cpu:0"])
    assert moved[2:] == [("OpticalTeacherModel", "cpu:0")]
    search.run(["i", *asked])
    assert moved[3:] == [("OpticalStudentModel", "cpu:0")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_search_on_a_gpu(workshop, capsys):
    index.run([*COMMANDS[index], "--device", "cuda"])
    search.run(["i", "maji", "--student", "student", "--device", "cuda"])
    search.run(["maji", "--student", "student", "--device", "cuda", "--passages", "benchmark/corpus.jsonl", "--teacher", "teacher"])
    assert capsys.readouterr().out.count("  1. ") == 2
