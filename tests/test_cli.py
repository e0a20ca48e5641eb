"""The command line: every command once, what goes to stdout and what to stderr, help, exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hf_optical import cli
from hf_optical.cli import main

QUICK = ["--max_steps", "2", "--use_cpu"]
MODELS = ["--student", "student", "--teacher", "teacher"]
COMMANDS = ("prepare", "teach", "distill", "evaluate", "search")


def one_document(text):
    assert len(text.strip().splitlines()) == 1
    return json.loads(text)


def test_prepare(workshop, capsys):
    with open("pairs.tsv", "a", encoding="utf-8") as file:
        file.write("same\tsame\n\tmaji\n")
    assert main(["prepare", "pairs.tsv", "--language", "sw", "--output", "clean.tsv.gz"]) == 0
    out, err = capsys.readouterr()
    assert out.strip().endswith("48 pairs written to clean.tsv.gz, the report to clean.report.json")
    assert "identical" in out
    assert err == ""
    assert json.loads(Path("clean.report.json").read_text())["rows_rejected"] == 2
    assert main(["prepare", "clean.tsv.gz", "--language", "sw", "--output", "again.tsv", "--limit", "5", "--json"]) == 0
    assert one_document(capsys.readouterr().out)["rows_kept"] == 5
    assert len(Path("again.tsv").read_text(encoding="utf-8").splitlines()) == 6


def test_teach_distill_evaluate_search(workshop, capsys, caplog):
    """The whole path, each step's outcome as JSON."""
    size = ["--embedding_dim", "8", "--query_length", "16", "--document_length", "48"]
    assert main(["teach", "--encoder", "encoder", "--triples", "triples.jsonl", "--output", "t", "--json", *size, *QUICK]) == 0
    out, err = capsys.readouterr()
    teacher = one_document(out)
    assert teacher["teacher"] == "t"
    assert "train_loss" in err
    distill = ["distill", "--teacher", "t", "--bitext", "pairs.tsv", "--language", "sw", "--output", "s", "--json"]
    assert main([*distill, *QUICK]) == 0
    out, err = capsys.readouterr()
    expected = {"name_or_path": "t", "revision": None, "fingerprint": teacher["fingerprint"]}
    assert one_document(out) == {"student": "s", "languages": ["sw"], "teacher": expected}
    assert "train_loss" in err
    assert any(record.getMessage().startswith("sw-en") for record in caplog.records)  # what became of the rows
    evaluate = ["evaluate", "--student", "s", "--teacher", "t", "--benchmark", "benchmark", "-k", "1", "5", "--output", "runs"]
    assert main([*evaluate, "--json"]) == 0
    rows = one_document(capsys.readouterr().out)
    assert [row["system"] for row in rows][-1] == "s"
    assert {"recall@1", "recall@5"} <= rows[-1]["metrics"].keys()
    assert Path("runs/s.trec").is_file()
    search = ["search", "--student", "s", "--teacher", "t", "--passages", "benchmark/corpus.jsonl", "-k", "2", "maji", "mvua"]
    assert main([*search, "--json"]) == 0
    answers = one_document(capsys.readouterr().out)
    assert [answer["query"] for answer in answers] == ["maji", "mvua"]
    assert [len(answer["hits"]) for answer in answers] == [2, 2]
    assert answers[0]["hits"][0]["score"] >= answers[0]["hits"][1]["score"]
    assert {"id", "score", "text"} <= answers[0]["hits"][0].keys()


def test_outcome_on_stdout_progress_on_stderr(workshop, capsys):
    assert main(["distill", "--teacher", "teacher", "--bitext", "pairs.tsv", "--language", "sw", "--output", "s", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "student: s",
        "next: optical search --student s --teacher teacher --passages PASSAGES.jsonl 'your question'",
    ]
    assert "train_loss" in err
    assert main(["evaluate", *MODELS, "--benchmark", "benchmark", "--no-baselines"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("| system ")
    assert len(table) == 3
    assert main(["search", *MODELS, "--passages", "benchmark/corpus.jsonl", "-k", "3", "maji"]) == 0
    assert len(capsys.readouterr().out.strip().splitlines()) == 1 + 3


def test_configuration_file_and_flags(workshop, capsys):
    Path("sw.yaml").write_text("teacher: teacher\nbitext: [pairs.tsv]\nlanguage: sw\noutput_dir: s\nmax_steps: 50\nepsilon: 0.5\n")
    assert main(["distill", "sw.yaml", "--epsilon", "0.05", "--max_steps", "1", "--use_cpu"]) == 0
    state = json.loads(Path("s/checkpoint-1/trainer_state.json").read_text())
    assert state["max_steps"] == 1
    import torch

    assert torch.load("s/checkpoint-1/training_args.bin", weights_only=False).epsilon == 0.05


def test_windows_line_ends_and_byte_order_mark(workshop, capsys):
    text = Path("pairs.tsv").read_text(encoding="utf-8")
    Path("windows.tsv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    for name in ("pairs", "windows"):
        assert main(["prepare", f"{name}.tsv", "--language", "sw", "--output", f"clean-{name}.tsv"]) == 0
    clean = [Path(f"clean-{name}.tsv").read_bytes() for name in ("pairs", "windows")]
    assert clean[1].replace(b"windows.tsv", b"pairs.tsv") == clean[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    assert main([command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"usage: optical {command}")
    assert len(out.splitlines()) < 100
    assert err == ""


def test_general_help_and_version(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"optical {command} " in text for command in COMMANDS)
    assert main([]) == 2
    assert capsys.readouterr() == ("", text)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hf_optical ")


def test_help_all(capsys):
    assert main(["distill", "--help-all"]) == 0
    assert "--adam_beta1" in capsys.readouterr().out


def test_interrupt(capsys, monkeypatch):
    def interrupted(argv):
        raise KeyboardInterrupt

    assert cli.run(interrupted, []) == 130
    assert capsys.readouterr().err == "optical: interrupted.\n"
    monkeypatch.setattr(cli, "command", lambda name: interrupted)
    assert main(["distill"]) == 130
    assert "the same command with --resume goes on from the last" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\nlines"), "optical: error: two lines\n"),
        (ValueError(), "optical: error: ValueError\n"),
        (OSError(28, "No space left on device"), "optical: error: [Errno 28] No space left on device\n"),
        (MemoryError(), "optical: error: out of memory: lower the batch size or the number of texts.\n"),
    ],
)
def test_errors_are_one_line(error, message, capsys, monkeypatch):
    def failing(argv):
        raise error

    assert cli.run(failing, []) == 2
    assert capsys.readouterr().err == message
    if isinstance(error, OSError):
        monkeypatch.setenv("OPTICAL_TRACEBACK", "1")
        with pytest.raises(OSError, match="No space"):
            cli.run(failing, [])


def test_out_of_gpu_memory(capsys):
    import torch

    def failing(argv):
        raise torch.OutOfMemoryError("CUDA out of memory")

    assert cli.run(failing, []) == 2
    assert capsys.readouterr().err == "optical: error: out of GPU memory: lower the batch size, or use --bf16.\n"


def test_a_defect_of_ours_keeps_its_traceback():
    def failing(argv):
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        cli.run(failing, [])


def test_a_reader_that_stops_early(workshop):
    """`optical search ... | head -1`: no error, no traceback."""
    command = (
        f"{sys.executable} -m hf_optical.cli search --student student --teacher teacher --passages benchmark/corpus.jsonl -k 20"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    script = f"{command} {'maji ' * 2000} 2>err | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout.strip() == "141"
    assert "rror" not in Path("err").read_text()
