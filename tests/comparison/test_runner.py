"""`optical compare` as a person uses it: run, interrupted, resumed, shared by two processes, changed, failing, for any language."""

import json
import multiprocessing
import os
import re
import shutil
from pathlib import Path

import pytest

from hf_optical.cli import run as as_command
from hf_optical.commands.compare import run
from hf_optical.comparison import locks, runner
from hf_optical.data import DataError
from hf_optical.training import OpticalTrainer


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(locks, "POLL_SECONDS", 0.1)


def result(method, language, run="seed-1", out="out"):
    return json.loads((Path(out) / "runs" / method / language / run / "result.json").read_text())


def results():
    return {str(file): file.stat().st_mtime_ns for file in Path("out/runs").glob("*/*/*/result.json")}


def test_everything_is_run_and_kept(finished):
    assert len(results()) == 2 * (3 + 2 * 2)  # teacher, BM25, zero-shot; two students with two seeds
    one = result("optical", "first")
    assert (one["seed"], one["seen"], one["pairs"], one["took"]["steps"]) == (1, True, {"first": 70}, 3)
    assert one["metrics"].keys() >= {"recall@1", "recall@10", "recall@100", "mrr@10", "ndcg@10"}
    assert len(one["per_query"]["recall@10"]) == 20
    assert one["environment"]["device"] == "cpu"
    folder = Path("out/runs/optical/first/seed-1")
    ranking = (folder / "run.trec").read_text().splitlines()
    assert len(ranking) == 20 * 30
    assert ranking[0].split()[1::2] == ["Q0", "1", "optical"]
    settings = json.loads((folder / "settings.json").read_text())["training"]["settings"]
    assert (settings["max_steps"], settings["loss"], settings["learning_rate"]) == (3, "optical", 1e-3)
    assert (folder / "student" / "config.json").exists()
    assert not list(Path("out").rglob("checkpoint-*"))
    assert not list(Path("out").rglob("*.lock"))
    # both languages search the same passages, and their bitexts have the same English sides: a folder of each
    assert len([entry for entry in Path("out/teacher-embeddings").iterdir() if entry.is_dir()]) == 2


def test_test_questions_are_not_in_the_bitext(world, configure):
    with open("first.tsv", "a") as file:
        question = json.loads(Path("first/queries.jsonl").read_text().splitlines()[0])
        file.write(f"something else\t{question['text']}\n{question['english']}\tkitu kingine\n")
    run([configure(methods="  w: {system: word_by_word}\n"), "--languages", "first"])
    prepared = json.loads(Path("out/bitext/first.json").read_text())
    assert (prepared["pairs"], prepared["report"]["rows_rejected"]) == (70, 2)


def test_what_is_finished_is_not_run_again(finished, monkeypatch):
    before = results()
    monkeypatch.setattr(runner, "run_job", lambda job, materials: pytest.fail(f"{job.name} was run again"))
    run(["compare.yaml"])
    assert results() == before


def test_interrupted_and_resumed(finished, monkeypatch, caplog):
    shutil.rmtree("out/runs/mse")
    shutil.rmtree("out/runs/optical/second/seed-2")
    before, step = results(), OpticalTrainer.training_step
    trained = []

    def interrupted(self, *args, **kwargs):
        trained.append(self.args.output_dir)
        if len(trained) == 6:  # the second student, after two of its three steps
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(OpticalTrainer, "training_step", interrupted)
    assert as_command(run, ["compare.yaml"]) == 130
    half = Path(trained[-1])
    assert (half / "checkpoint-2").is_dir()
    assert not list(Path("out").rglob("*.lock"))
    monkeypatch.setattr(OpticalTrainer, "training_step", step)
    run(["compare.yaml"])
    after = results()
    assert len(after) == 14
    assert {name: after[name] for name in before} == before
    assert result("mse", "second")["took"]["resumed_from_step"] == 2
    assert json.loads((half / "train_metrics.json").read_text())["steps"] == 3


def test_two_processes_share_the_work(world, configure):
    configure(methods="  bm25: {system: bm25}\n  optical: {}\n  mse: {loss: mse}\n")
    context = multiprocessing.get_context("fork")
    done, both = context.SimpleQueue(), context.Barrier(2)

    def work(folder):
        os.chdir(folder)
        run_job, ran = runner.run_job, []

        def counted(job, materials):
            ran.append(job.name)
            run_job(job, materials)

        runner.run_job = counted
        both.wait(60)
        code = as_command(run, ["compare.yaml", "--languages", "first"])
        done.put((code, ran))

    processes = [context.Process(target=work, args=(str(world),)) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [done.get() for _ in processes]
    for process in processes:
        process.join(60)
    assert [code for code, _ in answers] == [0, 0]
    ran = [name for _, names in answers for name in names]
    assert len(ran) == len(set(ran)) == 6  # each once, by one of the two
    assert len(json.loads(Path("out/report.json").read_text())["missing"]) == 6  # the other language
    assert not list(Path("out").rglob("*.lock"))


def test_changed_settings_are_refused(finished, configure):
    before = results()
    configure(("learning_rate: 1e-3", "learning_rate: 2e-3"))
    with pytest.raises(ValueError, match="8 of the runs in out/runs were made with other settings") as error:
        run(["compare.yaml"])
    assert "optical/first/seed-1 (learning_rate 0.001, now 0.002)" in str(error.value)
    assert "--rerun" in str(error.value)
    assert results() == before


def test_changed_settings_are_run_again_on_demand(finished, configure):
    before = results()
    configure(("mse: {loss: mse}", "mse: {loss: mse, learning_rate: 2e-3}"))
    run(["compare.yaml", "--rerun", "--languages", "first", "--seeds", "1"])
    changed = {name for name, time in results().items() if before[name] != time}
    assert changed == {"out/runs/mse/first/seed-1/result.json"}


def test_what_changes_no_figure_changes_no_run(finished, configure):
    before = results()
    shutil.move("first.tsv", "renamed.tsv")
    configure(("bitext: first.tsv", "bitext: renamed.tsv"), ("save_steps: 2", "save_steps: 3, logging_steps: 1"))
    run(["compare.yaml"])
    assert results() == before


def test_changed_sentence_pairs_are_refused(finished):
    with open("first.tsv", "a") as file:
        file.write("the sun\tdjua nus\n")
    with pytest.raises(ValueError, match=r"4 of the runs in out/runs .*optical/first/seed-1 \(another bitext of first\)"):
        run(["compare.yaml"])


def test_changed_judgments_are_refused(finished):
    with open("second/qrels/test.tsv", "a") as file:
        file.write("second-0\td1\t1\n")
    with pytest.raises(ValueError, match=r"bm25/second/once \(other queries of second\)"):
        run(["compare.yaml"])


def test_a_failing_run_does_not_stop_the_others(world, configure, capsys):
    configure(methods="  bm25: {system: bm25}\n  broken: {max_length: 3, seeds: [1]}\n")
    assert as_command(run, ["compare.yaml", "--json"]) == 1
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert set(figures["failed"]) == {"broken/first/seed-1", "broken/second/seed-1"}
    assert figures["failed"]["broken/first/seed-1"].startswith("a length of 3 leaves no room for text")
    assert {row["method"] for row in figures["rows"]} == {"teacher_english", "bm25"}
    assert "2 runs failed, the first is broken/first/seed-1" in err
    assert "failed: " in Path("out/report.md").read_text()
    configure(methods="  bm25: {system: bm25}\n  broken: {seeds: [1]}\n")  # mended
    assert as_command(run, ["compare.yaml", "--languages", "first", "--rerun"]) == 0
    assert list(json.loads(Path("out/report.json").read_text())["failed"]) == ["broken/second/seed-1"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--languages", "frist"], "compare.yaml has no language 'frist'; did you mean 'first'?"),
        (["--methods", "opticla"], "compare.yaml has no method 'opticla'; did you mean 'optical'?"),
        (["--seeds", "-1"], "--seeds"),
        (["--language", "first"], "unknown option --language; did you mean '--languages'"),
    ],
)
def test_mistakes_in_options(world, flags, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(["compare.yaml", *flags])
    assert not Path("out").exists()


def test_missing_data_is_told_before_anything_is_run(world, configure):
    configure(("bitext: first.tsv", "bitext: nowhere.tsv"))
    with pytest.raises(DataError, match=r"nowhere\.tsv: no such file"):
        run(["compare.yaml"])
    assert not Path("out/runs").exists()


def test_a_language_that_nobody_thought_of(finished):
    """The same data under other names and another code gives the same figures: nothing depends on which language it is."""
    shutil.move("first", "maasai-questions")
    Path("pairs").mkdir()
    shutil.move("first.tsv", "pairs/mas.tsv")
    text = Path("compare.yaml").read_text().replace("output: out", "output: mine").replace("seeds: [1, 2]", "seeds: [1]")
    lines = [line for line in text.splitlines() if not line.startswith("  second:")]
    place = next(i for i, line in enumerate(lines) if line.startswith("  first:"))
    lines[place] = "  mas: {bitext: pairs/mas.tsv, benchmark: maasai-questions}"
    Path("mine.yaml").write_text("\n".join(lines) + "\n")
    run(["mine.yaml"])
    figures = json.loads(Path("mine/report.json").read_text())
    assert figures["languages"]["mas"]["title"] == "Maasai"
    for method, place in (("optical", "seed-1"), ("bm25", "once"), ("zero-shot", "once")):
        assert result(method, "mas", place, "mine")["per_query"] == result(method, "first", place)["per_query"]


def test_benchmark_without_english_versions(world, configure):
    file = Path("first/queries.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({"_id": row["_id"], "text": row["text"]}) + "\n" for row in rows))
    assert as_command(run, [configure(methods="  bm25: {system: bm25}\n")]) == 0
    figures = json.loads(Path("out/report.json").read_text())
    kept = {row["scope"]: row["retention"] for row in figures["rows"] if row["method"] == "bm25"}
    assert kept["first"] is None
    assert kept["second"]["value"] == 0


def test_models_are_not_kept(world, configure):
    run([configure(("seeds: [1, 2]", "seeds: [1]\nkeep_models: false"), methods="  optical: {}\n"), "--languages", "first"])
    assert result("optical", "first")["took"]["steps"] == 3
    assert not Path("out/runs/optical/first/seed-1/student").exists()
