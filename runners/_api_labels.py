"""A model behind an address as a classifier: it is told the labels, and its answer is read.

Nobody can ask such a model how likely it finds each label, so there is no confidence. An answer
that is none of the labels is told so and asked again, twice; what is none of them then stays as it
is, counts as wrong, and is counted.
"""

from collections.abc import Sequence
from typing import Any

from runners import _api_writer, _asking, _data
from runners._asking import Question
from runners._endpoint import Endpoint
from runners._label_answers import Labels
from runners._replies import Reply
from runners.base import Prediction, Row

_AGAIN = 2
_SHOWN = 80
"""Characters of an answer that is no label, where it stands for one."""
ONLY = "Answer with one of these labels, word for word, and nothing else."
NOT_ONE = "That is not one of the labels. " + ONLY.replace("these", "the")


class ApiLabels:
    """A model that answers with one of a fixed set of labels."""

    def __init__(
        self, endpoint: Endpoint, base_model: str, labels: dict[str, str], instruction: str
    ) -> None:
        """``labels`` maps each label to what it means; its own words mean nothing more."""
        self.client = _asking.Client(endpoint, base_model)
        self.labels, self.known = tuple(labels), Labels(tuple(labels))
        self.system = _system(labels, instruction)
        longest = max(len(label.encode()) for label in labels)
        self.max_tokens = endpoint.answer_tokens or longest + 24
        self.prompt_tokens = _api_writer.room(endpoint, self.max_tokens)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The label of each row."""
        return self.answers(rows, [()] * len(rows))

    def answers(
        self, rows: Sequence[Row], shots: Sequence[Sequence[tuple[str, str]]]
    ) -> list[Prediction]:
        """The label of each row after some examples of text and label."""
        asked = [self._question(row, few) for row, few in zip(rows, shots, strict=True)]
        replies = self.client.ask(asked)
        tokens = [_tokens(reply) for reply in replies]
        for _ in range(_AGAIN):
            open_ = [n for n, reply in enumerate(replies) if self._is_none(reply)]
            if not open_:
                break
            again = [_again(asked[n], replies[n]) for n in open_]
            for n, question, reply in zip(open_, again, self.client.ask(again), strict=True):
                asked[n], replies[n] = question, reply
                tokens[n] += _tokens(reply)
        return [
            self._prediction(row, reply, count)
            for row, reply, count in zip(rows, replies, tokens, strict=True)
        ]

    def turns(self, row: Row) -> tuple[dict[str, str], ...]:
        """What is asked of a row, without examples."""
        return self._question(row, ()).messages

    def count(self, row: Row) -> int:
        """Tokens of the prompt of a row without examples, rather too many than too few."""
        return _api_writer.tokens(self.turns(row))

    def _question(self, row: Row, shots: Sequence[tuple[str, str]]) -> Question:
        turns = [{"role": "system", "content": self.system}]
        for text, label in shots:
            turns += [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
        turns.append({"role": "user", "content": row.input})
        return Question(tuple(turns), self.max_tokens, self.labels)

    def _is_none(self, reply: Reply) -> bool:
        return not reply.refused and self.known.find(reply.text) is None

    def _prediction(self, row: Row, reply: Reply, tokens: int) -> Prediction:
        label = None if reply.refused else self.known.find(reply.text)
        shown = " ".join(reply.text.split())[:_SHOWN] or "(no answer)"
        return Prediction(
            id=row.id,
            prediction=shown if label is None else label,
            tokens=tokens,
            cut=reply.cut and label is None,
            refused=reply.refused,
            outside=label is None and not reply.refused,
        )


def _system(labels: dict[str, str], instruction: str) -> str:
    lines = [
        f"- {label}" if meaning == _data.words(label) else f"- {label}: {meaning}"
        for label, meaning in labels.items()
    ]
    return "\n".join([instruction, "", "Labels:", *lines, "", ONLY])


def _again(question: Question, reply: Reply) -> Question:
    turns: list[dict[str, Any]] = [
        *question.messages,
        {"role": "assistant", "content": reply.text or "(nothing)"},
        {"role": "user", "content": NOT_ONE},
    ]
    return question._replace(messages=tuple(turns))


def _tokens(reply: Reply) -> int:
    return reply.prompt_tokens + reply.answer_tokens
