"""Results of several machines are joined in one report; nothing is overwritten, nothing lost in silence."""

import gzip
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from hf_optical.commands.compare import run
from hf_optical.comparison import export_results, import_results, load_config
from hf_optical.comparison.locks import RunLock
from hf_optical.comparison.report import write_report
from hf_optical.data import DataError

from .test_report import TOP, save


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(TOP)
    return load_config("c.yaml")


def some(methods, languages=("sw", "yo", "de"), seeds=(1, 2)):
    random = np.random.default_rng(len(methods))
    for method in methods:
        for language in languages:
            for seed in seeds:
                save(method, language, (random.random(40) < 0.5).astype(float), seed=seed)


def results(folder="out"):
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in Path(folder).rglob("result.json")}


def test_two_machines_make_the_table_of_one(config):
    some(["teacher_english", "zero-shot", "optical", "mse"])
    Path("out/bitext").mkdir()
    Path("out/bitext/sw.json").write_text(json.dumps({"pairs": 5000, "sources": ["/home/ada/sw.tsv"]}))
    whole, expected = results(), write_report(config)
    for name in ("optical", "mse"):
        shutil.move(f"out/runs/{name}", f"{name}-away")
    shutil.move("optical-away", "out/runs/optical")
    assert export_results(config, "a.jsonl.gz") == 2 * 3 + 2 * 3
    assert "/home/ada" not in gzip.decompress(Path("a.jsonl.gz").read_bytes()).decode()
    shutil.rmtree("out/runs")
    shutil.copytree("mse-away", "out/runs/mse")
    assert export_results(config, "b.jsonl") == 6
    shutil.rmtree("out")
    taken = import_results(config, ["a.jsonl.gz", "b.jsonl"])
    assert (taken.added, taken.known, taken.left_out) == (18, 0, 0)
    assert results() == whole
    assert write_report(config) == expected
    again = import_results(config, ["a.jsonl.gz", "b.jsonl"])
    assert (again.added, again.known, again.left_out) == (0, 18, 0)
    assert not list(Path("out").rglob("*.lock"))


def test_the_same_results_give_the_same_bytes(config):
    some(["teacher_english", "optical"])
    export_results(config, "a.jsonl.gz")
    os.utime("out/runs/optical/sw/seed-1/result.json", (0, 0))
    export_results(config, "b.jsonl.gz")
    assert Path("a.jsonl.gz").read_bytes() == Path("b.jsonl.gz").read_bytes()


def settings(folder, epsilon=0.05, bitext="b", **more):
    """Beside the results in a folder: what they were made with."""
    content = {"training": {"system": "student", "bitext": {"sw": bitext}, "settings": {"epsilon": epsilon, **more}}}
    for path in Path(folder).rglob("result.json"):
        if "optical" in path.parts or "mse" in path.parts:
            path.with_name("settings.json").write_text(json.dumps(content))


def elsewhere(folder="out"):
    """The same results, as another machine would have made them."""
    for path in Path(folder).rglob("result.json"):
        content = json.loads(path.read_text())
        content["environment"]["processor"], content["took"] = "another", {"steps": 3, "train_seconds": 9.0, "pairs_used": 4321}
        path.write_text(json.dumps(content))


def test_what_both_machines_have_made_is_kept_once(config):
    some(["teacher_english", "zero-shot", "optical"])
    settings("out")
    before = results()
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    some(["teacher_english", "zero-shot", "mse"])
    some(["teacher_english", "zero-shot", "optical"])  # with the same values, but for mse
    shutil.rmtree("out/runs/optical")
    settings("out")
    elsewhere()
    export_results(config, "b.jsonl")
    shutil.rmtree("out")
    taken = import_results(config, ["a.jsonl", "b.jsonl"])
    assert (taken.added, taken.known) == (6 + 6 + 6, 6)
    assert {place: content for place, content in results().items() if "mse" not in place} == before


def test_a_training_made_again_with_the_same_settings_is_no_other(config):
    """Its last bits differ from machine to machine."""
    for values in ([0.0] * 40, [1.0] + [0.0] * 39):
        shutil.rmtree("out", ignore_errors=True)
        save("optical", "sw", values)
        settings("out")
        export_results(config, f"{values[0]:.0f}.jsonl")
    shutil.rmtree("out")
    taken = import_results(config, ["1.jsonl", "0.jsonl"])
    assert (taken.added, taken.known) == (1, 1)
    assert results()["runs/optical/sw/seed-1/result.json"]["per_query"]["recall@10"]["sw-0"] == 1.0


def test_a_setting_that_is_new_and_has_its_default_is_no_difference(config):
    save("optical", "sw", [0.0] * 40)
    for name, more in (("old.jsonl", {}), ("new.jsonl", {"dropout": None})):
        settings("out", **more)
        export_results(config, name)
    assert import_results(config, ["old.jsonl"]).known == 1
    shutil.rmtree("out")
    assert import_results(config, ["new.jsonl", "old.jsonl"]).known == 1


def test_other_settings_are_refused_and_nothing_is_written(config):
    some(["optical", "mse"])
    settings("out", epsilon=0.02)
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    save("mse", "yo", [1.0] * 40, seed=2)
    settings("out", epsilon=0.1)
    before = results()
    with pytest.raises(
        DataError, match=r"a\.jsonl:\d+: another mse/yo/seed-2 than that of out/.*seed-2 \(epsilon 0\.1, now 0\.02\)"
    ):
        import_results(config, ["a.jsonl"])
    assert results() == before


def test_without_settings_the_values_must_be_the_same(config):
    for value, name in ((0.0, "a.jsonl"), (1.0, "b.jsonl")):
        save("optical", "sw", [value] * 40)
        export_results(config, name)
    shutil.rmtree("out")
    with pytest.raises(DataError, match=r"b\.jsonl:1: another optical/sw/seed-1 than that of a\.jsonl:1 \(other values, and"):
        import_results(config, ["a.jsonl", "b.jsonl"])
    assert not results()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("teacher", "g", "another teacher of sw than in a.jsonl:1; import results that were made from the same data and teacher"),
        ("passages", 7, "another number of passages of sw"),
        ("per_query", {"recall@10": {"other": 1.0}}, "another queries of sw"),
    ],
)
def test_results_that_cannot_stand_in_one_table_are_refused(config, name, value, message):
    save("optical", "sw", [0.0] * 40)
    export_results(config, "a.jsonl")
    row = json.loads(Path("a.jsonl").read_text())
    row["result"] |= {name: value, "seed": 2}
    Path("b.jsonl").write_text(json.dumps(row) + "\n")
    shutil.rmtree("out")
    with pytest.raises(DataError, match=message):
        import_results(config, ["a.jsonl", "b.jsonl"])
    assert not results()


def test_other_sentence_pairs_are_refused(config):
    save("optical", "sw", [0.0] * 40)
    settings("out")
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    save("optical", "sw", [0.0] * 40, seed=2)
    settings("out", bitext="c")
    with pytest.raises(DataError, match=r"a\.jsonl:1: another sentence pairs \(limit None\) of sw"):
        import_results(config, ["a.jsonl"])
    Path("b.jsonl").write_text('{"language": "sw", "pairs": 5000}\n{"language": "sw", "pairs": 70}\n')
    with pytest.raises(DataError, match=r"b\.jsonl:2: 70 sentence pairs of sw, elsewhere 5,000"):
        import_results(config, ["b.jsonl"])


def test_settings_beside_the_student_of_all_languages_go_along(config):
    """Where earlier versions wrote them."""
    save("cs", "sw", [0.0] * 40)
    Path("out/runs/cs/_together/seed-1").mkdir(parents=True)
    Path("out/runs/cs/_together/seed-1/settings.json").write_text('{"training": {"settings": {"epsilon": 9}}}')
    export_results(config, "a.jsonl")
    assert json.loads(Path("a.jsonl").read_text())["settings"] == {"training": {"settings": {"epsilon": 9}}}


def test_what_a_killed_run_left_goes_when_its_result_is_imported(config):
    save("optical", "sw", [0.0] * 40)
    export_results(config, "a.jsonl")
    folder = Path("out/runs/optical/sw/seed-1")
    (folder / "result.json").unlink()
    for name in ("run.trec", "failure.json"):
        (folder / name).write_text("{}")
    import_results(config, ["a.jsonl"])
    assert sorted(path.name for path in folder.iterdir()) == ["result.json"]


def test_seeds_that_the_configuration_lacks_are_told(config, caplog):
    some(["teacher_english", "optical"], seeds=(1, 4, 5))
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    assert import_results(config, ["a.jsonl"]).seeds == (4, 5)
    run(["c.yaml", "--import-results", "a.jsonl", "--report-only", "--seeds", "4"])
    shutil.rmtree("out")
    run(["c.yaml", "--import-results", "a.jsonl", "--report-only", "--seeds", "4"])
    assert "does not have the seeds 5: they are in the report with --seeds 5" in caplog.text


def test_methods_and_languages_that_the_configuration_lacks_are_counted(config, caplog):
    some(["teacher_english", "optical", "mse"])
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    Path("fewer.yaml").write_text(TOP.replace("  mse: {loss: mse}\n", "").replace("  de: {", "  fr: {"))
    with caplog.at_level("INFO"):
        run(["fewer.yaml", "--import-results", "a.jsonl", "--report-only"])
    # English once for each of three languages, two methods with two seeds: of these mse, and what is German
    assert "6 results imported, 0 were there already, 9 left out: no such method or language here" in caplog.text
    assert {place.split("/")[1] for place in results()} == {"teacher_english", "optical"}


@pytest.mark.parametrize(
    "line",
    [
        '{"method": "optical"}',
        '{"result": {"method": "optical"}}',
        '{"result": 3}',
        '{"language": "sw", "pairs": "many"}',
    ],
)
def test_another_file_is_refused(config, line):
    Path("a.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=r"a\.jsonl:1: no result of a comparison; give files of `optical compare"):
        import_results(config, ["a.jsonl"])


@pytest.mark.parametrize(("name", "value"), [("method", "../../up"), ("language", ".."), ("seed", "1/../../.."), ("limit", "x")])
def test_no_line_leads_out_of_the_output_folder(config, name, value):
    some(["optical"], ["sw"], [1])
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    row = json.loads(Path("a.jsonl").read_text())
    row["result"][name] = value
    Path("a.jsonl").write_text(json.dumps(row) + "\n")
    if name in ("seed", "limit"):
        with pytest.raises(DataError, match="no result of a comparison"):
            import_results(config, ["a.jsonl"])
    else:
        assert import_results(config, ["a.jsonl"]).left_out == 1
    assert not list(Path().rglob("result.json"))


def test_a_run_that_somebody_works_on_is_left_alone(config):
    some(["optical"], ["sw"], [1])
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    lock = RunLock("out/runs/optical/sw/seed-1.lock")
    assert lock.acquire()
    with pytest.raises(DataError, match=r"seed-1: process .* works on it; wait until it has finished"):
        import_results(config, ["a.jsonl"])
    lock.release()
    Path("c.yaml").write_text(
        TOP.replace("others}", "others}\n  cs-all: {pairs: switched, loss: none, ranking: contrastive, train_languages: [sw, yo]}")
    )
    save("cs-all", "sw", [0.0] * 40)
    export_results(load_config("c.yaml"), "a.jsonl")
    shutil.rmtree("out")
    lock = RunLock("out/runs/cs-all/_together/seed-1.lock")
    assert lock.acquire()
    with pytest.raises(DataError, match=r"seed-1: process .* works on it; wait until it has finished"):
        import_results(load_config("c.yaml"), ["a.jsonl"])
    lock.release()
    assert not results()


def test_nothing_to_export(config):
    with pytest.raises(DataError, match="no result to export; run the comparison first"):
        export_results(config, "a.jsonl")
    assert not Path("a.jsonl").exists()


def test_real_runs_go_on_where_another_machine_stopped(finished, caplog):
    text = Path("compare.yaml").read_text()
    Path("compare.yaml").write_text(text + "  fused: {system: fusion, of: optical, lexical_weight: 0.5}\n")
    run(["compare.yaml", "--report-only", "--export-results", "all.jsonl.gz"])
    before = {place: path.read_bytes() for path in Path("out").rglob("result.json") for place in [str(path)]}
    shutil.rmtree("out")
    with caplog.at_level("INFO"), pytest.raises(SystemExit):
        run(["compare.yaml", "--import-results", "all.jsonl.gz"])
    # a ranking is joined where it is
    assert "run.trec: not here: the result comes from another machine, without it; join them there, or delete" in caplog.text
    assert f"{len(before)} results imported" in caplog.text
    assert f"0 runs made, {len(before)} were finished already" in caplog.text
    assert {str(path): path.read_bytes() for path in Path("out").rglob("result.json")} == before
