"""Sentence retrieval: equal to a plain computation of the definitions, whatever the blocks, and honest about what it cut."""

import copy
import gzip
import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hf_optical.data.errors import DataError
from hf_optical.evaluation import bitext_retrieval
from hf_optical.evaluation.bitext_retrieval import (
    MEASURES,
    bitext_table,
    evaluate_bitext_retrieval,
    read_parallel,
    save_bitext_result,
)
from hf_optical.models import OpticalTeacherModel, TeacherMismatchError

ENGLISH = ["the maize is dry", "a bus to the market", "the lion eats", "water of the lake", "many people travel by ship"]
SWAHILI = ["mahindi ni kavu", "basi la soko", "simba kula", "maji ya ziwa", "watu wengi safi kwa meli"]


def plain(foreign, english):
    """The definitions, two sentences at a time: `(direction, measure)` -> hits."""
    scores = {measure: [] for measure in MEASURES}
    for f in foreign:
        rows = {measure: [] for measure in MEASURES}
        for e in english:
            similarity = f @ e.T
            rows["maxsim"].append(similarity.max(1).values.mean().item())
            rows["maxsim-reverse"].append(similarity.max(0).values.mean().item())
            rows["maxsim-sum"].append(rows["maxsim"][-1] + rows["maxsim-reverse"][-1])
            rows["cosine"].append(torch.cosine_similarity(f.mean(0), e.mean(0), dim=0).item())
        for measure, row in rows.items():
            scores[measure].append(row)
    hits = {}
    for measure, matrix in scores.items():
        hits["to-en", measure] = [row.index(max(row)) for row in matrix]
        hits["from-en", measure] = [column.index(max(column)) for column in map(list, zip(*matrix, strict=True))]
    return hits


def sentences(lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.functional.normalize(torch.randn(n, 8, generator=generator), dim=-1) for n in lengths]


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=9),
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_hits_are_those_of_the_definitions_whatever_the_blocks(lengths, seed, rows, columns):
    foreign, english = sentences(lengths, seed), sentences(lengths[::-1], seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitext_retrieval, "_FOREIGN_ROWS", rows)
        patch.setattr(bitext_retrieval, "_ENGLISH_ROWS", columns)
        assert bitext_retrieval._first_hits(foreign, english) == plain(foreign, english)


def test_of_equal_scores_the_first_sentence_wins(monkeypatch):
    monkeypatch.setattr(bitext_retrieval, "_ENGLISH_ROWS", 2)
    tokens = torch.eye(4)
    foreign, english = [tokens[:2]] * 5, [tokens[2:], tokens[:2], tokens[:2], tokens[2:], tokens[:2]]
    found = bitext_retrieval._first_hits(foreign, english)
    assert all(found["to-en", measure] == [1] * 5 for measure in MEASURES)
    assert all(found["from-en", measure] == [0] * 5 for measure in MEASURES)


def test_a_model_that_compares_a_text_with_itself_is_always_right(tiny_teacher):
    result = evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, ENGLISH, ENGLISH, system="same")
    assert result.metrics == {f"{direction} {measure}": 1.0 for direction in ("to-en", "from-en") for measure in MEASURES}
    assert set(result.standard_errors.values()) == {0.0}


def test_accuracy_and_standard_error_are_those_of_the_encoded_sentences(tiny_teacher, tiny_student):
    result = evaluate_bitext_retrieval(tiny_student, tiny_teacher, ENGLISH, SWAHILI, batch_size=2)
    hits = plain(tiny_student.encode_query(SWAHILI), tiny_teacher.encode_query(ENGLISH))
    for (direction, measure), found in hits.items():
        right = [float(hit == line) for line, hit in enumerate(found)]
        share = sum(right) / 5
        assert result.per_query[f"{direction} {measure}"] == {str(i): value for i, value in enumerate(right, 1)}
        assert result.metrics[f"{direction} {measure}"] == pytest.approx(share)
        assert result.standard_errors[f"{direction} {measure}"] == pytest.approx(math.sqrt(share * (1 - share) / 4))
    assert result.queries == 5


def test_a_hit_with_the_text_of_the_translation_is_right(tiny_teacher):
    english = ["water", "water", "the lion"]
    assert evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, english, english).metrics["to-en maxsim"] == 1.0


def test_sentences_that_are_cut_are_counted_and_a_longer_limit_takes_them_whole(tiny_teacher, tiny_student):
    long = " ".join(["maize water bus lion"] * 6)
    english, swahili = [*ENGLISH, f"{long} the school", f"{long} the river"], [*SWAHILI, f"{long} shule", "mto"]
    short = evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, english, english)
    assert short.cut_off == {"non_english": 2, "english": 2}
    assert short.metrics["to-en maxsim"] == pytest.approx(6 / 7)  # what tells the last two apart was cut off
    whole = evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, english, english, max_length=40)
    assert whole.cut_off == {"non_english": 0, "english": 0}
    assert whole.metrics["to-en maxsim"] == 1.0
    assert evaluate_bitext_retrieval(tiny_student, tiny_teacher, english, swahili).to_dict()["cut_off"] == {
        "non_english": 1,
        "english": 2,
    }


def test_the_same_run_twice_and_a_table(tiny_teacher, tiny_student, tmp_path):
    first, second = (evaluate_bitext_retrieval(tiny_student, tiny_teacher, ENGLISH, SWAHILI, system="s") for _ in range(2))
    assert first == second
    header, _, row = bitext_table([first]).splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")][2:5] == ["to-en maxsim", "to-en maxsim-sum", "to-en cosine"]
    assert f"{100 * first.metrics['to-en maxsim']:.1f} ±" in row
    assert len(bitext_table([first], every=True).splitlines()[0].split("|")) == 2 + 2 + 8
    save_bitext_result(first, tmp_path, "s")
    assert json.loads((tmp_path / "s.bitext.json").read_text())["per_query"] == first.per_query


def test_wrong_requests(tiny_teacher, tiny_student, encoder_dir):
    with pytest.raises(ValueError, match="2 English and 1 other sentences"):
        evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="1 English and 1 other sentences"):
        evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, ["a"], ["a"])
    with pytest.raises(ValueError, match="max_length 500 is more than the 128 tokens"):
        evaluate_bitext_retrieval(tiny_teacher, tiny_teacher, ENGLISH, SWAHILI, max_length=500)
    other = OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), embedding_dim=16, query_length=16, document_length=48)
    with pytest.raises(TeacherMismatchError):
        evaluate_bitext_retrieval(tiny_student, other, ENGLISH, SWAHILI)
    for_documents = copy.deepcopy(tiny_student)
    for_documents.config.side = "document"
    with pytest.raises(ValueError, match="encodes documents only"):
        evaluate_bitext_retrieval(for_documents, tiny_teacher, ENGLISH, SWAHILI)


def test_every_line_is_read_in_order(tmp_path):
    path = tmp_path / "sw.tsv.gz"
    rows = [("A cup.", "Kikombe."), ("A cup.", "Kikombe."), ("1 2 3", "1 2 3")]  # repeated, untranslated: lines of a test set
    path.write_bytes(gzip.compress(("english\tnon_english\n" + "".join(f"{e}\t{f}\n" for e, f in rows)).encode()))
    assert read_parallel(path) == ([e for e, _ in rows], [f for _, f in rows])
    assert read_parallel(path, limit=2) == (["A cup.", "A cup."], ["Kikombe.", "Kikombe."])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("english\tnon_english\nA\tB\nC\t\n", "a.tsv:3: the non-English side is empty"),
        ("english\tnon_english\n \tB\nC\tD\n", "a.tsv:2: the English side is empty"),
        ("english\tnon_english\nA\tB\n", "a.tsv: 1 pairs, where at least 2 are needed"),
        ("english\tsw\nA\tB\n", "column 'non_english': missing"),
        ("english\tnon_english\nA\tB\nC\n", "a.tsv:3: "),
    ],
)
def test_a_line_that_is_no_pair_is_told(tmp_path, text, message):
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(DataError) as raised:
        read_parallel(tmp_path / "a.tsv")
    assert message in str(raised.value)


def test_the_suite_has_1012_lines(suite):
    english, swahili = read_parallel(suite / "bitext-test" / "sw.tsv.gz")
    assert len(english) == len(swahili) == len(set(english)) == 1012
