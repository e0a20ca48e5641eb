"""A pushed student in an environment with nothing but torch and transformers: bit-identical embeddings.

    python tests/compat/bare_environment.py --venv ENVIRONMENT [--teacher FOLDER --student FOLDER --queries FILE]

Makes the environment if it is not there (about 1 GB), starts the test Hub, pushes teacher and student to private repositories with
`optical push`, encodes texts here, then runs itself there, where this package is not, and compares bit for bit what the remote code
encodes: exit code 1 if a single bit differs. Without folders, tiny random models are pushed. A text file holds one query a line.
"""

from __future__ import annotations

import argparse
import builtins
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TEXTS = ["mahindi huhifadhiwaje?", "", "maji", "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4, "東京 and [MASK]"]
PASSAGES = ["Maize -- the farmer's (dry) harvest -- is stored in the village; the price is 1,500!", "milk is kept cool"]
TOKEN = "hf_" + "bArEoNe" * 5
# Of this project's dependencies, none but these two may be needed.
ABSENT = ("hf_optical", "ot", "datasets", "accelerate", "sentence_transformers", "scipy", "evaluate")


def python_of(folder: Path) -> Path:
    """Interpreter of the environment, made if it is not there: with the torch of this one, as others may round otherwise."""
    from importlib.metadata import version

    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        torch = f"torch=={version('torch').partition('+')[0]}"
        subprocess.run([python, "-m", "pip", "install", "--quiet", torch, "transformers>=5"], check=True)
    return python


def test_server():
    """The package of the test Hub, which lies outside any package."""
    folder = Path(__file__).parents[1] / "hub" / "server"
    spec = importlib.util.spec_from_file_location("hub_server", folder / "__init__.py", submodule_search_locations=[str(folder)])
    module = sys.modules["hub_server"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny_models(folder: Path) -> tuple[Path, Path]:
    """A random teacher and a student of it, of another family."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import make_encoder

    from hf_optical import OpticalStudentModel, OpticalTeacherModel

    sizes = {"embedding_dim": 16, "query_length": 16, "document_length": 48}
    teacher = OpticalTeacherModel.from_encoder(str(make_encoder("bert", folder / "bert", seed=1)), **sizes)
    encoder = str(make_encoder("xlm-roberta", folder / "xlm-roberta", seed=2))
    student = OpticalStudentModel.from_encoder(encoder, teacher, languages=["sw"], query_length=20)
    teacher.save_pretrained(folder / "teacher")
    student.save_pretrained(folder / "student")
    return folder / "teacher", folder / "student"


def optical(environment: dict[str, str], *arguments: object) -> dict:
    """Run `optical push` in a process of its own."""
    code = "import sys; from hf_optical.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "push", *map(str, arguments), "--private", "--json"]
    done = subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def compare(folder: Path) -> int:
    """Run in the bare environment: 0 if every embedding has the bits that it has in the other one."""
    import torch
    import transformers
    from transformers import AutoModel

    torch.set_num_threads(1)
    present = [name for name in ABSENT if importlib.util.find_spec(name)]
    if present:
        print(f"this environment is not bare: {', '.join(present)} can be imported")
        return 1
    asked: list[object] = []
    builtins.input = lambda *prompt: asked.append(prompt) or "n"
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, nothing of ours")
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    expected = torch.load(folder / "expected.pt")
    student, teacher = (
        AutoModel.from_pretrained(repo, revision=revision, trust_remote_code=True) for repo, revision in case["repositories"]
    )
    found = {"queries": student.encode_query(case["queries"]), "passages": teacher.encode_document(case["passages"])}
    found["attached"] = student.attach_teacher(teacher).encode_document(case["passages"])
    different = [
        f"{part} {i}"
        for part, embeddings in found.items()
        for i, (ours, theirs) in enumerate(zip(expected[part], embeddings, strict=True))
        if not torch.equal(ours, theirs)
    ]
    if asked:
        different.append("leave to run the code was asked for again")
    print(f"{sum(map(len, found.values()))} texts by {type(student).__name__} of {type(student).__module__.split('.')[0]}")
    print(f"NOT equal: {', '.join(different)}" if different else "equal")
    return int(bool(different))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, help="environment with torch and transformers alone; made if it is not there")
    parser.add_argument("--teacher", type=Path, help="teacher: a folder")
    parser.add_argument("--student", type=Path, help="student of that teacher: a folder")
    parser.add_argument("--queries", type=Path, help="queries, one a line")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return compare(options.inside)
    if not options.venv:
        parser.error("--venv: where is the bare environment, or where may it be made?")
    if bool(options.teacher) != bool(options.student):
        parser.error("--teacher and --student: give both, or neither.")
    python = python_of(options.venv.absolute())
    server_package = test_server()
    hub = server_package.Hub({TOKEN: server_package.User("anna", {"acme": "write"})})
    with tempfile.TemporaryDirectory() as name, server_package.HubServer(hub) as server:
        folder = Path(name)
        teacher, student = (options.teacher, options.student) if options.student else tiny_models(folder)
        environment = server_package.client_environment(server.url, TOKEN, folder / "hf_home")
        pushed = [optical(environment, "teacher", teacher.absolute(), "--repo", "acme/teacher")]
        pushed.insert(0, optical(environment, "student", student.absolute(), "--repo", "acme/student", "--teacher", "acme/teacher"))
        write_case(folder, teacher, student, options.queries, [(push["repo"], push["tag"]) for push in pushed])
        environment = {k: v for k, v in environment.items() if k != "PYTHONPATH"} | {"HF_HOME": str(folder / "bare_home")}
        command = [python, "-P", Path(__file__).absolute(), "--inside", folder]
        return subprocess.run(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode


def write_case(folder: Path, teacher: Path, student: Path, queries: Path | None, repositories: list[tuple[str, str]]) -> None:
    """What the other process is to load and encode, and what comes out here."""
    import torch

    from hf_optical import OpticalStudentModel, OpticalTeacherModel

    torch.set_num_threads(1)
    texts = queries.read_text(encoding="utf-8").splitlines() if queries else TEXTS
    documents = OpticalTeacherModel.from_pretrained(str(teacher)).encode_document(PASSAGES)
    expected = {"queries": OpticalStudentModel.from_pretrained(str(student)).encode_query(texts), "passages": documents}
    torch.save(expected | {"attached": documents}, folder / "expected.pt")
    case = {"repositories": repositories, "queries": texts, "passages": PASSAGES}
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
