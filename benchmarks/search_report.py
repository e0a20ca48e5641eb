"""The Markdown page of `benchmarks/search.py`, from its JSON."""

from __future__ import annotations

from typing import Any


def report(document: dict[str, Any]) -> str:
    makers = {
        "encoding": ("Passages encoded", _encoding),
        "recall": ("Size and recall", _recall),
        "latency": ("Latency, the whole collection", _latency),
        "latency 2,000": ("Latency, 2,000 passages", _latency),
        "growth": ("Growth", _growth),
        "approximate": ("Approximate search on one machine", _approximate),
    }
    parts = [
        "# Search\n\nMade by `python benchmarks/search.py`; one thread; everyone takes turns. Teacher fingerprint "
        f"`{document['teacher']}`, torch {document['torch']}, Python {document['python']}. CPU: seconds of the processor, where "
        "others used the machine too. Load: of the machine before and after the table."
    ]
    for name, (title, make) in makers.items():
        if name in document:
            entry = document[name]
            load = f"Load {entry['load'][0]} to {entry['load'][1]}. {entry['note']}".strip()
            parts.append(f"## {title}\n\n{make(entry['table'])}\n\n{load}")
    return "\n\n".join(parts) + "\n"


def _table(header: list[str], rows: list[list[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _encoding(table: dict[str, Any]) -> str:
    def ratio(row: dict[str, Any], name: str) -> str:
        return "{} ({} to {})".format(*row[name])

    rows = [
        [name, row["passages_per_second"], row["passages_per_cpu_second"], ratio(row, "ratio"), ratio(row, "cpu_ratio")]
        for name, row in table["rows"].items()
    ]
    return (
        f"{table['passages']} passages, {table['tokens']:,} scored tokens, the same weights; float32, default batch sizes unless "
        f"it says otherwise. Ratio to sentence-transformers: median of {table['pairs']} pairs (least to most). Embeddings of both "
        f"differ by {table['difference']:.0e} at most.\n\n"
        + _table(["", "passages/s", "passages/CPU s", "ratio", "CPU ratio"], rows)
    )


def _recall(table: list[dict[str, Any]]) -> str:
    rows = [[row["form"], f"{row['bytes']:,}", row["recall@10"]] for row in table]
    return _table(["embeddings", "bytes a passage", "recall@10"], rows)


def _latency(table: dict[str, Any]) -> str:
    def pair(row: dict[str, Any], name: str) -> str:
        return f"{row[name]['p50']} / {row[name]['p95']}"

    rows = [
        [name, *(pair(row, kind) for kind in ("1", "1 cpu", "32", "32 cpu")), row["recall_of_exact"]]
        for name, row in table["rows"].items()
    ]
    missing = f" Not installed here: {', '.join(table['missing'])}." if table["missing"] else ""
    return (
        f"{table['passages']:,} passages, {table['tokens']:,} tokens; queries of {table['query_tokens']} tokens on average, "
        f"{table['rounds'][0]} single ones and {table['rounds'][1]} times 32. Milliseconds, p50 / p95.{missing}\n\n"
        + _table(["", "1 query", "CPU", "32 queries", "CPU", "same ten as ExactIndex"], rows)
    )


def _growth(table: dict[str, Any]) -> str:
    rows = []
    for row in table["rows"]:
        line = [f"{row['passages']:,}", f"{row['bytes'] / 2**30:.2f}", row["open_ms"], row["write_cpu_seconds"]]
        for kind in ("mapped", "prepared"):
            found = row[kind]
            line += (
                [f"{found['memory'] / 2**20:,.0f}", f"{found['1']} ({found['1 cpu']})", f"{found['32']} ({found['32 cpu']})"]
                if found
                else ["no room"] + 2 * [""]
            )
        rows.append(line)
    header = ["passages", "GiB", "open, ms", "written, CPU s"]
    for kind in ("mapped", "prepared"):
        header += [f"{kind}: MiB", "1 query, ms (CPU)", "32 queries, ms (CPU)"]
    left_out = f" No room on the disk for {', '.join(f'{size:,}' for size in table['left_out'])}." if table["left_out"] else ""
    last = table["rows"][-1]
    far = ""
    if last["passages"] < 1_000_000 and last["mapped"]:
        factor = 1_000_000 / last["passages"]
        size, mapped = last["bytes"] * factor / 2**30, last["mapped"]["1 cpu"] * factor / 1000
        far = (
            f"\n\n1 million was not measured. Extrapolated from {last['passages']:,}, in proportion: {size:.1f} GiB, one query "
            f"{mapped:.1f} CPU seconds where it is mapped"
        )
        far += f", {last['prepared']['1 cpu'] * factor / 1000:.1f} prepared." if last["prepared"] else "."
    return (
        "`DiskIndex` int8 of the collection replicated with noise. Mapped: nothing kept in the process (`cache_bytes=0`), the "
        "files in the system's cache as far as they fit; prepared: kept in memory for scanning. MiB without mapped files."
        f"{left_out}\n\n" + _table(header, rows) + far
    )


def _approximate(table: dict[str, Any]) -> str:
    if "missing" in table:
        return "lancedb is not installed here."
    rows = [
        [row["system"], row["recall"], row["ms"], row["cpu_ms"], f"{row['bytes'] / 2**20:,.0f}", row.get("build_cpu_seconds", "")]
        for row in table["rows"]
    ]
    exact, *others = table["rows"]
    good = [row for row in others if row["recall"] >= 0.99]
    winners = [row["system"] for row in good if row["ms"] < exact["ms"]]
    answer = (
        f"At recall 0.99 {winners[0]} is faster than exact search here."
        if winners
        else f"Exact search is enough up to {table['passages']:,} passages: no setting was faster at recall 0.99."
    )
    return (
        f"{table['passages']:,} passages, {table['queries']} queries one at a time; recall@10 against exact search.\n\n"
        + _table(["", "recall@10", "ms, median", "CPU ms", "MiB on disk", "build, CPU s"], rows)
        + f"\n\n{answer}"
    )
