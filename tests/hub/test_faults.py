"""What goes wrong on the way: nothing half visible, a second try succeeds, what arrived is not sent again."""

from collections import Counter

import pytest
from huggingface_hub import HfApi

from hf_optical.hub import HubError, push_teacher


@pytest.fixture
def push(hub, runs):
    return lambda **options: push_teacher(runs / "teacher", "acme/teacher", **options)


def puts(hub):
    """How often each large file was sent."""
    return Counter(path.rsplit("/", 1)[-1] for method, path in hub.requests if method == "PUT")


def test_503_in_the_middle_of_an_upload_is_tried_again(push, hub, faults):
    fault = faults.Fault("PUT /lfs-upload", 503, times=2)
    hub.faults.append(fault)
    outcome = push()
    assert fault.happened == 2
    sent = puts(hub)
    assert sent.total() == len(sent) + 2
    assert hub.repos["model", "acme/teacher"].branches["main"] == outcome.commit


@pytest.mark.parametrize(
    "where", ["POST /api/repos/create", "GET /api/whoami", "POST .*/preupload/", "POST .*/commit/", "POST .*/tag/"]
)
def test_503_anywhere_is_tried_again(push, hub, faults, where):
    hub.faults.append(faults.Fault(where, 503, times=2))
    push()
    assert hub.faults[0].happened == 2
    assert len(HfApi().list_repo_commits("acme/teacher")) == 2


@pytest.mark.parametrize("where", ["POST .*/commit/", "PUT /lfs-upload"])
def test_a_connection_cut_in_the_middle_is_tried_again(push, hub, faults, where):
    hub.faults.append(faults.Fault(where, faults.CUT))
    push()
    assert hub.faults[0].happened == 1
    assert len(HfApi().list_repo_commits("acme/teacher")) == 2


def test_a_commit_that_is_cut_off_leaves_nothing_and_the_second_push_succeeds(push, hub, faults):
    hub.faults.append(faults.Fault("POST .*/commit/", faults.CUT, times=99))
    with pytest.raises(HubError, match=r"cannot be reached .*: check the connection, then push again\.$"):
        push()
    assert hub.faults[0].happened == 4  # the first try and three more
    repo = hub.repos["model", "acme/teacher"]
    assert list(repo.at("main").files) == [".gitattributes"]
    assert len(repo.commits) == 1
    hub.faults.clear()
    sent = puts(hub)
    outcome = push()
    assert puts(hub) == sent  # the weights had arrived
    assert repo.branches["main"] == outcome.commit
    assert "model.safetensors" in repo.at("main").files


def test_an_answer_that_is_lost_makes_no_second_commit(push, hub, faults):
    hub.faults.append(faults.Fault("POST .*/commit/", faults.LOSE_ANSWER))
    outcome = push()
    assert hub.faults[0].happened == 1
    repo = hub.repos["model", "acme/teacher"]
    assert len(repo.commits) == 2
    assert repo.branches["main"] == outcome.commit
    assert repo.tags[outcome.tag] == outcome.commit


def test_large_files_that_arrived_are_not_sent_again(push, hub, runs, faults):
    (runs / "teacher" / "onnx").mkdir()
    (runs / "teacher" / "onnx" / "model.onnx").write_bytes(b"onnx" * 1000)
    hub.faults.append(faults.Fault("POST .*/commit/", 400, times=99))
    with pytest.raises(HubError, match=r"did not take the push to model acme/teacher \(400"):
        push()
    sent = puts(hub)
    assert len(sent) >= 2
    hub.faults.clear()
    push()
    assert puts(hub) == sent
    assert set(sent.values()) == {1}


def test_a_commit_of_somebody_else_in_between_is_kept(push, hub, runs):
    push()
    (runs / "teacher" / "notes.md").write_text("new\n")
    api, original, met = HfApi(), HfApi.create_commit, []

    def slower(self, *args, **options):
        if not met:  # a person edits the card while the files are on their way
            met.append(True)
            card = api.hf_hub_download("acme/teacher", "README.md")
            with open(card) as file:
                text = file.read().replace("## Intended use", "Hello from a person.\n\n## Intended use")
            from huggingface_hub import CommitOperationAdd

            original(api, "acme/teacher", [CommitOperationAdd("README.md", text.encode())], commit_message="edit")
        return original(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HfApi, "create_commit", slower)
        push()
    files = hub.repos["model", "acme/teacher"].at("main").files
    assert b"Hello from a person." in files["README.md"].content
    assert files["notes.md"].content == b"new\n"
