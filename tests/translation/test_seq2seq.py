from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
import torch

from hf_optical.data import DataError
from hf_optical.translation import Seq2SeqTranslator

from .conftest import make_marian, make_mbart

TEXTS = ["maji safi", "", "maji safi ya kunywa maji", "safi", "maji safi", " \t"]


def load(folder: str, **options) -> Seq2SeqTranslator:
    return Seq2SeqTranslator.from_pretrained(folder, source_language="sw", device="cpu", **options)


def reference(translator: Seq2SeqTranslator, text: str, first: list[int], limit: int) -> str:
    """Greedy decoding by hand, one text, without cache."""
    model, tokenizer = translator.model, translator.tokenizer
    ids = torch.tensor([tokenizer(text).input_ids])
    suppressed = [i for word in model.generation_config.bad_words_ids or [] for i in word]
    found = first[:]
    while len(found) <= limit and (len(found) == len(first) or found[-1] != model.config.eos_token_id):
        logits = model(input_ids=ids, decoder_input_ids=torch.tensor([found])).logits[0, -1]
        logits[suppressed] = -torch.inf
        forced = model.generation_config.forced_eos_token_id
        found.append(forced if forced is not None and len(found) == limit else int(logits.argmax()))
    return " ".join(tokenizer.decode(found, skip_special_tokens=True).split())


def test_marian_greedy_decoding(marian):
    translator = load(marian, max_length=12)
    expected = [reference(translator, text, [0], 12) if text.strip() else "" for text in TEXTS]
    assert translator.translate(TEXTS) == expected
    assert expected[0] == expected[4] != expected[2]
    assert translator.name == f"translate-test ({Path(marian).name})"


def test_nllb_is_told_both_languages(nllb):
    translator = load(nllb, max_length=12)
    tokenizer = translator.tokenizer
    english = tokenizer.convert_tokens_to_ids("eng_Latn")
    found = translator.translate(["maji", "safi maji"])
    assert tokenizer.convert_ids_to_tokens(tokenizer("maji").input_ids)[0] == "swh_Latn"
    assert found == [reference(translator, text, [2, english], 12) for text in ("maji", "safi maji")]
    others = Seq2SeqTranslator.from_pretrained(nllb, source_language="ha", target_language="fr", device="cpu", max_length=12)
    assert others.translate(["maji", "safi maji"]) != found


@pytest.mark.parametrize("fifty", [True, False])
def test_mbart_is_told_both_languages(tmp_path, fifty):
    if fifty:
        translator = load(make_mbart(tmp_path / "mbart", True), max_length=10)
        tokenizer = translator.tokenizer
        assert translator._start == {"forced_bos_token_id": tokenizer.convert_tokens_to_ids("en_XX")}
        translator.translate(["maji"])
        assert tokenizer.convert_ids_to_tokens(tokenizer("maji").input_ids)[0] == "sw_KE"
    else:
        folder = make_mbart(tmp_path / "mbart", False)
        with pytest.raises(DataError, match=r"does not know Swahili"):
            load(folder)
        translator = Seq2SeqTranslator.from_pretrained(folder, source_language="de", device="cpu", max_length=10)
        tokenizer = translator.tokenizer
        assert translator._start == {"decoder_start_token_id": tokenizer.convert_tokens_to_ids("en_XX")}
        translator.translate(["maji"])
        assert tokenizer.convert_ids_to_tokens(tokenizer("maji").input_ids)[-1] == "de_DE"


@pytest.mark.parametrize("options", [{"batch_size": 1}, {"num_beams": 3}, {"num_beams": 3, "batch_size": 2}])
def test_deterministic_whatever_the_batch(marian, options):
    translator = load(marian, max_length=12, **options)
    found = translator.translate(TEXTS)
    assert translator.translate(TEXTS) == found
    assert load(marian, max_length=12, **options).translate(TEXTS[::-1]) == found[::-1]
    if "num_beams" not in options:
        assert found == load(marian, max_length=12).translate(TEXTS)


def test_length_is_bounded(marian, caplog):
    translator = load(marian, max_length=8)
    seen = []
    original = translator.model.generate

    def generate(**inputs):
        seen.append((inputs["input_ids"].shape[1], inputs["generation_config"].max_new_tokens))
        return original(**inputs)

    translator.model.generate = generate
    with caplog.at_level(logging.WARNING):
        translator.translate(["maji safi " * 40, "safi"])
    assert seen == [(8, 8)]
    assert "1 of 2 texts are longer than 8 tokens and were cut" in caplog.text
    # never more than the model has positions for
    assert load(marian, max_length=1000).max_length == 64


def test_no_texts(marian):
    assert load(marian).translate([]) == []


def test_prefix_of_models_with_several_targets(tmp_path):
    folder = make_marian(tmp_path / "mul", source_lang="mul", target_lang="mul", prefixes=[">>eng<<", ">>fra<<"])
    translator = load(folder)
    assert translator.tokenizer.convert_ids_to_tokens(translator._token_ids(["maji"])[0])[0] == ">>eng<<"
    with pytest.raises(DataError, match="does not know German"):
        load(folder, target_language="de")


def test_language_of_a_model_of_one_pair(marian, tmp_path):
    with pytest.raises(DataError, match="translates from 'sw', not 'ha'"):
        Seq2SeqTranslator.from_pretrained(marian, source_language="ha")
    with pytest.raises(DataError, match="translates into 'en', not 'fr'"):
        load(marian, target_language="fr")
    with pytest.raises(DataError, match="write 'sw'"):
        Seq2SeqTranslator.from_pretrained(marian, source_language="swahili")
    # a family of languages, and a three-letter code
    load(make_marian(tmp_path / "family", source_lang="bnt", target_lang="eng"))
    with pytest.raises(DataError, match="translates from 'swc', not 'sw'"):
        load(make_marian(tmp_path / "congo", source_lang="swc", target_lang="en"))


@pytest.mark.parametrize(("language", "message"), [("sw", None), ("xx", "no language code"), ("ha_Latn", "write 'ha'")])
def test_unknown_language(nllb, language, message):
    if message is None:
        assert Seq2SeqTranslator.from_pretrained(nllb, source_language=language)._source_code == "swh_Latn"
        return
    with pytest.raises(DataError, match=message):
        Seq2SeqTranslator.from_pretrained(nllb, source_language=language)


def test_pickled_weights_are_not_taken(marian, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(marian, folder)
    (folder / "model.safetensors").unlink()
    torch.save(load(marian).model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="safetensors"):
        load(str(folder))


def test_what_is_no_translation_model(marian, encoder_dir, tmp_path):
    with pytest.raises(ValueError, match="cannot be loaded as a sequence-to-sequence model"):
        load(encoder_dir("bert"))
    with pytest.raises(ValueError, match="cannot be loaded"):
        load(str(tmp_path / "nowhere"))
    damaged = tmp_path / "damaged"
    shutil.copytree(marian, damaged)
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged or cut off"):
        load(str(damaged))


def test_original_marian_tokenizer_needs_sentencepiece(tmp_path, marian, monkeypatch):
    import importlib.util

    if importlib.util.find_spec("sentencepiece"):
        pytest.skip("sentencepiece is installed: there is nothing to report")
    folder = tmp_path / "original"
    shutil.copytree(marian, folder, ignore=shutil.ignore_patterns("tokenizer*"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "MarianTokenizer", "source_lang": "sw"}')
    for name in ("vocab.json", "source.spm", "target.spm"):
        (folder / name).write_text("{}")
    with pytest.raises(ValueError, match="pip install sentencepiece"):
        load(str(folder))


@pytest.mark.parametrize("option", ["num_beams", "batch_size", "max_length"])
def test_numbers_must_be_positive(marian, option):
    with pytest.raises(ValueError, match=option):
        load(marian, **{option: 0})
