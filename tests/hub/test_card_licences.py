"""The licence in a card follows from all that the weights were made of; what is not known is said to be unknown."""

import json

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard

from hf_optical.hub import HubError, push_student, push_teacher


def facts_of(hub, repo):
    return json.loads(hub.repos["model", repo].at("main").files["optical.json"].content)


def test_the_licence_follows_from_the_data(student, hub, runs, licences):
    assert "license: cc-by-4.0" in student.card
    assert "| `asp-*` | 2 | cc-by-4.0 |" in student.card
    unknown = push_student(runs / "optical-sw", "acme/unknown", licences={"tico19": "cc0-1.0"}).card
    assert "license: unknown" in unknown
    assert "| `tatoeba` | 1 | not stated |" in unknown
    closed = licences | {"tatoeba": "cc-by-nc-4.0"}
    assert "Not for commercial use" in push_student(runs / "optical-sw", "acme/nc", licences=closed).card
    mixed = closed | {"tico19": "cc-by-sa-4.0"}
    with pytest.raises(HubError, match=r"must not be mixed .* --allow-mixed-licences"):
        push_student(runs / "optical-sw", "acme/mixed", licences=mixed)
    options = {"teacher": "acme/teacher", "allow_mixed_licences": True}
    card = push_student(runs / "optical-sw", "acme/mixed", licences=mixed, **options).card
    assert "license: other" in card
    assert "decide for yourself" in card


def test_the_teachers_licence_counts_too(hub, runs, licences):
    push_teacher(runs / "teacher", "acme/teacher", licences={"questions": "cc-by-sa-4.0"})
    card = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert "| licence of the teacher | cc-by-sa-4.0 |" in card
    assert "license: cc-by-sa-4.0" in card
    with pytest.raises(HubError, match=r"cc-by-nc-4\.0 \(tatoeba\) and cc-by-sa-4\.0 \(the teacher\) must not be mixed"):
        push_student(
            runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences | {"tatoeba": "cc-by-nc-4.0"}
        )


def test_every_licence_of_a_mixed_teacher_counts(hub, runs, licences):
    closed = {"nq": "cc-by-nc-4.0", "squad": "cc-by-sa-4.0"}
    push_teacher(runs / "teacher", "acme/teacher", licences=closed, allow_mixed_licences=True)
    known = facts_of(hub, "acme/teacher")["licence"]
    both = "cc-by-nc-4.0-and-cc-by-sa-4.0"
    assert known == {"license": "other", "license_name": both, "parts": closed, "missing": []}
    options = {"teacher": "acme/teacher", "licences": licences | {"asp-*": "cc-by-4.0"}}
    with pytest.raises(HubError, match=r"\(the teacher's nq\) and \S+ \(the teacher's squad\) must not be mixed"):
        push_student(runs / "optical-sw", "acme/optical-sw", **options)
    card = push_student(runs / "optical-sw", "acme/optical-sw", **options, allow_mixed_licences=True).card
    assert f"| licence of the teacher | {both} |" in card
    assert "**Not for commercial use:** the teacher's nq is cc-by-nc-4.0." in card
    assert "decide for yourself" in card
    data = ModelCard(card).data
    assert (data.license, data.license_name) == ("other", "cc-by-2.0-and-cc-by-4.0-and-cc-by-nc-4.0-and-cc-by-sa-4.0-and-cc0-1.0")


def test_a_teacher_without_licence_makes_the_students_unknown(hub, runs, licences, caplog):
    push_teacher(runs / "teacher", "acme/teacher")
    assert not caplog.records  # nobody spoke of licences
    options = {"teacher": "acme/teacher", "licences": licences}
    card = push_student(runs / "optical-sw", "acme/optical-sw", **options).card
    assert ModelCard(card).data.license == "unknown"
    assert "which is not stated in full: none is known for the teacher." in card
    assert "| licence of the teacher | not stated here |" in card
    (message,) = caplog.messages
    assert message == (
        "the licence of acme/optical-sw stays unknown, since none is known for the teacher: add --licence NAME=LICENCE for each"
        ", of the teacher acme/teacher=LICENCE"
    )
    assert "license: unknown" in push_student(runs / "optical-sw", "acme/alone", licences=licences).card
    # who pushes may know it
    options["licences"] = licences | {"acme/teacher": "cc-by-sa-4.0"}
    card = push_student(runs / "optical-sw", "acme/optical-sw", **options).card
    assert ModelCard(card).data.license == "cc-by-sa-4.0"
    assert "| licence of the teacher | cc-by-sa-4.0 |" in card
    # but not against what the teacher's own repository says
    push_teacher(runs / "teacher", "acme/teacher", licences={"questions": "cc-by-nc-4.0"})
    card = push_student(runs / "optical-sw", "acme/optical-sw", **options).card
    assert ModelCard(card).data.license == "cc-by-nc-4.0"


def test_a_teachers_card_names_what_lacks_a_licence(hub, runs, licences, caplog):
    arguments = {"triples": "data/train.jsonl.gz", "passages": "data/corpus.jsonl.gz"}
    (runs / "teacher" / "training.json").write_text(json.dumps({"arguments": arguments}))
    card = push_teacher(runs / "teacher", "acme/teacher", licences={"nq": "cc-by-sa-3.0"}).card
    assert "| `nq` | cc-by-sa-3.0 |" in card
    assert "| `train.jsonl.gz` | triples | not stated |" in card
    assert "| `corpus.jsonl.gz` | passages | not stated |" in card
    assert "not stated in full: none is known for `train.jsonl.gz`, `corpus.jsonl.gz`." in card
    assert ModelCard(card).data.license == "unknown"
    assert "none is known for train.jsonl.gz, corpus.jsonl.gz: add --licence NAME=LICENCE" in caplog.text
    student = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert ModelCard(student).data.license == "unknown"
    assert "none is known for the teacher's train.jsonl.gz, the teacher's corpus.jsonl.gz." in student
    named = {"train.jsonl.gz": "cc-by-sa-3.0", "corpus.*": "cc0-1.0"}
    card = push_teacher(runs / "teacher", "acme/teacher", licences=named).card
    assert ModelCard(card).data.license == "cc-by-sa-3.0"
    assert "| `corpus.jsonl.gz` | passages | cc0-1.0 |" in card
    assert "| `corpus.*` |" not in card  # it is no further source
    student = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert ModelCard(student).data.get("license_name", "") == ""
    assert ModelCard(student).data.license == "cc-by-sa-3.0"


def test_a_teacher_of_an_earlier_version_has_the_licences_of_its_table(hub, runs, licences):
    push_teacher(runs / "teacher", "acme/teacher")
    facts = facts_of(hub, "acme/teacher")
    del facts["licence"]
    facts["licences"] = {"nq": "cc-by-nc-4.0"}
    HfApi().create_commit("acme/teacher", [CommitOperationAdd("optical.json", json.dumps(facts).encode())], commit_message="old")
    card = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert ModelCard(card).data.license == "cc-by-nc-4.0"
    assert "the teacher is cc-by-nc-4.0" in card


def test_data_besides_the_pairs_have_licences_too(hub, runs, licences):
    file = runs / "optical-sw" / "training.json"
    arguments = {"lexicon": ["data/sw.tsv"], "triples": "data/train.jsonl"}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"arguments": arguments}))
    card = push_student(runs / "optical-sw", "acme/optical-sw", licences=licences, dry_run=True).card
    assert "| `sw.tsv` | lexicon | not stated |" in card
    assert "license: unknown" in card
    push_teacher(runs / "teacher", "acme/teacher", licences={"questions": "cc0-1.0"})
    licences = licences | {"sw.tsv": "cc0-1.0", "train.jsonl": "cc-by-sa-4.0"}
    card = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert "| `train.jsonl` | triples | cc-by-sa-4.0 |" in card
    assert "license: cc-by-sa-4.0" in card
