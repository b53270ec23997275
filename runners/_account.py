"""An account of questions: what is spent, and what is held back for those under way.

A question is noted with the most that it can cost before it is sent, and what it did cost with its
answer. What has come since is written together with the next question, or before anything else
happens, so that each question takes one transaction.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from rules.errors import UserError
from runners._endpoint import Endpoint
from runners._replies import Replies, Reply

Refusal = Callable[[float, float], UserError]
"""What is said where a question could cost so many dollars, and so many are spent."""


class _Over(NamedTuple):
    """A question that is over: answered, or given up."""

    key: bytes
    reply: Reply | None
    place: int | None
    cost: float


class Account:
    """Money of questions that are asked together."""

    def __init__(self, store: Replies, endpoint: Endpoint, refusal: Refusal) -> None:
        self.store, self.name, self.cap = store, endpoint.account, endpoint.max_cost
        self.spent, self.held = store.spent(endpoint.account), 0.0
        self.refusal = refusal
        self.changed = asyncio.Condition()
        self._over: list[_Over] = []

    async def open(self, key: bytes, dollars: float) -> int | None:
        """Note a question that may cost so much, as soon as the cap leaves room for it.

        Returns its place; nothing where it costs nothing.

        Raises:
            UserError: It would pass the cap, whatever those under way will cost.
        """
        if not dollars:
            return None
        if self.cap is not None:
            async with self.changed:
                while self.spent + self.held + dollars > self.cap:
                    if not self.held:
                        raise self.refusal(dollars, self.spent)
                    await self.changed.wait()
                self.held += dollars
        return self._write(key, dollars)

    async def close(
        self, key: bytes, reply: Reply | None, place: int | None, held: float, cost: float
    ) -> None:
        """Note that a question is over, with its answer where there is one."""
        if reply or place is not None:
            self._over.append(_Over(key, reply, place, cost))
            asyncio.get_running_loop().call_soon(self._soon)
        self.spent += cost
        if self.cap is not None and held:
            async with self.changed:
                self.held -= held
                if abs(self.held) < 1e-12:
                    self.held = 0.0  # sums of fractions do not end at nothing
                self.changed.notify_all()

    def write(self) -> None:
        """Write what is not written yet."""
        self._write()

    def _soon(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # it stays, and the next write says what is wrong
            self._write()

    def _write(self, key: bytes | None = None, dollars: float = 0.0) -> int | None:
        if not self._over and key is None:
            return None
        with self.store.together():
            for item in self._over:
                if item.reply:
                    self.store.put(item.key, item.reply)
                if item.place is not None:
                    self.store.close(item.place, item.cost)
            place = None if key is None else self.store.open(self.name, key, dollars)
        self._over.clear()
        return place
