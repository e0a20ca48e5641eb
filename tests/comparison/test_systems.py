"""Every system that can be a method, on the small world; and when settings count as changed."""

import json
from pathlib import Path

import pytest

from hf_optical.commands.compare import run
from hf_optical.comparison.config import load_config
from hf_optical.comparison.identity import changes, default_settings, student_settings
from hf_optical.comparison.students import training_data

TRANSLATORS = """\
  names: {system: names_only}
  words: {system: word_by_word, sizes: [20, 100, null]}
  words-bm25: {system: word_by_word_bm25}
  files: {system: word_by_word, lexicon: files}
  seq2seq: {system: seq2seq, steps: 2, d_model: 16, heads: 2, layers: 1, vocabulary: 120, batch_size: 4}
"""
SWITCHED = """\
  optical: {}
  cs-ml: {pairs: switched, loss: none, ranking: contrastive, code_switch: 0.5, multilingual: true}
  cs-first: {pairs: switched, loss: optical, train_languages: [first]}
"""


def rows(scope):
    figures = json.loads(Path("out/report.json").read_text())
    return {row["method"]: row["metrics"]["recall@10"]["mean"] for row in figures["rows"] if row["scope"] == scope}


def test_translators(world, configure):
    Path("lexicon.tsv").write_text("english\tnon_english\nwater\tretawa\n")
    configure(("benchmark: first", "benchmark: first, lexicon: lexicon.tsv"), ("seeds: [1, 2]", "seeds: [1]"), methods=TRANSLATORS)
    run(["compare.yaml", "--languages", "first"])
    recall = rows("first")
    assert recall["names"] == 0  # nothing asked, nothing found
    # with every word in the bitext, word by word is English again
    assert recall["words"] == recall["teacher_english"] > recall["files"]
    assert recall["words-bm25"] == 1
    translated = [json.loads(line) for line in Path("out/runs/words/first/once/translations.jsonl").read_text().splitlines()]
    english = [json.loads(line)["english"] for line in Path("first/queries.jsonl").read_text().splitlines()]
    assert [row["translation"] for row in translated] == english
    assert {path.name for path in Path("out/runs/words/first").iterdir()} == {"once", "once-pairs-20"}  # 100 would be all 70
    assert len(list(Path("out/alignments").iterdir())) == 2
    assert Path("out/runs/seq2seq/first/seed-1/translator/config.json").exists()


def test_code_switched_and_unseen(world, configure):
    configure(("seeds: [1, 2]", "seeds: [1]\ntriples: triples.jsonl"), methods=SWITCHED)
    run(["compare.yaml"])
    figures = json.loads(Path("out/report.json").read_text())
    assert {(point["method"], point["language"]): point["seen"] for point in figures["unseen"]} == {
        ("cs-ml", "first"): True,
        ("cs-ml", "second"): True,
        ("cs-first", "first"): True,
        ("cs-first", "second"): False,
    }
    assert figures["answer"]["code_switched"] == ["cs-ml"]
    assert Path("out/unseen.png").exists()
    assert len(list(Path("out/runs/cs-ml/_together").iterdir())) == 1  # trained once
    assert {file.name.split("-")[0] for file in Path("out/lexicons").iterdir()} == {"first", "second"}


def test_what_a_method_trains_on(world, configure):
    methods = "  a: {}\n  b: {pairs: both}\n  c: {pairs: switched, triples: false}\n  d: {ranking: kl}\n"
    config = load_config(configure(("seeds: [1, 2]", "triples: t.jsonl\npassages: p.jsonl"), methods=methods))
    assert {name: list(training_data(config, config.methods[name])) for name in "abcd"} == {
        "a": [],
        "b": ["triples", "passages"],
        "c": [],
        "d": ["passages"],
    }


def test_changes():
    def settings(learning_rate=1.0, **languages):
        return {"training": {"teacher": "t", "settings": {"learning_rate": learning_rate}}, "evaluation": languages}

    assert changes(settings(), settings()) == []
    assert changes(settings(1.0), settings(2.0)) == ["learning_rate 1.0, now 2.0"]
    sw = {"queries": "x", "k": [10]}
    assert changes(settings(sw=sw), settings(sw=sw, yo=sw)) == []
    assert changes(settings(sw=sw), settings(sw=sw | {"queries": "y", "k": [1, 10]})) == [
        "other queries of sw",
        "k [10], now [1, 10]",
    ]
    later = settings()
    later["training"]["settings"]["epsilon"] = 0.05
    assert changes(settings(), later, {"epsilon": 0.05}) == []  # not known to the version that made the run, and not used
    assert changes(settings(), later, {"epsilon": 0.01}) == ["epsilon None, now 0.05"]
    assert changes(later, settings(), {"epsilon": 0.05}) == ["epsilon 0.05, now None"]


@pytest.mark.parametrize(
    "name", ["output_dir", "seed", "save_steps", "logging_steps", "teacher", "bitext", "disable_tqdm", "use_cpu"]
)
def test_settings_that_no_figure_depends_on(world, name):
    settings = student_settings(load_config("compare.yaml").methods["optical"])
    assert name not in settings
    assert {"loss", "epsilon", "solver", "max_steps", "learning_rate", "weight_decay", "query_length"} <= settings.keys()
    assert settings["epsilon"] == default_settings()["epsilon"]
