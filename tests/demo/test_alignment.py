"""Alignments of sentences: sums, costs, views, and what is refused."""

import json
import threading
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_optical.demo.alignment import SOLVERS, WEIGHTS, Alignment, align, align_sentences, greedy_plan
from hf_optical.demo.alignment_sentence import SAMPLE_LANGUAGE, encode_sentence, printable, rarity_of, sample_rarity, word_spans
from hf_optical.demo.alignment_summary import accuracy, comparison, partners, summary
from hf_optical.demo.errors import DemoError
from hf_optical.models import OpticalStudentModel
from hf_optical.transport import exact

ENGLISH, FOREIGN = "Where is the clean water?", "Maji safi yako wapi?"


@pytest.fixture(scope="module")
def unigram_student(encoder_dir, tiny_teacher):
    """Of another tokenizer than its teacher's, one that holds spaces in its pieces."""
    return OpticalStudentModel.from_encoder(encoder_dir("xlm-roberta"), tiny_teacher, languages=["sw"])


@pytest.fixture
def models(unigram_student, tiny_teacher):
    return {"student": unigram_student, "teacher": tiny_teacher}


@pytest.mark.parametrize("unit", ["words", "pieces"])
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_plan_gives_and_takes_the_marginals(models, solver, weights, unit):
    alignment = align_sentences(ENGLISH, FOREIGN, solver=solver, weights=weights, unit=unit, rarity=sample_rarity(), **models)
    plan = torch.tensor(alignment.plan)
    assert plan.shape == (len(alignment.foreign), len(alignment.english))
    assert (plan.sum(1) - torch.tensor(alignment.foreign_mass)).abs().sum() <= alignment.marginal_error + 1e-5
    assert (plan.sum(0) - torch.tensor(alignment.english_mass)).abs().sum() <= alignment.marginal_error + 1e-5
    assert sum(alignment.foreign_mass) == pytest.approx(1, abs=1e-5)
    assert sum(alignment.share(0, j) for j in range(len(alignment.english))) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_words_are_sums_of_pieces_and_cost_the_same(models, weights):
    options = {"weights": weights, "rarity": sample_rarity(), **models}
    words, pieces = (align_sentences(ENGLISH, FOREIGN, unit=unit, **options) for unit in ("words", "pieces"))
    assert words.cost == pieces.cost
    assert words.greedy_filled_cost == pieces.greedy_filled_cost
    assert words.foreign == ("Maji", "safi", "yako", "wapi", "?")
    assert "".join(piece.removeprefix("-") for piece in pieces.foreign if piece != "▁") == "".join(words.foreign)
    spread = sum(
        a * b * (1 - words.similarity[i][j]) for i, a in enumerate(words.foreign_mass) for j, b in enumerate(words.english_mass)
    )
    assert spread == pytest.approx(words.spread_cost, abs=1e-5)


def test_exact_is_never_dearer_than_greedy_or_no_alignment(models):
    for weights in WEIGHTS:
        found = align_sentences(ENGLISH, FOREIGN, solver="exact", weights=weights, rarity=sample_rarity(), **models)
        assert found.cost <= found.greedy_filled_cost + 1e-6
        assert found.cost <= found.spread_cost + 1e-6
        soft = align_sentences(ENGLISH, FOREIGN, epsilon=1.0, weights=weights, rarity=sample_rarity(), **models)
        assert found.cost <= soft.cost + 1e-5


def test_pieces_cost_what_the_loss_says(models):
    found = align_sentences(ENGLISH, FOREIGN, solver="exact", unit="pieces", **models)
    value = sum(
        mass * (1 - similarity)
        for masses, similarities in zip(found.plan, found.similarity, strict=True)
        for mass, similarity in zip(masses, similarities, strict=True)
    )
    assert value == pytest.approx(found.cost, abs=1e-5)
    pairs = [1 - found.similarity[i][j] for i, j in found.greedy_pairs]
    assert len(pairs) == min(len(found.foreign), len(found.english))
    assert found.greedy_cost == pytest.approx(sum(pairs) / len(pairs), abs=1e-5)
    assert found.greedy_left_out == abs(len(found.foreign) - len(found.english))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000))
def test_greedy_plan_carries_everything_and_is_no_cheaper_than_exact(n, m, seed):
    generator = torch.Generator().manual_seed(seed)
    cost = torch.rand(n, m, generator=generator, dtype=torch.double)
    a, b = (torch.rand(k, generator=generator, dtype=torch.double) + 0.01 for k in (n, m))
    a, b = a / a.sum(), b / b.sum()
    plan = greedy_plan(cost, a, b)
    assert (plan >= 0).all()
    assert torch.allclose(plan.sum(1), a, atol=1e-9)
    assert torch.allclose(plan.sum(0), b, atol=1e-9)
    assert (plan * cost).sum() >= exact(cost[None], a[None], b[None]).cost[0] - 1e-6


def test_it_is_plain_data(models):
    found = align_sentences(ENGLISH, FOREIGN, **models).to_dict()
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(found, allow_nan=False))
    assert len(found["plan"]) == len(found["foreign"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "<b>magic"}, "no solver '<b>magic'"),
        ({"weights": "heavy"}, "no weights 'heavy'"),
        ({"unit": "letters"}, "no unit 'letters'"),
        ({"epsilon": 0.0}, "Epsilon must be"),
        ({"epsilon": float("nan")}, "Epsilon must be"),
        ({"epsilon": "0.1"}, "Epsilon must be"),
        ({"weights": "idf"}, "How rare words are"),
    ],
)
def test_bad_options_are_refused_in_one_line(models, options, message):
    with pytest.raises(DemoError, match=message) as raised:
        align_sentences(ENGLISH, FOREIGN, **models | options)
    assert "\n" not in str(raised.value)


def test_a_sentence_that_is_cut_is_told(models):
    found = align_sentences(ENGLISH, "maji safi " * 60 + "mwisho", **models)
    assert any("longer than its encoder reads" in note for note in found.notes)
    assert "longer than its encoder reads" in summary(found)


@pytest.mark.parametrize("side", ["student", "teacher"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_is_read_or_refused_kindly(models, side, text):
    try:
        sentence = encode_sentence(models[side], text, "English")
    except DemoError:
        return
    assert len(sentence.pieces) == len(sentence.word_of) == len(sentence.embeddings)
    assert sorted(set(sentence.word_of)) == list(range(len(sentence.words)))
    assert not any(c in piece for piece in (*sentence.pieces, *sentence.words) for c in "\x00\u202e\n")


def test_words_keep_their_marks_and_apostrophes():
    text = "Níbo ni ọ̀nà? Ng'ombe!"
    assert [text[a:b] for a, b in word_spans(text)] == ["Níbo", "ni", "ọ̀nà", "?", "Ng'ombe", "!"]
    assert printable("a\u202eb\x00") == "ab\ufffd"


def test_rare_words_weigh_more():
    rarity = rarity_of(["maji ya mto", "maji ya ziwa", "maji"])
    assert rarity("MAJI") < rarity("ya") < rarity("ziwa") < rarity("kamwe")


def _engine(models, languages):
    def clean(text, what):
        if not text.strip():
            raise DemoError(f"Write a {what} first.")
        return text

    return SimpleNamespace(
        students={"sw": models["student"]},
        teacher=models["teacher"],
        lock=threading.RLock(),
        clean=clean,
        languages=lambda: [SimpleNamespace(code=code) for code in languages],
    )


def test_an_engine_aligns_by_student_by_teacher_and_in_english(models):
    engine = _engine(models, ["sw", "en"])
    student = align(engine, ENGLISH, FOREIGN, "sw")
    untrained = align(engine, ENGLISH, FOREIGN, "sw", untrained=True)
    assert untrained == align_sentences(ENGLISH, FOREIGN, student=engine.teacher, teacher=engine.teacher)
    assert student.cost != untrained.cost
    assert align(engine, ENGLISH, ENGLISH, "en", solver="exact").cost == pytest.approx(0, abs=1e-5)
    assert align(engine, ENGLISH, FOREIGN, SAMPLE_LANGUAGE, weights="idf").weights == "idf"
    for language, english in (("xx", ENGLISH), ("sw", " ")):
        with pytest.raises(DemoError):
            align(engine, english, FOREIGN, language)


def _made(**changes):
    values = {
        "foreign": ("<i>", "b"), "english": ("&x", '"y"'), "plan": ((0.5, 0.0), (0.1, 0.4)), "similarity": ((1.0, 0.0), (0.2, 0.9)),
        "foreign_mass": (0.5, 0.5), "english_mass": (0.6, 0.4), "cost": 0.2, "spread_cost": 0.9, "greedy_cost": 0.1,
        "greedy_filled_cost": 0.25, "greedy_pairs": ((0, 0), (1, 1)), "greedy_left_out": 2, "marginal_error": 0.0, "iterations": 7,
        "converged": True, "solver": "sinkhorn", "epsilon": 0.05, "weights": "uniform", "unit": "words",
    }  # fmt: skip
    return Alignment(**values | changes)


def test_the_comparison_says_who_is_cheaper():
    assert "25 % more than transport" in comparison(_made())
    assert "2 pieces without a partner" in comparison(_made())
    assert "practically as much" in comparison(_made(greedy_filled_cost=0.2))
    assert "never dearer than greedy" in comparison(_made(cost=0.5))
    assert "take the cost with care" in accuracy(_made(marginal_error=0.05))
    assert "exact solver" in accuracy(_made(solver="exact", epsilon=None))


def test_what_is_told_is_escaped():
    told = summary(_made(notes=("<script>",))) + partners(_made(), "<b>")
    for bad in ("<script>", "<i>b", "<b>", "&x ", "<i></th>"):
        assert bad not in told
    assert "&lt;i&gt;" in told
