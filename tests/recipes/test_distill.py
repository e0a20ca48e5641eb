"""`optical distill` as a person uses it: interrupted, resumed, refused, overwritten."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hf_optical.cli import main
from hf_optical.models import OpticalStudentModel

BASE = ["--teacher", "teacher", "--bitext", "pairs.tsv", "--language", "sw", "--use_cpu", "--per_device_train_batch_size", "8"]
STEPS = ["--max_steps", "14", "--save_steps", "2", "--logging_steps", "1", "--learning_rate", "1e-3", "--teacher_cache", "cache"]


def distill(*flags):
    return main(["distill", *BASE, "--disable_tqdm", "true", *flags])


def same_weights(one, other):
    one, other = load_file(Path(one) / "model.safetensors"), load_file(Path(other) / "model.safetensors")
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_resumed_ends_as_the_uninterrupted_run(workshop, how, capsys):
    script = Path(__file__).with_name("slow_distill.py")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), "distill", *BASE, *STEPS, "--output", "run", "--disable_tqdm", "true"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        if line.strip() == "step 7":
            process.send_signal(how)
            break
    error = process.communicate(timeout=60)[1]
    if how == signal.SIGINT:
        assert process.returncode == 130
        last = error.strip().splitlines()[-1]
        assert last.startswith("optical: interrupted. Complete checkpoints are kept: the same command with --resume goes on")
        assert "Traceback" not in error
    else:
        assert process.returncode == -signal.SIGKILL
    assert not (workshop / "run" / "config.json").exists()
    (workshop / "run" / "checkpoint-8").mkdir(exist_ok=True)  # as if the kill had come while it was written
    assert distill(*STEPS, "--output", "run", "--resume") == 0
    assert distill(*STEPS, "--output", "whole") == 0
    assert same_weights("run", "whole")
    states = [json.loads((workshop / folder / "checkpoint-14" / "trainer_state.json").read_text()) for folder in ("run", "whole")]
    histories = [[line["loss"] for line in state["log_history"] if "loss" in line] for state in states]
    assert histories[0] == histories[1]


def test_the_finished_folder(workshop, capsys):
    assert distill("--max_steps", "2", "--output", "run", "--eval_pairs", "5", "--eval_strategy", "steps", "--eval_steps", "1") == 0
    names = {entry.name for entry in (workshop / "run").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "bitext_report.json", "train_metrics.json"} <= names
    assert not [name for name in names if name.startswith(".")]
    student = OpticalStudentModel.from_pretrained("run")
    assert (student.config.languages, student.config.teacher["name_or_path"]) == (["sw"], "teacher")
    assert json.loads((workshop / "run" / "bitext_report.json").read_text())["rows_kept"] == 48
    assert "eval_loss" in capsys.readouterr().err


def test_a_student_with_an_encoder_of_its_own(workshop, encoder_dir):
    assert distill("--max_steps", "2", "--output", "run", "--encoder", encoder_dir("xlm-roberta")) == 0
    assert OpticalStudentModel.from_pretrained("run").config.backbone_config.model_type == "xlm-roberta"


def test_development_recall_chooses_the_best(workshop, capsys):
    flags = "--development benchmark --eval_strategy steps --eval_steps 2 --save_steps 2 --load_best_model_at_end"
    best = "--metric_for_best_model eval_recall@10 --greater_is_better true --max_steps 6 --output run"
    assert distill(*flags.split(), *best.split()) == 0
    last = sorted((workshop / "run").glob("checkpoint-*"), key=lambda f: int(f.name.split("-")[1]))[-1]
    state = json.loads((last / "trainer_state.json").read_text())
    recalls = [line["eval_recall@10"] for line in state["log_history"] if "eval_recall@10" in line]
    assert len(recalls) == 3
    assert state["best_metric"] == max(recalls)
    assert same_weights("run", state["best_model_checkpoint"])


def test_questions_of_a_benchmark_are_kept_out_of_the_bitext(workshop, capsys):
    assert distill("--max_steps", "1", "--output", "run", "--exclude", "benchmark") == 0
    report = json.loads((workshop / "run" / "bitext_report.json").read_text())
    assert report["rows_kept"] == 48 - 8


def test_nothing_is_overwritten_unasked_and_a_mistake_destroys_nothing(workshop, capsys):
    assert distill("--max_steps", "2", "--output", "run") == 0
    before = (workshop / "run" / "model.safetensors").read_bytes()
    assert distill("--max_steps", "3", "--output", "run") == 2
    assert "--resume to go on with it, --overwrite to replace it" in capsys.readouterr().err
    for wrong in (["--bitext", "nowhere.tsv"], ["--max_length", "8"], ["--encoder", "nowhere/x/y"], ["--eval_pairs", "48"]):
        assert distill("--max_steps", "3", "--output", "run", "--overwrite", *wrong) == 2
        OpticalStudentModel.from_pretrained("run")
    assert (workshop / "run" / "model.safetensors").read_bytes() == before
    assert distill("--max_steps", "3", "--output", "run", "--overwrite") == 0
    assert (workshop / "run" / "model.safetensors").read_bytes() != before
    assert [f.name for f in (workshop / "run").glob("checkpoint-*")] == ["checkpoint-3"]


def test_resuming_a_finished_run_changes_nothing(workshop, capsys):
    assert distill("--max_steps", "4", "--save_steps", "2", "--output", "run") == 0
    before = (workshop / "run" / "model.safetensors").read_bytes()
    assert distill("--max_steps", "4", "--save_steps", "2", "--output", "run", "--resume") == 0
    assert (workshop / "run" / "model.safetensors").read_bytes() == before


def test_resuming_with_another_encoder(workshop, encoder_dir, capsys):
    assert distill("--max_steps", "4", "--save_steps", "2", "--output", "run") == 0
    assert distill("--max_steps", "6", "--output", "run", "--resume", "--encoder", encoder_dir("xlm-roberta")) == 2
    assert "checkpoint-4 is damaged or of another model" in capsys.readouterr().err


def test_resuming_with_other_pairs(workshop, capsys):
    assert distill("--max_steps", "4", "--save_steps", "2", "--output", "run") == 0
    lines = (workshop / "pairs.tsv").read_text().splitlines(keepends=True)
    for changed in (lines[:-3], [lines[0], *reversed(lines[1:])]):
        (workshop / "pairs.tsv").write_text("".join(changed))
        assert distill("--max_steps", "6", "--output", "run", "--resume") == 2
        error = capsys.readouterr().err
        assert "the run in run was begun with other inputs: " in error
        assert "resume it with what it was begun with, --overwrite it, or give another --output" in error
        assert [f.name for f in (workshop / "run").glob("checkpoint-*")] == ["checkpoint-2", "checkpoint-4"]
    (workshop / "pairs.tsv").write_text("".join(lines))
    assert distill("--max_steps", "6", "--output", "run", "--resume") == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--eval_pairs", "4"], "with --loss none nothing is measured on held-out pairs; give --development"),
        (["--pairs", "both"], "with loss none, 48 of "),
        (["--pairs", "switched", "--english_share", "0.5"], "with loss none, 24 of "),
    ],
)
def test_without_a_loss_between_sentences(workshop, capsys, flags, message):
    triples = [{"query": f"where is the {word}", "positive": f"the {word} is here", "negatives": []} for word in ("farm", "school")]
    Path("triples.jsonl").write_text("".join(json.dumps(triple) + "\n" for triple in triples))
    common = ["--loss", "none", "--ranking", "contrastive", "--triples", "triples.jsonl", "--max_steps", "1", "--output", "run"]
    assert distill(*common, *flags) == 2
    assert message in capsys.readouterr().err


def test_one_passage_cannot_be_ranked(workshop, capsys):
    assert distill("--ranking", "kl", "--passages", "x", "--ranking_documents", "1", "--output", "run") == 2
    assert "--ranking_documents 1 leaves nothing to rank; give 2 or more" in capsys.readouterr().err


def test_full_disk(workshop, capsys, monkeypatch):
    from hf_optical.training import OpticalTrainer

    save = OpticalTrainer._save_rng_state

    def full(self, folder):
        if self.state.global_step == 6:
            (Path(folder) / "rng_state.pth").write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(self, folder)

    monkeypatch.setattr(OpticalTrainer, "_save_rng_state", full)
    assert distill(*STEPS, "--output", "run") == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("optical: error: checkpoint run/checkpoint-6 could not be written ([Errno 28] No space left on device)")
    assert sorted(f.name for f in (workshop / "run").iterdir()) == ["checkpoint-2", "checkpoint-4", "run_inputs.json"]
    monkeypatch.undo()
    os.chdir(workshop)
    assert distill(*STEPS, "--output", "run", "--resume") == 0
    assert distill(*STEPS, "--output", "whole") == 0
    assert same_weights("run", "whole")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--side", "document", "--development", "benchmark"], "--development asks queries"),
        (["--side", "document", "--ranking", "kl", "--passages", "p.jsonl"], "--ranking teaches queries"),
        (["--side", "both", "--loss", "none", "--ranking", "kl", "--passages", "p.jsonl"], "the documents of --side both learn"),
        (["--lexicon", "missing.tsv"], "--lexicon has no effect without --pairs switched"),
        (["--triples", "missing.jsonl"], "--triples has no effect without --pairs switched"),
        (["--passages", "missing.jsonl"], "--passages has no effect without --ranking or --triples"),
        (["--alignment", "missing"], "--alignment has no effect without --adapt_vocabulary"),
        (["--student", "student", "--encoder", "encoder"], "--encoder has no effect beside --student"),
        (["--student", "student", "--side", "both"], "--student student encodes query, not both"),
        (["--report_to", "tensorboard"], "nsorboard"),
    ],
)
def test_settings_that_do_not_go_together(workshop, capsys, flags, message):
    assert distill("--max_steps", "1", "--output", "run", *flags) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("optical: error: ")
    assert message in error


def test_going_on_from_a_student(workshop, capsys):
    assert (
        main(["adapt-vocabulary", "--teacher", "teacher", "--bitext", "pairs.tsv", "--language", "SW", "--output", "adapted"]) == 0
    )
    assert "next: optical distill --student adapted" in capsys.readouterr().out
    adapted = OpticalStudentModel.from_pretrained("adapted")
    assert adapted.config.languages == ["sw"]
    assert distill("--student", "adapted", "--max_steps", "2", "--learning_rate", "1e-3", "--output", "run") == 0
    student = OpticalStudentModel.from_pretrained("run")
    assert len(student.tokenizer) == len(adapted.tokenizer)
    assert student.fingerprint() != adapted.fingerprint()


def test_questions_to_exclude_need_no_corpus_and_no_judgements(workshop, capsys):
    first = (workshop / "pairs.tsv").read_text().splitlines()[1].split("\t")
    (workshop / "asked").mkdir()
    row = {"_id": "q", "text": first[1], "english": first[0]}
    (workshop / "asked" / "queries.jsonl").write_text(json.dumps(row) + "\n")
    assert distill("--exclude", "asked", "--max_steps", "1", "--output", "run") == 0
    assert json.loads((workshop / "run" / "training_data.json").read_text())["bitext"] == 47
