"""Methods whose rankings are another's, joined with BM25's, or its student's with spelling variants."""

import json
import shutil
from pathlib import Path

import pytest

from hf_optical.commands.compare import run
from hf_optical.comparison import runner
from hf_optical.comparison.config import load_config
from hf_optical.comparison.jobs import list_jobs
from hf_optical.comparison.materials import Materials
from hf_optical.data import DataError, load_retrieval
from hf_optical.models.pretrained import load_student
from hf_optical.search import Bm25Index, SpellingVariants, reciprocal_rank_fusion
from hf_optical.search.spelling_variants import Reader
from hf_optical.training import OpticalTrainer

METHODS = """\
  joined: {system: fusion, of: optical, lexical_weight: 0.3}
  bm25: {system: bm25}
  teacher: {system: teacher_english}
  ceiling: {system: fusion, of: teacher, lexical_ngrams: 0}
  optical: {loss: optical, sizes: [40, null]}
"""

VARIANTS = """\
  optical: {loss: optical}
  asked: {system: fusion, of: optical, lexical_weight: 0, spelling_variants: true}
  both: {system: fusion, of: optical, spelling_variants: true}
  chained: {system: fusion, of: asked}
  teacher: {system: teacher_english}
"""


def ranking(folder):
    found = {}
    for line in (Path("out/runs") / folder / "run.trec").read_text().splitlines():
        query, _, document, *_ = line.split()
        found.setdefault(query, []).append(document)
    return found


@pytest.fixture
def ready(world, configure):
    configure(("seeds: [1, 2]", "seeds: [1]"), methods=METHODS)
    return world


def test_rankings_are_joined(ready):
    run(["compare.yaml", "--languages", "first", "--methods", "joined", "ceiling"])  # what they are made of is run too
    collection = load_retrieval("first")
    words, ngrams = (Bm25Index(collection.corpus_ids, collection.corpus_texts, ngrams=n) for n in (0, 4))
    for method, base, place, texts, weight, lexical in (
        ("joined", "optical", "first/seed-1", collection.queries, 0.3, ngrams),
        ("joined", "optical", "first/seed-1-pairs-40", collection.queries, 0.3, ngrams),
        ("ceiling", "teacher", "first/once", collection.english, 0.5, words),
    ):
        joined, own = ranking(f"{method}/{place}"), ranking(f"{base}/{place}")
        for query, documents in joined.items():
            ((found),) = lexical.search([texts[query]], 100)
            expected = reciprocal_rank_fusion([[(d, 0.0) for d in own[query]], found], [1, weight])
            assert documents == [document for document, _ in expected][:100]
    assert ranking("ceiling/first/once") != ranking("teacher/first/once")
    figures = json.loads(Path("out/report.json").read_text())
    row = {row["method"]: row for row in figures["rows"] if row["scope"] == "first"}
    assert row["joined"]["seeds"] == [1]
    assert row["joined"]["took"]["steps"] == 3
    assert row["joined"]["retention"]
    assert row["ceiling"]["retention"] is None
    assert figures["methods"]["joined"]["title"] == "optical, and BM25"
    assert {test["method"] for test in figures["tests"] if test["scope"] == "first"} == {"joined"}  # bm25 was not asked for
    assert {name.split("/")[0] for name in figures["missing"] if "/first/" in name} == {"bm25"}


def test_what_it_is_made_of_comes_first(ready):
    names = [job.method.name for job in list_jobs(load_config("compare.yaml"), languages=["first"], methods=["joined"])]
    assert names == ["teacher", "optical", "optical", "joined", "joined"]


def test_a_translation_is_asked_with_spelling_variants(world, configure):
    for file, added in (("corpus", "school"), ("queries", "skhool")):
        path = Path(f"first/{file}.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(row | {"text": f"{added} {row['text'][:2]}"}) + "\n" for row in rows))
    asked = "  words: {system: word_by_word}\n  asked: {system: fusion, of: words, lexical_weight: 0, spelling_variants: true}\n"
    configure(methods=asked)
    run(["compare.yaml", "--languages", "first"])
    materials = Materials(load_config("compare.yaml"))
    translated = [json.loads(line) for line in Path("out/runs/words/first/once/translations.jsonl").read_text().splitlines()]
    words, reader = SpellingVariants(materials.collection("first").corpus_texts), Reader(materials.teacher)
    respelt = [words.respell(row["translation"], reader).text for row in translated]
    assert any(" school" in text for text in respelt)
    found = materials.index("first").search(materials.teacher.encode_query(respelt), 100)
    expected = {row["_id"]: [d for d, _ in hits] for row, hits in zip(translated, found, strict=True)}
    assert ranking("asked/first/once") == expected
    assert ranking("words/first/once") != expected


def test_a_fusion_of_a_fusion(world, configure):
    configure(("seeds: [1, 2]", "seeds: [1]"), methods=VARIANTS)
    config = load_config("compare.yaml")
    names = [job.method.name for job in list_jobs(config, languages=["first"], methods=["chained"])]
    assert names == ["teacher", "optical", "asked", "chained"]
    assert config.methods["chained"].title == "optical, with spelling variants, and BM25"
    assert (config.methods["chained"].root.name, config.methods["chained"].has_seeds) == ("optical", True)


def test_what_it_is_made_of_fails(ready, monkeypatch):
    def broken(self, *args, **kwargs):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(OpticalTrainer, "training_step", broken)
    outcome = runner.run_comparison(load_config("compare.yaml"), languages=["first"], methods=["joined"])
    assert set(outcome.failed) == {"optical/first/seed-1", "optical/first/seed-1-pairs-40"}
    assert outcome.not_applicable["joined/first/seed-1"] == "optical/first/seed-1 has no result: out of memory"


def test_other_settings_of_what_it_is_made_of_are_told(ready, configure):
    run(["compare.yaml", "--languages", "first", "--methods", "joined"])
    for old, new, message in (
        ("of: optical, lexical_weight: 0.3", "of: optical", "lexical_weight 0.3, now 0.5"),
        ("lexical_weight: 0.3", "lexical_weight: 0.3, lexical_ngrams: 0", "lexical_ngrams 4, now 0"),
        ("lexical_weight: 0.3", "lexical_weight: 0.3, spelling_variants: true", "spelling_variants False, now True"),
        ("loss: optical", "loss: mse", "loss optical, now mse"),
    ):
        configure(("seeds: [1, 2]", "seeds: [1]"), methods=METHODS.replace(old, new))
        with pytest.raises(ValueError, match=message):
            run(["compare.yaml", "--languages", "first", "--methods", "joined"])


def test_a_student_is_asked_with_spelling_variants(world, configure, monkeypatch):
    """The student is kept for it, and trained again where it was not."""
    configure(("seeds: [1, 2]", "seeds: [1]"), methods=VARIANTS)
    # every word is spelt a little otherwise than in the collection, so that each long one has a variant
    monkeypatch.setattr("hf_optical.search.spelling_variants.max_edits", lambda length: 2)
    run(["compare.yaml", "--languages", "first"])
    collection = load_retrieval("first")
    student = load_student("out/runs/optical/first/seed-1/student")
    index = Materials(load_config("compare.yaml")).index("first")
    variants = SpellingVariants(collection.corpus_texts)
    reader = Reader(student)
    asked = {query: variants.respell(collection.queries[query], reader) for query in collection.qrels}
    assert any(respelt.variants for respelt in asked.values())
    found = index.search(student.encode_query([respelt.text for respelt in asked.values()]), 100)
    expected = {query: [document for document, _ in hits] for query, hits in zip(asked, found, strict=True)}
    assert ranking("asked/first/seed-1") == expected
    lexical = Bm25Index(collection.corpus_ids, collection.corpus_texts, ngrams=4)
    for query, documents in ranking("both/first/seed-1").items():
        (letters,) = lexical.search([collection.queries[query]], 100)
        joined = reciprocal_rank_fusion([[(d, 0.0) for d in expected[query]], letters], [1, 0.5])
        assert documents == [document for document, _ in joined][:100]
    assert ranking("chained/first/seed-1") == ranking("both/first/seed-1")
    assert load_config("compare.yaml").methods["both"].title == "optical, with spelling variants, and BM25"
    # a model that is not there any more is made again
    shutil.rmtree("out/runs/optical/first/seed-1/student")
    shutil.rmtree("out/runs/asked/first")
    run(["compare.yaml", "--languages", "first"])
    assert ranking("asked/first/seed-1") == expected


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{system: fusion}", "compare.yaml:10: method 'joined' does not say what it is made of; write of: METHOD"),
        (
            "{system: fusion, of: optica}",
            "compare.yaml:10: 'optica' is no method that can be joined with BM25; did you mean 'optical'",
        ),
        ("{system: fusion, of: joined}", "compare.yaml:10: 'joined' is no method"),
        ("{system: fusion, of: optical, lexical_weight: 0}", "compare.yaml:10: lexical_weight '0' is no number above 0"),
        ("{system: fusion, of: optical, lexical_weight: much}", "compare.yaml:10: lexical_weight 'much' is no number above 0"),
        (
            "{system: fusion, of: optical, lexical_weight: -1, spelling_variants: true}",
            "compare.yaml:10: lexical_weight '-1' is no",
        ),
        (
            "{system: fusion, of: optical, lexical_weight: 0, lexical_ngrams: 3, spelling_variants: true}",
            "compare.yaml:10: lexical_ngrams has no effect with a lexical_weight of 0",
        ),
        ("{system: fusion, of: optical, lexical_ngrams: 1}", "compare.yaml:10: n-grams of one letter tell no words apart"),
        ("{system: fusion, of: optical, lexical_ngrams: -1}", "compare.yaml:10: '-1' is no whole number of 0 or more"),
        (
            "{system: fusion, of: bm25, spelling_variants: true}",
            "compare.yaml:10: 'bm25' cannot ask for spelling variants",
        ),
        ("{system: fusion, of: optical, seeds: [1]}", "compare.yaml:10: unknown setting of method joined 'seeds'"),
    ],
)
def test_mistakes(world, configure, entry, message):
    configure(methods=f"  joined: {entry}\n  optical: {{}}\n  bm25: {{system: bm25}}\n")
    with pytest.raises(DataError) as error:
        load_config("compare.yaml")
    assert str(error.value).startswith(message)
