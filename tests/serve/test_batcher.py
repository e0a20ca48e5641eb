"""Questions that wait are searched together; too many or too slow ones are told so; the event loop stays free."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

pytest.importorskip("fastapi", reason="fastapi is an optional extra")

from hf_optical.search import IndexFormatError
from hf_optical.serve import ServeSettings, create_app

from .stand_in import StandIn


@asynccontextmanager
async def service(searcher, **settings):
    app = create_app(searcher, ServeSettings(**settings))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def ask(client, query, **asked):
    return asyncio.create_task(client.post("/search", json={"query": query, "language": "sw"} | asked))


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def held(searcher, client):
    """The first question, which keeps the thread busy."""
    searcher.go.clear()
    first = ask(client, "first")
    await until(lambda: searcher.batches)
    return first


def run(test):
    asyncio.run(test())


def test_questions_that_wait_are_searched_together():
    async def test():
        searcher = StandIn()
        async with service(searcher, max_batch=3) as client:
            first = await held(searcher, client)
            tasks = [ask(client, f"q{i}", k=i + 1) for i in range(4)]
            other = ask(client, "other", language="ha")
            filtered = ask(client, "filtered", filter={"a": 1})
            await asyncio.sleep(0.05)
            searcher.go.set()
            answers = await asyncio.gather(first, *tasks, other, filtered)
        assert {answer.status_code for answer in answers} == {200}
        # each gets as many as it asked for, whatever the others did
        assert [[hit["id"] for hit in answer.json()["hits"]] for answer in answers[1:3]] == [["q0-0"], ["q1-0", "q1-1"]]
        assert searcher.batches == [
            (["first"], 10, "sw", None),
            (["q0", "q1", "q2"], 3, "sw", None),
            (["q3"], 4, "sw", None),
            (["other"], 10, "ha", None),
            (["filtered"], 10, "sw", {"a": 1}),
        ]

    run(test)


def test_questions_with_other_weights_are_searched_apart():
    async def test():
        searcher = StandIn()
        searcher.lexical_weight = 0.5
        async with service(searcher, max_k=500) as client:
            first = await held(searcher, client)
            asked = [{}, {"lexical_weight": 0.5}, {"lexical_weight": 0}, {"lexical_weight": 2}, {"lexical_weight": None, "k": 100}]
            asked += [{"k": 300}, {"lexical_weight": 0, "k": 300}]
            tasks = [ask(client, f"q{i}", **one) for i, one in enumerate(asked)]
            await asyncio.sleep(0.05)
            searcher.go.set()
            answers = await asyncio.gather(first, *tasks)
        assert [answer.json()["lexical_weight"] for answer in answers[1:]] == [0.5, 0.5, 0, 2, 0.5, 0.5, 0]
        # the first hundred of each ranking are joined, or k of them: what a question finds must not depend on its company
        found = zip(searcher.batches, searcher.weights, strict=True)
        assert [(queries, k, weight) for (queries, k, _, _), weight in found] == [
            (["first"], 10, 0.5),
            (["q0", "q1", "q4"], 100, 0.5),
            (["q2", "q6"], 300, 0),
            (["q3"], 10, 2),
            (["q5"], 300, 0.5),
        ]

    run(test)


def test_one_question_does_not_fail_the_others():
    async def test():
        searcher = StandIn()
        searcher.failures = {"bad": RuntimeError("broken")}
        async with service(searcher) as client:
            first = await held(searcher, client)
            tasks = [ask(client, query) for query in ("good", "bad", "fine")]
            await asyncio.sleep(0.05)
            searcher.go.set()
            answers = await asyncio.gather(first, *tasks)
        assert [answer.status_code for answer in answers] == [200, 200, 500, 200]
        assert answers[3].json()["hits"][0]["id"] == "fine-0"

    run(test)


def test_a_vanished_index_is_asked_once_for_a_batch():
    async def test():
        searcher = StandIn()
        searcher.failures = {"gone": IndexFormatError("there is no collection")}
        async with service(searcher) as client:
            first = await held(searcher, client)
            tasks = [ask(client, query) for query in ("gone", "a", "b")]
            await asyncio.sleep(0.05)
            searcher.go.set()
            answers = await asyncio.gather(first, *tasks)
        assert [answer.status_code for answer in answers] == [200, 503, 503, 503]
        assert [batch[0] for batch in searcher.batches] == [["first"], ["gone", "a", "b"]]

    run(test)


def test_too_many_are_told_to_come_back():
    async def test():
        searcher = StandIn()
        async with service(searcher, max_concurrency=2) as client:
            first = await held(searcher, client)
            second = ask(client, "second")
            await asyncio.sleep(0.05)
            third = await ask(client, "third")
            assert third.status_code == 503
            assert third.headers["Retry-After"] == "1"
            assert "2 searches are under way already" in third.json()["error"]
            # the event loop is free while a search runs
            assert (await client.get("/healthz")).status_code == 200
            assert "optical_searches_in_flight 2" in (await client.get("/metrics")).text
            searcher.go.set()
            assert [(await task).status_code for task in (first, second)] == [200, 200]
            assert (await ask(client, "fourth")).status_code == 200

    run(test)


def test_too_slow_ones_are_given_up_and_not_searched():
    async def test():
        searcher = StandIn()
        async with service(searcher, timeout=0.2) as client:
            first = await held(searcher, client)
            answers = await asyncio.gather(first, ask(client, "waits in vain"))
            assert {answer.status_code for answer in answers} == {504}
            assert "longer than 0.2 seconds" in answers[0].json()["error"]
            assert answers[0].headers["Retry-After"]
            searcher.go.set()
            assert (await ask(client, "next")).status_code == 200
        assert [batch[0] for batch in searcher.batches] == [["first"], ["next"]]

    run(test)


def test_a_body_that_does_not_come_is_given_up():
    async def test():
        async def slow():
            yield b'{"query": '
            await asyncio.sleep(30)

        async with service(StandIn(), timeout=0.1) as client:
            answer = await client.post("/search", content=slow(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 408
        assert "send it again" in answer.json()["error"]

    run(test)
