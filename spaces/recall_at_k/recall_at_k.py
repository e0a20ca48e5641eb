"""Recall at k, and three metrics beside it, as a metric of the `evaluate` library.

Load it with `evaluate.load` from this folder or from its Space. The computation is `ranking.py`, beside this file.
"""

import datasets
import evaluate

from .ranking import DEFAULT_K, check_queries, ranking_metrics

_DESCRIPTION = """\
Recall@k is the share of the relevant documents of a query that a search system ranks among its first k, averaged over
the queries. On request the hit rate (success), the mean reciprocal rank and nDCG at the same cut-offs, with binary or
graded relevance. The definitions are those of trec_eval.
"""

_INPUTS_DESCRIPTION = """
Args:
    predictions (`list[list[str]]`): for each query, document ids from best to worst; of any length, also none.
    references (`list[list[str]]`): for each query, the ids of its relevant documents; any number, also none.
    k (`list[int]`): cut-offs, positive integers. Default: `[1, 10, 100]`.
    metrics (`list[str]`): names among `"recall"`, `"hit_rate"`, `"mrr"`, `"ndcg"`. Default: `["recall"]`.
    grades (`list[list[int]]`, *optional*): grades of `references`, in the same shape, for graded nDCG. A document of
        grade 0 or less counts as not relevant.

Returns:
    `dict`: the mean of each metric at each cut-off (`"recall@10"`: a float in [0, 1]), over the queries that have a
    relevant document; `"queries"`: how many queries were given; `"queries_without_relevant"`: how many of those were
    left out of the means.

Raises:
    `ValueError`: where no score is defined (no query, no relevant document) or the input contradicts itself (an id
    twice in one list, lists of different lengths, an unknown metric). The message names the query.

Examples:

    >>> metric = evaluate.load("spaces/recall_at_k")
    >>> predictions = [["d3", "d1", "d7"], ["d9"]]
    >>> references = [["d1", "d2"], ["d9"]]
    >>> metric.compute(predictions=predictions, references=references, k=[1, 3])
    {'recall@1': 0.5, 'recall@3': 0.75, 'queries': 2, 'queries_without_relevant': 0}
    >>> metric.compute(predictions=predictions, references=references, k=[3], metrics=["hit_rate", "mrr"])
    {'hit_rate@3': 1.0, 'mrr@3': 0.75, 'queries': 2, 'queries_without_relevant': 0}
"""

_CITATION = """\
@book{manning2008introduction,
  title     = {Introduction to Information Retrieval},
  author    = {Manning, Christopher D. and Raghavan, Prabhakar and Sch{\\"u}tze, Hinrich},
  publisher = {Cambridge University Press},
  year      = {2008}
}
@article{jarvelin2002cumulated,
  title   = {Cumulated Gain-Based Evaluation of {IR} Techniques},
  author  = {J{\\"a}rvelin, Kalervo and Kek{\\"a}l{\\"a}inen, Jaana},
  journal = {ACM Transactions on Information Systems},
  volume  = {20},
  number  = {4},
  pages   = {422--446},
  year    = {2002},
  doi     = {10.1145/582415.582418}
}
"""


class RecallAtK(evaluate.Metric):
    """Recall@k, hit rate, MRR and nDCG over ragged lists of document ids."""

    def _info(self):
        ids = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS_DESCRIPTION,
            features=datasets.Features({"predictions": ids, "references": ids}),
            reference_urls=["https://nlp.stanford.edu/IR-book/", "https://doi.org/10.1145/582415.582418"],
        )

    def add_batch(self, *, predictions=None, references=None, **kwargs):
        """Add the rankings and the relevant documents of several queries; `compute` scores all that were added."""
        # The base class tests the type of the first query only: later on it would split a string into its letters.
        check_queries(predictions, references)
        super().add_batch(predictions=predictions, references=references, **kwargs)

    def add(self, *, prediction=None, reference=None, **kwargs):
        """Add the ranking and the relevant documents of one query."""
        check_queries([prediction], [reference])
        super().add(prediction=prediction, reference=reference, **kwargs)

    def _compute(self, predictions, references, k=DEFAULT_K, metrics=("recall",), grades=None):
        return ranking_metrics(predictions, references, k=k, metrics=metrics, grades=grades)
