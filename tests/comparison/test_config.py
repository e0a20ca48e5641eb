"""Configurations: what they mean, and that every mistake is told with file and line."""

from pathlib import Path

import pytest

from hf_optical.comparison.config import load_config
from hf_optical.comparison.jobs import list_jobs
from hf_optical.data import DataError

TOP = """\
teacher: teacher
output: out
languages:
  sw: {bitext: sw.tsv, benchmark: sw}
  no: {bitext: [a.tsv, b.tsv], benchmark: no, group: high}
  mine: {code: luo, benchmark: mine}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """`load(methods, top)`: the configuration of this text."""
    monkeypatch.chdir(tmp_path)

    def of(methods="  bm25: {system: bm25}\n", top=TOP):
        Path("c.yaml").write_text(f"{top}methods:\n{methods}")
        return load_config("c.yaml")

    return of


def test_languages(load):
    languages = load().languages
    assert [(one.name, one.code, one.title, one.group) for one in languages.values()] == [
        ("sw", "sw", "Swahili", "all"),
        ("no", "no", "Norwegian", "high"),  # to YAML it is the boolean false
        ("mine", "luo", "mine", "all"),
    ]
    assert (languages["sw"].bitext, languages["no"].bitext, languages["mine"].bitext) == (("sw.tsv",), ("a.tsv", "b.tsv"), ())
    assert load().groups == {"all": ["sw", "no", "mine"]}


def test_a_student_takes_every_training_setting_and_its_own_win(load):
    config = load("  a: {}\n  b: {loss: mse, learning_rate: 2e-3}\n", TOP + "training: {max_steps: 7, learning_rate: 1e-3}\n")
    (_, a), (settings, b) = (config.methods[name].train_settings() for name in "ab")
    assert (a.max_steps, a.learning_rate, a.loss) == (7, 1e-3, "optical")
    assert (b.max_steps, b.learning_rate, b.loss) == (7, 2e-3, "mse")
    assert settings.query_length is None


def test_reference(load):
    assert load("  a: {system: bm25}\n  b: {}\n").reference == "b"
    assert load("  a: {}\n  optical: {}\n").reference == "optical"
    config = load("  a: {}\n  b: {}\n", TOP + "reference: b\nbaseline: a\npaper: b\n")
    assert config.references == ["b", "a"]


def test_the_ceiling_is_always_there(load):
    assert list(load().methods) == ["teacher_english", "bm25"]
    assert list(load("  top: {system: teacher_english}\n").methods) == ["top"]


def names(config, **options):
    return [job.name for job in list_jobs(config, **options) if job.method.system != "teacher_english"]


def test_jobs(load):
    config = load(
        "  a: {seeds: [1, 2], languages: [no]}\n  w: {system: word_by_word}\n  z: {system: zero_shot, languages: [mine]}\n"
    )
    assert names(config) == ["w/sw/once", "w/no/once", "z/mine/once", "a/no/seed-1", "a/no/seed-2"]  # mine has no bitext
    assert names(config, languages=["sw"]) == ["w/sw/once"]
    assert names(config, methods=["a"], seeds=[9]) == ["a/no/seed-9"]


def test_seed_by_seed(load):
    config = load("  a: {}\n  b: {loss: mse}\n", TOP + "seeds: [3, 1]\n")
    assert names(config, languages=["sw"]) == ["a/sw/seed-3", "b/sw/seed-3", "a/sw/seed-1", "b/sw/seed-1"]


def test_sizes_beyond_the_bitext_are_left_out(load):
    config = load("  w: {system: word_by_word, sizes: [10, 100, 1000, null]}\n  v: {system: word_by_word, sizes: [100, 1000]}\n")
    found = names(config, languages=["sw"], pairs={"sw": 50})
    assert found == ["w/sw/once-pairs-10", "w/sw/once", "v/sw/once-pairs-100"]
    assert len(names(config, languages=["sw"])) == 6


def test_several_languages_in_one_student(load):
    config = load("  all: {multilingual: true}\n  one: {train_languages: [sw]}\n")
    together, one = list_jobs(config, methods=["all", "one"])[-2:]
    assert (together.languages, together.train_languages) == (("sw", "no", "mine"), ("sw", "no"))
    assert together.name == "all/_together/seed-13"
    assert {name: folder.parts[-3:] for name, folder in one.results.items()}["mine"] == ("one", "mine", "seed-13")
    assert one.train_languages == ("sw",)


def test_every_language_left_out_once(load):
    top = TOP.replace("code: luo, ", "code: luo, bitext: c.tsv, ")
    jobs = list_jobs(load("  rest: {train_languages: others}\n", top), methods=["rest"])
    learned = {job.languages: job.train_languages for job in jobs if job.seed}
    assert learned == {("sw",): ("no", "mine"), ("no",): ("sw", "mine"), ("mine",): ("sw", "no")}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("  a: {epsilom: 1}\n", "c.yaml:8: unknown setting of method a 'epsilom'; did you mean 'epsilon'"),
        ("  a: {}\n  b:\n    loss: optical\n    epsilon: many\n", "c.yaml:11: method 'b': --epsilon: invalid float value: 'many'"),
        ("  a: {loss: mes}\n", "c.yaml:8: method 'a': --loss: invalid choice: 'mes'"),
        ("  a: {loss: none}\n", "c.yaml:8: method 'a': loss none needs a ranking loss"),
        ("  a: {system: bm52}\n", "c.yaml:8: unknown system 'bm52'; did you mean 'bm25'"),
        ("  a: {system: bm25, epsilon: 1}\n", "c.yaml:8: a bm25 has no setting 'epsilon'"),
        ("  a: {system: bm25, seeds: [1]}\n", "c.yaml:8: a bm25 is not trained and has no seed"),
        ("  a: {system: bm25, sizes: [1]}\n", "c.yaml:8: a bm25 learns from no sentence pairs"),
        ("  a: {system: zero_shot, lexicon: both}\n", "c.yaml:8: a zero_shot translates no words"),
        ("  a: {system: word_by_word, lexicon: sw.tsv}\n", "c.yaml:8: lexicon is one of induced, files, both"),
        ("  a: {system: seq2seq, steps: x}\n", "c.yaml:8: steps: 'x' is no int"),
        ("  a: {sizes: [10, 10]}\n", "c.yaml:8: sizes are different numbers of pairs, null for all"),
        ("  a: {limit: 10, sizes: [10]}\n", "c.yaml:8: limit and sizes are both given"),
        ("  a: {seed: 3}\n", "c.yaml:8: 'seed' is not set here; set `seeds`"),
        ("  a: {output_dir: x}\n", "c.yaml:8: 'output_dir' is not set here"),
        ("  a: {languages: [mime]}\n", "c.yaml:8: 'mime' is none of the languages of this comparison; did you mean 'mine'"),
        ("  a: {train_languages: [mine]}\n", "c.yaml:8: 'mine' has no bitext to train on"),
        ("  a: {train_languages: others}\n", "c.yaml:8: leaving one language out needs three or more with a bitext"),
        ("  a: {system: bm25, multilingual: true}\n", "c.yaml:8: a bm25 is not trained on several languages"),
        ("  a: {multilingual: perhaps}\n", "c.yaml:8: 'perhaps' is neither true nor false"),
        ("  a/b: {}\n", "c.yaml:8: 'a/b' cannot be the name of a method"),
        ("  a: {}\n  A: {}\n", "c.yaml:9: 'A' and 'a' differ by case only"),
        ("  a: {}\n  a: {}\n", "c.yaml:9: 'a' is set twice, first in line 8"),
        ("  a:\n", "c.yaml:8: method 'a' is empty"),
        ("  a: {system: bm25\n", "c.yaml:9: expected ',' or '}'"),
    ],
)
def test_mistakes_in_methods(load, methods, message):
    with pytest.raises(DataError) as error:
        load(methods)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("output: out", "outptu: out", "c.yaml:2: unknown setting 'outptu'; did you mean 'output'"),
        ("teacher: teacher", "seeds: [1]", "c.yaml:1: 'teacher' is missing"),
        ("output: out", "output: out\nseeds: [1, 1]", "c.yaml:3: a seed is given twice"),
        ("output: out", "output: out\nk: [0]", "c.yaml:3: '0' is no whole number of 1 or more"),
        ("output: out", "output: out\nreference: bm52", "c.yaml:3: there is no method 'bm52'; did you mean 'bm25'"),
        ("  sw: {", "  swahili: {", "c.yaml:4: no language code 'swahili'; write 'sw' (Swahili); or give its code"),
        ("code: luo", "code: zz", "c.yaml:6: no language code 'zz'"),
        ("{bitext: sw.tsv, benchmark: sw}", "{bitext: sw.tsv}", "c.yaml:4: language 'sw' has no benchmark"),
        ("benchmark: sw}", "benchmark: sw, grup: low}", "c.yaml:4: unknown setting of a language 'grup'; did you mean 'group'"),
        ("{bitext: sw.tsv, benchmark: sw}", "[sw.tsv]", "c.yaml:4: no `key: value` lines where"),
        ("output: out", "output: out\ntraining: {epsilom: 1}", "c.yaml:3: unknown training setting 'epsilom'"),
        ("output: out", "output: out\ntraining: {teacher: x}", "c.yaml:3: 'teacher' is not set here; set it at the top"),
    ],
)
def test_mistakes_above_the_methods(load, old, new, message):
    with pytest.raises(DataError) as error:
        load(top=TOP.replace(old, new, 1))
    assert str(error.value).startswith(message)


def test_the_configuration_of_the_suite_is_read():
    config = load_config(Path(__file__).parents[2] / "configs" / "compare.yaml")
    assert config.groups["low"] == ["sw", "ha", "yo", "ig"]
    assert config.groups["high"] == ["de", "es", "ru"]
    assert {"bm25", "zero-shot", "mse", "greedy", "optical", "cs-bl", "cs-ml", "word-by-word"} <= config.methods.keys()
