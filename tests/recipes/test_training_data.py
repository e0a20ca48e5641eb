"""What a student is trained on: code-switched English, passages, English pairs, adapted vocabulary, several languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hf_optical.cli import main
from hf_optical.models import OpticalStudentModel

BASE = ["--teacher", "teacher", "--bitext", "pairs.tsv", "--language", "sw", "--use_cpu", "--disable_tqdm", "true"]
STEPS = ["--max_steps", "2", "--per_device_train_batch_size", "8", "--save_strategy", "no", "--output", "run"]
WORDS = {"maji": "water", "mvua": "rain", "soko": "market", "shule": "school"}


def distill(*flags):
    return main(["distill", *BASE, *STEPS, *flags])


def report():
    return json.loads(Path("run/training_data.json").read_text())


def triples_by_id(folder):
    lines = [json.dumps({"query": "water rain", "positive_id": "d0", "negative_ids": ["d1", "d2"]})] * 8
    (folder / "by_id.jsonl").write_text("\n".join(lines) + "\n")
    return ["--triples", "by_id.jsonl", "--passages", "benchmark/corpus.jsonl"]


def test_bitext_alone_is_the_default(workshop):
    assert distill() == 0
    assert report()["bitext"] > 30
    assert "switched" not in report()


def test_vocabulary_is_adapted_before_training(workshop):
    assert distill("--adapt_vocabulary", "--vocabulary_min_count", "2") == 0
    (vocabulary,) = report()["vocabulary"]
    assert vocabulary["language"] == "sw"
    student = OpticalStudentModel.from_pretrained("run")
    assert student.encode_query(["mahindi na maji"])[0].shape[1] == 16


def test_transport_on_code_switched_english(workshop):
    (workshop / "lexicon.tsv").write_text("".join(f"{e}\t{f}\n" for f, e in WORDS.items()))
    assert distill("--pairs", "switched", "--code_switch", "1", "--lexicon", "lexicon.tsv") == 0
    assert report()["switched"] > 30
    assert "bitext" not in report()
    assert report()["switching"]


def test_code_switched_retrieval_training_with_an_induced_lexicon(workshop):
    flags = triples_by_id(workshop)
    assert distill("--pairs", "switched", "--loss", "none", "--ranking", "contrastive", *flags) == 0
    assert report()["switched"] == 8


def test_transport_and_code_switching_together(workshop):
    assert distill("--pairs", "both", "--ranking", "contrastive", *triples_by_id(workshop)) == 0
    assert report()["switched"] == 8
    assert report()["bitext"] > 30


def test_the_teachers_ranking_of_ones_own_passages(workshop):
    flags = ["--ranking", "kl", "--passages", "benchmark/corpus.jsonl", "--ranking_documents", "4"]
    assert distill(*flags, "--teacher_cache", "cache") == 0
    assert list(Path("cache").glob("*/chunk-*.npy"))


def test_english_stays_a_language(workshop):
    assert distill("--english_share", "0.5") == 0
    assert report()["English on both sides"] == pytest.approx(report()["bitext"] / 2, abs=1)


def test_one_student_for_two_languages(workshop):
    (workshop / "second.tsv").write_text((workshop / "pairs.tsv").read_text().replace("maji", "ruwa"))
    flags = ["--language", "sw", "ha", "--bitext", "pairs.tsv", "second.tsv", "--adapt_vocabulary"]
    assert main(["distill", "--teacher", "teacher", "--use_cpu", "--disable_tqdm", "true", *STEPS, *flags]) == 0
    assert OpticalStudentModel.from_pretrained("run").config.languages == ["sw", "ha"]
    assert set(json.loads(Path("run/bitext_report.json").read_text())) == {"sw", "ha"}
    assert [entry["language"] for entry in report()["vocabulary"]] == ["sw", "ha"]


def test_a_document_side_student(workshop):
    assert distill("--side", "document") == 0
    assert OpticalStudentModel.from_pretrained("run").config.side == "document"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--language", "sw", "ha"], "2 languages, but 1 bitexts"),
        (["--code_switch", "1.5"], "--code_switch is 1.5"),
        (["--english_share", "-0.1"], "--english_share is -0.1"),
        (["--pairs", "switched", "--lexicon", "a.tsv", "b.tsv"], "2 lexicons for 1 languages"),
        (["--ranking", "kl"], "0 passages, but --ranking_documents is 8"),
        (["--loss", "none"], "loss none needs a ranking loss"),
        (["--ranking", "contrastive"], "ranking contrastive has no passages to learn from"),
        (["--side", "documents"], "documents"),
    ],
)
def test_settings_that_do_not_go_together(workshop, capsys, flags, message):
    assert distill(*flags) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("optical: error:")
    assert message in error
    assert not (workshop / "run" / "config.json").exists()
