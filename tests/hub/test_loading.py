"""What was pushed is loaded in fresh processes by the clients themselves."""

import json

import pytest
import torch
from transformers import AutoModel

from hf_optical.hub import push_bitext, push_metric, push_student, push_teacher

QUESTIONS = ["mahindi huhifadhiwaje?", "maji safi ya kunywa"]

ENCODE = """
import json, sys
import torch
torch.set_num_threads(1)
from transformers import AutoModel
out, options, *arguments = sys.argv[1:]
texts = {texts!r}
student = AutoModel.from_pretrained("acme/optical-sw", **json.loads(options))
teacher = AutoModel.from_pretrained("acme/teacher", **json.loads(options))
torch.save([student.encode_query(texts), student.attach_teacher(teacher).encode_document(["maize is kept dry."])], out)
""".replace("{texts!r}", repr(QUESTIONS))


@pytest.fixture
def pushed(hub, runs):
    teacher = push_teacher(runs / "teacher", "acme/teacher", private=True)
    return push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", private=True), teacher


def expected(runs):
    student, teacher = (AutoModel.from_pretrained(runs / name) for name in ("optical-sw", "teacher"))
    return [student.encode_query(QUESTIONS), teacher.encode_document(["maize is kept dry."])]


def same(loaded, wanted):
    return all(torch.equal(a, b) for part, other in zip(loaded, wanted, strict=True) for a, b in zip(part, other, strict=True))


def test_private_models_with_and_without_the_package(pushed, fresh, runs, tmp_path):
    student, _ = pushed
    done = fresh("import hf_optical\n" + ENCODE, tmp_path / "with.pt", "{}")
    assert done.returncode == 0, done.stderr
    assert same(torch.load(tmp_path / "with.pt"), expected(runs))
    # without the package, after the very lines of the card
    blocks = [block.split("```")[0] for block in student.card.split("```python\n")[1:]]
    lines = next(block for block in blocks if "trust_remote_code" in block and block.startswith("from transformers"))
    assert f'"acme/optical-sw", revision="{student.tag}", trust_remote_code=True' in lines
    script = lines + "\nassert queries[0].shape == (16, 16)\n" + ENCODE
    done = fresh(script, tmp_path / "without.pt", json.dumps({"trust_remote_code": True}), package=False)
    assert done.returncode == 0, done.stderr
    assert same(torch.load(tmp_path / "without.pt"), expected(runs))
    assert "[y/N]" not in done.stdout  # leave to run the code was given once


def test_strangers_cannot_load_what_is_private(pushed, hub, accounts, tmp_path):
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RepositoryNotFoundError

    for token in (accounts.stranger, False):
        with pytest.raises(RepositoryNotFoundError):
            hf_hub_download("acme/optical-sw", "config.json", token=token, cache_dir=tmp_path / "none")


STREAM = """
import json
from datasets import get_dataset_config_names, load_dataset
rows = load_dataset("acme/bitext", "en-sw", split="train", streaming=True)
whole = load_dataset("acme/bitext", "en-sw")
print(json.dumps({
    "first": next(iter(rows)),
    "rows": sum(1 for _ in rows),
    "features": list(rows.features),
    "splits": {name: len(split) for name, split in whole.items()},
    "configs": get_dataset_config_names("acme/bitext"),
}))
"""


RECORD = """
import json
from hf_optical.models import OpticalStudentModel, OpticalTeacherModel
teacher = OpticalTeacherModel.from_pretrained("acme/teacher")
print(json.dumps(OpticalStudentModel.from_teacher(teacher, languages=["sw"]).config.teacher))
"""


def test_a_student_records_the_commit_of_its_teacher(hub, fresh, runs):
    """Without one the name is not taken for a repository's."""
    outcome = push_teacher(runs / "teacher", "acme/teacher")
    done = fresh(RECORD)
    assert done.returncode == 0, done.stderr
    recorded = json.loads(done.stdout)
    assert (recorded["name_or_path"], recorded["revision"]) == ("acme/teacher", outcome.commit)


METRIC = """
import evaluate
metric = {load}
print(metric.compute(predictions=[["d3", "d1", "d7"], ["d9", "d2"]], references=[["d1", "d2"], ["d9"]], k=[1, 3]))
"""


def test_bitext_is_streamed_and_the_metric_loaded_from_its_space(hub, fresh, prepared, licences, repository):
    push_bitext(prepared, "acme/bitext", licences=licences)
    outcome = push_metric(repository / "spaces" / "recall_at_k", "acme/recall_at_k")
    assert hub.repos["space", "acme/recall_at_k"].sdk == "gradio"
    load = f'evaluate.load("acme/recall_at_k", revision="{outcome.tag}")'
    assert load in outcome.card  # it runs the script: pinned, as remote code is everywhere
    done = fresh(STREAM + METRIC.replace("{load}", load))
    assert done.returncode == 0, done.stderr
    *_, seen, computed = done.stdout.splitlines()
    seen = json.loads(seen)
    assert seen["first"] == {"english": "the water is clean 0", "non_english": "maji ni safi 0", "source": "tico19"}
    assert seen["rows"] == 12
    assert seen["features"] == ["english", "non_english", "source"]
    assert seen["splits"] == {"train": 12, "test": 4}
    assert sorted(seen["configs"]) == ["en-ha", "en-sw"]
    assert computed == "{'recall@1': 0.5, 'recall@3': 0.75, 'queries': 2, 'queries_without_relevant': 0}"


PUSH = "import sys\nfrom hf_optical.commands.push import run\nrun(sys.argv[1:])"

MULTI_VECTOR = """
import sys
import torch
from sentence_transformers import MultiVectorEncoder
model = MultiVectorEncoder("acme/optical-sw", revision=sys.argv[2], trust_remote_code=True)
torch.save([torch.as_tensor(e) for e in model.encode_query({texts!r})], sys.argv[1])
""".replace("{texts!r}", repr(QUESTIONS))


@pytest.mark.slow
def test_the_command_in_fresh_processes_and_sentence_transformers(server, fresh, faults, accounts, runs, tmp_path):
    server.hub.faults.append(faults.Fault("PUT /lfs-upload", 503))
    server.hub.faults.append(faults.Fault("POST .*/commit/", faults.CUT))
    done = fresh(PUSH, "teacher", runs / "teacher", "--repo", "acme/teacher", "--json")
    assert done.returncode == 0, done.stderr
    assert [fault.happened for fault in server.hub.faults] == [1, 1]
    done = fresh(PUSH, "student", runs / "optical-sw", "--repo", "acme/optical-sw", "--teacher", "acme/teacher", "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["commit"] == server.hub.repos["model", "acme/optical-sw"].branches["main"]
    if "modules.json" not in outcome["files"]:
        pytest.skip("the student's folder has no modules.json, so it is no MultiVectorEncoder")
    done = fresh(MULTI_VECTOR, tmp_path / "st.pt", outcome["tag"], package=False)
    assert done.returncode == 0, done.stderr
    wanted = AutoModel.from_pretrained(runs / "optical-sw").encode_query(QUESTIONS)
    for loaded, own in zip(torch.load(tmp_path / "st.pt"), wanted, strict=True):
        assert torch.allclose(loaded, own, atol=1e-4)


@pytest.mark.slow
def test_a_wrong_token_in_a_fresh_process(server, fresh, runs):
    done = fresh(PUSH, "teacher", runs / "teacher", "--repo", "acme/teacher", token="hf_" + "wrong" * 7)
    assert done.returncode == 1
    assert "refused the token (401)" in done.stderr.strip().splitlines()[-1]
    assert not server.hub.repos
