"""Tokenizers and encoders from scratch."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer

from hf_optical.data.sample_data import sample_bitext, sample_collection
from hf_optical.models import OpticalStudentConfig, OpticalStudentModel, OpticalTeacherConfig, OpticalTeacherModel
from hf_optical.models.scratch import scratch_config, train_tokenizer

TEXTS = ["Maji safi ya kunywa", "Shule ya kijiji iko mtoni", "Mahindi na maharagwe, Ẹ̀kọ́ ni ŋ!", "Mwaka 1987"] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, vocab_size=120)


def test_special_tokens_and_frame(tokenizer):
    assert [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id] == [0, 1, 2]
    assert tokenizer.convert_ids_to_tokens(tokenizer("maji")["input_ids"]) == ["[CLS]", "maji", "[SEP]"]
    pair = tokenizer("maji", "shule")["input_ids"]
    assert [pair[0], pair.count(tokenizer.sep_token_id)] == [tokenizer.cls_token_id, 2]
    assert tokenizer.mask_token == "[MASK]"
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))


def test_case_is_dropped_and_accents_are_kept(tokenizer):
    assert tokenizer.tokenize("MAJI Safi") == tokenizer.tokenize("maji safi")
    assert tokenizer.tokenize("ẹ̀kọ́") != tokenizer.tokenize("eko")
    assert tokenizer.tokenize("E\u0323\u0300KO\u0323\u0301") == tokenizer.tokenize("ẹ̀kọ́")  # decomposed, capitals
    assert "[UNK]" not in tokenizer.tokenize("Ẹ̀KỌ́ ŊŊ")


def test_every_word_of_the_texts_can_be_spelt(tokenizer):
    assert all("[UNK]" not in tokenizer.tokenize(text) for text in TEXTS)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=6), st.integers(1, 60))
def test_any_texts_give_a_tokenizer(texts, vocab_size):
    tokenizer = train_tokenizer(texts, vocab_size=vocab_size)
    for text in [*texts, "neno lisilojulikana", ""]:
        ids = tokenizer(text)["input_ids"]
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        assert max(ids) < len(tokenizer)


def test_the_size_is_a_bound_unless_the_letters_need_more():
    texts = sample_bitext().dataset["non_english"]
    assert len(train_tokenizer(texts, vocab_size=800)) == 800
    letters = train_tokenizer(texts, vocab_size=10)
    assert 10 < len(letters) < 120
    assert "[UNK]" not in letters.tokenize("mahindi")


def test_the_same_texts_give_the_same_tokenizer():
    texts = sample_bitext().dataset["non_english"]
    first, *others = (train_tokenizer(iter(texts), vocab_size=1500) for _ in range(4))
    assert all(other.get_vocab() == first.get_vocab() for other in others)


def test_tokens_come_back_as_text(tokenizer):
    assert tokenizer.decode(tokenizer("Shule ya kijiji iko mtoni")["input_ids"], skip_special_tokens=True) == (
        "shule ya kijiji iko mtoni"
    )


def test_it_is_loaded_as_it_was_saved(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.special_tokens_map == tokenizer.special_tokens_map
    for text in ("Maji ya mtoni?", "ẹ̀kọ́ [MASK]"):
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_the_samples_questions_are_in_the_vocabulary():
    """Swahili that the student never met must still be spelt out, else a question is a row of [UNK]."""
    tokenizer = train_tokenizer(sample_bitext().dataset["non_english"], vocab_size=3000)
    tokens = [token for text in sample_collection("test").query_texts for token in tokenizer.tokenize(text)]
    assert tokens.count("[UNK]") == 0


def test_the_encoder_has_the_shape_that_was_asked_for():
    config = scratch_config(99, hidden_size=48, layers=3, heads=6, positions=40)
    model = AutoModel.from_config(config)
    assert (config.vocab_size, config.num_hidden_layers, config.num_attention_heads) == (99, 3, 6)
    assert (config.intermediate_size, config.max_position_embeddings) == (192, 40)
    model.train()
    ids = torch.arange(40)[None]
    with torch.no_grad():
        first, second = (model(ids).last_hidden_state for _ in range(2))
    assert first.shape == (1, 40, 48)
    assert torch.equal(first, second), "there is dropout"


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads"):
        AutoModel.from_config(scratch_config(99, hidden_size=48, heads=5))


@pytest.mark.parametrize(
    ("model", "config", "settings"),
    [(OpticalTeacherModel, OpticalTeacherConfig, {}), (OpticalStudentModel, OpticalStudentConfig, {"languages": ["sw"]})],
)
def test_teachers_and_students_are_built_around_it(tokenizer, tmp_path, model, config, settings):
    backbone = scratch_config(len(tokenizer), hidden_size=32, layers=1)
    built = model(config(backbone_config=backbone, embedding_dim=8, query_length=12, document_length=20, **settings))
    built = built.with_tokenizer(train_tokenizer(TEXTS, vocab_size=120)).eval()
    texts = ["maji safi", "", "shule " * 40]
    queries = built.encode_query(texts)
    assert [tuple(query.shape) for query in queries] == [(12, 8)] * 3
    built.save_pretrained(tmp_path)
    for mine, loaded in zip(queries, model.from_pretrained(tmp_path).encode_query(texts), strict=True):
        assert torch.equal(mine, loaded)
