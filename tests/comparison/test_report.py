"""The report: its figures are those of the runs, computed here again; its answer says what they show."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hf_optical.commands.compare import run
from hf_optical.comparison.config import load_config
from hf_optical.comparison.report import write_report
from hf_optical.comparison.report_text import markdown_table
from hf_optical.data import DataError
from hf_optical.evaluation.significance import holm

QUERIES = 40
TOP = """\
teacher: t
output: out
seeds: [1, 2]
languages:
  sw: {bitext: sw.tsv, benchmark: sw, group: low}
  yo: {bitext: yo.tsv, benchmark: yo, group: low}
  de: {bitext: de.tsv, benchmark: de, group: high}
methods:
  zero-shot: {system: zero_shot}
  optical: {sizes: [1000, null]}
  mse: {loss: mse}
  cs: {pairs: switched, loss: none, ranking: contrastive}
  cs-others: {pairs: switched, loss: none, ranking: contrastive, train_languages: others}
"""
LEVELS = {"teacher_english": 0.95, "zero-shot": 0.1, "optical": 0.7, "mse": 0.7, "cs": 0.4, "cs-others": 0.2}


def save(method, language, values, *, seed=1, limit=None, out="out", seen=True):
    """A result with these values of recall@10."""
    trained = method not in ("teacher_english", "zero-shot")
    size = "" if limit is None else f"-pairs-{limit}"
    folder = Path(out) / "runs" / method / language / ((f"seed-{seed}" if trained else "once") + size)
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"{language}-{i}" for i in range(len(values))]
    metrics = ("recall@1", "recall@10", "recall@100", "mrr@10", "ndcg@10")
    content = {
        **{"method": method, "language": language, "seed": seed if trained else None, "limit": limit},
        **{"seen": seen if trained else None, "pairs": {language: limit or 5000} if trained else {}},
        "metrics": {metric: float(np.mean(values)) for metric in metrics},
        "per_query": {metric: dict(zip(ids, map(float, values), strict=True)) for metric in metrics},
        **{"passages": 100, "teacher": "f", "took": {"steps": 3, "train_seconds": 2.0, "pairs_used": 4321} if trained else {}},
        "environment": {"device": "cpu", "processor": "p", "threads": 1, "torch": "2"},
    }
    (folder / "result.json").write_text(json.dumps(content))


def draw(level, random, queries=QUERIES):
    return (random.random(queries) < level).astype(float)


@pytest.fixture
def results(tmp_path, monkeypatch):
    """`results(cs=0.4, ...)`: save results with these levels; returns the values by method, language and seed."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(TOP)

    def make(leave_out=(), **levels):
        random, made = np.random.default_rng(4), {}
        for method, level in {**LEVELS, **{name.replace("_", "-"): level for name, level in levels.items()}}.items():
            for language in ("sw", "yo", "de"):
                for seed in (1, 2) if method not in ("teacher_english", "zero-shot") else (None,):
                    values = made[method, language, seed] = draw(level, random)
                    if method not in leave_out:
                        save(method, language, values, seed=seed, seen=method != "cs-others")
        return made

    return make


def report():
    return write_report(load_config("c.yaml"))


def row(figures, method, scope):
    return next(row for row in figures["rows"] if (row["method"], row["scope"]) == (method, scope))


def test_means_spread_and_retention(results):
    values = results()
    figures = report()
    both = [values["optical", "sw", seed] for seed in (1, 2)]
    own = row(figures, "optical", "sw")["metrics"]["recall@10"]
    assert own["mean"] == pytest.approx(np.mean(both))
    assert row(figures, "optical", "sw")["took"]["pairs_used"] == 4321
    assert own["seed_deviation"] == pytest.approx(np.std([v.mean() for v in both], ddof=1))
    assert own["low"] < own["mean"] < own["high"]
    expected = stats.bootstrap((np.mean(both, axis=0),), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    assert (own["low"], own["high"]) == pytest.approx(tuple(expected), abs=0.01)
    retention = row(figures, "optical", "sw")["retention"]
    assert retention["value"] == pytest.approx(np.mean(both) / values["teacher_english", "sw", None].mean())
    assert retention["low"] < retention["value"] < retention["high"]
    assert row(figures, "teacher_english", "sw")["retention"] is None
    low = row(figures, "optical", "group:low")
    assert low["metrics"]["recall@10"]["mean"] == pytest.approx(
        np.mean([row(figures, "optical", one)["metrics"]["recall@10"]["mean"] for one in ("sw", "yo")])
    )
    assert (low["queries"], low["seeds"]) == (2 * QUERIES, [1, 2])


def test_tests_are_corrected_within_a_language(results):
    values = results()
    figures = report()
    tests = [test for test in figures["tests"] if test["scope"] == "sw"]
    assert {test["method"] for test in tests} == {"zero-shot", "mse", "cs", "cs-others"}  # English queries are no competitor
    assert [test["p_holm"] for test in tests] == holm([test["p"] for test in tests])
    mse = next(test for test in tests if test["method"] == "mse")
    difference = np.mean([values["mse", "sw", s] - values["optical", "sw", s] for s in (1, 2)], axis=0)
    assert (mse["wins"], mse["losses"], mse["ties"]) == ((difference > 0).sum(), (difference < 0).sum(), (difference == 0).sum())
    assert mse["difference"] == pytest.approx(difference.mean())


@pytest.mark.parametrize(
    ("level", "verdict", "text"),
    [
        (0.4, "worse", "Code-switched training generalises worse than transport distillation here."),
        (0.95, "better", "Code-switched training generalises better than transport distillation here."),
        (0.7, "undecided", "That difference is not significant"),
    ],
)
def test_the_answer(results, level, verdict, text):
    results(cs=level)
    answer = report()["answer"]
    assert answer["verdict"] == verdict
    assert text in answer["text"]
    assert answer["text"].startswith(
        "On the low-resource languages sw, yo (80 queries) the code-switched model, cs, reaches recall@10 "
    )
    assert "On the group high (de) its difference" not in answer["text"]  # of one language there is no average
    assert "Trained on other languages alone, cs-others differs there by -" in answer["text"]


def test_the_answer_where_all_languages_are_one_group(results):
    results()
    Path("c.yaml").write_text(TOP.replace("group: low", "group: development").replace("group: high", "group: development"))
    answer = report()["answer"]["text"]
    assert "not averaged" not in answer
    assert "On the group development" not in answer  # said already
    assert answer.startswith("On the languages sw, yo, de (120 queries) the code-switched model, cs, reaches recall@10 ")


def test_the_answer_is_not_known_without_the_runs(results):
    results(leave_out=["cs", "cs-others"])
    figures = report()
    assert figures["answer"]["verdict"] == "unknown"
    assert "no finished run of code-switched training" in figures["answer"]["text"]
    assert "cs/sw/seed-1" in figures["missing"]
    assert "- cs: not run: sw/seed-1" in Path("out/report.md").read_text()


def test_languages_with_the_same_questions_are_one_sample(results):
    """Three copies of one language are no more evidence than one."""
    random = np.random.default_rng(3)
    for method, level in {"optical": 0.5, "mse": 0.7, "teacher_english": 0.9}.items():
        values = draw(level, random, 30)
        for language in ("sw", "yo"):
            save(method, language, values)
    for file in Path("out").rglob("result.json"):
        file.write_text(file.read_text().replace('"yo-', '"sw-'))
    figures = report()
    at = {test["scope"]: test for test in figures["tests"] if test["method"] == "mse"}
    assert at["group:low"]["p"] == at["sw"]["p"]
    assert (at["group:low"]["low"], at["group:low"]["high"]) == pytest.approx((at["sw"]["low"], at["sw"]["high"]))


def test_plots(results):
    values = results()
    for language in ("sw", "yo", "de"):
        for seed in (1, 2):
            save("optical", language, values["cs", language, seed], seed=seed, limit=1000)
    figures = report()
    assert [(point["pairs"], point["limit"]) for point in figures["sizes"] if point["language"] == "sw"] == [
        (1000, 1000),
        (5000, None),
    ]
    assert {point["seen"] for point in figures["unseen"]} == {False}
    for name in ("sizes", "unseen"):
        assert Path(f"out/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in Path(f"out/{name}.svg").read_text()
    before = Path("out/sizes.svg").read_bytes()
    report()
    assert Path("out/sizes.svg").read_bytes() == before


def test_the_report_is_read_back_without_teacher_and_data(finished, capsys):
    before = Path("out/report.json").read_text()
    for folder in ("teacher", "first", "second"):
        shutil.rmtree(folder)
    run(["compare.yaml", "--report-only"])
    out = capsys.readouterr().out
    assert Path("out/report.json").read_text() == before
    text = Path("out/report.md").read_text()
    assert Path("out/table.md").read_text() in out + "\n"
    for expected in (
        "## first",
        "## Second",
        "## Average of low",
        "## Against optical",
        "## The methods",
        "AMD" if "AMD" in text else "cpu",
    ):
        assert expected in text
    assert len({len(line.split(" | ")) for line in Path("out/table.md").read_text().splitlines()[2:]}) == 1


def test_results_that_do_not_belong_together(results):
    results()
    file = Path("out/runs/mse/sw/seed-1/result.json")
    for old, new, message in (
        ('"teacher": "f"', '"teacher": "g"', "the documents of another teacher"),
        ('"passages": 100', '"passages": 7', "other passages"),
        ('"sw-0"', '"sw-x"', "other queries"),
    ):
        text = file.read_text()
        file.write_text(text.replace(old, new))
        with pytest.raises(DataError, match=f"mse/sw/seed-1 was evaluated on {message} than"):
            report()
        file.write_text(text)
    file.write_text("{}")
    with pytest.raises(DataError, match="not the result of a run"):
        report()


def test_nothing_finished_yet(results):
    figures = report()
    assert (figures["rows"], figures["answer"]["verdict"]) == ([], "unknown")
    assert "cannot be told yet" in Path("out/report.md").read_text()


def test_cells_do_not_break_the_table():
    assert markdown_table(["a"], [["x|y\nz"]]).splitlines()[2] == r"| x\|y z |"
