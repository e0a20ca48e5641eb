"""Extended tokenizers of every kind: ids stay, whole words win, everything else is cut as before, and loading changes nothing."""

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AddedToken, AutoTokenizer, PreTrainedTokenizerFast, RobertaTokenizer

from hf_optical.vocabulary.extensible import (
    AddedTokenVocabulary,
    BytePairVocabulary,
    UnigramVocabulary,
    WordPieceVocabulary,
    extensible,
    survives_reload,
)
from tests.conftest import WORDS, bytes_tokenizer, unigram_tokenizer, wordpiece_tokenizer

# a word that is made of another, of accents that some tokenizers take off, in letters that some do not know, with an apostrophe
NEW = ["sokoni", "majini", "majinini", "ọ̀sọ̀ọ̀sẹ̀", "рынок", "ng'ombe"]
TEXTS = [
    "sokoni majini, maji!",
    "ng'ombe wa ng'ombeni, 'ng'ombe'",
    "water majinini sokoninini",
    "(рынок) sokoni",
    "ọ̀sọ̀ọ̀sẹ̀ 東京 the market",
    "[Q] sokoni [MASK]",
    "",
]
SPECIAL = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "mask_token": "<mask>"}


def with_markers(tokenizer):
    markers = [AddedToken(marker, normalized=False, special=True) for marker in ("[Q] ", "[D] ")]
    tokenizer.add_special_tokens({"additional_special_tokens": markers})
    return tokenizer


def sentence_pieces():
    """Gemma's: byte-pair encoding over the whole text, its spaces written "▁"."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(
        vocab_size=200,
        special_tokens=[*SPECIAL.values(), *(f"<0x{i:02X}>" for i in range(256))],
        initial_alphabet=[*string.ascii_letters, *string.punctuation, "▁"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)


def roberta():
    """Byte-level BPE whose class builds its model anew when loaded."""
    vocabulary = {token: i for i, token in enumerate([*SPECIAL.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    return RobertaTokenizer(vocab=vocabulary, merges=[])


def lower_case_words():
    """A tokenizer of whole words, in lower case."""
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*SPECIAL.values(), *WORDS]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **SPECIAL)


KINDS = {
    "wordpiece": (wordpiece_tokenizer, WordPieceVocabulary),
    "unigram": (unigram_tokenizer, UnigramVocabulary),
    "bytes": (bytes_tokenizer, BytePairVocabulary),
    "gemma": (sentence_pieces, AddedTokenVocabulary),
    "roberta": (roberta, AddedTokenVocabulary),
    "words": (lower_case_words, AddedTokenVocabulary),
}


@pytest.fixture(scope="module", params=KINDS)
def before(request):
    return with_markers(KINDS[request.param][0]())


@pytest.fixture(scope="module")
def vocabulary(before):
    return extensible(before)


@pytest.fixture(scope="module")
def units(vocabulary):
    return [vocabulary.unit(f" {word}") for word in NEW]


@pytest.fixture(scope="module")
def after(vocabulary, units):
    return vocabulary.extended(units)


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def test_kind(vocabulary, request):
    assert type(vocabulary) is KINDS[request.node.callspec.params["before"]][1]


def test_known_tokens_keep_their_ids(before, after, units):
    known = before.get_vocab()
    found = after.get_vocab()
    assert found.items() >= known.items()
    assert sorted(found[unit] for unit in units) == list(range(len(known), len(found)))
    assert after.all_special_ids == before.all_special_ids
    assert set(after.all_special_tokens) == set(before.all_special_tokens)


def test_saved_and_loaded_it_is_the_same(after, tmp_path):
    after.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.get_vocab() == after.get_vocab()
    assert again.all_special_ids == after.all_special_ids
    for text in TEXTS:
        assert again(text)["input_ids"] == after(text)["input_ids"]
        assert ids(again, text) == ids(after, text)
    assert survives_reload(after, TEXTS)


def test_a_new_word_is_one_token_wherever_it_stands(after, units, before):
    for word, unit in zip(NEW, units, strict=True):
        new = after.get_vocab()[unit]
        for text in (f"the {word}", f"the {word} of", f"the {word}, the", f"the {word}?"):
            found = ids(after, text)
            assert found.count(new) == 1
            # the rest as before, without the word
            rest = found[: found.index(new)], found[found.index(new) + 1 :]
            assert rest[0] == ids(before, "the")
            assert all(i < len(before) for i in rest[1])


def test_other_words_keep_their_pieces(after, before):
    for text in ("the market of water, and the farm?", "Nairobi", "1998", "", "東京", "kitabu cha historia"):
        assert ids(after, text) == ids(before, text)


def test_markers_in_texts_stay_text(after, before):
    markers = {after.convert_tokens_to_ids(marker) for marker in ("[Q] ", "[D] ")}
    assert markers == {len(before) - 2, len(before) - 1}
    assert markers.isdisjoint(ids(after, "[Q] maji [D] safi"))


def test_the_tokenizer_itself_stays_as_it_is(before, after):
    assert len(before) + len(NEW) == len(after)
    assert not set(NEW) & set(before.get_vocab())


@pytest.mark.parametrize("kind", ["bytes", "unigram"])
def test_texts_come_back(kind):
    vocabulary = extensible(with_markers(KINDS[kind][0]()))
    after = vocabulary.extended([vocabulary.unit(f" {word}") for word in NEW[:3]])
    text = "maji sokoni, majini majinini (sokoni)"
    assert after.decode(ids(after, text)).strip() == text


def test_unknown_words(vocabulary):
    if isinstance(vocabulary, WordPieceVocabulary):
        assert vocabulary.spell([" рынок"]) == [["[UNK]"]]
        assert not vocabulary.is_whole(["[UNK]"])
        assert vocabulary.ids([" рынок"]) == [[]]
    assert vocabulary.is_whole(vocabulary.spell([" maji"])[0]) == (len(vocabulary.spell([" maji"])[0]) == 1)


def test_accents_and_case_are_taken_off_as_the_tokenizer_does():
    vocabulary = extensible(wordpiece_tokenizer())
    assert vocabulary.unit(" Ọ̀sọ̀ọ̀sẹ̀") == vocabulary.unit("osoose") == "osoose"
    assert vocabulary.unit(" Ng'Ombe") == "ng'ombe"
    assert extensible(unigram_tokenizer()).unit(" Sokoni") == "▁Sokoni"


def test_slow_tokenizers_are_refused():
    class Slow:
        is_fast = False

    with pytest.raises(ValueError, match="Slow is no fast tokenizer"):
        extensible(Slow())


ENGLISH = st.lists(st.sampled_from([word for word in WORDS if word.isascii()]), min_size=1, max_size=8).map(" ".join)
NEW_WORDS = st.lists(st.text("qxzj", min_size=4, max_size=9), min_size=1, max_size=12, unique=True)


@given(words=NEW_WORDS, english=ENGLISH)
def test_whatever_is_added_each_word_is_one_token_and_english_stays(words, english):
    """New words of which some are made of others."""
    words = list(dict.fromkeys([*words, *(a + b for a, b in pairwise(words))]))
    for make in (wordpiece_tokenizer, unigram_tokenizer):
        vocabulary = extensible(make())
        backend = vocabulary.backend_with([vocabulary.unit(f" {word}") for word in words])
        assert vocabulary.spell([f" {word}" for word in words], backend) == [[vocabulary.unit(f" {word}")] for word in words]
        assert vocabulary.spell([english], backend) == vocabulary.spell([english])


@given(words=NEW_WORDS, parts=st.lists(st.text("qxzj", min_size=2, max_size=4), max_size=6, unique=True))
def test_unigram_prefers_whole_words_to_new_parts(words, parts):
    vocabulary = UnigramVocabulary(unigram_tokenizer())
    backend = vocabulary.backend_with([f"▁{word}" for word in words], parts)
    assert vocabulary.spell([f" {word}" for word in words], backend) == [[f"▁{word}"] for word in words]


@pytest.mark.parametrize("pieces", [["sokoni", "sokoni"], ["water"]])
def test_a_token_is_added_once(pieces):
    with pytest.raises(ValueError, match=f"'{pieces[-1]}' is in the vocabulary already, or given twice"):
        extensible(wordpiece_tokenizer()).extended(pieces)


def test_parts_of_words_are_for_words_that_are_not_new():
    after = with_markers(wordpiece_tokenizer())
    after = extensible(after).extended(["sokoni", "kazi"], ["##koni", "kazim"])
    assert after.tokenize("sokoni") == ["sokoni"]
    assert after.tokenize("xokoni") == ["x", "##o", "##koni"]
    assert after.tokenize("Kazimierz") == ["kazim", "##i", "##e", "##r", "##z"]
    assert survives_reload(after, ["sokoni xokoni Kazimierz kazi [Q] [MASK]"])
