"""`optical teach`: from an encoder and triples to a teacher that can be loaded."""

import json

import pytest

from hf_optical.cli import main
from hf_optical.models.pretrained import load_teacher

SMALL = ["--embedding_dim", "8", "--query_length", "16", "--document_length", "48", "--use_cpu", "--disable_tqdm", "true"]


def teach(*flags):
    return main(["teach", "--encoder", "encoder", "--triples", "triples.jsonl", *SMALL, *flags])


def test_a_teacher_comes_out(workshop, capsys):
    development = ["--development", "benchmark", "--eval_strategy", "steps", "--eval_steps", "2"]
    assert teach("--max_steps", "4", "--output", "run", *development) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "teacher: run"
    assert out.splitlines()[1].startswith("next: optical distill --teacher run ")
    assert "eval_recall@10" in err
    teacher = load_teacher("run")
    assert (teacher.config.embedding_dim, teacher.config.query_length) == (8, 16)
    assert main(["distill", "--teacher", "run", "--bitext", "pairs.tsv", "--language", "sw", "--max_steps", "1", "--use_cpu"]) == 0


def test_triples_by_id(workshop, capsys):
    rows = [{"query": "maize", "positive_id": f"d{i}", "negative_ids": [f"d{i + 1}"]} for i in range(6)]
    (workshop / "by_id.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert teach("--triples", "by_id.jsonl", "--passages", "benchmark/corpus.jsonl", "--max_steps", "1", "--output", "run") == 0
    assert teach("--triples", "by_id.jsonl", "--max_steps", "1", "--output", "other") == 2
    assert "triples by ids need the corpus" in capsys.readouterr().err


def test_limit_takes_the_first_triples(workshop, capsys, monkeypatch):
    from hf_optical.recipes import teach as recipe

    taken = []
    monkeypatch.setattr(recipe, "train_teacher", lambda teacher, args, triples, *rest: taken.append(len(triples)) or teacher)
    assert teach("--limit", "3", "--output", "run") == teach("--output", "run") == 0
    assert taken == [3, 48]


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_limit_of_nothing(workshop, capsys, limit):
    assert teach("--limit", limit, "--output", "run") == 2
    assert f"--limit is {limit}; give 1 or more" in capsys.readouterr().err


def test_killed_and_resumed(workshop, capsys, monkeypatch):
    flags = ["--max_steps", "9", "--save_steps", "3", "--per_device_train_batch_size", "8", "--save_total_limit", "9"]
    assert teach(*flags, "--output", "whole") == 0
    from hf_optical.training import TeacherTrainer

    step = TeacherTrainer.training_step

    def interrupted(self, *args, **kwargs):
        if self.state.global_step == 7:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(TeacherTrainer, "training_step", interrupted)
    assert teach(*flags, "--output", "run") == 130
    assert capsys.readouterr().err.strip().endswith("the same command with --resume goes on from the last.")
    monkeypatch.setattr(TeacherTrainer, "training_step", step)
    assert teach(*flags, "--output", "run", "--resume") == 0
    assert load_teacher("run").fingerprint() == load_teacher("whole").fingerprint()


def test_development_with_some_english_versions_is_refused_before_training(workshop, capsys):
    file = workshop / "benchmark" / "queries.jsonl"
    first, *others = [json.loads(line) for line in file.read_text().splitlines()]
    del first["english"]
    file.write_text("".join(json.dumps(row) + "\n" for row in (first, *others)))
    assert teach("--development", "benchmark", "--output", "run") == 2
    assert "queries have no English version, the first is" in capsys.readouterr().err
    assert not (workshop / "run").exists()


def test_what_a_teacher_to_train_further_keeps(workshop, capsys):
    flags = ["--teacher", "teacher", "--triples", "triples.jsonl", "--use_cpu", "--output", "run"]
    assert main(["teach", *flags, "--embedding_dim", "64"]) == 2
    assert "--embedding_dim has no effect on a teacher to train further" in capsys.readouterr().err
