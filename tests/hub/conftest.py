"""The test Hub, its accounts, this process as its client, and folders to push."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

_HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location(
    "hub_server", _HERE / "server" / "__init__.py", submodule_search_locations=[str(_HERE / "server")]
)
hub_server = sys.modules.setdefault("hub_server", importlib.util.module_from_spec(_spec))
if not hasattr(hub_server, "Hub"):
    _spec.loader.exec_module(hub_server)

# Of the form of real ones, so that a search for tokens finds them.
WRITER = "hf_" + "wRiTer" * 6
READER = "hf_" + "rEaDer" * 6
STRANGER = "hf_" + "oThErs" * 6


@pytest.fixture(scope="session")
def accounts() -> SimpleNamespace:
    """Tokens: `writer` (anna, writes in acme), `reader` (rosa, reads there), `stranger` (boris)."""
    return SimpleNamespace(writer=WRITER, reader=READER, stranger=STRANGER)


@pytest.fixture(scope="session")
def faults() -> SimpleNamespace:
    """`Fault` of the server, with `CUT` and `LOSE_ANSWER`."""
    module = sys.modules["hub_server.faults"]
    return SimpleNamespace(Fault=module.Fault, CUT=module.CUT, LOSE_ANSWER=module.LOSE_ANSWER)


@pytest.fixture(scope="session")
def hub_process() -> Iterator:
    with hub_server.HubServer() as server:
        yield server


@pytest.fixture
def server(hub_process):
    """An empty Hub: `anna` writes in `acme`, `rosa` only reads there, `boris` has nothing to do with it."""
    users = {
        WRITER: hub_server.User("anna", {"acme": "write"}),
        READER: hub_server.User("rosa", {"acme": "read"}, can_write=False),
        STRANGER: hub_server.User("boris"),
    }
    hub_process.hub = hub_server.Hub(users)
    return hub_process


@pytest.fixture
def hub(server, monkeypatch, tmp_path):
    """The empty Hub; this process is its client, logged in as anna, and waits for nothing."""
    from huggingface_hub import constants

    from hf_optical.hub import uploading

    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_TOKEN", WRITER)
    monkeypatch.setattr(uploading, "WAITS", (0.0, 0.0, 0.0))
    from huggingface_hub.utils import _http

    clocks = {name: getattr(time, name) for name in ("time", "monotonic", "perf_counter")}
    patient = SimpleNamespace(**clocks, sleep=lambda seconds: None)
    monkeypatch.setattr(_http, "time", patient)
    return server.hub


@pytest.fixture
def fresh(server, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """`fresh(code, *arguments, token=...)`: run code, or `optical` with a list of arguments, in a process of its own."""

    def run(code: str, *arguments: object, token: str | None = WRITER, package: bool = True) -> subprocess.CompletedProcess:
        environment = hub_server.client_environment(server.url, token, tmp_path / "hf_home")
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        blocked = "" if package else _WITHOUT_PACKAGE
        command = [sys.executable, "-P", "-c", blocked + code, *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


_WITHOUT_PACKAGE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hf_optical":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


QUESTIONS = ["mahindi huhifadhiwaje?", "maji safi ya kunywa"]
# What a training run leaves in its folder and nobody else should get.
LITTER = (
    "checkpoint-8/optimizer.pt",
    "checkpoint-8/model.safetensors",
    "training_args.bin",
    "trainer_state.json",
    "x/chunk-000000.npy",
)


def write_results(folder: Path, name: str, values: dict[str, float], **more: object) -> None:
    """A result file as an evaluation writes it."""
    from hf_optical.evaluation import standard_error

    mean = sum(values.values()) / len(values)
    content = {
        "system": name,
        "queries": len(values),
        "metrics": {"recall@10": mean},
        "standard_errors": {"recall@10": standard_error(values.values())},
        "per_query": {"recall@10": values},
    }
    file = folder / "evaluation" / f"{''.join(c if c.isalnum() else '-' for c in name)}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content | more))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, tiny_teacher, tiny_student) -> Path:
    """A teacher and a student as runs leave them: results, reports, records, and much that is nobody's business."""
    from hf_optical.data.report import BitextReport

    root = tmp_path_factory.mktemp("finished")
    copy.deepcopy(tiny_teacher).save_pretrained(root / "teacher")
    student = root / "optical-sw"
    copy.deepcopy(tiny_student).save_pretrained(student)
    report = BitextReport("sw")
    for source in ("tico19", "tico19", "asp-0001", "asp-0002", "tatoeba"):
        report.keep(source)
    report.reject("empty side", f"{root}/pairs.tsv", 7)  # an absolute path, as a person may give it
    report.save(student / "bitext_report.json")
    record = {
        "arguments": {"bitext": ["pairs.tsv"], "epsilon": 0.02},
        "examples": 5,
        "steps": 8,
        "seconds": 12.5,
        "commit": "0a1b2c3d",
    }
    record |= {"hardware": {"device": "cpu", "cpus": 2}, "versions": {"torch": "2.13.0"}, "finished": "2026-11-22"}
    (student / "training.json").write_text(json.dumps(record))
    sample = {"name": "sample", "split": "test", "fingerprint": "5a5a5a5a5a5a5a5a"}
    measured = {"benchmark": sample, "model": {"fingerprint": tiny_student.fingerprint()}}
    write_results(student, "BM25, untranslated", {"q1": 0.0, "q2": 0.25}, benchmark=sample)
    write_results(student, str(student), {"q1": 1.0, "q2": 0.25}, **measured)
    for path in LITTER:
        (student / path).parent.mkdir(exist_ok=True)
        (student / path).write_bytes(b"\x80\x02kept-here")
    return root


@pytest.fixture
def runs(finished, tmp_path) -> Path:
    """A copy of `finished` to change: `teacher` and `optical-sw`."""
    shutil.copytree(finished, tmp_path / "runs")
    own = tmp_path / "runs" / "optical-sw" / "evaluation"
    for file in own.glob("*.json"):  # it is this folder now that its results are of
        file.write_text(file.read_text().replace(str(finished), str(tmp_path / "runs")))
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return _HERE.parents[1]


@pytest.fixture(scope="session")
def licences() -> dict[str, str]:
    """For the sources of `finished` and `prepared`."""
    return {"tico19": "cc0-1.0", "asp-*": "cc-by-4.0", "tatoeba": "cc-by-2.0", "ntrex": "cc-by-sa-4.0"}


@pytest.fixture
def student(hub, runs, licences):
    """What pushing a student of a pushed teacher leads to."""
    from hf_optical.hub import push_student, push_teacher

    push_teacher(runs / "teacher", "acme/teacher", licences={"questions": "cc0-1.0"})
    return push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences)


@pytest.fixture
def prepared(tmp_path) -> Path:
    """A folder as `optical prepare` leaves it: Swahili with a test split, Hausa, reports beside them."""
    from hf_optical.data import load_bitext

    folder = tmp_path / "prepared"
    folder.mkdir()
    sources = ("tico19", "asp-0001", "asp-0002")
    for name, language, word, number in (
        ("sw", "sw", "maji ni safi", 12),
        ("sw.test", "sw", "ziwa ni kubwa", 4),
        ("ha", "ha", "ruwa", 6),
    ):
        rows = [f"the water is clean {i}\t{word} {i}\t{sources[i % 3]}" for i in range(number)]
        raw = tmp_path / "raw.tsv"
        raw.write_text("\n".join(["english\tnon_english\tsource", *rows, "\tnothing\ttico19", rows[0]]) + "\n", encoding="utf-8")
        bitext = load_bitext(str(raw), language=language)
        bitext.write_tsv(folder / f"{name}.tsv.gz")
        bitext.report.save(folder / f"{name}.report.json")
    return folder
