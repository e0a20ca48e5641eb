"""`optical evaluate` on a benchmark, mteb's tasks and parallel sentences: what is printed, what is saved, what is refused."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from datasets import Dataset
from safetensors.torch import load_file, save_file

from hf_optical.cli import main
from hf_optical.commands.evaluate import run
from hf_optical.data import load_retrieval
from hf_optical.evaluation import mteb_tasks
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
from hf_optical.search import Bm25Index, ExactIndex, SpellingVariants, reciprocal_rank_fusion
from hf_optical.search.spelling_variants import Reader

MODELS = ["--student", "student", "--teacher", "teacher"]
BENCHMARK = ["--benchmark", "benchmark"]


@pytest.fixture
def task(monkeypatch):
    """A task of mteb in memory, under the name MemoryRetrieval, whose queries are English."""
    pytest.importorskip("mteb", reason="mteb, an optional dependency, is not installed")
    from mteb.abstasks import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class MemoryRetrieval(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="MemoryRetrieval",
            description="Documents of the workshop, asked for by their own text.",
            dataset={"path": "nobody/nothing", "revision": "none"},
            type="Retrieval",
            category="t2t",
            eval_splits=["test"],
            eval_langs={"eng-swa": ["eng-Latn", "swh-Latn"], "eng-hau": ["eng-Latn", "hau-Latn"]},
            main_score="ndcg_at_10",
        )

        def load_data(self, **kwargs):
            corpus = [json.loads(line) for line in Path("benchmark/corpus.jsonl").read_text().splitlines()]
            rows = [{"id": row["_id"], "text": row["text"]} for row in corpus]
            data = {"corpus": Dataset.from_list(rows), "queries": Dataset.from_list(rows[:4]), "top_ranked": None}
            data["relevant_docs"] = {row["id"]: {row["id"]: 1} for row in rows[:4]}
            self.dataset = {subset: {"test": dict(data)} for subset in self.hf_subsets}
            self.data_loaded = True

    def get_task(name):
        if name != "MemoryRetrieval":
            raise KeyError(f"'{name}' not found. Did you mean: 'MemoryRetrieval'?")
        return MemoryRetrieval()

    monkeypatch.setattr("mteb.get_task", get_task)


def printed(capsys, *arguments):
    run([*MODELS, *arguments])
    return capsys.readouterr().out


def test_a_benchmark_is_printed_as_before_with_retention_under_it(workshop, capsys):
    out = printed(capsys, *BENCHMARK, "-k", "1", "5")
    table, kept = out.rstrip("\n").split("\n\n")
    assert [row.split("|")[1].strip() for row in table.splitlines()][2:] == [
        "teacher, English queries",
        "BM25, English queries",
        "BM25, untranslated",
        "zero-shot (teacher, untranslated)",
        "student",
    ]
    header, line = kept.splitlines()
    assert header.startswith("retention, over the teacher's")
    rows = json.loads(printed(capsys, *BENCHMARK, "-k", "1", "5", "--json"))
    teacher, student = rows[0]["metrics"], rows[-1]
    for metric, ratio in student["retention"].items():
        assert ratio["value"] == pytest.approx(student["metrics"][metric] / teacher[metric])
        assert f"{metric} {ratio['value']:.3f}" in line
    assert student["retention"].keys() == {"recall@1", "recall@5"}
    assert not any("retention" in row for row in rows[:-1])


def test_no_retention_without_english_versions_or_baselines(workshop, capsys):
    assert len(printed(capsys, *BENCHMARK, "--no-baselines").splitlines()) == 3
    queries = [json.loads(line) for line in Path("benchmark/queries.jsonl").read_text().splitlines()]
    Path("benchmark/queries.jsonl").write_text("".join(json.dumps({k: q[k] for k in ("_id", "text")}) + "\n" for q in queries))
    out = printed(capsys, *BENCHMARK)
    assert "retention" not in out
    assert len(out.splitlines()) == 2 + 3


def test_several_students_have_a_row_and_a_retention_each(workshop, capsys):
    Path("copies").mkdir()
    Path("copies/b").symlink_to(Path("student").resolve())
    run(["--student", "student", "copies/b", "--teacher", "teacher", *BENCHMARK, "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["system"] for row in rows[-2:]] == ["student", "copies/b"]
    assert rows[-1]["retention"] == rows[-2]["retention"]
    with pytest.raises(ValueError, match="two students are named alike: student, student"):
        run(["--student", "student", "student", "--teacher", "teacher", "--bitext-test", "pairs.tsv"])


def test_an_index_that_is_there_is_not_encoded_again(workshop, capsys, monkeypatch):
    from hf_optical.commands import index
    from hf_optical.search import ExactIndex

    expected = json.loads(printed(capsys, *BENCHMARK, "--json"))
    index.run(["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "there"])
    index.run(["benchmark/corpus.jsonl", "--teacher", "teacher", "--output", "fewer"])
    index.run(["--output", "fewer", "--delete", "d3", "d4"])
    capsys.readouterr()
    monkeypatch.setattr(ExactIndex, "build", lambda *args, **kwargs: pytest.fail("it was encoded"))
    found = json.loads(printed(capsys, *BENCHMARK, "--index", "there", "--json"))
    assert [row["metrics"] for row in found] == [pytest.approx(row["metrics"]) for row in expected]
    with pytest.raises(ValueError, match="fewer is not an index of benchmark: it lacks 2 of 20 passages and has 0 others"):
        run([*MODELS, *BENCHMARK, "--index", "fewer"])


def test_tasks_of_mteb(workshop, task, capsys):
    out = printed(capsys, "--task", "MemoryRetrieval", "-k", "1", "5", "--output", "out")
    sections = out.rstrip("\n").split("\n\n")
    assert sections[::2] == ["MemoryRetrieval, eng-swa, test", "MemoryRetrieval, eng-hau, test"]
    assert all(name in sections[1].splitlines()[0] for name in ("recall@1", "recall@5", "mrr@10", "ndcg@10"))
    assert len(sections[1].splitlines()) == 2 + 3
    saved = {path.name for path in Path("out").iterdir()}
    assert {"MemoryRetrieval.eng-swa.test.student.json", "MemoryRetrieval.eng-swa.test.student.trec"} <= saved
    assert len(saved) == 2 * 2 * 3
    rows = json.loads(printed(capsys, "--task", "MemoryRetrieval", "--task-language", "ha", "--no-baselines", "--json"))
    assert [(row["task"], row["subset"], row["split"], row["system"]) for row in rows] == [
        ("MemoryRetrieval", "eng-hau", "test", "student")
    ]
    assert {"recall@1", "recall@10", "recall@100", "mrr@10", "ndcg@10"} == rows[0]["metrics"].keys()


def test_parallel_sentences(workshop, capsys):
    assert "cut at the token limit" not in printed(capsys, "--bitext-test", "pairs.tsv")
    with open("pairs.tsv", "a", encoding="utf-8") as file:
        file.write("maize " * 20 + "\t" + "mahindi\n")
    out = printed(capsys, "--bitext-test", "pairs.tsv", "--output", "out")
    title, table, cut = out.rstrip("\n").split("\n\n")
    assert title.startswith("pairs.tsv: accuracy@1")
    assert [row.split("|")[1].strip() for row in table.splitlines()][2:] == ["zero-shot (teacher, untranslated)", "student"]
    assert cut.startswith("sentences cut at the token limit, non-English and English")
    assert cut.endswith("student: 0 and 1")
    assert (workshop / "out" / "student.bitext.json").is_file()
    row, student = json.loads(printed(capsys, "--bitext-test", "pairs.tsv", "--bitext-length", "100", "--json"))
    assert student["bitext"] == "pairs.tsv"
    assert student["cut_off"] == {"non_english": 0, "english": 0}
    assert student["metrics"] == row["metrics"]  # undistilled, the student is its teacher
    assert student["queries"] == 49


def test_all_of_them_at_once_are_one_list(workshop, task, capsys):
    arguments = [*BENCHMARK, "--task", "MemoryRetrieval", "--task-language", "sw", "--bitext-test", "pairs.tsv"]
    rows = json.loads(printed(capsys, *arguments, "--no-baselines", "--json"))
    assert [("task" in row, "bitext" in row) for row in rows] == [(False, False), (True, False), (False, True)]
    assert len(printed(capsys, *arguments).split("\n\n")) == 2 + 2 + 2  # benchmark and retention, and two titles with their tables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to evaluate on: give --benchmark, --task or --bitext-test; see `optical evaluate --help`"),
        (["--task-language", "sw", *BENCHMARK], "--task-language has no effect without --task"),
        (["--bitext-length", "9", *BENCHMARK], "--bitext-length has no effect without --bitext-test"),
        (["--passages", "x", "--bitext-test", "pairs.tsv"], "--passages has no effect without --benchmark"),
        (["--index", "x", "--bitext-test", "pairs.tsv"], "--index has no effect without --benchmark"),
        (["--task", "MemoryRetrievl"], "mteb has no task 'MemoryRetrievl'; did you mean 'MemoryRetrieval'?"),
        (
            ["--task", "MemoryRetrieval", "--task-language", "yo"],
            "has no subset and no query language 'yo'; the subsets are eng-swa",
        ),
        (["--bitext-test", "pears.tsv"], "pears.tsv: no such file; did you mean 'pairs.tsv'?"),
        (["--bitext-test", "pairs.tsv", "--output", "pairs.tsv/out"], "output folder pairs.tsv/out cannot be written to"),
        (["--bitext-tset", "pairs.tsv"], "unknown option --bitext-tset; did you mean '--bitext-test'"),
    ],
)
def test_wrong_requests_are_refused_before_the_work(workshop, task, monkeypatch, arguments, message):
    monkeypatch.setattr(mteb_tasks, "evaluate_task", lambda *args, **kwargs: pytest.fail("it was run"))
    with pytest.raises((ValueError, OSError)) as raised:
        run([*MODELS, *arguments])
    assert message in str(raised.value)


def test_a_student_of_documents_is_not_evaluated_on_english_ones(workshop, task, capsys):
    config = json.loads(Path("student/config.json").read_text())
    Path("student/config.json").write_text(json.dumps(config | {"side": "document"}))
    for arguments in (BENCHMARK, [*BENCHMARK, "--task", "MemoryRetrieval"]):
        with pytest.raises(ValueError, match="student student encodes documents, not queries: evaluate it on documents in its"):
            run([*MODELS, *arguments])
    with pytest.raises(ValueError, match="student student encodes documents, not queries, which --bitext-test compares"):
        run([*MODELS, "--bitext-test", "pairs.tsv"])
    rows = json.loads(printed(capsys, "--task", "MemoryRetrieval", "--no-baselines", "--json"))
    assert [row["system"] for row in rows] == ["student", "student"]


def test_the_teachers_rows_are_not_made_of_documents_that_a_student_encoded(workshop, capsys):
    from hf_optical.commands import index

    config = json.loads(Path("student/config.json").read_text())
    Path("student/config.json").write_text(json.dumps(config | {"side": "both"}))
    tensors = load_file("student/model.safetensors")
    save_file({name: 1.01 * tensor for name, tensor in tensors.items()}, "student/model.safetensors", {"format": "pt"})
    for place in ("there", *(["qdrant+path:q"] if find_spec("qdrant_client") else [])):
        index.run(["benchmark/corpus.jsonl", "--student", "student", "--output", place])
        with pytest.raises(ValueError, match=r"has passages that \w+ encoded, a student, .* leave them out with --no-baselines"):
            run([*MODELS, *BENCHMARK, "--index", place])
        capsys.readouterr()
        rows = json.loads(printed(capsys, *BENCHMARK, "--index", place, "--no-baselines", "--json"))
        assert [row["system"] for row in rows] == ["student"]


def test_an_index_of_other_texts_under_the_same_ids_is_refused(workshop, capsys):
    rows = [json.loads(line) for line in Path("benchmark/corpus.jsonl").read_text().splitlines()]
    shifted = [row | {"text": other["text"]} for row, other in zip(rows, rows[1:] + rows[:1], strict=True)]
    Path("shifted.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shifted))
    assert main(["index", "shifted.jsonl", "--teacher", "teacher", "--output", "shifted"]) == 0
    with pytest.raises(ValueError, match="shifted is not an index of benchmark: passage 'd0' has another text there"):
        run([*MODELS, *BENCHMARK, "--index", "shifted"])


@pytest.mark.parametrize("baselines", [(), ("--no-baselines",)])
def test_bm25_joined_to_a_student_is_a_row_of_its_own(workshop, capsys, baselines):
    out = printed(capsys, *BENCHMARK, "-k", "1", "--lexical_weight", "0.5", "--json", "--output", "saved", *baselines)
    rows = json.loads(out)
    assert [row["system"] for row in rows[-2:]] == ["student", "student, and BM25"]
    assert [("retention" in row) for row in rows[-2:]] == [not baselines] * 2
    assert ("BM25 of 4-grams, untranslated" in {row["system"] for row in rows}) == (not baselines)
    corpus = [json.loads(line) for line in Path("benchmark/corpus.jsonl").read_text().splitlines()]
    queries = {row["_id"]: row["text"] for row in map(json.loads, Path("benchmark/queries.jsonl").read_text().splitlines())}
    lexical = Bm25Index([row["_id"] for row in corpus], [f"{row.get('title', '')} {row['text']}" for row in corpus], ngrams=4)
    own, joined = (ranking(Path("saved") / name) for name in ("student.trec", "student--and-BM25.trec"))
    assert own.keys() == joined.keys()
    for query, documents in joined.items():
        ((found),) = lexical.search([queries[query]], 100)
        expected = reciprocal_rank_fusion([[(d, 0.0) for d in own[query]], found], [1, 0.5])
        assert documents == [document for document, _ in expected]


def test_spelling_variants_are_rows_of_their_own(workshop, capsys):
    for file, added in (("corpus", "school"), ("queries", "skhool")):
        rows = [json.loads(line) for line in Path(f"benchmark/{file}.jsonl").read_text().splitlines()]
        shown = [row | {"text": f"{added} {row['text'][:2]}"} for row in rows]  # short: the tiny student reads sixteen tokens
        Path(f"benchmark/{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shown))
    options = ("-k", "1", "--lexical_weight", "0.5", "--spelling_variants", "--json", "--output", "saved")
    rows = json.loads(printed(capsys, *BENCHMARK, *options))
    names = ["student", "student, and BM25", "student, with spelling variants", "student, with spelling variants, and BM25"]
    assert [row["system"] for row in rows[-4:]] == names
    assert [("retention" in row) for row in rows] == [False] * (len(rows) - 4) + [True] * 4
    alone, asked = (ranking(Path("saved") / f"{name}.trec") for name in ("student", "student--with-spelling-variants"))
    collection = load_retrieval("benchmark")
    student, teacher = OpticalStudentModel.from_pretrained("student"), OpticalTeacherModel.from_pretrained("teacher")
    index = ExactIndex.build(teacher, collection.corpus_ids, collection.corpus_texts)
    variants, reader = SpellingVariants(collection.corpus_texts), Reader(student)
    queries = [variants.respell(collection.queries[query], reader).text for query in collection.qrels]
    assert all(query.startswith("skhool school ") for query in queries)
    found = index.search(student.encode_query(queries), 100)
    assert list(asked.values()) == [[document for document, _ in hits] for hits in found]
    assert asked != alone
    with pytest.raises(ValueError, match="--spelling_variants has no effect without --student"):
        run(["--teacher", "teacher", *BENCHMARK, "--spelling_variants"])
    with pytest.raises(ValueError, match="--spelling_variants has no effect without --benchmark"):
        run([*MODELS, "--bitext-test", "x.tsv", "--spelling_variants"])


def ranking(file):
    found = {}
    for line in file.read_text().splitlines():
        query, _, document, *_ = line.split()
        found.setdefault(query, []).append(document)
    return found


def test_passages_in_the_students_language(workshop, capsys):
    config = json.loads(Path("student/config.json").read_text())
    Path("student/config.json").write_text(json.dumps(config | {"side": "both"}))
    rows = json.loads(printed(capsys, *BENCHMARK, "--own_documents", "--no-baselines", "--json"))
    assert [row["system"] for row in rows] == ["student", "student, English queries"]
    assert rows[1]["metrics"]["recall@1"] == 1.0  # undistilled, it encodes English passages as the teacher
    assert all("retention" not in row for row in rows)
    assert "retention" not in printed(capsys, *BENCHMARK, "--own-documents")
    with pytest.raises(ValueError, match="--index holds passages that are encoded already"):
        run([*MODELS, *BENCHMARK, "--own_documents", "--index", "i"])
    with pytest.raises(ValueError, match="--spelling_variants are English words of English passages"):
        run([*MODELS, *BENCHMARK, "--own_documents", "--spelling_variants"])
    with pytest.raises(ValueError, match="--own_documents has no effect without --benchmark"):
        run([*MODELS, "--bitext-test", "pairs.tsv", "--own_documents"])
