"""What the user told and what was found out, kept while screens come and go.

The three origins stay apart, so that an answer that is taken back uncovers what the data or the
machine shows. The verdict always comes from :func:`advisor.recommend.recommend`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from advisor import questions
from advisor.columns import Columns
from advisor.facts import Situation, gather
from advisor.interview import LIMIT, Ask, next_question
from advisor.questions import Question
from advisor.recommend import Recommendation, recommend
from tui.looked import Looked

Found = Mapping[str, tuple[Any, str]]
"""A fact, its value, and how it is known."""
Standing = Literal["open", "answer", "data", "machine", "skipped"]


@dataclass
class Notebook:
    """One case: answers, what was not known, what the data and the machine show."""

    answers: dict[str, tuple[Any, str]] = field(default_factory=dict[str, tuple[Any, str]])
    skipped: set[str] = field(default_factory=set[str])
    """Questions answered with "I don't know"; what data and machine show stays in force."""
    trail: list[str] = field(default_factory=list[str])
    """Questions that were answered or passed over, in the order in which that was done."""
    data: Found = field(default_factory=dict[str, tuple[Any, str]])
    machine: Found = field(default_factory=dict[str, tuple[Any, str]])
    train: Path | None = None
    evaluation: Path | None = None
    documents: Path | None = None
    """What was indexed last, and where its index is."""
    index: str = ""
    columns: Columns = field(default_factory=Columns)
    """Those that had to be named, because the files leave it open."""
    looked: Looked | None = None
    """The files that were examined last, with every row behind every finding."""

    @property
    def situation(self) -> Situation:
        """Everything known, each value with its origin."""
        return gather(self.answers, self.data, self.machine)

    @property
    def summary(self) -> str:
        """The files in one line; empty before any was read."""
        return self.looked.summary() if self.looked else ""

    def take(self, looked: Looked) -> None:
        """Note what data files show, so that it need not be asked."""
        self.looked, self.data, self.columns = looked, looked.profile.facts(), looked.columns
        self.train, self.evaluation = looked.wanted.train, looked.wanted.evaluation

    def recommendation(self) -> Recommendation:
        """What the advisor says to all this."""
        return recommend(self.situation.facts)

    def answer(self, fact: str, text: str) -> None:
        """Note an answer as it was typed or picked.

        Raises:
            FactError: The fact cannot have this value.
        """
        value = questions.parse(fact, text, fact)
        if value is None:
            self.skip(fact)
        else:
            self.answers[fact] = (value, "your answer")
            self.skipped.discard(fact)
            self._walk(fact)

    def skip(self, fact: str) -> None:
        """Note an "I don't know"."""
        self.answers.pop(fact, None)
        self.skipped.add(fact)
        self._walk(fact)

    def _walk(self, fact: str) -> None:
        if fact not in self.trail:
            self.trail.append(fact)

    def standing(self, fact: str) -> Standing:
        """Where the value of a fact comes from, or why there is none."""
        known = self.situation.known.get(fact)
        if known is not None:
            return known.origin
        return "skipped" if fact in self.skipped else "open"

    def asked(self) -> tuple[Question, ...]:
        """The questions that make sense now."""
        return questions.asked(self.situation.facts)

    def still_open(self) -> list[str]:
        """The questions that nobody and nothing has answered yet."""
        return [item.id for item in self.asked() if self.standing(item.id) == "open"]

    def next_ask(self) -> Ask | None:
        """The question that decides most now; nothing when no answer is likely to decide."""
        return next_question(self.situation.facts, self.trail)

    @property
    def is_long(self) -> bool:
        """Whether so many questions were asked that more would not be answered with care."""
        return len(self.trail) >= LIMIT

    def next_open(self, after: str | None = None) -> str | None:
        """The next open question below another one, from the top again at the end."""
        waiting = self.still_open()
        order = list(questions.BY_ID)
        start = order.index(after) + 1 if after in order else 0
        return min(
            waiting, key=lambda fact: (order.index(fact) < start, order.index(fact)), default=None
        )

    def before(self, fact: str | None) -> str | None:
        """The question that was settled before this one; the last one before a new one."""
        end = self.trail.index(fact) if fact in self.trail else len(self.trail)
        return self.trail[end - 1] if end else None

    def told(self) -> list[str]:
        """Facts with a value or an "I don't know", in the order of the questions."""
        known = self.situation.known
        return [fact for fact in questions.BY_ID if fact in known or fact in self.skipped]
