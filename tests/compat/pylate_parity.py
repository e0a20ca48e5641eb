"""Saved teachers and students in PyLate, which needs an older stack: parity in a virtual environment of its own.

    python tests/compat/pylate_parity.py --venv ENVIRONMENT [--teacher FOLDER --student FOLDER --queries FILE --passages FILE]

Makes the environment if it is not there (about 1.5 GB; torch first, so that nothing pulls another build of it), encodes texts here,
then runs itself there and compares token embeddings and MaxSim scores: exit code 1 if a score differs by more than 1e-4. Without
folders, tiny random models of four families and several settings are compared. Text files hold one text a line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

TOLERANCE = 1e-4
# PyLate itself without dependencies: it pins compiled ones that the encoder does not need
INSTALLS = (
    ["torch>=2.6,<2.14"],
    ["--no-deps", "pylate>=1.6,<1.7"],
    ["sentence-transformers>=5.3,<5.4", "transformers>=5.3,<=5.3.0", "datasets", "accelerate", "pandas"],
)
TEXTS = [
    "How is maize stored?",
    "",
    "maji",
    "Maize -- the farmer's (dry) harvest -- is stored in the village; the price is 1,500!",
    "Safari ya ndege: mto, ziwa & mlima... 'maji' ni nini? " * 4,
    "東京 and [brackets] are text",
]
SETTINGS = {
    "expanded": {},
    "attended": {"attend_to_expansion_tokens": True, "skiplist_words": ["maize", "no such token", "."]},
    "unexpanded": {"do_query_expansion": False, "skiplist_words": []},
    "no-markers": {"query_prefix": "", "document_prefix": ""},
    "as-text": {"query_prefix": "swali: ", "document_prefix": "passage: ", "prefixes_are_text": True},
    "square": {"embedding_dim": 32},
}


def python_of(folder: Path) -> Path:
    """Interpreter of the environment, which is made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        for packages in INSTALLS:
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def tiny_models(folder: Path) -> list[dict]:
    """Random teachers of four families, and a student of each."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import FAMILIES, make_encoder

    from hf_optical import OpticalStudentModel, OpticalTeacherModel

    sizes = {"embedding_dim": 16, "query_length": 16, "document_length": 48}
    cases = []
    for family in FAMILIES:
        encoder = str(make_encoder(family, folder / family, seed=len(family)))
        for name, settings in SETTINGS.items():
            teacher = OpticalTeacherModel.from_encoder(encoder, **sizes | settings)
            cases.append(case(f"{family}-{name}-teacher", teacher, teacher, folder, TEXTS, TEXTS))
        student = OpticalStudentModel.from_encoder(encoder, teacher, languages=["sw"], query_length=20)
        cases.append(case(f"{family}-student", student, teacher, folder, TEXTS, TEXTS))
    return cases


def case(name: str, queries_by, documents_by, folder: Path, queries: Sequence[str], documents: Sequence[str]) -> dict:
    """Save both models again and encode with them: what the other environment is to find."""
    from safetensors.torch import save_file

    prompted = queries_by.config.prefixes_are_text, documents_by.config.prefixes_are_text
    if any(prompted):  # PyLate strips white space at the ends, and behind a prefix that is text an empty text leaves some
        queries, documents = ([text for text in texts if text] for texts in (queries, documents))
    folders = {}
    for side, model in (("query", queries_by), ("document", documents_by)):
        folders[side] = str(folder / f"{name}-{side}")
        model.save_pretrained(folders[side])
    tensors = {f"q{i}": e for i, e in enumerate(queries_by.encode_query(queries))}
    tensors |= {f"d{i}": e for i, e in enumerate(documents_by.encode_document(documents))}
    save_file(tensors, folder / f"{name}.safetensors")
    return {"name": name, "folders": folders, "queries": list(queries), "documents": list(documents), "prompted": prompted}


def compare(folder: Path) -> int:
    """Run where PyLate is: 0 if every MaxSim score is that of the other environment."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers
    from pylate import __version__, models
    from safetensors.torch import load_file

    torch.set_num_threads(1)
    print(f"PyLate {__version__}, transformers {transformers.__version__}, torch {torch.__version__}")
    worst = 0.0
    for spec in json.loads((folder / "cases.json").read_text(encoding="utf-8")):
        expected = load_file(folder / f"{spec['name']}.safetensors")
        found, apart = {}, 0.0
        for side, prompted in zip(("query", "document"), spec["prompted"], strict=True):
            texts = spec["queries" if side == "query" else "documents"]
            model = models.ColBERT(spec["folders"][side], trust_remote_code=True, device="cpu")
            assert type(model[0].auto_model).__module__.startswith("transformers_modules."), "the saved code is used"
            prompt = {"prompt_name": side} if prompted else {}
            embeddings = model.encode(texts, is_query=side == "query", batch_size=16, convert_to_numpy=False, **prompt)
            found[side] = embeddings
            for i, embedding in enumerate(embeddings):
                ours = expected[f"{side[0]}{i}"]
                if ours.shape != embedding.shape:
                    print(f"{spec['name']}: {side} {i} has {tuple(embedding.shape)}, not {tuple(ours.shape)}: {texts[i][:60]!r}")
                    return 1
                apart = max(apart, (ours - embedding).abs().max().item())
        difference = 0.0
        for i, query in enumerate(found["query"]):
            for j, document in enumerate(found["document"]):
                theirs = (query @ document.T).amax(1).sum()
                ours = (expected[f"q{i}"] @ expected[f"d{j}"].T).amax(1).sum()
                difference = max(difference, (theirs - ours).abs().item())
        pairs = len(found["query"]) * len(found["document"])
        print(f"{spec['name']:34} {pairs:6} scores, apart by {difference:.1e} at most; embeddings by {apart:.1e}")
        worst = max(worst, difference)
    print("equal" if worst <= TOLERANCE else f"NOT equal: {worst:.1e} is more than {TOLERANCE:.0e}")
    return int(worst > TOLERANCE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, help="environment with PyLate; made if it is not there")
    parser.add_argument("--teacher", help="teacher: folder or repository")
    parser.add_argument("--student", help="student of that teacher")
    parser.add_argument("--queries", type=Path, help="queries, one a line")
    parser.add_argument("--passages", type=Path, help="passages, one a line")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return compare(options.inside)
    if not options.venv:
        parser.error("--venv: where is the environment with PyLate, or where may it be made?")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.teacher:
            import torch

            from hf_optical import OpticalStudentModel, OpticalTeacherModel

            torch.set_num_threads(1)
            queries = options.queries.read_text(encoding="utf-8").splitlines() if options.queries else TEXTS
            passages = options.passages.read_text(encoding="utf-8").splitlines() if options.passages else TEXTS
            teacher = OpticalTeacherModel.from_pretrained(options.teacher)
            cases = [case("teacher", teacher, teacher, folder, queries, passages)]
            if options.student:
                student = OpticalStudentModel.from_pretrained(options.student)
                cases.append(case("student", student, teacher, folder, queries, passages))
        else:
            cases = tiny_models(folder)
        (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"HF_HOME": str(folder / "hf_home"), "OMP_NUM_THREADS": "1"}
        command = [python_of(options.venv.absolute()), "-P", Path(__file__).absolute(), "--inside", folder]
        return subprocess.run(command, env=environment, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
