"""Bad input at the command line: one line on stderr, exit code 2, no traceback, nothing written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hf_optical.cli import main


@pytest.fixture
def yard(workshop):
    """The workshop with everything in it that can be wrong."""
    write = {
        "empty.tsv": "",
        "header.tsv": "english\tnon_english\n",
        "one.tsv": "english\nrain\n",
        "big.tsv": f"english\tnon_english\n{'a' * 10_000_000}\tb\n",
        "moses.en": "rain\nwater\n",
        "moses.sw": "mvua\n",
        "key.yaml": "teacher: teacher\nlanguage: sw\nepsiln: 0.1\n",
        "type.yaml": "teacher: teacher\nepsilon: warm\n",
        "file": "mine",
    }
    for name, text in write.items():
        Path(name).write_text(text, encoding="utf-8")
    Path("binary.tsv").write_bytes(bytes(range(256)) * 20)
    for name in ("empty-weights", "no-weights", "cut-weights"):
        shutil.copytree("teacher", name)
    Path("no-weights/model.safetensors").unlink()
    Path("empty-weights/model.safetensors").write_bytes(b"")
    Path("cut-weights/model.safetensors").write_bytes(Path("teacher/model.safetensors").read_bytes()[:-1000])
    shutil.copytree("encoder", "pickled")
    Path("pickled/model.safetensors").unlink()
    torch.save({}, "pickled/pytorch_model.bin")
    return workshop


def snapshot(folder):
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} | {
        str(p.relative_to(folder)): None for p in folder.rglob("*") if p.is_dir()
    }


DISTILL = {"--teacher": "teacher", "--bitext": "pairs.tsv", "--language": "sw", "--output": "out"}
TEACH = {"--encoder": "encoder", "--triples": "triples.jsonl", "--output": "out", "--document_length": "48", "--query_length": "16"}
PREPARE = {"--language": "sw", "--output": "out.tsv"}
EVALUATE = {"--student": "student", "--teacher": "teacher", "--benchmark": "benchmark"}
SEARCH = {"--student": "student", "--teacher": "teacher", "--passages": "benchmark/corpus.jsonl"}


def flags(base, changes):
    return [part for name, value in (base | changes).items() if value is not None for part in (name, *value.split("|"))]


BAD_DISTILL = [
    ({"--bitext": "empty.tsv"}, "empty.tsv: the file is empty"),
    ({"--bitext": "header.tsv"}, "header.tsv: no rows after the header"),
    ({"--bitext": "one.tsv"}, "one.tsv:1: one column only ('english') where two languages are needed"),
    ({"--bitext": "binary.tsv"}, "binary.tsv:1: a binary file (NUL byte at byte 0)"),
    ({"--bitext": "big.tsv"}, "big.tsv: all 1 rows were rejected, 1 of them for 'line too long' (big.tsv:2)"),
    ({"--bitext": "moses"}, "moses.en: 2 lines, but moses.sw has 1"),
    ({"--bitext": "pair.tsv"}, "pair.tsv: no such file; did you mean 'pairs.tsv'"),
    ({"--bitext": None}, "--bitext is missing; see `optical distill --help`"),
    ({"--language": "swahili"}, "no language code 'swahili'; write 'sw' (Swahili)"),
    ({"--language": "sww"}, "no language code 'sww'; did you mean 'sw' (Swahili)"),
    ({"--language": "en"}, "the language is 'en'"),
    ({"--epsiln": "0.1"}, "unknown option --epsiln; did you mean '--epsilon'"),
    ({"--epsilon": "warm"}, "argument --epsilon: invalid float value: 'warm'"),
    ({"--epsilon": "-1"}, "epsilon must be positive, got -1.0"),
    ({"--loss": "optimal"}, "argument --loss: invalid choice: 'optimal'"),
    ({"--bf16": "perhaps"}, "argument --bf16: Truthy value expected"),
    ({"--teacher": "no-weights"}, "no-weights has no "),
    ({"--teacher": "empty-weights"}, "empty-weights: the weights are damaged or cut off"),
    ({"--teacher": "cut-weights"}, "cut-weights: the weights are damaged or cut off"),
    ({"--teacher": "encoder"}, "encoder is a plain bert model, not a teacher"),
    ({"--teacher": "student"}, "student is a student, not a teacher"),
    ({"--teacher": "techer/"}, "teacher techer/: there is no such folder; did you mean 'teacher'"),
    ({"--encoder": "pickled"}, "pickled has no safetensors weights; pickled ones are not taken"),
    ({"--encoder": "teacher"}, "encoder teacher is a teacher already"),
    ({"--output": "file"}, "output folder file cannot be written to (file is not a folder): give another --output"),
    ({"--output": "file/out"}, "output folder file/out cannot be written to"),
    ({"--output": "student"}, "output folder student holds a model already: --resume to go on with it, --overwrite to replace it"),
    ({"--output": "student", "--resume": "true"}, "output folder student holds a finished model and no checkpoint"),
    ({"--teacher_cache": "file/cache"}, "--teacher_cache file/cache cannot be written to"),
    ({"--limit": "0"}, "--limit is 0; give 1 or more"),
    ({"--eval_pairs": "48"}, "--eval_pairs 48 leaves nothing of 48 pairs"),
    ({"--eval_pairs": "-1"}, "--eval_pairs -1 is negative"),
    ({"--eval_strategy": "steps"}, "eval_strategy is steps, but there is nothing to evaluate on"),
    ({"--max_length": "8"}, "max_length 8 has no effect with expansion"),
    ({"--query_length": "3"}, "a length of 3 leaves no room for text"),
    ({"--query_length": "500"}, "query_length 500 is more than the 128 tokens that the encoder can take"),
    ({"--development": "benchmark", "--development_split": "x"}, "no judgements for split 'x'; the splits are dev, test"),
    ({"--per_device_train_batch_size": "0"}, "per_device_train_batch_size must be positive, got 0"),
]
BAD_OTHERS = [
    (["distill", "key.yaml"], "key.yaml:3: unknown setting 'epsiln'; did you mean 'epsilon'"),
    (["distill", "type.yaml"], "type.yaml:2: epsilon: 'warm' is no float"),
    (["distill", "nowhere.yaml"], "nowhere.yaml: there is no such configuration file"),
    (["teach", *flags(TEACH, {"--encoder": None})], "--encoder is missing"),
    (["teach", *flags(TEACH, {"--embedding_dim": "0"})], "embedding_dim must be at least 1, got 0"),
    (["teach", *flags(TEACH, {"--limit": "0"})], "--limit is 0"),
    (["teach", *flags(TEACH, {"--document_length": "500"})], "document_length 500 is more than the 128 tokens"),
    (["teach", *flags(TEACH, {"--encoder": "pickled"})], "pickled ones are not taken"),
    (["teach", *flags(TEACH, {"--triples": "nowhere.jsonl"})], "nowhere.jsonl: no such file"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--language": "swahili"})], "write 'sw' (Swahili)"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--langage": "sw"})], "unknown option --langage; did you mean '--language'?"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--limit": "0"})], "argument --limit: '0' is not a whole number of 1 or more"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--output": "file/out.tsv"})], "--output file/out.tsv cannot be written"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--output": "pairs.tsv"})], "--output pairs.tsv is the file that is read"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--output": "out.csv"})], "end the name with .tsv or .tsv.gz"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--output": None})], "arguments are required: --output"),
    (["prepare", "pairs.tsv", *flags(PREPARE, {"--english-column": "englsh"})], "did you mean 'english'?"),
    (["evaluate", *flags(EVALUATE, {"-k": "0"})], "argument -k: '0' is not a whole number of 1 or more"),
    (["evaluate", *flags(EVALUATE, {"-k": "1|ten"})], "argument -k: 'ten' is not a whole number of 1 or more"),
    (["evaluate", *flags(EVALUATE, {"--student": "teacher"})], "teacher is a teacher, not a student"),
    (["evaluate", *flags(EVALUATE, {"--student": "student|student"})], "two students are named alike"),
    (["evaluate", *flags(EVALUATE, {"--studnt": "x"})], "unknown option --studnt; did you mean '--student'?"),
    (["evaluate", *flags(EVALUATE, {"--split": "x"})], "no judgements for split 'x'"),
    (["evaluate", *flags(EVALUATE, {"--output": "file/out"})], "output folder file/out cannot be written to"),
    (["evaluate", *flags(EVALUATE, {"--teacher": "cut-weights"})], "damaged or cut off"),
    (["search", *flags(SEARCH, {"-k": "0"}), "maji"], "argument -k: '0' is not a whole number of 1 or more"),
    (["search", *flags(SEARCH, {}), " "], "a question is empty"),
    (["search", *flags(SEARCH, {})], "give a question in quotes"),
    (["search", *flags(SEARCH, {"--passages": "benchmark/corpis.jsonl"}), "maji"], "did you mean 'corpus.jsonl'"),
    (["search", *flags(SEARCH, {"--student": "encoder"}), "maji"], "encoder is a plain bert model, not a teacher or a student"),
    (["tech"], "unknown command 'tech'; did you mean 'teach'"),
]


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["distill", *flags(DISTILL, c), "--max_steps", "1", "--use_cpu"], m) for c, m in BAD_DISTILL] + BAD_OTHERS,
)
def test_bad_input(yard, capsys, argv, message):
    before = snapshot(yard)
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith("optical: error: ")
    assert err.count("\n") == 1, err
    assert snapshot(yard) == before


def test_student_of_another_teacher(yard, capsys, encoder_dir):
    from hf_optical.models import OpticalTeacherModel

    settings = {"embedding_dim": 16, "query_length": 16, "document_length": 48}
    OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), **settings).save_pretrained("other")
    capsys.readouterr()
    for argv in (
        ["evaluate", *flags(EVALUATE, {"--teacher": "other"})],
        ["search", *flags(SEARCH, {"--teacher": "other"}), "maji"],
    ):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "this student was distilled from teacher" in err
        assert "other (fingerprint" in err


def test_a_batch_of_padding_alone(yard, capsys, monkeypatch):
    from hf_optical.training import BitextCollator

    collate = BitextCollator.__call__

    def only_padding(self, examples):
        batch = collate(self, examples)
        batch["teacher"]["scoring_mask"].zero_()
        return batch

    monkeypatch.setattr(BitextCollator, "__call__", only_padding)
    assert main(["distill", *flags(DISTILL, {}), "--max_steps", "1", "--use_cpu", "--disable_tqdm", "true"]) == 2
    assert "every one of the 32 pairs in this batch is only padding" in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in yard.joinpath("out").rglob("*") if p.is_file()] == ["run_inputs.json"]  # no model, no checkpoint


def test_in_a_process_of_its_own(yard):
    """Nothing of what libraries say on import or on exit gets between: stderr is the one line."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hf_optical.cli", "distill", *flags(DISTILL, {"--bitext": "one.tsv"})]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("optical: error: one.tsv:1: one column only")
    assert done.stderr.count("\n") == 1, done.stderr
