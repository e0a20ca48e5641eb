"""Words of the language that are tokens of the English vocabulary already: they start anew, at their translations."""

import copy

import pytest
import torch

from hf_optical.models import OpticalStudentModel
from hf_optical.vocabulary import adapt_vocabulary

from .test_adaptation import row

# "ya" and "na" are tokens; English has a "na"
RESTART = [("market", "ya")] * 4 + [("the water", "na")] * 4 + [("na", "the")] * 3


def test_words_that_are_tokens_of_an_english_vocabulary_start_anew(tiny_student, make_alignment):
    student, alignment = copy.deepcopy(tiny_student), make_alignment({"ya": {"market": 1.0}, "na": {"water": 1.0}})
    market, na = row(student, "market"), row(student, "na")
    report = adapt_vocabulary(student, RESTART, alignment=alignment)
    assert (report.words_added, report.words_restarted) == (0, 1)
    torch.testing.assert_close(row(student, "ya"), market)
    assert torch.equal(row(student, "na"), na)
    assert len(student.tokenizer) == len(tiny_student.tokenizer)


def test_what_a_first_language_has_started_anew_a_second_leaves_alone(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    market = row(student, "market")
    adapt_vocabulary(student, RESTART, alignment=make_alignment({"ya": {"market": 1.0}}))
    report = adapt_vocabulary(student, RESTART, alignment=make_alignment({"ya": {"water": 1.0}}))
    assert report.words_restarted == 0
    torch.testing.assert_close(row(student, "ya"), market)


@pytest.mark.parametrize(("restart", "expected"), [(None, 0), (False, 0), (True, 1)])
def test_a_vocabulary_of_its_own_is_restarted_only_on_request(encoder_dir, tiny_teacher, make_alignment, restart, expected):
    student = OpticalStudentModel.from_encoder(encoder_dir("xlm-roberta"), tiny_teacher, languages=["sw"])
    report = adapt_vocabulary(student, RESTART, alignment=make_alignment({"ya": {"market": 1.0}}), restart=restart)
    assert report.words_restarted == expected


def test_names_are_not_started_anew(tiny_student, make_alignment):
    student = copy.deepcopy(tiny_student)
    report = adapt_vocabulary(student, [("market", "lake")] * 4, alignment=make_alignment({"lake": {"lake": 1.0}}))
    assert report.words_restarted == 0
