"""Texts to ids and masks: markers, expansion, skiplist, truncation, and what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from transformers import AutoTokenizer

from hf_optical.models import OpticalProcessor, OpticalTeacherConfig, OpticalTeacherModel, add_markers

FAMILIES = ("bert", "xlm-roberta", "modernbert", "distilbert")
HOSTILE = "[Q] maji [D] [MASK] <mask> [CLS] [SEP] <s> </s> [PAD] <pad> safi"


@pytest.fixture(scope="module", params=FAMILIES)
def teacher(request, encoder_dir):
    return OpticalTeacherModel.from_encoder(encoder_dir(request.param), embedding_dim=16, query_length=16, document_length=48)


def processor_with(teacher, **settings) -> OpticalProcessor:
    config = OpticalTeacherConfig.from_dict(teacher.config.to_dict() | settings)
    return OpticalProcessor(teacher.tokenizer, config)


def test_a_query_is_cls_marker_text_sep_then_masks(teacher):
    processor, tokenizer = teacher.processor, teacher.tokenizer
    batch = processor.queries(["maji safi", "water"])
    plain = tokenizer("maji safi")["input_ids"]
    expected = [plain[0], tokenizer.convert_tokens_to_ids("[Q] "), *plain[1:]]
    assert batch["input_ids"].shape == (2, 16)
    assert batch["input_ids"][0].tolist() == expected + [tokenizer.mask_token_id] * (16 - len(expected))
    assert batch["scoring_mask"].tolist() == [[1] * 16] * 2  # expansion positions are scored
    assert batch["attention_mask"][0].tolist() == [1] * len(expected) + [0] * (16 - len(expected))  # but not attended to
    attended = processor_with(teacher, attend_to_expansion_tokens=True).queries(["maji safi", "water"])
    assert attended["attention_mask"].tolist() == [[1] * 16] * 2
    assert torch.equal(attended["input_ids"], batch["input_ids"])


def test_an_unexpanded_query_and_a_document_score_no_padding(teacher):
    processor, tokenizer = teacher.processor, teacher.tokenizer
    for batch in (
        processor.queries(["maji", "maji safi ya kunywa"], expand=False),
        processor.documents(["maji", "maji safi ya kunywa"]),
    ):
        padded = batch["input_ids"] == tokenizer.pad_token_id
        assert padded[0].any()
        assert not padded[1].any()
        assert torch.equal(batch["attention_mask"], (~padded).long())
        assert torch.equal(batch["scoring_mask"], (~padded).long())
    assert batch["input_ids"][0, 1] == tokenizer.convert_tokens_to_ids("[D] ")


def test_special_tokens_in_a_text_are_only_text(teacher):
    processor, tokenizer = teacher.processor, teacher.tokenizer
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    assert processor.query_marker in special
    for ids in (
        *processor.queries([HOSTILE], expand=False, max_length=100)["input_ids"].tolist(),
        *processor.documents([HOSTILE], max_length=100)["input_ids"].tolist(),
        *processor.queries([HOSTILE], expand=False)["input_ids"].tolist(),
        *processor.queries(["<s></s>[MASK]" * 20], expand=False)["input_ids"].tolist(),
    ):
        assert special.isdisjoint(ids[2:-1])
        assert len(ids) in (16, processor.documents([HOSTILE], max_length=100)["input_ids"].shape[1])
        assert ids[0] == tokenizer.cls_token_id
        assert ids[-1] == tokenizer.sep_token_id
    text = tokenizer.decode(processor.documents([HOSTILE], max_length=100)["input_ids"][0, 2:-1])
    assert "safi" in text  # nothing behind them is lost
    assert "m" in text.replace("maji", "")  # and they are there, spelt out


@given(texts=some.lists(some.text(max_size=60), max_size=4), length=some.integers(5, 20))
def test_any_text_gives_well_formed_rows(tiny_teacher, texts, length):
    processor, tokenizer = tiny_teacher.processor, tiny_teacher.tokenizer
    forbidden = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    rows = processor.token_ids(texts, processor.query_marker, length)
    assert len(rows) == len(texts)
    for row in rows:
        assert 3 <= len(row) <= length
        assert row[:2] == [tokenizer.cls_token_id, processor.query_marker]
        assert row[-1] == tokenizer.sep_token_id
        assert forbidden.isdisjoint(row[2:-1])


def test_long_texts_are_cut_at_the_length(teacher):
    text = "maji safi ya kunywa " * 200
    processor = teacher.processor
    assert processor.queries([text])["input_ids"].shape == (1, 16)
    assert processor.documents([text])["input_ids"].shape == (1, 48)
    for ids in (processor.queries([text])["input_ids"], processor.documents([text])["input_ids"]):
        assert ids[0, -1] == teacher.tokenizer.sep_token_id
    assert processor.documents([text], max_length=20)["input_ids"].shape == (1, 20)


def test_empty_texts_and_no_texts(teacher):
    processor = teacher.processor
    assert processor.documents([""])["input_ids"].shape == (1, 3)  # [CLS] [D] [SEP]
    assert processor.queries([""])["scoring_mask"].sum() == 16
    assert processor.documents([])["input_ids"].shape == (0, 0)
    assert processor.queries([])["input_ids"].shape == (0, 16)


def test_the_skiplist_hides_tokens_from_scoring_but_not_from_attention(tiny_teacher):
    processor, tokenizer = tiny_teacher.processor, tiny_teacher.tokenizer
    batch = processor.documents(["maize, water. (dry)", "東京"])
    skipped = (batch["attention_mask"] - batch["scoring_mask"]).bool()
    assert tokenizer.convert_ids_to_tokens(batch["input_ids"][skipped]) == [",", ".", "(", ")"]
    unknown = batch["input_ids"] == tokenizer.unk_token_id
    assert unknown.any()
    assert batch["scoring_mask"][unknown].all()
    # words that are no single token must not hide every unknown word
    strict = processor_with(tiny_teacher, skiplist_words=["no such token", "maize", "東"])
    batch = strict.documents(["maize, 東京"])
    skipped = (batch["attention_mask"] - batch["scoring_mask"]).bool()
    assert tokenizer.convert_ids_to_tokens(batch["input_ids"][skipped]) == ["maize"]
    nothing = processor_with(tiny_teacher, skiplist_words=[]).documents(["maize, (dry)!"])
    assert torch.equal(nothing["scoring_mask"], nothing["attention_mask"])
    by_name = processor_with(tiny_teacher, skiplist_words=["[UNK]"]).documents(["東京 maize"])
    assert by_name["scoring_mask"].sum() == by_name["attention_mask"].sum() - 2


def test_queries_are_scored_whole(tiny_teacher):
    assert tiny_teacher.processor.queries(["maize, (dry)!"], expand=False)["scoring_mask"].all()


def test_without_prefixes_nothing_is_inserted(tiny_teacher):
    processor = processor_with(tiny_teacher, query_prefix="", document_prefix="")
    assert processor.query_marker is None
    assert processor.documents(["maji"])["input_ids"].tolist() == [tiny_teacher.tokenizer("maji")["input_ids"]]


def test_prefixes_that_are_text_stand_before_the_text(teacher):
    processor = processor_with(teacher, query_prefix="query: ", document_prefix="", prefixes_are_text=True)
    expected = teacher.tokenizer("query: maji safi")["input_ids"]
    assert processor.queries(["maji safi"], expand=False, max_length=40)["input_ids"][0].tolist() == expected
    assert processor.documents(["maji"])["input_ids"].tolist() == [teacher.tokenizer("maji")["input_ids"]]


@pytest.mark.parametrize("texts", ["maji", ["maji", 3], ["maji", None], [b"maji"], 5, None])
def test_what_is_no_list_of_texts_is_a_type_error(tiny_teacher, texts):
    for encode in (tiny_teacher.processor.queries, tiny_teacher.encode_query, tiny_teacher.encode_document):
        with pytest.raises(TypeError):
            encode(texts)


def test_the_type_error_says_which(tiny_teacher):
    with pytest.raises(TypeError, match="text 1 is int, not a string"):
        tiny_teacher.encode_query(["maji", 3])
    with pytest.raises(TypeError, match="one string: put it into a list"):
        tiny_teacher.encode_query("maji")


def test_a_length_without_room_for_text_is_refused(tiny_teacher):
    with pytest.raises(ValueError, match="a length of 3 leaves no room for text: 3 are special tokens"):
        tiny_teacher.processor.queries(["maji"], max_length=3)
    with pytest.raises(ValueError, match="a length of 0"):
        tiny_teacher.processor.documents(["maji"], max_length=0)
    assert tiny_teacher.processor.queries(["maji safi"], max_length=4)["input_ids"].shape == (1, 4)


def test_tokenizers_that_do_not_fit_are_refused(encoder_dir, tiny_teacher):
    bare = AutoTokenizer.from_pretrained(encoder_dir("bert"))
    with pytest.raises(ValueError, match=r"marker '\[Q\] ' is not in the tokenizer: call add_markers"):
        OpticalProcessor(bare, tiny_teacher.config)
    assert add_markers(bare, tiny_teacher.config) == 2
    assert add_markers(bare, tiny_teacher.config) == 0
    small = OpticalTeacherConfig.from_dict(tiny_teacher.config.to_dict())
    small.backbone_config.vocab_size = len(bare) - 2
    with pytest.raises(ValueError, match="resize the model"):
        OpticalProcessor(bare, small)
    for token, message in (("mask_token", "no mask token"), ("pad_token", "no padding token")):
        lacking = AutoTokenizer.from_pretrained(encoder_dir("bert"))
        add_markers(lacking, tiny_teacher.config)
        setattr(lacking, token, None)
        with pytest.raises(ValueError, match=message):
            OpticalProcessor(lacking, tiny_teacher.config)


def test_adding_markers_keeps_other_special_tokens(encoder_dir, tiny_teacher):
    tokenizer = AutoTokenizer.from_pretrained(encoder_dir("bert"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["[unused0]"]})
    add_markers(tokenizer, tiny_teacher.config)
    assert {"[unused0]", "[Q] ", "[D] "} <= set(tokenizer.all_special_tokens)
