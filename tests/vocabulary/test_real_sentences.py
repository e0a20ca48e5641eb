"""adapt_vocabulary on real sentence pairs."""

import gzip
from itertools import islice

import pytest
import torch

from hf_optical.models import OpticalStudentModel
from hf_optical.models.scratch import scratch_config, train_tokenizer
from hf_optical.vocabulary import adapt_vocabulary
from hf_optical.vocabulary.forms import TextForms


@pytest.fixture(scope="module")
def real(suite, tiny_teacher, tmp_path_factory):
    """600 real sentence pairs, and a student with a tokenizer learnt from their English side around a random encoder."""
    from transformers import BertModel

    folder = tmp_path_factory.mktemp("real")
    with gzip.open(suite / "bitext" / "sw.tsv.gz", "rt", encoding="utf-8") as file:
        pairs = [tuple(line.split("\t")[:2]) for line in islice(file, 1, 601)]
    tokenizer = train_tokenizer([english for english, _ in pairs], vocab_size=2000)
    BertModel(scratch_config(len(tokenizer), hidden_size=8, layers=1, heads=1)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return OpticalStudentModel.from_encoder(folder, tiny_teacher, languages=["sw"]), pairs


def test_real_sentences(real, tmp_path):
    student, pairs = real
    known = student.tokenizer.get_vocab()
    report = adapt_vocabulary(student, pairs, subwords=100)
    assert report.pieces_per_word_after < 0.8 * report.pieces_per_word_before
    assert report.share_covered_after > 0.6 > 0.4 > report.share_covered_before
    assert report.english_words_changed < 0.01
    assert report.words_added > 400
    assert 50 < report.subwords_added <= 100
    assert known.items() <= student.tokenizer.get_vocab().items()
    assert report.vocabulary_after == len(known) + report.words_added + report.subwords_added == len(student.tokenizer)
    # every word in several pieces is accounted for
    tokens = TextForms(foreign for _, foreign in pairs)
    assert report.running_words == len(tokens)
    assert sum(skipped.running for skipped in report.skipped.values()) <= report.running_words * (1 - report.share_covered_before)
    expected = student.encode_query([foreign for _, foreign in pairs[:20]])
    student.save_pretrained(tmp_path)
    again = OpticalStudentModel.from_pretrained(str(tmp_path)).encode_query([foreign for _, foreign in pairs[:20]])
    assert all(torch.equal(x, y) for x, y in zip(again, expected, strict=True))
