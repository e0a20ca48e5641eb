"""Cards say what was measured and nothing else, and people's edits stay."""

import json
import re

import pytest
import yaml
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi, ModelCard

from hf_optical.hub import HubError, push_bitext, push_student, push_teacher
from hf_optical.hub.models import read_facts
from hf_optical.hub.templates import template

NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")


def texts_of(hub, repo, kind):
    return {path: file.content for path, file in hub.repos[kind, repo].at("main").files.items()}


def numbers_in(value):
    """Every number of JSON values, as the card may write it: as it is, with thousands, in points of one decimal."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(item) for pair in value.items() for item in pair), set())
    if isinstance(value, list):
        return set().union(*(numbers_in(item) for item in value), set())
    if isinstance(value, bool) or value is None:
        return set()
    if isinstance(value, str):
        return set(NUMBER.findall(value)) | set(re.findall(r"\d+(?:\.\d+)*", value))
    rounded = {f"{value:.4g}"} if isinstance(value, float) else set()
    return rounded | {str(value), f"{value:,}", f"{100 * value:.1f}", *([str(-value), f"{-value:,}"] if value < 0 else [])}


def untraced(hub, repo, kind, name):
    """Numbers of a card that are in no JSON file of its repository, nor in the fixed text of its template."""
    files = texts_of(hub, repo, kind)
    known = set().union(*(numbers_in(json.loads(content)) for path, content in files.items() if path.endswith(".json")))
    known |= set(NUMBER.findall(template(name).read_text(encoding="utf-8")))
    text = files["README.md"].decode()
    text = re.sub(r"content-[0-9a-f]{12}|`[0-9a-f]{16}`|`[0-9a-f]{40}`|cc-by[\w.-]+|cc0-1\.0|-\d{5}-of-\d{5}|train-\*", "", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)  # addresses
    return sorted(set(NUMBER.findall(text)) - known)


def test_every_number_is_in_a_json_file_of_the_repository(student, hub, prepared, licences):
    push_bitext(prepared, "acme/bitext", licences=licences)
    assert untraced(hub, "acme/optical-sw", "model", "student.md") == []
    assert untraced(hub, "acme/teacher", "model", "teacher.md") == []
    assert untraced(hub, "acme/bitext", "dataset", "bitext.md") == []
    # and the search finds one that was typed in
    repo = hub.repos["model", "acme/optical-sw"]
    card = repo.at("main").files["README.md"].content.decode().replace("62.5", "99.9")
    HfApi().create_commit("acme/optical-sw", [CommitOperationAdd("README.md", card.encode())], commit_message="typed in")
    assert untraced(hub, "acme/optical-sw", "model", "student.md") == ["99.9"]


def test_the_metadata_is_valid(student, hub, prepared, licences):
    ModelCard(student.card).validate()
    ModelCard(texts_of(hub, "acme/teacher", "model")["README.md"].decode()).validate()
    DatasetCard(push_bitext(prepared, "acme/bitext", licences=licences).card).validate()
    with pytest.raises(ValueError, match="license"):
        ModelCard(student.card.replace("license: cc-by-4.0", "license: mine")).validate()


def test_results_are_read_from_the_files(student, runs):
    data = ModelCard(student.card).data
    found = {(r.dataset_name, r.dataset_split, r.metric_name): r.metric_value for r in data.eval_results}
    assert found == {("sample", "test", "recall@10"): 0.625}  # its own, not BM25's
    assert "| **optical-sw** | 2 | 62.5 ±37.5 |" in student.card
    assert "| BM25, untranslated | 2 | 12.5 ±12.5 |" in student.card


def test_a_figure_that_no_evaluation_wrote_is_refused(hub, runs):
    file = next(runs.joinpath("optical-sw", "evaluation").glob("*optical-sw*"))
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"metrics": {"recall@10": 0.9}}))
    with pytest.raises(HubError, match=r"recall@10 is 0\.9, but that is not the mean over its 2 queries"):
        push_student(runs / "optical-sw", "acme/optical-sw")
    file.write_text(json.dumps({k: v for k, v in content.items() if k != "per_query"}))
    with pytest.raises(HubError, match="no values of single queries"):
        push_student(runs / "optical-sw", "acme/optical-sw")


def test_a_record_of_other_weights_is_refused(hub, runs):
    file = runs / "optical-sw" / "training.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"fingerprint": "0123456789abcdef"}))
    with pytest.raises(HubError, match=r"^training\.json is the record of other weights"):
        push_student(runs / "optical-sw", "acme/optical-sw")


def test_a_card_without_results_or_record_says_so(hub, runs):
    card = push_teacher(runs / "teacher", "acme/teacher").card
    assert "None: this model has not been evaluated." in card
    assert "How it was trained is not recorded." in card
    assert "model-index" not in card
    assert "license: unknown" in card


def test_the_training_is_in_the_card(student):
    for text in (
        "| examples | 5 |",
        "| steps | 8 |",
        "| seconds | 12.5 |",
        "| `epsilon` | 0.02 |",
        "device cpu",
        "torch 2.13.0",
        "0a1b2c3d",
    ):
        assert text in student.card, text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "It was distilled from the teacher on sentence pairs, by optimal transport between"),
        ({"loss": "mse", "pairs": "both"}, "on sentence pairs and code-switched English, by the squared error"),
        ({"sentence_weight": 0.5}, "the token embeddings of both sentences and by the squared error of sentence embeddings"),
        ({"loss": "none", "ranking": "kl"}, "It was trained on sentence pairs, and trained to rank English passages."),
    ],
)
def test_how_it_was_made_is_as_its_arguments_say(hub, runs, arguments, said):
    file = runs / "optical-sw" / "training.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"arguments": arguments}))
    assert said in push_student(runs / "optical-sw", "acme/optical-sw", dry_run=True).card


def test_datasets_are_those_that_were_recorded_as_such(hub, runs):
    file = runs / "optical-sw" / "training.json"
    record = json.loads(file.read_text()) | {"arguments": {"bitext": ["corpus/sample", "acme/bitext"], "triples": "acme/triples"}}
    for datasets, triples in ((None, "triples"), (["acme/bitext", "acme/triples"], "acme/triples")):
        file.write_text(json.dumps(record | ({"datasets": datasets} if datasets else {})))
        card = push_student(runs / "optical-sw", "acme/optical-sw", dry_run=True).card
        assert ModelCard(card).data.get("datasets") == datasets
        assert f"| `{triples}` | triples | not stated |" in card


ODD = "news|2024 <b>x</b> <!-- /generated:data -->"
SHOWN = r"| news\|2024 &lt;b>x&lt;/b> &lt;!-- /generated:data --> |"


def test_names_of_sources_stay_in_their_cells(hub, runs, tmp_path):
    table = {ODD: "cc-by-nc-4.0", "a`b": "cc-by-4.0"}
    (tmp_path / "sw.tsv").write_text(f"english\tnon_english\tsource\nwater\tmaji\t{ODD}\nlake\tziwa\ta`b\n")
    bitext = push_bitext(tmp_path / "sw.tsv", "acme/bitext", licences=table).card
    report = json.loads((runs / "optical-sw" / "bitext_report.json").read_text())
    (runs / "optical-sw" / "bitext_report.json").write_text(json.dumps(report | {"kept_by_source": {ODD: 1, "a`b": 1}}))
    student = push_student(runs / "optical-sw", "acme/optical-sw", licences=table, dry_run=True).card
    teacher = push_teacher(runs / "teacher", "acme/teacher", licences=table, dry_run=True).card
    for card in (bitext, student, teacher):
        assert sum(line.startswith(SHOWN) for line in card.splitlines()) == 1
        assert any(line.startswith(r"| a\`b |") for line in card.splitlines())
        assert SHOWN[2:-2] + " is cc-by-nc-4.0" in card  # in the note, too
        assert "<b>" not in card
        assert card.count("<!-- /generated:data -->") == (card is not bitext)


def test_an_export_is_in_the_card_if_it_is_of_these_weights(hub, runs, licences):
    folder = runs / "optical-sw"
    (folder / "onnx").mkdir()
    settings = folder / "onnx" / "query_encoder.json"
    settings.write_text(json.dumps({"student": "0123456789abcdef"}))
    (folder / "onnx" / "model_quantized.onnx").write_bytes(b"onnx" * 100)
    with pytest.raises(HubError, match=r"^onnx/ was exported from other weights .* `optical export onnx`"):
        push_student(folder, "acme/optical-sw")
    settings.write_text(json.dumps({"student": read_facts(folder, "student").fingerprint}))
    outcome = push_student(folder, "acme/optical-sw", licences=licences)
    assert f'snapshot_download("acme/optical-sw", revision="{outcome.tag}"' in outcome.card
    assert "What that costs in recall is not among the results" in outcome.card
    assert untraced(hub, "acme/optical-sw", "model", "student.md") == []


def edit(repo, change, kind="model"):
    """What a person does on the site."""
    api = HfApi()
    with open(api.hf_hub_download(repo, "README.md", repo_type=kind), encoding="utf-8") as file:
        text = change(file.read())
    api.create_commit(repo, [CommitOperationAdd("README.md", text.encode())], repo_type=kind, commit_message="edit")


def test_edits_of_people_stay_and_generated_sections_are_new(student, hub, runs, licences):
    def by_hand(text):
        text = text.replace("---\n", "---\ninference: false\n", 1).replace("- ColBERT", "- ColBERT\n- my-tag")
        text = text.replace("## Intended use", "We use it for the *village library*.\n\n## Intended use")
        text = text.replace("- The teacher's own biases", "- It dislikes Mondays.\n- The teacher's own biases")
        return text.replace("62.5 ±37.5", "99.9")

    edit("acme/optical-sw", by_hand)
    file = next(runs.joinpath("optical-sw", "evaluation").glob("BM25*"))
    values = {"q1": 0.5, "q2": 0.25}
    content = json.loads(file.read_text()) | {
        "metrics": {"recall@10": 0.375},
        "standard_errors": {"recall@10": 0.125},
        "per_query": {"recall@10": values},
    }
    file.write_text(json.dumps(content))
    card = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    for kept in ("We use it for the *village library*.", "- It dislikes Mondays.", "inference: false", "- my-tag"):
        assert kept in card, kept
    assert "| 37.5 ±12.5 |" in card
    assert "| 12.5 ±" not in card
    assert "99.9" not in card
    assert card.count("## Results") == 1


def test_metadata_that_a_person_set_stays(student, hub, runs, licences, prepared):
    def by_hand(text):
        assert "license: cc-by-4.0" in text
        return text.replace("license: cc-by-4.0", "license: apache-2.0").replace("language:\n- sw\n", "language:\n- swc\n")

    def push(**options):
        return ModelCard(push_student(runs / "optical-sw", "acme/optical-sw", **options).card).data

    edit("acme/optical-sw", by_hand)
    for options in ({"teacher": "acme/teacher", "licences": licences}, {}):
        data = push(**options)
        assert (data.license, data.language) == ("apache-2.0", ["swc", "en"])
        assert data.base_model == "acme/teacher"
    edit("acme/optical-sw", lambda text: text.replace("license: apache-2.0", "license: unknown"))
    assert push(teacher="acme/teacher", licences=licences).license == "cc-by-4.0"
    assert push().license == "cc-by-4.0"  # unknown does not replace it

    push_bitext(prepared, "acme/bitext", licences=licences)
    edit("acme/bitext", lambda text: text.replace("license: cc-by-4.0", "license: cc-by-sa-4.0"), kind="dataset")
    data = DatasetCard(push_bitext(prepared / "ha.tsv.gz", "acme/bitext", licences=licences).card).data
    assert data.license == "cc-by-sa-4.0"
    changed = push_bitext(prepared, "acme/bitext2", licences=licences)
    changed = push_bitext(prepared, "acme/bitext2", licences=licences | {"asp-*": "cc-by-nc-4.0"})
    assert DatasetCard(changed.card).data.license == "cc-by-nc-4.0"  # nobody edited it


def test_a_section_that_a_person_removed_stays_away(student, runs, licences):
    edit(
        "acme/optical-sw",
        lambda text: re.sub(r"<!-- generated:citation -->.*<!-- /generated:citation -->\n?", "", text, flags=re.S),
    )
    card = push_student(runs / "optical-sw", "acme/optical-sw", teacher="acme/teacher", licences=licences).card
    assert "## Citation" not in card
    assert "## Results" in card


def test_a_card_of_a_persons_own_is_kept_above_ours(hub, runs):
    push_teacher(runs / "teacher", "acme/teacher")
    edit("acme/teacher", lambda text: "# All mine\n\nNo marks here.\n")
    card = push_teacher(runs / "teacher", "acme/teacher").card
    assert "# All mine\n\nNo marks here.\n" in card
    assert "<!-- generated:summary -->" in card


def test_edits_in_the_folder_are_sent_and_two_different_edits_are_a_question(hub, runs):
    card = push_teacher(runs / "teacher", "acme/teacher").card
    (runs / "teacher" / "README.md").write_text(card.replace("## Intended use", "Edited here.\n\n## Intended use"))
    assert "Edited here." in push_teacher(runs / "teacher", "acme/teacher").card
    edit("acme/teacher", lambda text: text.replace("Edited here.", "Edited there."))
    with pytest.raises(HubError, match="edited here and on the Hub, in different ways"):
        push_teacher(runs / "teacher", "acme/teacher")
    (runs / "teacher" / "README.md").unlink()
    assert "Edited there." in push_teacher(runs / "teacher", "acme/teacher").card


def test_results_of_other_evaluations_and_bitexts_of_several_languages(hub, runs, licences):
    folder = runs / "optical-sw"
    file = next(folder.joinpath("evaluation").glob("*optical-sw*"))
    result = json.loads(file.read_text())
    result.pop("benchmark")
    task = {"task": "MIRACLRetrieval", "subset": "sw", "split": "dev"} | result
    (folder / "evaluation" / "MIRACLRetrieval.sw.dev.student.json").write_text(json.dumps(task))
    sentences = {
        "metrics": {"to-en maxsim": 0.5},
        "standard_errors": {"to-en maxsim": 0.5},
        "per_query": {"to-en maxsim": {"1": 1.0, "2": 0.0}},
        "cut_off": {"english": 0},
    }
    (folder / "evaluation" / "student.bitext.json").write_text(json.dumps(result | sentences))
    (folder / "evaluation" / "significance.json").write_text(json.dumps({"p": 0.01}))
    report = json.loads((folder / "bitext_report.json").read_text())
    (folder / "bitext_report.json").write_text(json.dumps({"sw": report, "ha": report}))
    card = push_student(folder, "acme/optical-sw", licences=licences).card
    found = {(r.dataset_name, r.dataset_split, r.metric_name) for r in ModelCard(card).data.eval_results}
    assert found == {
        ("sample", "test", "recall@10"),
        ("MIRACLRetrieval, sw", "dev", "recall@10"),
        ("retrieval of translated sentences, share found first", None, "to-en maxsim"),
    }
    assert "(10 kept of 12, see" in card
    assert "| `tico19` | 4 | cc0-1.0 |" in card
    assert untraced(hub, "acme/optical-sw", "model", "student.md") == []
    ModelCard(card).validate()


@pytest.mark.parametrize("name", ["student.md", "teacher.md", "bitext.md"])
def test_templates_hold_no_figure_of_a_result_and_pin_remote_code(name):
    text = template(name).read_text(encoding="utf-8")
    assert yaml.safe_load(text.split("---")[1].replace("{{ card_data }}", "a: 1"))
    for line in text.splitlines():
        assert "trust_remote_code" not in line or 'revision="{{ revision }}"' in line
    assert not re.search(r"\b\d+\.\d\b", re.sub(r"\d{4}\.\d+", "", text))
