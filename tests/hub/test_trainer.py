"""`Trainer(push_to_hub=True)` sends what `optical push` sends."""

import copy
import json

import pytest
from huggingface_hub import HfApi, ModelCard

from hf_optical.hub import HubError, push_student
from hf_optical.hub.trainer import push_trained, write_card
from hf_optical.training import OpticalTrainer, OpticalTrainingArguments


@pytest.fixture
def trainer(hub, tmp_path, tiny_teacher, tiny_student):
    from datasets import Dataset

    words = ["the water", "the maize", "the farm", "the rain"]
    pairs = Dataset.from_dict({"english": words, "non_english": ["maji", "mahindi", "shamba", "mvua"]})
    args = OpticalTrainingArguments(
        output_dir=str(tmp_path / "optical-sw"),
        per_device_train_batch_size=2,
        max_steps=2,
        save_steps=1,
        use_cpu=True,
        report_to="none",
        push_to_hub=True,
        hub_model_id="acme/optical-sw",
        hub_private_repo=True,
        disable_tqdm=True,
    )
    return OpticalTrainer(copy.deepcopy(tiny_student), tiny_teacher, args, pairs)


def test_training_pushes_models_and_cards_and_no_states(trainer, hub, accounts, tmp_path):
    trainer.train()
    outcome = trainer.push_to_hub()
    assert hub.repos["model", "acme/optical-sw"].private
    titles = [c.title for c in HfApi().list_repo_commits("acme/optical-sw")]
    assert titles == ["End of training", "Training in progress, step 2", "Training in progress, step 1", "initial commit"]
    repo = hub.repos["model", "acme/optical-sw"]
    for commit in repo.commits.values():
        assert not [p for p in commit.files if p.endswith((".pt", ".bin", ".pth")) or "trainer_state" in p or "checkpoint-" in p]
        for file in commit.files.values():
            assert str(tmp_path).encode() not in file.content
            assert accounts.writer.encode() not in file.content
    card = repo.at("main").files["README.md"].content.decode()
    assert card == outcome.card
    assert push_student(trainer.args.output_dir, "acme/optical-sw").card == card  # the command sends the same
    ModelCard(card).validate()
    assert "This model has not been evaluated" in card or "None: this model has not been evaluated." in card
    record = json.loads(repo.at("main").files["training.json"].content)
    assert (record["steps"], record["examples"]) == (2, 4)
    assert record["arguments"]["max_steps"] == 2
    assert record["defaults"]["learning_rate"] == trainer.args.learning_rate
    assert not record["arguments"].keys() & record["defaults"].keys()
    assert f"`learning_rate` {trainer.args.learning_rate}" in card
    assert "distilled from the teacher on sentence pairs, by optimal transport" in card
    assert "| steps | 2 |" in card
    assert record["fingerprint"] == trainer.model.fingerprint()


def test_edits_of_the_card_in_the_folder_stay(trainer, hub, tmp_path):
    trainer.save_model()
    path = write_card(trainer)
    path.write_text(path.read_text().replace("## Intended use", "By hand.\n\n## Intended use"))
    trainer.create_model_card()
    assert "By hand." in path.read_text()
    assert "By hand." in push_trained(trainer).card


def test_a_push_that_fails_does_not_stop_the_training(trainer, hub, faults, caplog):
    hub.faults.append(faults.Fault("POST .*/commit/", 503, times=4))
    trainer.train()
    assert trainer.state.global_step == 2
    assert "checkpoint-1 was not pushed: " in caplog.text
    assert next(c.title for c in HfApi().list_repo_commits("acme/optical-sw")) == "Training in progress, step 2"


def test_a_public_repository_is_no_place_for_what_is_to_be_private(trainer, hub, caplog, tmp_path):
    trainer.init_hf_repo()
    hub.repos["model", "acme/optical-sw"].private = False
    trainer.train()
    assert "checkpoint-1 was not pushed: model acme/optical-sw is there already and public" in caplog.text
    with pytest.raises(HubError, match="is there already and public"):
        trainer.save_model()
    with pytest.raises(HubError, match="is there already and public"):
        push_trained(trainer)
    assert (tmp_path / "optical-sw" / "model.safetensors").is_file()  # what was trained is not lost
    assert len(HfApi().list_repo_commits("acme/optical-sw")) == 1
