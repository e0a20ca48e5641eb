"""Pushing students and teachers: one commit, nothing private in it, errors of one line."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hf_optical.hub import HubError, push_student, push_teacher
from hf_optical.models import OpticalStudentModel

LICENCES = {"tico19": "cc0-1.0", "asp-*": "cc-by-4.0", "tatoeba": "cc-by-2.0"}


def files_of(hub, repo, kind="model", revision="main"):
    return {path: file.content for path, file in hub.repos[kind, repo].at(revision).files.items()}


@pytest.fixture
def pushed(hub, runs):
    push_teacher(runs / "teacher", "acme/teacher")
    return push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=LICENCES)


def test_one_commit_with_every_file_of_the_model(pushed, hub, runs):
    titles = [c.title for c in HfApi().list_repo_commits("acme/optical-sw")]
    assert len(titles) == 2
    assert titles[1] == "initial commit"
    sent = files_of(hub, "acme/optical-sw")
    for file in runs.joinpath("optical-sw").glob("*"):
        if file.suffix in (".safetensors", ".py") or "token" in file.name:
            assert sent[file.name] == file.read_bytes()
    assert sorted(pushed.files) == sorted(set(sent) - {".gitattributes"})
    assert hub.repos["model", "acme/optical-sw"].tags[pushed.tag] == pushed.commit


def test_what_a_training_run_leaves_behind_stays_here(pushed, hub):
    sent = files_of(hub, "acme/optical-sw")
    assert not [
        path for path in sent if path.endswith((".pt", ".bin", ".npy")) or path.startswith("checkpoint") or "trainer_state" in path
    ]
    assert pushed.left_out["training_args.bin"].startswith("pickle")
    assert pushed.left_out["checkpoint-8/"] == "checkpoint of the training"


def test_no_token_user_or_path_in_any_uploaded_byte(pushed, hub, runs, accounts, tmp_path):
    sent = b"".join(body for _, body in hub.received) + b"".join(b"".join(files_of(hub, r).values()) for _, r in hub.repos)
    assert len(sent) > 100_000
    for secret in (accounts.writer, str(tmp_path), str(runs), "kept-here", "/tmp/", "/root/", "/home/"):
        assert secret.encode() not in sent, secret
    report = json.loads(files_of(hub, "acme/optical-sw")["bitext_report.json"])
    assert report["rejected"]["empty side"]["first"] == ["pairs.tsv:7"]  # sent without its folder


def test_the_student_names_its_teacher_and_its_commit(pushed, hub):
    config = json.loads(files_of(hub, "acme/optical-sw")["config.json"])
    head = hub.repos["model", "acme/teacher"].branches["main"]
    assert config["teacher"]["name_or_path"] == "acme/teacher"
    assert config["teacher"]["revision"] == head
    assert f"`{head}`" in pushed.card
    assert "base_model: acme/teacher" in pushed.card


def test_another_teacher_is_refused(hub, runs, encoder_dir):
    from hf_optical.models import OpticalTeacherModel

    other = OpticalTeacherModel.from_encoder(encoder_dir("distilbert"), embedding_dim=16, query_length=16, document_length=48)
    other.save_pretrained(runs / "other")
    push_teacher(runs / "other", "acme/other")
    with pytest.raises(HubError, match=r"^teacher acme/other .* fingerprint .* was distilled from .*name its own teacher\.$"):
        push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/other")
    assert ("model", "acme/optical-sw") not in hub.repos


def test_a_second_push_of_the_same_changes_nothing(pushed, hub, runs):
    before = len(hub.requests)
    again = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=LICENCES)
    assert (again.commit, again.tag) == (pushed.commit, pushed.tag)
    assert not [r for r in hub.requests[before:] if r[0] == "PUT" or "/commit/" in r[1]]


def test_results_that_are_no_longer_there_go(pushed, hub, runs):
    shutil.rmtree(runs / "optical-sw" / "evaluation")
    outcome = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=LICENCES)
    assert not [path for path in files_of(hub, "acme/optical-sw") if path.startswith("evaluation")]
    assert "has not been evaluated" in outcome.card
    assert "model-index" not in outcome.card


def test_what_was_made_of_former_weights_goes(pushed, hub, runs):
    api = HfApi()
    export = [CommitOperationAdd("onnx/model.onnx", b"of these weights"), CommitOperationAdd("notes.md", b"of a person\n")]
    api.create_commit("acme/optical-sw", export, commit_message="export")
    push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES)
    assert "onnx/model.onnx" in files_of(hub, "acme/optical-sw")  # the weights are still those
    student = OpticalStudentModel.from_pretrained(runs / "optical-sw")
    student.linear.weight.data.neg_()
    student.save_pretrained(runs / "optical-sw")
    for name in ("training.json", "evaluation"):
        remove = shutil.rmtree if name == "evaluation" else Path.unlink
        remove(runs / "optical-sw" / name)
    push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES)
    left = files_of(hub, "acme/optical-sw")
    assert not {"onnx/model.onnx", "training.json"} & left.keys()
    assert "notes.md" in left


def test_push_to_hub_of_the_model_and_then_the_command(hub, runs, tmp_path):
    student = OpticalStudentModel.from_pretrained(runs / "optical-sw")
    student.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="acme/saved", private=True)
    assert hub.repos["model", "acme/saved"].private
    sent = files_of(hub, "acme/saved")
    assert {"tokenizer.json", "modeling_student.py", "modules.json", "1_Dense/model.safetensors"} <= sent.keys()
    assert b"More Information Needed" in sent["README.md"]
    card = push_student(runs / "optical-sw", "acme/saved", licences=LICENCES).card
    assert "More Information Needed" not in card  # an empty form of transformers is nobody's text
    assert "## Results" in card


def test_a_branch_is_made_and_main_stays(pushed, hub, runs):
    (runs / "optical-sw" / "notes.md").write_text("more\n")
    outcome = push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES, revision="trial")
    repo = hub.repos["model", "acme/optical-sw"]
    assert repo.branches["trial"] == outcome.commit
    assert repo.branches["main"] == pushed.commit


def test_a_name_without_owner_is_ones_own(hub, runs):
    assert push_teacher(runs / "teacher", "mine").repo == "anna/mine"
    assert '"anna/mine"' in files_of(hub, "anna/mine")["README.md"].decode()


def test_a_dry_run_asks_and_sends_nothing(hub, runs, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    outcome = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=LICENCES, dry_run=True)
    assert not hub.requests
    assert outcome.files["model.safetensors"] == (runs / "optical-sw" / "model.safetensors").stat().st_size
    assert outcome.files["README.md"] == len(outcome.card.encode())
    assert "# optical-sw" in outcome.card
    assert outcome.to_dict()["card"] == outcome.card


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: (f / "pytorch_model.bin").write_bytes(b"x"), r"pytorch_model\.bin is a pickle"),
        (lambda f: (f / "weights.data").write_bytes(b"\x80\x04\x95abc"), r"weights\.data is a pickle"),
        (lambda f: (f / "id_rsa").write_text("x"), "looks like a key"),
        (lambda f: (f / "notes.md").write_text("one\ntwo /home/ada/data\n"), r"notes\.md:2: a path of a machine"),
        (lambda f: (f / "notes.md").write_text("hf_" + "a1B2" * 8), r"notes\.md:1: a token or key"),
        (lambda f: (f / "notes.py").write_text(f"x = '{f}'"), r"notes\.py:1: a path of this machine"),
        (lambda f: (f / "model.safetensors").write_bytes(b"cut"), "damaged|cut off"),
        (lambda f: (f / "evaluation" / "x.json").write_text("{"), r"evaluation/x\.json: not valid JSON"),
        (lambda f: shutil.rmtree(f), "there is no such folder"),
        (lambda f: (f / "config.json").unlink(), "has no config.json: it holds no student of ours"),
    ],
)
def test_what_must_not_go_is_refused_before_anything_is_made(hub, runs, break_it, message):
    break_it(runs / "optical-sw")
    with pytest.raises(ValueError, match=message) as refused:
        push_student(runs / "optical-sw", "acme/optical-sw")
    assert "\n" not in str(refused.value)
    assert not hub.repos
    assert not hub.received


def test_kinds_are_not_confused(hub, runs):
    with pytest.raises(ValueError, match="is no student of ours, but teacher"):
        push_student(runs / "teacher", "acme/x")
    with pytest.raises(ValueError, match="is no teacher of ours, but student"):
        push_teacher(runs / "optical-sw", "acme/x")
    push_teacher(runs / "teacher", "acme/teacher")
    with pytest.raises(HubError, match=r"^acme/teacher holds a teacher, not a student: push to another name\.$"):
        push_student(runs / "optical-sw", "acme/teacher")
    HfApi().create_repo("acme/pairs", repo_type="dataset")
    with pytest.raises(HubError, match="is the name of a dataset already"):
        push_teacher(runs / "teacher", "acme/pairs")


def test_private_is_private_from_the_start(hub, runs):
    assert push_teacher(runs / "teacher", "acme/secret", private=True).private
    assert hub.repos["model", "acme/secret"].private
    assert push_teacher(runs / "teacher", "acme/secret").private  # and stays so
    push_teacher(runs / "teacher", "acme/open")
    sent = len(hub.received)
    with pytest.raises(HubError, match="is there already and public"):
        push_teacher(runs / "teacher", "acme/open", private=True)
    assert len(hub.received) == sent


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, r"^there is no token: run `hf auth login`, or set HF_TOKEN"),
        ("hf_" + "wrong" * 7, r"^http://\S+ refused the token \(401\)"),
        ("reader", r"^the token of 'rosa' may not write to model acme/teacher \(403\): ask for access to 'acme'"),
        ("stranger", r"^the token of 'boris' may not write to model acme/teacher \(403\)"),
    ],
)
def test_who_may_not_push_is_told_why(hub, runs, monkeypatch, accounts, token, message):
    monkeypatch.delenv("HF_TOKEN")
    token = vars(accounts).get(token, token)
    with pytest.raises(HubError, match=message) as refused:
        push_teacher(runs / "teacher", "acme/teacher", token=token)
    assert "\n" not in str(refused.value)
    assert not hub.repos


def test_offline_and_unreachable(hub, runs, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        push_teacher(runs / "teacher", "acme/teacher")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="cannot be reached"):
        push_teacher(runs / "teacher", "acme/teacher")


def test_names_that_are_none(hub, runs):
    with pytest.raises(HubError, match="is no name of a repository"):
        push_teacher(runs / "teacher", "acme/a/b")


def test_a_repository_that_turns_out_public_gets_nothing(hub, runs, monkeypatch):
    create = hub.create
    monkeypatch.setattr(hub, "create", lambda kind, repo, user, private=False, sdk=None: create(kind, repo, user, False, sdk))
    with pytest.raises(HubError, match=r"^model acme/secret was made public by the Hub, against what was asked for"):
        push_teacher(runs / "teacher", "acme/secret", private=True)
    assert list(files_of(hub, "acme/secret")) == [".gitattributes"]


def test_a_private_teacher_of_a_public_student_is_told(hub, runs, caplog):
    push_teacher(runs / "teacher", "acme/teacher", private=True)
    push_student(runs / "optical-sw", "acme/hidden", teacher="acme/teacher", private=True)
    assert not caplog.records
    push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher")
    assert caplog.messages == [
        "teacher acme/teacher is private: who can see acme/optical-sw, but not its teacher, cannot search with it"
    ]


def test_what_other_weights_were_made_from_goes_from_the_metadata(pushed, hub, runs):
    assert "base_model: acme/teacher" in push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES).card
    student = OpticalStudentModel.from_pretrained(runs / "optical-sw")
    student.linear.weight.data.neg_()
    student.save_pretrained(runs / "optical-sw")
    assert "base_model" not in push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES).card


def test_facts_on_the_hub_that_cannot_be_read(pushed, hub, runs):
    HfApi().create_commit("acme/optical-sw", [CommitOperationAdd("optical.json", b"[]")], commit_message="edit")
    with pytest.raises(HubError, match=r"^optical\.json of acme/optical-sw is no JSON object: mend or remove it there\.$"):
        push_student(runs / "optical-sw", "acme/optical-sw", licences=LICENCES)


def test_what_went_is_in_the_outcome(pushed, runs):
    shutil.rmtree(runs / "optical-sw" / "evaluation")
    removed = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=LICENCES).removed
    assert removed
    assert all(path.startswith("evaluation/") for path in removed)
