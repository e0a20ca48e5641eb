"""A saved folder holds its own code: it loads where this package cannot be imported, and never as a bare backbone."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from hf_optical.models import OpticalStudentModel, OpticalTeacherModel

TEXTS = ["mahindi huhifadhiwaje?", "", "maji [Q] [MASK] safi, ya kunywa"]

# Runs before each script: this package cannot be imported, wherever it is installed.
PROLOGUE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hf_optical":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
try:
    import hf_optical
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("hf_optical can be imported: the test shows nothing")
import torch
torch.set_num_threads(1)
from transformers import AutoConfig, AutoModel, AutoTokenizer
"""


def run(script: str, folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script in a fresh process that has its own cache of remote code, no network and no stdin."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "HF_MODULES_CACHE")}
    environment |= {"HF_HOME": str(folder / "hf_home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-P", "-c", PROLOGUE + script, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def saved(tiny_teacher, encoder_dir, tmp_path_factory):
    """A teacher (BERT) and a student of another family (ModernBERT, whose rotary buffers are in no checkpoint)."""
    folder = tmp_path_factory.mktemp("saved")
    teacher = copy.deepcopy(tiny_teacher)
    teacher.save_pretrained(folder / "teacher")
    student = OpticalStudentModel.from_encoder(encoder_dir("modernbert"), teacher, languages=["sw"])
    student.save_pretrained(folder / "student")
    return folder


LOAD_AND_SAVE = (
    f"\nTEXTS = {TEXTS!r}"
    + """
out, *folders = sys.argv[1:]
result = {}
for folder in folders:
    kind = folder.rpartition("/")[2]
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    assert type(model).__name__ == f"Optical{kind.capitalize()}Model", type(model)
    assert type(model).__module__.startswith("transformers_modules."), type(model).__module__
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert type(config).__name__ == f"Optical{kind.capitalize()}Config"
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    queries = model.encode_query(TEXTS)
    assert tokenizer.get_vocab() == model.tokenizer.get_vocab()
    result[kind] = {"queries": queries, "fingerprint": model.fingerprint(), "teacher": getattr(model.config, "teacher", None)}
    if kind == "teacher":
        result[kind]["documents"] = model.encode_document(TEXTS)
    model.save_pretrained(folder)  # where its code was loaded from
    model.save_pretrained(f"elsewhere/{kind}")
    again = AutoModel.from_pretrained(f"elsewhere/{kind}", trust_remote_code=True)
    assert all(torch.equal(a, b) for a, b in zip(again.encode_query(TEXTS), queries, strict=True))
torch.save(result, out)
"""
)


def test_without_the_package_the_saved_code_gives_the_same_embeddings(saved, tiny_teacher, tmp_path):
    models = {kind: AutoModel.from_pretrained(saved / kind) for kind in ("teacher", "student")}
    done = run(LOAD_AND_SAVE, tmp_path, tmp_path / "out.pt", *(saved / kind for kind in models))
    assert done.returncode == 0, done.stderr
    result = torch.load(tmp_path / "out.pt")
    for kind, model in models.items():
        expected = model.encode_query(TEXTS)
        assert all(torch.equal(a, b) for a, b in zip(result[kind]["queries"], expected, strict=True))
        assert result[kind]["fingerprint"] == model.fingerprint()
        for folder in (saved / kind, tmp_path / "elsewhere" / kind):  # saved without the package, loaded with it
            again = AutoModel.from_pretrained(folder)
            assert type(again) is type(model)
            assert again.fingerprint() == model.fingerprint()
            assert all(torch.equal(a, b) for a, b in zip(again.encode_query(TEXTS), expected, strict=True))
    assert result["student"]["teacher"]["fingerprint"] == tiny_teacher.fingerprint()
    documents = models["teacher"].encode_document(TEXTS)
    assert all(torch.equal(a, b) for a, b in zip(result["teacher"]["documents"], documents, strict=True))


REFUSED = """
bare, *folders = sys.argv[1:]
for folder in folders:
    for loader in (AutoModel, AutoConfig):
        for options in ({}, {"trust_remote_code": False}):
            try:
                loaded = loader.from_pretrained(folder, **options)
            except ValueError as error:
                assert "trust_remote_code" in str(error), error
            else:
                raise SystemExit(f"{loader.__name__} gave a {type(loaded).__name__}")
try:
    AutoModel.from_pretrained(bare, trust_remote_code=True)
except ValueError as error:
    print(error)
"""


def test_without_trust_or_weights_there_is_an_error_and_no_bare_backbone(saved, tiny_teacher, tmp_path):
    copy.deepcopy(tiny_teacher).save_pretrained(tmp_path / "bare")
    tiny_teacher.backbone.save_pretrained(tmp_path / "backbone")
    (tmp_path / "backbone" / "model.safetensors").replace(tmp_path / "bare" / "model.safetensors")
    done = run(REFUSED, tmp_path, tmp_path / "bare", saved / "teacher", saved / "student")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "linear.weight" in done.stdout


def test_with_the_package_its_own_class_wins(saved):
    for options in ({}, {"trust_remote_code": True}, {"trust_remote_code": False}):
        assert type(AutoModel.from_pretrained(saved / "teacher", **options)) is OpticalTeacherModel
        assert type(AutoModel.from_pretrained(saved / "student", **options)) is OpticalStudentModel


def test_a_folder_holds_all_the_code_it_needs(saved):
    package = Path(sys.modules[OpticalStudentModel.__module__].__file__).parent
    for kind in ("teacher", "student"):
        config = json.loads((saved / kind / "config.json").read_text())
        for reference in config["auto_map"].values():
            assert (saved / kind / f"{reference.partition('.')[0]}.py").is_file()
        for file in (saved / kind).glob("*.py"):
            assert file.read_text() == (package / file.name).read_text()
            assert "hf_optical" not in file.read_text().replace("import hf_optical", "")
