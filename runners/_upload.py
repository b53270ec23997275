"""Rows as a tuning service takes them: one chat a line, in the turns in which it will be asked.

Providers look through a file after it was sent, and some bill what they then refuse; what can be
known before is looked at here. The rules are those that OpenAI publishes for supervised tuning
(https://developers.openai.com/api/docs/guides/supervised-fine-tuning), which others follow.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from rules.errors import DataError
from runners import _money
from runners._references import reference
from runners.base import Frozen, Plan, Row

MINIMUM_ROWS = 10
"""Of OpenAI's protocol, where nothing else is known of a provider."""
_MOST_BYTES = 512 << 20
"""Of one file at OpenAI (its reference of files)."""
_NAMED = 5


class Training(Frozen):
    """What a job would train on, and cost."""

    rows: int
    epochs: int
    tokens: int
    """About, all passes together; nobody but the provider can count them."""
    dollars_at_most: float | None
    """With as many tokens as there are bytes; ``None`` where no price is known."""

    @property
    def told(self) -> str:
        """The same in words."""
        at_most = self.dollars_at_most
        cost = "no price is known" if at_most is None else f"at most ${at_most:,.4f}"
        return f"{self.rows:,} rows, {self.epochs} passes, about {self.tokens:,} tokens, {cost}"


class Asker(Protocol):
    """A model as it is asked."""

    def turns(self, row: Row) -> tuple[dict[str, str], ...]:
        """What is asked of a row."""
        ...


class Upload(NamedTuple):
    """A file that was written, and what it amounts to."""

    path: Path
    sha256: str
    rows: int
    tokens: int
    """About, of one pass."""
    tokens_at_most: int

    def priced(self, epochs: int, price: float | None) -> Training:
        """With so many passes, at so many dollars for a million tokens."""
        at_most = None if price is None else price * self.tokens_at_most * epochs / 1e6
        tokens = self.tokens * epochs
        return Training(rows=self.rows, epochs=epochs, tokens=tokens, dollars_at_most=at_most)


def write(plan: Plan, rows: Sequence[Row], asker: Asker, least: int) -> Upload:
    """Write the file into the artifact; its name holds its hash.

    Args:
        plan: Says whether answers are labels, and where to write.
        rows: What is to be learned.
        asker: Frames a row as it will be asked afterwards.
        least: Rows that the provider wants.

    Raises:
        DataError: Too few rows, rows without an answer, or more than a file may hold.
    """
    chats = [_chat(plan, row, asker) for row in rows]
    _check(plan, rows, chats, least)
    bodies = [{"messages": chat} for chat in chats]
    text = "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)
    data = text.encode("utf-8", "replace")
    if len(data) > _MOST_BYTES:
        what = f"{len(data) / 2**20:,.0f} MiB of rows, and a file may hold 512"
        raise DataError(what, where=str(plan.train.path), fix="take fewer rows to learn from")
    sha256 = hashlib.sha256(data).hexdigest()
    plan.artifact.mkdir(parents=True, exist_ok=True)
    path = plan.artifact / f"whichtune-{sha256[:16]}.jsonl"
    path.write_bytes(data)
    return Upload(
        path=path,
        sha256=sha256,
        rows=len(rows),
        tokens=sum(map(_money.likely_tokens, bodies)),
        tokens_at_most=sum(map(_money.most_tokens, bodies)),
    )


def _chat(plan: Plan, row: Row, asker: Asker) -> list[dict[str, str]]:
    said = row.target if plan.task == "classification" else reference(row)
    return [*asker.turns(row), {"role": "assistant", "content": said}]


def _check(
    plan: Plan, rows: Sequence[Row], chats: Sequence[Sequence[dict[str, str]]], least: int
) -> None:
    where = str(plan.train.path)
    if len(rows) < least:
        what = f"{len(rows):,} rows to learn from, and the service wants {least:,} at least"
        raise DataError(what, where=where, fix="give more rows, or take few_shot")
    empty = [
        row.id
        for row, chat in zip(rows, chats, strict=True)
        if not all(turn["content"].strip() for turn in chat[-2:])
    ]
    if empty:
        named = ", ".join(empty[:_NAMED])
        what = f"{len(empty):,} rows lack a question or an answer: {named}"
        raise DataError(what, where=where, fix="complete them, or take them out of the file")
