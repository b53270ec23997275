"""How fast an endpoint is asked, beside a bare asyncio client, and kept answers read again.

    python tests/benchmarks/endpoint.py [--rows 2000] [--concurrency 16] [--delay 0.05] [--rounds 7]

One server of this file, in a process of its own, answers each question after a fixed delay. Both
sides ask the same questions with the same SDK and as many at once, in turn. The bare side is the
loop that one would write: a semaphore, ``gather``, nothing kept. Then rows whose answers
are all kept are asked and measured again, as labels and as texts.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SERVER = """
import asyncio, json, sys
delay = float(sys.argv[1])
reply = json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21}}).encode()
head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n"
async def serve(reader, writer):
    try:
        while True:
            text = await reader.readuntil(b"\\r\\n\\r\\n")
            size = int(text.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
            await reader.readexactly(size)
            await asyncio.sleep(delay)
            writer.write(head % len(reply) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def questions(count, of):
    return [
        [{"role": "user", "content": f"{of}: is {n} a number? " + "word " * 40}]
        for n in range(count)
    ]


def bare(url, asked, concurrency):
    from openai import AsyncOpenAI

    async def every():
        gate = asyncio.Semaphore(concurrency)
        async with AsyncOpenAI(api_key="none", base_url=url) as sdk:

            async def one(messages):
                async with gate:
                    found = await sdk.chat.completions.create(
                        model="m", messages=messages, max_tokens=8, temperature=0
                    )
                    return found.choices[0].message.content

            return await asyncio.gather(*(one(messages) for messages in asked))

    began = time.perf_counter(), time.process_time()
    assert set(asyncio.run(every())) == {"yes"}
    return time.perf_counter() - began[0], time.process_time() - began[1]


def ours(url, asked, concurrency):
    from runners import _asking
    from runners.base import Endpoint

    endpoint = Endpoint(base_url=url, concurrency=concurrency, price=(0.1, 0.4), max_cost=100)
    began = time.perf_counter(), time.process_time()
    client = _asking.Client(endpoint, "api:m")
    found = client.ask([_asking.Question(tuple(messages), 8) for messages in asked])
    assert {reply.text for reply in found} == {"yes"}
    return time.perf_counter() - began[0], time.process_time() - began[1]


def rescored(url, count, task, folder):
    """Seconds to fit, to ask and to measure as a run does, when every answer is kept."""
    from runners import _measuring
    from runners.base import DataFile, Endpoint, Plan, Row, find, silent

    rows = [
        Row(id=str(n), input=messages[0]["content"], target=("yes", "no")[n % 2])
        for n, messages in enumerate(questions(count, task))
    ]
    file = DataFile(path=folder / "rows.jsonl", sha256="", rows=count)
    plan = Plan(
        approach="zero_shot",
        task=task,
        base_model="api:m",
        train=file,
        evaluation=file,
        folder=folder / task,
        endpoint=Endpoint(base_url=url, concurrency=64, price=(0.1, 0.4), max_cost=100),
    )
    took = []
    for _ in range(2):
        began = time.perf_counter()
        find("zero_shot").fit(plan, rows, silent)
        answers = _measuring.ask(plan, find("zero_shot").load(plan.artifact), rows, silent)
        card = _measuring.card(plan, rows, answers.predictions)
        took.append(time.perf_counter() - began)
        assert card.rows == count
    return took[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kept", type=int, default=10_000)
    given = parser.parse_args()
    child = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(given.delay)], stdout=subprocess.PIPE, text=True
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["WHICHTUNE_CACHE"] = folder
            assert child.stdout
            url = f"http://127.0.0.1:{child.stdout.readline().strip()}/v1"
            bare(url, questions(50, "warm"), given.concurrency)
            sides = {"bare": [], "ours": []}
            for n in range(given.rounds):
                asked = questions(given.rows, n)
                turns = [("bare", bare), ("ours", ours)]
                for name, side in turns if n % 2 else reversed(turns):
                    sides[name].append(side(url, asked, given.concurrency))
            wall, busy = (
                {name: [round(took[part], 2) for took in every] for name, every in sides.items()}
                for part in (0, 1)
            )
            again = {
                task: round(rescored(url, given.kept, task, Path(folder)), 2)
                for task in ("classification", "generation")
            }
            ratios = [b / o for b, o in zip(wall["bare"], wall["ours"], strict=True)]
            told = {
                "ratio_of_rows_per_second": round(median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in sorted(ratios)],
                "rows_per_second": {
                    name: round(given.rows / median(every), 1) for name, every in wall.items()
                },
                "seconds": wall,
                "processor_seconds": busy,
                "kept_rows": given.kept,
                "rescored_seconds": again,
            }
            print(json.dumps(told, indent=1))
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    main()
