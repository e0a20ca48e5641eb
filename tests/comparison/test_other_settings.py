"""Runs that were made with other settings are refused, and never reported as if they had these."""

import json
import shutil
from pathlib import Path

import pytest

from hf_optical.commands.compare import run
from hf_optical.comparison.config import load_config
from hf_optical.comparison.identity import changes, student_settings
from hf_optical.comparison.report import write_report


def text():
    return Path("out/report.md").read_text()


def test_a_report_leaves_out_what_was_made_otherwise(finished, configure):
    before = len(write_report(load_config("compare.yaml"))["rows"])
    config = configure(
        methods="  bm25: {system: bm25}\n  zero-shot: {system: zero_shot}\n  optical: {epsilon: 0.3}\n  mse: {loss: mse}\n"
    )
    run([config, "--report-only"])
    figures = json.loads(Path("out/report.json").read_text())
    assert figures["changed"] == dict.fromkeys(
        (f"optical/{language}/seed-{seed}" for seed in (1, 2) for language in ("first", "second")), "epsilon 0.05, now 0.3"
    )
    assert "- optical/first/seed-1: left out, made with other settings: epsilon 0.05, now 0.3" in text()
    assert not [row for row in figures["rows"] if row["method"] == "optical"]
    assert len(figures["rows"]) == before - 3


def test_seeds_of_different_settings_are_not_averaged(finished, configure):
    config = configure(methods="  mse: {loss: mse, weight_decay: 0.5}\n")
    run([config, "--seeds", "3", "--languages", "first"])
    row = next(row for row in json.loads(Path("out/report.json").read_text())["rows"] if row["method"] == "mse")
    assert row["seeds"] == [3]


@pytest.mark.parametrize("first_together", [False, True])
def test_one_student_for_all_is_another_than_one_for_each(world, configure, first_together):
    methods = {False: "  s: {loss: mse}\n", True: "  s: {loss: mse, multilingual: true}\n"}
    run([configure(methods=methods[first_together]), "--seeds", "1"])
    config = configure(methods=methods[not first_together])
    with pytest.raises(ValueError, match=r"of the runs in out/runs were made with other settings"):
        run([config, "--seeds", "1"])
    run([config, "--report-only"])
    assert "left out, made with other settings: trained on " in text()
    run([config, "--seeds", "1", "--rerun"])
    assert "left out" not in text()


def test_a_size_that_was_left_out_as_repeated_is_read_from_the_one_that_was_run(world, configure):
    run([configure(methods="  w: {system: word_by_word, sizes: [50, 100, 500]}\n")])  # 70 pairs each
    assert not list(Path("out/runs").glob("w/*/*500*"))
    figures = json.loads(Path("out/report.json").read_text())
    assert {row["scope"] for row in figures["rows"] if row["method"] == "w"} == {"first", "second", "group:low"}


def test_what_chooses_the_best_checkpoint_is_a_setting(configure, world):
    def settings(more):
        config = configure(methods=f"  s: {{loss: mse, development: first, development_passages: x, eval_steps: 2{more}}}\n")
        return {"training": {"settings": student_settings(load_config(config).methods["s"])}}

    best = ", load_best_model_at_end: true, eval_strategy: steps"
    assert changes(settings(""), settings(", development_split: test")) == []
    assert changes(settings(best), settings(f"{best}, development_split: test")) == ["development_split dev, now test"]
    assert changes(settings(""), settings(", dataloader_num_workers: 1")) == []
    assert changes(settings(", dataloader_drop_last: false"), settings(", dataloader_drop_last: true"))


def test_an_encoder_that_was_trained_anew_is_another(finished, configure, encoder_dir):
    shutil.copytree(encoder_dir("bert"), "encoder")
    config = configure(methods="  s: {loss: mse, encoder: encoder}\n")
    run([config, "--seeds", "1", "--languages", "first"])
    Path("encoder/note.txt").write_text("trained further")
    with pytest.raises(ValueError, match="another content of encoder"):
        run([config, "--seeds", "1", "--languages", "first"])
