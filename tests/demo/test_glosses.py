"""Glosses on vectors whose plan is known."""

import torch

from hf_optical.demo.glosses import glosses_of
from hf_optical.search.document import Document
from hf_optical.search.token_spans import query_spans

TEXT = "dry maize and river"
SPANS = [(0, 0), (0, 3), (4, 9), (10, 13), (14, 19)]


class Stand:
    """A student whose vectors are given, in the order of the question's words; all else is far from every passage."""

    def __init__(self, processor, vectors):
        self.processor, self.vectors = processor, vectors

    def encode_query(self, texts, show_progress_bar):
        spans = query_spans(self.processor, texts)[0]
        rows, given = torch.zeros(len(spans), 8), iter(self.vectors)
        for row, span in zip(rows, spans, strict=True):
            row[:] = next(given) if span[1] else torch.eye(8)[7]
        return [rows]


def glosses(tiny_teacher, query, vectors, most=2):
    document = Document("d", TEXT, {}, torch.eye(8)[:5], SPANS)
    found = glosses_of(query, Stand(tiny_teacher.processor, vectors), [document], most)
    return {gloss.word: gloss.english for gloss in found}


def test_a_word_is_glossed_by_the_word_of_the_same_vector(tiny_teacher):
    found = glosses(tiny_teacher, "mahindi mto", torch.eye(8)[[2, 4]])
    assert [word for word, _ in found["mahindi"]] == ["maize"]
    assert [word for word, _ in found["mto"]] == ["river"]


def test_what_is_like_nothing_has_no_gloss(tiny_teacher):
    found = glosses(tiny_teacher, "mahindi mto", torch.stack([torch.eye(8)[2], torch.eye(8)[6]]))
    assert [word for word, _ in found["mahindi"]] == ["maize"]
    assert found["mto"] == []


def test_weights_of_a_word_are_shares(tiny_teacher):
    between = torch.nn.functional.normalize(torch.eye(8)[1] + torch.eye(8)[2], dim=0)
    found = glosses(tiny_teacher, "mahindi", between[None])["mahindi"]
    assert {word for word, _ in found} == {"dry", "maize"}
    assert 0.9 < sum(weight for _, weight in found) <= 1.01


def test_documents_without_places_have_no_glosses(tiny_teacher):
    document = Document("d", TEXT, {}, torch.eye(8)[:5], [])
    found = glosses_of("mahindi", Stand(tiny_teacher.processor, torch.eye(8)[[2]]), [document])
    assert [gloss.english for gloss in found] == [[]]
