"""Lexicons from transport plans: words are linked through their pieces, whatever the tokenizer, batch and length."""

import copy
from functools import partial

import pytest
import torch

from hf_optical.data import DataError
from hf_optical.lexicon import align_by_plans
from hf_optical.lexicon.plan_alignment import _sentences
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.transport import exact, ipot, sinkhorn

PAIRS = [
    ("the maize farm", "the maize farm"),
    ("Water, water for the child!", "Water, water for the child!"),
    ("zebra's well-known river", "zebra's well-known river"),
    ("market", "market"),
]
WORDS = {"the", "maize", "farm", "water", "for", "child", "zebra's", "well-known", "river", "market"}


def same_words(lexicon):
    assert lexicon.entries == {word: {word: 1.0} for word in WORDS}


@pytest.mark.parametrize(
    "solver", [partial(sinkhorn, epsilon=0.002, max_iterations=2000), exact, partial(ipot, max_iterations=200)]
)
@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_an_undistilled_student_links_every_word_with_itself(tiny_student, tiny_teacher, solver, batch_size):
    lexicon = align_by_plans(tiny_student, tiny_teacher, PAIRS, solver=solver, max_length=40, batch_size=batch_size, min_count=1)
    assert lexicon.language == "sw"
    same_words(lexicon)


@pytest.mark.parametrize("family", ["xlm-roberta", "modernbert"])
def test_pieces_of_other_tokenizers(encoder_dir, family):
    torch.manual_seed(0)
    teacher = OpticalTeacherModel.from_encoder(encoder_dir(family), embedding_dim=16, query_length=48, document_length=64)
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    same_words(align_by_plans(student, teacher, PAIRS, solver=exact, min_count=1))


def test_prefixes_that_are_text(encoder_dir):
    prefixes = {"query_prefix": "query: ", "document_prefix": "passage: ", "prefixes_are_text": True}
    teacher = OpticalTeacherModel.from_encoder(
        encoder_dir("bert"), embedding_dim=16, query_length=48, document_length=48, **prefixes
    )
    student = OpticalStudentModel.from_teacher(teacher, languages=["sw"])
    same_words(align_by_plans(student, teacher, PAIRS, solver=exact, min_count=1))


def test_every_token_is_put_to_its_word(tiny_teacher):
    (sentence,) = _sentences(tiny_teacher, ["Maize, zeb!"], "query", None)
    tokens = tiny_teacher.tokenizer.convert_ids_to_tokens(sentence.ids)
    assert tokens == ["[CLS]", "[Q] ", "maize", ",", "z", "##e", "##b", "!", "[SEP]"]
    assert sentence.word_of == [0, 0, 1, 0, 2, 2, 2, 0, 0]
    assert sentence.keys == ["maize", "zeb"]


def test_order_of_the_words_does_not_hide_them(tiny_student, tiny_teacher):
    # word embeddings alone, so that a word is the same wherever it stands
    student, teacher = copy.deepcopy(tiny_student), copy.deepcopy(tiny_teacher)
    for model in (student, teacher):
        for layer in model.backbone.encoder.layer:
            layer.attention.output.dense.weight.data.zero_()
            layer.output.dense.weight.data.zero_()
        model.backbone.embeddings.position_embeddings.weight.data.zero_()
    lexicon = align_by_plans(student, teacher, [("maize market school", "school maize market")] * 2, solver=exact)
    assert lexicon.entries == {word: {word: 1.0} for word in ("maize", "market", "school")}


def test_pairs_left_out_are_counted(tiny_student, tiny_teacher):
    pairs = [("maize", "maize"), ("maize " * 20, "maize"), ("...", "maize"), ("maize", "a [MASK] b"), ("maize", "maize " * 20)]
    report = align_by_plans(tiny_student, tiny_teacher, pairs, min_count=1).report
    assert (report.rows_read, report.rows_kept) == (5, 2)
    assert report.rejected["more tokens than the model takes"].first == ["pairs:2", "pairs:5"]
    assert report.rejected["side without a word"].count == 1


def test_models_stay_as_they_are(tiny_student, tiny_teacher):
    student = copy.deepcopy(tiny_student).train()
    align_by_plans(student, tiny_teacher, PAIRS)
    assert student.training
    assert not tiny_teacher.training
    assert student.fingerprint() == tiny_student.fingerprint()


@pytest.mark.parametrize(
    ("pairs", "arguments", "words"),
    [
        ([("a", "b"), ("c",)], {}, "pair 2 is not two texts"),
        ([], {"batch_size": 0}, "batch_size is 0"),
        ([], {"min_count": 0}, "min_count is 0"),
        ([], {"language": "swahili"}, "write 'sw'"),
    ],
)
def test_bad_input_is_refused(tiny_student, tiny_teacher, pairs, arguments, words):
    with pytest.raises(DataError, match=words):
        align_by_plans(tiny_student, tiny_teacher, pairs, **arguments)


def test_a_student_of_several_languages_asks_for_one(tiny_teacher):
    student = OpticalStudentModel.from_teacher(tiny_teacher, languages=["sw", "ha"])
    with pytest.raises(DataError, match="2 languages"):
        align_by_plans(student, tiny_teacher, PAIRS)
    assert align_by_plans(student, tiny_teacher, PAIRS, language="ha").language == "ha"
