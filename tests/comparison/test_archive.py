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


def test_a_result_that_differs_is_refused_and_nothing_is_written(config):
    some(["optical", "mse"])
    export_results(config, "a.jsonl")
    shutil.rmtree("out")
    save("mse", "yo", [1.0] * 40, seed=2)
    before = results()
    with pytest.raises(DataError, match=r"a\.jsonl:\d+: another result of mse/yo/seed-2 is there already; keep one"):
        import_results(config, ["a.jsonl"])
    assert results() == before


def test_two_files_that_differ_are_refused(config):
    for value, name in ((0.0, "a.jsonl"), (1.0, "b.jsonl")):
        save("optical", "sw", [value] * 40)
        export_results(config, name)
    shutil.rmtree("out")
    with pytest.raises(DataError, match=r"b\.jsonl:1: another result of optical/sw/seed-1"):
        import_results(config, ["a.jsonl", "b.jsonl"])
    assert not Path("out").exists()


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
    assert not results()


def test_nothing_to_export(config):
    with pytest.raises(DataError, match="no result to export; run the comparison first"):
        export_results(config, "a.jsonl")
    assert not Path("a.jsonl").exists()


def test_real_runs_go_on_where_another_machine_stopped(finished, caplog):
    run(["compare.yaml", "--report-only", "--export-results", "all.jsonl.gz"])
    before = {place: path.read_bytes() for path in Path("out").rglob("result.json") for place in [str(path)]}
    shutil.rmtree("out")
    with caplog.at_level("INFO"):
        run(["compare.yaml", "--import-results", "all.jsonl.gz"])
    assert f"{len(before)} results imported" in caplog.text
    assert f"0 runs made, {len(before)} were finished already" in caplog.text
    assert {str(path): path.read_bytes() for path in Path("out").rglob("result.json")} == before
