"""adapt_vocabulary: what is added, where it starts, and that nothing else changes."""

import copy

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from hf_optical.data import DataError
from hf_optical.lexicon.word_alignment import WordAlignment
from hf_optical.models import OpticalStudentModel
from hf_optical.vocabulary import adapt_vocabulary

TEXTS = ["sokoni majini, tanuru!", "Shuleni", "market water farm", "nairobi (mtoni)", "", "東京 sokoni", "[Q] watoto [MASK]"]
ADDED = ["sokoni", "majini", "shambani", "shuleni", "mtoni", "watoto", "tanuru"]


def bodies(student, texts=TEXTS):
    return [student.processor.token_ids([text], None, 64)[0][1:-1] for text in texts]


def ids_of(student, text):
    return bodies(student, [text])[0]


def row(student, text):
    (token_id,) = ids_of(student, text)
    return student.get_input_embeddings().weight[token_id].detach().float()


def test_frequent_words_become_tokens_and_nothing_else_changes(student, pairs, alignment):
    before = student.get_input_embeddings().weight.detach().clone()
    known, markers = student.tokenizer.get_vocab(), (student.processor.query_marker, student.processor.document_marker)
    english = bodies(student, ["market water farm school river", "the kiln of nairobi", "rarely"])
    report = adapt_vocabulary(student, pairs, alignment=alignment)

    # to a byte-level tokenizer a word at the beginning of a text is another than in its middle
    assert report.words_added == len(ADDED) * (2 if student.backbone.config.model_type == "modernbert" else 1)
    assert report.vocabulary_after == len(known) + report.words_added
    assert all(len(ids_of(student, f"je {word}")) == len(ids_of(student, "je")) + 1 for word in ADDED)
    vocabulary = student.tokenizer.get_vocab()
    assert {token: vocabulary[token] for token in known} == known
    assert (student.processor.query_marker, student.processor.document_marker) == markers
    assert torch.equal(student.get_input_embeddings().weight[: len(before)], before)
    assert bodies(student, ["market water farm school river", "the kiln of nairobi", "rarely"]) == english
    assert report.english_words_changed == report.english_sentences_changed == 0
    rows = student.get_input_embeddings().weight.shape[0]
    assert rows == student.config.vocab_size == student.config.backbone_config.vocab_size == student.backbone.config.vocab_size
    assert report.skipped.keys() == {"seen too seldom", "spelt alike in English"}


def test_saved_and_loaded_it_encodes_the_same_bits(student, pairs, alignment, tmp_path):
    adapt_vocabulary(student, pairs, alignment=alignment)
    expected = student.encode_query(TEXTS)
    student.save_pretrained(tmp_path)
    for again in (OpticalStudentModel.from_pretrained(str(tmp_path)), AutoModel.from_pretrained(tmp_path)):
        assert all(torch.equal(x, y) for x, y in zip(again.encode_query(TEXTS), expected, strict=True))
        assert again.processor.query_marker == student.processor.query_marker
        assert again.fingerprint() == student.fingerprint()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.get_vocab() == student.tokenizer.get_vocab()
    assert tokenizer.convert_tokens_to_ids("[Q] ") == student.processor.query_marker


def test_adapted_twice_the_second_time_finds_nothing(student, pairs, alignment, tmp_path):
    adapt_vocabulary(student, pairs, alignment=alignment)
    student.save_pretrained(tmp_path)
    again = OpticalStudentModel.from_pretrained(str(tmp_path))
    expected = again.encode_query(TEXTS)
    assert adapt_vocabulary(again, pairs, alignment=alignment).words_added == 0
    assert all(torch.equal(x, y) for x, y in zip(again.encode_query(TEXTS), expected, strict=True))


def test_new_tokens_start_at_the_weighted_mean_of_their_translations(student, pairs, alignment):
    table = student.get_input_embeddings().weight.detach().float().clone()
    # "kiln" is spelt out: its embedding is the mean of its pieces
    pieces = {word: table[student.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]].mean(0) for word in ("kiln", "the")}
    adapt_vocabulary(student, pairs, alignment=alignment)
    torch.testing.assert_close(row(student, " tanuru"), 0.75 * pieces["kiln"] + 0.25 * pieces["the"])


def test_only_the_best_translations_count(tiny_student, pairs, make_alignment):
    student = copy.deepcopy(tiny_student)
    table = {"sokoni": {"market": 0.5, "price": 0.3, "buy": 0.2}}
    expected = (5 * row(student, "market") + 3 * row(student, "price")) / 8
    adapt_vocabulary(student, pairs, alignment=make_alignment(table), top=2)
    torch.testing.assert_close(row(student, "sokoni"), expected)


def test_words_that_lose_their_accents_share_a_token(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    market, river = row(student, "market"), row(student, "river")
    pairs = [("market", "ọjà")] * 3 + [("river", "òja")]
    alignment = make_alignment({"ọjà": {"market": 1.0}, "òja": {"river": 1.0}})
    report = adapt_vocabulary(student, pairs, alignment=alignment, min_count=4)
    assert report.words_added == 1
    assert ids_of(student, "Ọjà") == ids_of(student, "òja") == ids_of(student, "oja")
    torch.testing.assert_close(row(student, "oja"), 0.75 * market + 0.25 * river)


def test_unknown_scripts_become_known(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    market = row(student, "market")
    report = adapt_vocabulary(student, [("market", "рынок")] * 3, alignment=make_alignment({"рынок": {"market": 1.0}}))
    assert (report.unknown_words_before, report.unknown_words_after) == (1.0, 0.0)
    torch.testing.assert_close(row(student, "Рынок"), market)


def test_most_frequent_words_first(tiny_student, pairs, alignment):
    student = copy.deepcopy(tiny_student)
    counts = {word: sum(word in foreign.split() for _, foreign in pairs) for word in ADDED}
    best = sorted(ADDED, key=lambda word: (-counts[word], word))[:2]
    report = adapt_vocabulary(student, pairs, alignment=alignment, max_words=2)
    assert [word for word in ADDED if word in student.tokenizer.get_vocab()] == [w for w in ADDED if w in best]
    assert report.skipped["over max_words"].words == len(ADDED) - 2


def test_words_without_an_alignment_keep_their_pieces(tiny_student, pairs, alignment, make_alignment):
    student = copy.deepcopy(tiny_student)
    before = bodies(student)
    report = adapt_vocabulary(student, pairs, alignment=make_alignment({}))
    assert (report.words_added, report.subwords_added) == (0, 0)
    assert report.skipped["no alignment"].words == len(ADDED) + 1  # and the name
    assert bodies(student) == before


def test_names_that_begin_like_a_new_word_keep_their_pieces(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    pairs = [("kazimierz", "kazi")] * 20
    before = ids_of(student, "kazimierz")
    report = adapt_vocabulary(student, pairs, alignment=make_alignment({"kazi": {"farm": 1.0}}))
    assert report.words_added == 1
    assert report.english_words_changed == 0
    assert ids_of(student, "kazimierz") == before


@pytest.mark.parametrize(("times", "added"), [(1, 1), (2, 0)])
def test_words_that_english_uses_too_are_not_added(tiny_student, make_alignment, times, added):
    student = copy.deepcopy(tiny_student)
    pairs = [("market", "habari")] * 20 + [("habari market", "maji")] * times
    before = ids_of(student, "habari")
    report = adapt_vocabulary(student, pairs, alignment=make_alignment({"habari": {"water": 1.0}}))
    assert report.words_added == added
    if added:
        assert report.english_words_changed == pytest.approx(1 / 22)
        assert report.english_sentences_changed == pytest.approx(1 / 21)
    else:
        assert report.skipped["used in English too"].words == 1
        assert ids_of(student, "habari") == before


def test_half_precision(student, pairs, alignment, tmp_path):
    student.save_pretrained(tmp_path / "full")
    half = OpticalStudentModel.from_pretrained(str(tmp_path / "full"), dtype=torch.bfloat16)
    adapt_vocabulary(student, pairs, alignment=alignment)
    adapt_vocabulary(half, pairs, alignment=alignment)
    assert half.dtype == torch.bfloat16
    assert half.get_input_embeddings().weight.dtype == torch.bfloat16
    torch.testing.assert_close(row(half, " tanuru"), row(student, " tanuru"), atol=0.02, rtol=0.02)
    half.save_pretrained(tmp_path / "half")
    again = OpticalStudentModel.from_pretrained(str(tmp_path / "half"), dtype=torch.bfloat16)
    assert all(torch.equal(x, y) for x, y in zip(again.encode_query(TEXTS), half.encode_query(TEXTS), strict=True))


def test_new_tokens_are_trained_like_the_old(student, pairs, alignment):
    adapt_vocabulary(student, pairs, alignment=alignment)
    batch = student.processor.queries(["market sokoni"])
    student.train()
    student(**batch).embeddings[..., 0].sum().backward()
    gradient = student.get_input_embeddings().weight.grad
    assert len(gradient) == student.config.vocab_size
    (new,) = ids_of(student, " sokoni")
    assert new in batch["input_ids"]
    assert gradient[new].abs().sum() > 0
    assert gradient[[i for i in range(len(gradient)) if i not in batch["input_ids"]]].abs().sum() == 0


def test_the_teacher_keeps_its_vocabulary(tiny_teacher, pairs, alignment):
    fingerprint, size = tiny_teacher.fingerprint(), len(tiny_teacher.tokenizer)
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw"])
    adapt_vocabulary(student, pairs, alignment=alignment)
    assert (tiny_teacher.fingerprint(), len(tiny_teacher.tokenizer)) == (fingerprint, size)
    student.attach_teacher(tiny_teacher)
    assert len(student.encode_document(["market"])) == 1


def test_same_pairs_same_student(tiny_student, pairs):
    """Whatever the state of the random generators, and with the alignment fitted here."""
    outcomes = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        student = copy.deepcopy(tiny_student)
        report = adapt_vocabulary(student, pairs, subwords=5)
        outcomes.append((report.to_dict(), student.fingerprint(), student.tokenizer.get_vocab()))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0]["words_added"] == len(ADDED)


def test_subwords_serve_the_words_that_are_too_rare(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    rare = [f"{stem}kwisha" for stem in ("pati", "some", "lale", "kaze", "tupe")]
    pairs = [("buy", word) for word in rare]
    buy = row(student, "buy")
    alignment = make_alignment({word: {"buy": 1.0} for word in rare})
    report = adapt_vocabulary(student, pairs, alignment=alignment, subwords=1)
    assert (report.words_added, report.subwords_added) == (0, 1)
    assert report.pieces_per_word_after < report.pieces_per_word_before
    (new,) = set(student.tokenizer.get_vocab()) - set(tiny_student.tokenizer.get_vocab())
    assert new.startswith("##")
    assert new[2:] in "kwisha"
    torch.testing.assert_close(student.get_input_embeddings().weight[student.tokenizer.get_vocab()[new]].detach(), buy)


@pytest.mark.parametrize("student", ["modernbert"], indirect=True)
def test_byte_level_tokenizers_take_no_subwords(student, pairs, alignment):
    with pytest.raises(ValueError, match="whole words only"):
        adapt_vocabulary(student, pairs, alignment=alignment, subwords=10)


@pytest.mark.parametrize("wrong", [{"min_count": 0}, {"max_words": 0}, {"subwords": -1}, {"top": 0}])
def test_arguments_out_of_range(tiny_student, pairs, wrong):
    with pytest.raises(DataError, match=f"{next(iter(wrong))} is"):
        adapt_vocabulary(tiny_student, pairs, **wrong)


def test_no_pairs(tiny_student):
    with pytest.raises(DataError, match="no sentence pairs"):
        adapt_vocabulary(tiny_student, [])


def test_fitted_alignment_is_the_default(tiny_student, pairs):
    one, other = copy.deepcopy(tiny_student), copy.deepcopy(tiny_student)
    adapt_vocabulary(one, iter(pairs))
    adapt_vocabulary(other, pairs, alignment=WordAlignment.fit(pairs))
    assert one.fingerprint() == other.fingerprint()
