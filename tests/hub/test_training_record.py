import json
import re

import pytest

from hf_optical.hub.training_record import changed_arguments, save_training_record, training_record
from hf_optical.recipes.settings import DistillSettings, TeachSettings
from hf_optical.training import OpticalTrainingArguments


def arguments(tmp_path, **options):
    return OpticalTrainingArguments(output_dir=str(tmp_path / "run"), use_cpu=True, **options)


def test_defaults_are_not_recorded(tmp_path):
    assert changed_arguments(arguments(tmp_path)) == {}
    assert changed_arguments(TeachSettings()) == {}


def test_what_differs_is(tmp_path):
    args = arguments(
        tmp_path,
        epsilon=0.02,
        eval_strategy="no",
        lr_scheduler_type="cosine",
        max_steps=300,
        hub_token="hf_secret",
        run_name="mine",
    )
    assert changed_arguments(args) == {"epsilon": 0.02, "lr_scheduler_type": "cosine", "max_steps": 300}


def test_a_record_is_json_without_paths(tmp_path):
    settings = TeachSettings(encoder=str(tmp_path / "encoder"), triples="data/triples.jsonl")
    record = training_record(
        arguments(tmp_path, per_device_train_batch_size=8, gradient_accumulation_steps=2),
        settings,
        pairs=100,
        steps=7,
        outcome={"train_runtime": 1.5, "train_loss": 0.25, "epoch": 1.12},
        fingerprint="0123456789abcdef",
    )
    assert json.loads(json.dumps(record)) == record
    assert str(tmp_path) not in json.dumps(record)
    assert record["arguments"]["encoder"] == "encoder"
    assert record["arguments"]["triples"] == "data/triples.jsonl"
    assert (record["examples"], record["steps"], record["examples_per_step"]) == (100, 7, 16)
    assert (record["seconds"], record["train_loss"], record["epochs"]) == (1.5, 0.25, 1.12)
    assert record["hardware"]["device"] == "cpu"
    assert {"python", "torch", "transformers"} <= set(record["versions"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", record["finished"])
    if "commit" in record:
        assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?", record["commit"])
    file = save_training_record(tmp_path, record)
    assert json.loads(file.read_text()) == record


def test_sources_on_the_hub_are_told_from_files_when_they_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("corpus/sample.en", "corpus/sample.sw", "acme/moses.sw", "pairs/sw/pairs.tsv", "there/pairs"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x\n")
    here = ["corpus/sample", "acme/moses", "pairs/sw", "there/pairs", "there/missing", "gone/pairs.tsv", "gone/m.{en,sw}"]
    settings = DistillSettings(bitext=[*here, "org/bitext", "org/bitext"], language=["sw"], triples="org/triples")
    record = training_record(arguments(tmp_path), settings)
    assert record["datasets"] == ["org/bitext", "org/triples"]
    settings = TeachSettings(triples="there/pairs", passages="org/passages")  # passages are always files
    assert training_record(arguments(tmp_path), settings)["datasets"] == []
    assert training_record(arguments(tmp_path))["datasets"] == []


def test_nothing_half_written(tmp_path):
    save_training_record(tmp_path, {"steps": 1})
    with pytest.raises(TypeError):
        save_training_record(tmp_path, {"steps": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["training.json"]
    assert json.loads((tmp_path / "training.json").read_text()) == {"steps": 1}
