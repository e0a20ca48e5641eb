"""`optical push`: what it prints, what it refuses."""

import json
import re

import pytest

from hf_optical.commands.push import run

PAIRS = ["--licence", "tico19=CC0", "--licence", "asp-*=CC-BY-4.0", "--licence", "tatoeba=CC-BY-2.0"]


def test_a_push_prints_where_it_is_and_how_to_pin_it(hub, runs, capsys):
    run(["teacher", str(runs / "teacher"), "--repo", "acme/teacher"])
    head = hub.repos["model", "acme/teacher"].branches["main"]
    printed = capsys.readouterr().out
    assert printed.startswith("teacher: http://127.0.0.1:")
    assert f'AutoModel.from_pretrained("acme/teacher", revision="{head}", trust_remote_code=True)' in printed


def test_json(hub, runs, capsys):
    run(["teacher", str(runs / "teacher"), "--repo", "acme/teacher", "--private", "--revision", "trial", "--json"])
    outcome = json.loads(capsys.readouterr().out)
    repo = hub.repos["model", "acme/teacher"]
    assert outcome["commit"] == repo.branches["trial"]
    assert (outcome["repo"], outcome["private"], outcome["revision"]) == ("acme/teacher", True, "trial")
    assert set(outcome["files"]) == set(repo.at("trial").files) - {".gitattributes"}
    assert "card" not in outcome


def test_a_dry_run_prints_files_sizes_and_the_card(hub, runs, capsys):
    run(["student", str(runs / "optical-sw"), "--repo", "acme/optical-sw", "--teacher", "acme/teacher", *PAIRS, "--dry-run"])
    printed = capsys.readouterr().out
    size = (runs / "optical-sw" / "model.safetensors").stat().st_size
    assert "model acme/optical-sw, branch main: nothing was sent" in printed
    assert any(line.split() == ["model.safetensors", f"{size:,}", "bytes"] for line in printed.splitlines())
    assert re.search(r"^training_args\.bin +stays here: pickle; the arguments are in training\.json$", printed, re.MULTILINE)
    assert "# optical-sw" in printed
    assert "acme/teacher" in printed
    assert not hub.requests


def test_bitext_metric_space_and_collection(hub, prepared, repository, tmp_path, capsys):
    run(["bitext", str(prepared), "--repo", "acme/bitext", *PAIRS])
    assert 'load_dataset("acme/bitext", "en-ha", split="train", revision=' in capsys.readouterr().out
    run(["metric", str(repository / "spaces" / "recall_at_k"), "--repo", "acme/recall_at_k"])
    assert 'evaluate.load("acme/recall_at_k", revision=' in capsys.readouterr().out
    (tmp_path / "c.yaml").write_text("title: Optical\nitems:\n- dataset: acme/bitext\n- space: acme/recall_at_k\n")
    run(["collection", str(tmp_path / "c.yaml"), "--repo", "acme/optical"])
    assert "dataset acme/bitext" in capsys.readouterr().out
    assert len(next(iter(hub.collections.values()))["items"]) == 2


def test_the_line_printed_for_a_bitext_of_several_languages_loads_it(hub, fresh, prepared, capsys):
    run(["bitext", str(prepared), "--repo", "acme/bitext", *PAIRS])
    line = capsys.readouterr().out.split("load it: ")[1].strip()
    done = fresh(f"from datasets import load_dataset\nprint(next(iter({line}))['non_english'])")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ruwa 0"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["student", "x"], "required: --repo"),
        (["students", "x", "--repo", "a/b"], "invalid choice"),
        (["space", "x", "--repo", "a/b", "--teacher", "a/t"], "--teacher has no meaning for a space, only for student"),
        (["metric", "x", "--repo", "a/b", "--wheel", "w"], "--wheel has no meaning for a metric, only for space"),
        (["metric", "x", "--repo", "a/b", "--licence", "a=b"], "--licence has no meaning for a metric"),
        (["student", "x", "--repo", "a/b", "--dryrun"], "did you mean '--dry-run'"),
        (["student", "missing", "--repo", "a/b"], "there is no such folder"),
        (["bitext", "missing", "--repo", "a/b"], "there is no such file or folder"),
    ],
)
def test_mistakes_are_one_line(hub, argv, message):
    with pytest.raises(ValueError, match=message) as refused:
        run(argv)
    assert "\n" not in str(refused.value)
    assert not hub.requests
