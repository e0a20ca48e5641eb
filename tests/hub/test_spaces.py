"""Spaces and collections."""

import copy
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from huggingface_hub import HfApi

from hf_optical.hub import HubError, push_collection, push_metric, push_space, push_teacher
from hf_optical.search import DiskIndex


@pytest.fixture
def space(tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "app.py").write_text("print('hello')\n")
    (folder / "README.md").write_text("---\ntitle: Demo\nsdk: gradio\ncolorFrom: blue\ncolorTo: green\n---\n\nTry it.\n")
    return folder


def test_the_metric_goes_up_with_the_file_behind_the_link(hub, repository):
    push_metric(repository / "spaces" / "recall_at_k", "acme/recall_at_k")
    files = hub.repos["space", "acme/recall_at_k"].at("main").files
    assert files["ranking.py"].content == (repository / "hf_optical" / "evaluation" / "ranking.py").read_bytes()
    assert b"ACCOUNT/" not in files["README.md"].content


def test_the_metric_must_be_named_as_its_script(hub, repository):
    with pytest.raises(HubError, match=r"has no other\.py, .*: name the repository 'recall_at_k'\.$"):
        push_metric(repository / "spaces" / "recall_at_k", "acme/other")
    assert not hub.repos


def test_a_space_as_it_is(hub, space):
    outcome = push_space(space, "acme/demo", private=True)
    assert sorted(outcome.files) == ["README.md", "app.py", "optical.json"]
    assert outcome.url.endswith("/spaces/acme/demo")
    assert HfApi().repo_info("acme/demo", repo_type="space").private


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "README.md").unlink(), "has no README.md"),
        (lambda f: (f / "README.md").write_text("no metadata"), r"README\.md:1: the metadata has no 'title'"),
        (
            lambda f: (f / "README.md").write_text("---\ntitle: a\nskd: b\n---\n"),
            r"no 'sdk', .* did you mean 'skd'",
        ),
        (lambda f: (f / "app.py").unlink(), r"app_file app\.py is not in"),
        (lambda f: shutil.rmtree(f), "there is no such folder"),
    ],
)
def test_what_is_no_space(hub, space, break_it, message):
    break_it(space)
    with pytest.raises(HubError, match=message):
        push_space(space, "acme/demo")
    assert not hub.repos


def test_another_space_of_that_name_is_left_alone(hub, space, repository):
    push_space(space, "acme/recall_at_k")
    (space / "app.py").rename(space / "other.py")
    (space / "README.md").write_text("---\ntitle: Demo\nsdk: gradio\napp_file: other.py\n---\n")
    with pytest.raises(HubError, match="acme/recall_at_k holds another Space"):
        push_space(space, "acme/recall_at_k")


def write_collection(tmp_path, items, **more):
    import yaml

    file = tmp_path / "collection.yaml"
    file.write_text(yaml.safe_dump({"title": "Optical", "items": items} | more))
    return file


def test_a_collection_ties_them_together_and_may_be_pushed_again(hub, runs, space, tmp_path):
    push_teacher(runs / "teacher", "acme/teacher")
    file = write_collection(tmp_path, [{"model": "acme/teacher", "note": "the teacher"}], description="All of it")
    first = push_collection(file, "acme/optical")
    push_space(space, "acme/demo")
    file = write_collection(tmp_path, [{"model": "acme/teacher", "note": "English"}, {"space": "acme/demo"}], description="Both")
    assert push_collection(file, "acme/optical")["collection"] == first["collection"]
    found = HfApi().get_collection(first["collection"])
    assert [(i.item_type, i.item_id, i.note) for i in found.items] == [
        ("model", "acme/teacher", "English"),
        ("space", "acme/demo", None),
    ]
    assert (found.title, found.description) == ("Optical", "Both")
    assert len(hub.collections) == 1


def test_a_collection_of_what_is_not_there_is_not_made(hub, tmp_path):
    with pytest.raises(HubError, match=r"there is no model acme/nothing on the Hub: push it first\.$"):
        push_collection(write_collection(tmp_path, [{"model": "acme/nothing"}]), "acme/optical")
    assert not hub.collections


def test_503_in_a_collection_is_tried_again(hub, faults, space, tmp_path):
    push_space(space, "acme/demo")
    hub.faults.append(faults.Fault("POST /api/collections", 503, times=3))
    found = push_collection(write_collection(tmp_path, [{"space": "acme/demo"}]), "acme/optical")
    assert len(hub.collections[found["collection"]]["items"]) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("items: [", r":1: not valid YAML"),
        ("title: a", "no `items`"),
        ("items: [acme/x]", "is no item"),
        ("items: []\ncolour: red", "unknown key 'colour'"),
    ],
)
def test_files_that_describe_no_collection(hub, tmp_path, content, message):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(HubError, match=message):
        push_collection(tmp_path / "c.yaml", "acme/optical")


def test_a_dry_run_of_a_collection_asks_nothing(hub, tmp_path):
    found = push_collection(write_collection(tmp_path, [{"model": "acme/nothing"}]), "acme/optical", dry_run=True)
    assert found["items"] == [{"type": "model", "repo": "acme/nothing"}]
    assert not hub.requests


def test_a_public_collection_is_not_taken_for_a_private_one(hub, space, tmp_path):
    push_space(space, "acme/demo")
    file = write_collection(tmp_path, [{"space": "acme/demo"}])
    push_collection(file, "acme/optical")
    with pytest.raises(HubError, match=r"^collection acme/optical-\w+ is there already and public"):
        push_collection(file, "acme/optical", private=True)
    file = write_collection(tmp_path, [{"space": "acme/demo"}], title="Hidden")
    made = push_collection(file, "acme/hidden", private=True)["collection"]
    assert push_collection(file, "acme/hidden", private=True)["collection"] == made
    assert hub.collections[made]["private"]


@pytest.fixture
def index(space, tiny_teacher):
    """Of three documents, one of them deleted, in a folder of the Space; built with a teacher whose path is private."""
    teacher = copy.deepcopy(tiny_teacher)
    teacher.name_or_path = str(space.parent / "secret" / "teacher")
    texts = ["maize is dry", "see /home/ada/notes in the book", "water"]
    index = DiskIndex.build(space / "index", teacher, ["d1", "d2", "d3"], texts, show_progress_bar=False)
    index.delete(["d3"])
    return index


def test_a_space_with_an_index_is_opened_from_what_arrived(hub, space, index, tiny_teacher, tiny_student, tmp_path):
    outcome = push_space(space, "acme/demo")
    assert sum(path.endswith(".bin") for path in outcome.files) >= 6
    HfApi().snapshot_download("acme/demo", repo_type="space", local_dir=tmp_path / "arrived")
    arrived = DiskIndex.open(tmp_path / "arrived" / "index")
    assert not arrived.verify()
    queries = tiny_student.encode_query(["mahindi", "maji"])
    assert arrived.search(queries, 3) == index.search(queries, 3)
    assert arrived.ids == ["d1", "d2"]
    assert (arrived.teacher_name, arrived.teacher_fingerprint) == ("teacher", index.teacher_fingerprint)
    index.add(tiny_teacher, ["d4"], ["soil"], show_progress_bar=False)
    index.compact()  # the former segments go
    push_space(space, "acme/demo")
    sent = hub.repos["space", "acme/demo"].at("main").files
    assert len({path.split("/")[1] for path in sent if path.startswith("index/segment-")}) == len(index.manifest.segments)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder, files: (folder / "weights.bin").write_bytes(b"x"), r"^index/weights\.bin is a pickle"),
        (lambda folder, files: files[0].write_bytes(b"x"), r"embeddings\.bin is damaged, by the manifest"),
        (lambda folder, files: files[0].unlink(), r"embeddings\.bin is missing, by the manifest"),
        (lambda folder, files: (folder / "manifest.json").unlink(), r"\.bin is a pickle"),
        (
            lambda folder, files: (folder / "manifest.json").write_text('{"format": "hf_optical index", "version": 1}'),
            r"manifest\.json is damaged",
        ),
        (
            lambda folder, files: (folder / "manifest.json").write_text('{"name": "a web page", "files": ["weights.bin"]}'),
            r"\.bin is a pickle",
        ),
    ],
)
def test_only_what_an_index_names_by_checksum_is_no_pickle(hub, space, index, break_it, message):
    break_it(space / "index", sorted((space / "index").glob("segment-*/embeddings.bin")))
    with pytest.raises(HubError, match=message):
        push_space(space, "acme/demo")
    assert not hub.repos


@pytest.fixture
def wheel(tmp_path):
    """As small as pip takes it."""
    file = tmp_path / "hf_optical-9.1.0-py3-none-any.whl"
    inside = "hf_optical-9.1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hf_optical/__init__.py", "NINE = 9\n")
        archive.writestr(f"{inside}/METADATA", "Metadata-Version: 2.1\nName: hf_optical\nVersion: 9.1.0\nProvides-Extra: demo\n")
        archive.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{inside}/RECORD", "")
    return file


def test_a_wheel_is_installed_from_where_it_was_sent(hub, server, space, wheel, tmp_path):
    requirements = "# what it needs\nhf_optical[demo,qdrant]>=0.1.0  # ours\nhf_optical_more==1\n"
    (space / "requirements.txt").write_text(requirements)
    push_space(space, "acme/demo", wheel=wheel)
    sent = hub.repos["space", "acme/demo"].at("main").files
    address = f"{server.url}/spaces/acme/demo/resolve/main/{wheel.name}"
    line = f"hf_optical[demo,qdrant] @ {address}"
    assert sent["requirements.txt"].content.decode() == f"# what it needs\n{line}\nhf_optical_more==1\n"
    assert (space / "requirements.txt").read_text() == requirements
    # in a folder where nothing else is, as on a Space
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path / "site", line]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "hf_optical" / "__init__.py").read_text() == "NINE = 9\n"
    push_space(space, "acme/demo")  # without it, the folder as it is
    sent = hub.repos["space", "acme/demo"].at("main").files
    assert wheel.name not in sent
    assert sent["requirements.txt"].content.decode() == requirements


def test_wheels_that_could_not_be_installed_are_refused(hub, space, wheel, tmp_path):
    with pytest.raises(HubError, match=r"requirements\.txt has 0 lines for hf_optical"):
        push_space(space, "acme/demo", wheel=wheel)
    (space / "requirements.txt").write_text("hf-optical\n")
    with pytest.raises(HubError, match="acme/demo is private"):
        push_space(space, "acme/demo", wheel=wheel, private=True)
    with pytest.raises(HubError, match="there is no such file"):
        push_space(space, "acme/demo", wheel=tmp_path / "missing.whl")
    other = wheel.rename(tmp_path / "other-1.0-py3-none-any.whl")
    with pytest.raises(HubError, match="is no wheel of hf_optical"):
        push_space(space, "acme/demo", wheel=other)
    assert not hub.repos


def test_the_demos_requirements_have_a_line_that_a_wheel_replaces(repository, wheel):
    push = push_space(repository / "spaces" / "demo", "acme/demo", wheel=wheel, dry_run=True)
    assert wheel.name in push.files
    assert "[demo,qdrant]" in (repository / "spaces" / "demo" / "requirements.txt").read_text()
