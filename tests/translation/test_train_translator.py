from __future__ import annotations

import json
import shutil

import pytest
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from hf_optical.data import DataError
from hf_optical.training.base_trainer import complete_checkpoints
from hf_optical.translation import Seq2SeqTranslator, train_translator
from hf_optical.translation.joint_tokenizer import train_joint_tokenizer

from .conftest import toy_pairs

TINY = {"d_model": 32, "layers": 1, "heads": 2, "vocabulary": 120, "batch_size": 10, "use_cpu": True, "show_progress_bar": False}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A translator that has seen 30 of 64 sentences of the toy language, and its folder."""
    folder = tmp_path_factory.mktemp("toy") / "translator"
    options = TINY | {"d_model": 64, "heads": 4}
    return train_translator(toy_pairs()[0], folder, language="sw", steps=150, learning_rate=3e-3, **options), folder


def test_translates_what_it_has_not_seen(toy):
    translator, _ = toy
    for pairs, least in zip(toy_pairs(), (1.0, 0.8), strict=True):
        found = translator.translate([foreign for _, foreign in pairs])
        right = sum(text == english for text, (english, _) in zip(found, pairs, strict=True))
        assert right >= least * len(pairs)


def test_folder_is_a_model_of_transformers(toy):
    translator, folder = toy
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert type(model).__name__ == "MarianMTModel"
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    text = toy_pairs()[1][0][1]
    tokens = model.generate(**tokenizer([text], return_tensors="pt"))
    assert tokenizer.batch_decode(tokens, skip_special_tokens=True) == translator.translate([text])
    again = Seq2SeqTranslator.from_pretrained(str(folder), source_language="sw", device="cpu")
    assert again.translate([text]) == translator.translate([text])
    with pytest.raises(DataError, match="translates from 'sw', not 'ha'"):
        Seq2SeqTranslator.from_pretrained(str(folder), source_language="ha")
    metrics = json.loads((folder / "train_metrics.json").read_text())
    assert metrics["pairs_read"] == metrics["pairs_used"] == 30
    assert metrics["train_loss"] < 2


def train(folder, steps=8, **options):
    return train_translator(toy_pairs()[0], folder, **TINY | {"language": "sw", "steps": steps, "save_steps": 3} | options)


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def test_same_seed_same_translator_and_resumed(tmp_path):
    whole, again, cut, other = (tmp_path / name for name in ("whole", "again", "cut", "other"))
    train(whole), train(again), train(other, seed=1)
    assert weights(whole) == weights(again) != weights(other)
    # as a kill after step 6 leaves it
    shutil.copytree(whole, cut, ignore=shutil.ignore_patterns("*.safetensors", "config.json", "checkpoint-8"))
    shutil.copytree(whole / "checkpoint-6", cut / "checkpoint-6", dirs_exist_ok=True)
    train(cut, resume=True)
    assert weights(cut) == weights(whole)
    assert complete_checkpoints(cut)


def test_finished_model_is_loaded(tmp_path):
    train(tmp_path / "a")
    before = (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns
    assert train(tmp_path / "a", resume=True).translate(["mtoto"])
    assert (tmp_path / "a" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(FileExistsError, match="holds a model"):
        train(tmp_path / "a")
    with pytest.raises(ValueError, match=r"other settings: steps 8 \(now 9\), seed 13 \(now 2\)"):
        train(tmp_path / "a", steps=9, seed=2, resume=True)
    with pytest.raises(ValueError, match="other settings: the pairs"):
        train_translator(toy_pairs()[1], tmp_path / "a", language="sw", steps=8, resume=True, **TINY)


def test_folder_of_something_else(tmp_path, marian):
    shutil.copytree(marian, tmp_path / "opus")
    with pytest.raises(ValueError, match="did not begin"):
        train(tmp_path / "opus", resume=True)


def test_long_and_empty_pairs_are_left_out_and_counted(tmp_path):
    pairs = [*toy_pairs()[0], ("child " * 50, "mtoto " * 50), ("", "mtoto"), ("child", " ")]
    train_translator(pairs, tmp_path / "a", language="sw", steps=1, copied=0.25, **TINY)
    metrics = json.loads((tmp_path / "a" / "train_metrics.json").read_text())
    assert metrics["copied"] == 10
    assert (metrics["pairs_read"], metrics["pairs_empty"], metrics["pairs_too_long"], metrics["pairs_used"]) == (33, 2, 1, 30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "swahili"}, "write 'sw'"),
        ({"language": "en"}, "the side that is always there"),
        ({"steps": 0}, "steps is 0"),
        ({"save_steps": 0}, "save_steps is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"copied": 1.0}, "copied is 1.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"d_model": 30, "heads": 4}, "d_model 30"),
        ({"max_tokens": 1000}, "max_tokens is 1000"),
        ({"max_tokens": 2}, "none of 30 pairs"),
    ],
)
def test_bad_arguments_leave_nothing_behind(tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        train(tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_no_pairs(tmp_path):
    with pytest.raises(DataError, match="no pair to train on"):
        train_translator([("", "maji")], tmp_path / "a", language="sw")


def test_tokenizer_is_the_same_every_time_and_keeps_text():
    texts = [text for pair in toy_pairs()[0] for text in pair] + ["Ọ̀rọ̀ 1963, d'Ivoire?"]
    first, second = (train_joint_tokenizer(texts, vocabulary=120) for _ in range(2))
    assert first.get_vocab() == second.get_vocab()
    for text in texts:
        assert first.decode(first(text).input_ids, skip_special_tokens=True) == text.lower()
    assert first.convert_ids_to_tokens(first("1963").input_ids)[-5:] == ["1", "9", "6", "3", "</s>"]
    cased = train_joint_tokenizer(texts, vocabulary=120, lower_case=False)
    assert cased.decode(cased(texts[-1]).input_ids, skip_special_tokens=True) == texts[-1]
