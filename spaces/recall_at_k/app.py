"""Space of the recall@k metric: paste rankings and relevant documents as JSON, read the figures."""

import json
import re

import gradio as gr
from ranking import METRICS, per_query_metrics, ranking_metrics, standard_error

HEADERS = ["Metric", "Mean", "Standard error"]
INTRODUCTION = """\
# Recall at k
Paste, as JSON, one list of ids per query: what the search system returned, best first, and what is relevant. The means
leave out the queries without relevant document. The same figures come from `evaluate.load` on this Space.
"""
EXAMPLES = [
    ['[["d3", "d1", "d7"], ["d9", "d2"]]', '[["d1", "d2"], ["d9"]]', "1, 3", ["recall", "mrr"], ""],
    ['[["d3", "d1"], ["d9"], ["d4"]]', '[["d1", "d3"], ["d8", "d9"], []]', "1, 10", ["ndcg"], "[[2, 1], [1, 3], []]"],
]


def read_json(text: str, name: str):
    """Parse one input box; ValueError names the box, the line and the column."""
    if not text.strip():
        raise ValueError(f'{name} is empty: paste a JSON list with one list per query, such as [["d1", "d2"], ["d9"]]')
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not JSON, line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets nested thousands deep
        raise ValueError(f"{name} cannot be read as JSON: {error}") from None


def read_cutoffs(text: str) -> list[int]:
    """Parse "1, 10, 100"; brackets and blanks do no harm."""
    words = re.split(r"[\s,;]+", text.strip(" \t\n[]"))
    if not all(re.fullmatch(r"[0-9]{1,9}", word) for word in words):
        raise ValueError(f"k must be positive integers such as 1, 10, 100, got {text.strip()[:60]!r}")
    return [int(word) for word in words]


def score(predictions: str, references: str, cutoffs: str, metrics: list[str], grades: str) -> tuple[list, str]:
    """Rows (metric, mean, standard error) and a line on how many queries count; on bad input no row, and the reason."""
    try:
        inputs = {
            "predictions": read_json(predictions, "predictions"),
            "references": read_json(references, "references"),
            "k": read_cutoffs(cutoffs),
            "metrics": metrics,
            "grades": read_json(grades, "grades") if grades.strip() else None,
        }
        means = ranking_metrics(**inputs)
        per_query = per_query_metrics(**inputs)
    except (ValueError, OverflowError) as error:
        return [], f"Nothing computed: {error}"
    scored = means["queries"] - means["queries_without_relevant"]
    rows = [
        [name, f"{means[name]:.4f}", f"{standard_error(values):.4f}" if scored > 1 else "needs 2 queries"]
        for name, values in per_query.items()
    ]
    left_out = means["queries_without_relevant"]
    return rows, f"Mean over {scored} of {means['queries']} queries; {left_out} without relevant document left out."


with gr.Blocks(title="Recall at k") as demo:
    gr.Markdown(INTRODUCTION)
    with gr.Row():
        predictions_box = gr.Textbox(EXAMPLES[0][0], label="Predictions: ids, best first", lines=6, max_lines=20)
        references_box = gr.Textbox(EXAMPLES[0][1], label="References: relevant ids", lines=6, max_lines=20)
    with gr.Row():
        cutoffs_box = gr.Textbox("1, 10, 100", label="Cut-offs k")
        metrics_box = gr.CheckboxGroup(list(METRICS), value=["recall"], label="Metrics")
        grades_box = gr.Textbox("", label="Grades of the references (optional, for graded nDCG)")
    button = gr.Button("Compute", variant="primary")
    status = gr.Textbox(label="Result", interactive=False)
    table = gr.Dataframe(headers=HEADERS, datatype="str", interactive=False, label="Figures")
    boxes = [predictions_box, references_box, cutoffs_box, metrics_box, grades_box]
    gr.Examples(EXAMPLES, inputs=boxes)
    button.click(score, inputs=boxes, outputs=[table, status], api_name="score")

if __name__ == "__main__":
    demo.launch()
