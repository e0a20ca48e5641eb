"""The recall@k Space: the metric as `evaluate` loads it, its card, its upload and its app."""

import doctest
import importlib.util
import json
import re
import socket
import sys
from pathlib import Path

import huggingface_hub
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_optical.evaluation import ranking
from hf_optical.evaluation.ranking import METRICS, per_query_metrics, ranking_metrics, standard_error

ROOT = Path(__file__).resolve().parents[2]
SPACE = ROOT / "spaces" / "recall_at_k"


def forget_loaded_metrics():
    for name in [name for name in sys.modules if name.split(".")[0] == "evaluate_modules"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def evaluate_offline(tmp_path_factory):
    """The `evaluate` library with caches in a temporary folder and every connection refused."""
    home = tmp_path_factory.mktemp("hf_home")

    def refuse(*address):
        raise AssertionError(f"a connection was tried: {address}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        evaluate = pytest.importorskip("evaluate")
        # Another test may have imported the library already, with other caches: point it here all the same.
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", home / "modules")
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", home / "metrics")
        patch.setattr(evaluate.config, "HF_EVALUATE_OFFLINE", True)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(socket.socket, "connect", refuse)
        forget_loaded_metrics()
        yield evaluate
        forget_loaded_metrics()


@pytest.fixture(scope="module")
def metric(evaluate_offline):
    return evaluate_offline.load(str(SPACE))


@pytest.fixture(scope="module")
def app():
    pytest.importorskip("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        patch.syspath_prepend(str(SPACE))
        spec = importlib.util.spec_from_file_location("recall_at_k_app", SPACE / "app.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
        sys.modules.pop("ranking", None)


def test_there_is_one_implementation():
    link = SPACE / "ranking.py"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == Path(ranking.__file__).resolve()


def test_load_copies_the_implementation_behind_the_link(metric):
    loaded = Path(sys.modules[type(metric).__module__].__file__)
    copy = loaded.with_name("ranking.py")
    assert not copy.is_symlink()
    assert copy.read_bytes() == Path(ranking.__file__).read_bytes()
    assert metric.name == "recall_at_k"


ids = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=8)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(ids, ids, st.integers(1, 4)), min_size=1, max_size=5))
def test_the_figures_are_those_of_the_package(metric, queries):
    predictions, references = [list(query[0]) for query in queries], [list(query[1]) for query in queries]
    references[0] = references[0] or ["a"]
    grades = [[query[2]] * len(row) for query, row in zip(queries, references, strict=True)]
    options = {"k": [1, 3, 10], "metrics": list(METRICS), "grades": grades}
    figures = metric.compute(predictions=predictions, references=references, **options)
    assert figures == ranking_metrics(predictions, references, **options)


def test_defaults_and_batches(metric):
    predictions, references = [["a", "b"], [], ["c"]], [["b"], ["z"], []]
    expected = {"recall@1": 0.0, "recall@10": 0.5, "recall@100": 0.5, "queries": 3, "queries_without_relevant": 1}
    assert metric.compute(predictions=predictions, references=references) == expected
    metric.add(prediction=predictions[0], reference=references[0])
    metric.add_batch(predictions=predictions[1:], references=references[1:])
    assert metric.compute() == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predictions": [["a"], "bc"]}, r"predictions\[1\] is 'bc' \(str\): expected a list of ids"),
        ({"references": [["a"], "b"]}, r"references\[1\] is 'b' \(str\): expected a list of ids"),
        ({"predictions": [["a"], ["b", "b"]]}, r"predictions\[1\] holds the id 'b' twice"),
        ({"predictions": [["a"], [2]]}, r"predictions\[1\] holds the integer id 2"),
        ({"predictions": [["a"]]}, r"predictions holds 1 queries and references 2"),
        ({"references": None}, r"references is None"),
        ({"predictions": [], "references": []}, "there is no query"),
        ({"references": [[], []]}, "none of the 2 queries has a relevant document"),
        ({"metrics": ["nDCG"]}, "unknown metric 'nDCG': did you mean 'ndcg'"),
        ({"k": [0]}, "k must hold positive integers"),
    ],
)
def test_bad_input_is_refused_and_the_metric_stays_usable(evaluate_offline, changed, message, tmp_path):
    metric = evaluate_offline.load(str(SPACE), cache_dir=str(tmp_path), keep_in_memory=True)
    good = {"predictions": [["a"], ["b"]], "references": [["a"], ["b"]], "k": [1]}
    with pytest.raises(ValueError, match=message):
        metric.compute(**(good | changed))
    assert metric.compute(**good)["recall@1"] == 1.0


def test_one_bad_example_is_refused(metric):
    with pytest.raises(ValueError, match=r"predictions\[0\] is 'ab' \(str\)"):
        metric.add(prediction="ab", reference=["a"])


def run_doctest(text, name, globs):
    test = doctest.DocTestParser().get_doctest(text, globs, name, name, 0)
    assert len(test.examples) > 3
    report = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


def test_the_examples_of_the_card_run(evaluate_offline):
    card = (SPACE / "README.md").read_text(encoding="utf-8")
    assert '"ACCOUNT/recall_at_k"' in card
    run_doctest(card.replace('"ACCOUNT/recall_at_k"', repr(str(SPACE))), "README.md", {})


def test_the_examples_of_the_inputs_run(evaluate_offline, metric, monkeypatch):
    monkeypatch.chdir(ROOT)
    run_doctest(metric.inputs_description, "inputs_description", {"evaluate": evaluate_offline})


def test_the_card_says_what_the_metric_says(metric):
    card = (SPACE / "README.md").read_text(encoding="utf-8")
    assert metric.citation.strip() in card
    for name in METRICS:
        assert f"| `{name}` |" in card


def test_the_front_matter_describes_a_gradio_space():
    data = huggingface_hub.RepoCard.load(SPACE / "README.md", ignore_metadata_errors=False).data.to_dict()
    assert (data["sdk"], data["app_file"], data["pinned"]) == ("gradio", "app.py", False)
    assert {"evaluate", "metric"} <= set(data["tags"])
    assert {"title", "emoji", "colorFrom", "colorTo"} <= data.keys()
    assert re.fullmatch(r"6\.\d+\.\d+", data["sdk_version"])
    assert data["python_version"] == "3.11"
    for heading in ("Description", "How to use", "Inputs", "Outputs", "Examples", "Limitations", "Citation"):
        assert f"\n## {heading}\n" in (SPACE / "README.md").read_text(encoding="utf-8")


def test_an_upload_sends_the_content_behind_the_link(monkeypatch):
    sent = {}

    class OfflineApi(huggingface_hub.HfApi):
        def _validate_yaml(self, content, **kwargs):
            assert content.startswith("---\n")

        def create_commit(self, *, operations, **kwargs):
            for operation in operations:
                with operation.as_file() as file:
                    sent[operation.path_in_repo] = file.read()

    monkeypatch.setattr("huggingface_hub.hf_api.is_xet_available", lambda: False)
    OfflineApi().upload_folder(
        repo_id="someone/recall_at_k", repo_type="space", folder_path=SPACE, ignore_patterns=["__pycache__/*"]
    )
    assert sent.keys() == {"README.md", "app.py", "ranking.py", "recall_at_k.py", "requirements.txt"}
    assert sent["ranking.py"] == Path(ranking.__file__).read_bytes()


def test_the_app_gives_the_figures_of_the_package(app):
    for predictions, references, cutoffs, metrics, grades in app.EXAMPLES:
        inputs = {
            "predictions": json.loads(predictions),
            "references": json.loads(references),
            "k": [int(k) for k in cutoffs.split(",")],
            "metrics": metrics,
            "grades": json.loads(grades) if grades else None,
        }
        rows, status = app.score(predictions, references, cutoffs, metrics, grades)
        expected, per_query = ranking_metrics(**inputs), per_query_metrics(**inputs)
        errors = {name: standard_error(values) for name, values in per_query.items()}
        assert rows == [[name, f"{expected[name]:.4f}", f"{error:.4f}"] for name, error in errors.items()]
        total, without = expected["queries"], expected["queries_without_relevant"]
        assert status.startswith(f"Mean over {total - without} of {total} queries; {without} without relevant document")


def test_the_app_says_where_one_query_has_no_standard_error(app):
    rows, _ = app.score("[[7, 8]]", "[[8]]", "[2]", ["mrr"], " ")
    assert rows == [["mrr@2", "0.5000", "needs 2 queries"]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predictions": " "}, "predictions is empty: paste a JSON list"),
        ({"references": '[["a"],\n["b"'}, "references is not JSON, line 2, column 5: Expecting ',' delimiter"),
        ({"predictions": "[" * 100_000}, "predictions cannot be read as JSON: "),
        ({"predictions": '{"q1": ["a"]}'}, "predictions is {'q1': ['a']} (dict): expected lists of ids, one per query"),
        ({"predictions": '[["a"], "b"]'}, "predictions[1] is 'b' (str): expected a list of ids"),
        ({"predictions": '[["a", "a"], ["b"]]'}, "predictions[0] holds the id 'a' twice"),
        ({"references": "[[], []]"}, "none of the 2 queries has a relevant document"),
        ({"cutoffs": "1, ten"}, "k must be positive integers such as 1, 10, 100, got '1, ten'"),
        ({"cutoffs": ""}, "k must be positive integers"),
        ({"cutoffs": "0"}, "k must hold positive integers"),
        ({"metrics": []}, "metrics is empty"),
        ({"grades": "[[1], [2.5]]"}, "grades[1] holds 2.5: grades are integers"),
        ({"grades": f"[[1], [1{'0' * 400}]]", "metrics": ["ndcg"]}, "int too large to convert to float"),
    ],
)
def test_the_app_explains_bad_input_and_shows_no_figure(app, changed, message):
    good = {
        "predictions": '[["a"], ["b"]]',
        "references": '[["a"], ["b"]]',
        "cutoffs": "1",
        "metrics": ["recall"],
        "grades": "",
    }
    assert app.score(**good)[0][0][:2] == ["recall@1", "1.0000"]
    rows, status = app.score(**(good | changed))
    assert rows == []
    assert status.startswith("Nothing computed: ")
    assert message in status


def test_the_button_is_wired_to_the_five_boxes(app):
    (event,) = [fn for fn in app.demo.fns.values() if fn.api_name == "score"]
    assert [box.label for box in event.inputs] == [
        "Predictions: ids, best first",
        "References: relevant ids",
        "Cut-offs k",
        "Metrics",
        "Grades of the references (optional, for graded nDCG)",
    ]
    assert [type(box).__name__ for box in event.outputs] == ["Dataframe", "Textbox"]
