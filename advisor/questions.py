"""The questionnaire as data: declared once, asked by the CLI, drawn by the TUI.

A question's id is the fact it answers, so a wrong answer is refused by the fact's own type. "I
don't know" is always an answer, and leaves the fact unknown.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from rules.condition import parse as parse_condition
from rules.errors import FactError
from rules.facts import Facts
from runners.base import Frozen

Kind = Literal["choice", "number", "yes_no"]
UNKNOWN = ("", "?", "unknown", "i don't know", "dont know", "don't know", "null", "none given")


class Choice(Frozen):
    """One answer that can be picked."""

    value: str
    label: str


class Question(Frozen):
    """One question; its id is the fact it answers."""

    id: str
    text: str
    why: str
    """What the answer decides."""
    kind: Kind
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    when: str | None = None
    """A condition over the facts; while it is false the question is not asked."""


def _choose(id_: str, text: str, why: str, *, when: str | None = None, **labels: str) -> Question:
    choices = tuple(Choice(value=value, label=label) for value, label in labels.items())
    return Question(id=id_, text=text, why=why, kind="choice", choices=choices, when=when)


def _number(id_: str, text: str, why: str, unit: str, when: str | None = None) -> Question:
    return Question(id=id_, text=text, why=why, kind="number", unit=unit, when=when)


def _yes_no(id_: str, text: str, why: str, when: str | None = None) -> Question:
    choices = (Choice(value="yes", label="yes"), Choice(value="no", label="no"))
    return Question(id=id_, text=text, why=why, kind="yes_no", choices=choices, when=when)


QUESTIONS: tuple[Question, ...] = (
    _choose(
        "task",
        "What should the model do?",
        "Each approach fits some tasks and is out of place in others.",
        classification="sort texts into a fixed set of labels",
        generation="write text: summaries, code, structured output",
        qa_documents="answer questions from documents",
        domain_knowledge="know a domain it was not trained on",
        new_language="work in a language it does not know well",
        instruction_following="follow instructions, hold a conversation",
        style="write in a house style or format",
        preference_alignment="give the answers that people prefer",
    ),
    _choose(
        "goal",
        "What is to change about the model?",
        "Knowledge is best retrieved, behaviour is best trained.",
        classification="the label it gives",
        behaviour="how it behaves",
        knowledge="what it knows",
        language="the language it speaks",
        preference="which of two answers it prefers",
        format="the form of its output",
    ),
    _choose(
        "breadth",
        "Is it one narrow task with a fixed form, or broad knowledge, reasoning or code?",
        "Small tuned models win narrow tasks, large prompted ones win broad ones.",
        when='task in ("generation", "instruction_following", "qa_documents")',
        narrow="one narrow task: extract, rewrite, tag, always the same form",
        broad="broad: exams, reasoning, general code",
    ),
    _choose(
        "data_kind",
        "What data do you have?",
        "What can be trained follows from what there is to train on.",
        labelled="texts with labels",
        prompt_response="prompts with good answers",
        preference_pairs="pairs of answers, one preferred",
        raw_text="unlabelled text of the domain",
        documents="documents that hold the answers",
        user_history="what each user did or wrote",
        none="none yet",
    ),
    _number(
        "n_examples",
        "How many labelled rows or prompt/answer pairs?",
        "Below some dozens prompting wins, from some hundreds on training pays.",
        "rows",
        'data_kind not in ("documents", "raw_text", "none")',
    ),
    _number(
        "labels",
        "How many different labels?",
        "Rows per label decide, not rows in total.",
        "labels",
        'task == "classification"',
    ),
    _number(
        "rarest_label",
        "How many rows has the rarest label?",
        "Below 8 rows a label is learnt by luck.",
        "rows",
        'task == "classification"',
    ),
    _choose(
        "freshness",
        "How often does the knowledge behind the answers change?",
        "What changes faster than you can retrain must be retrieved.",
        static="hardly ever",
        monthly="monthly",
        weekly="weekly",
        daily="daily",
        realtime="by the minute",
    ),
    _choose(
        "access",
        "How can you reach the model?",
        "Without weights, everything that changes them is out.",
        weights="I can have the weights",
        api_with_finetuning="an API that offers tuning",
        api_only="an API without tuning",
    ),
    _choose(
        "personalization",
        "Do answers depend on who asks?",
        "A model per user is rarely affordable; an index per user is.",
        none="no, the same for everyone",
        per_user="yes, on each user's own data",
    ),
    _yes_no(
        "privacy",
        "Must the data stay on your own machines?",
        "If it must, no hosted service is an option.",
    ),
    _yes_no(
        "citations_needed",
        "Must an answer name the passage it rests on?",
        "Weights give no source; only retrieval does.",
    ),
    _number(
        "gpu_memory_gb",
        "How much memory has one GPU? (0 without a GPU)",
        "It decides between heads, QLoRA, LoRA and full fine-tuning.",
        "GB",
    ),
    _number("n_gpus", "How many GPUs can you use together?", "Large models can be spread.", "GPUs"),
    _number(
        "model_params_b",
        "How large is the base model?",
        "Weights, gradients and optimizer grow with it.",
        "billion parameters",
    ),
    _choose(
        "latency",
        "How fast must an answer come?",
        "Long prompts and large models are slow.",
        normal="a second or more is fine",
        strict="within tens of milliseconds, or on a small device",
    ),
    _yes_no(
        "has_evaluation_set",
        "Do you have rows to measure on, which are never trained on?",
        "Without them nobody can tell whether anything helped.",
    ),
    _yes_no(
        "target_met",
        "Does the model as it is, well prompted, already do what you need?",
        "What is already good enough needs no training.",
    ),
    _number(
        "n_documents",
        "How many documents?",
        "A handful fits into the prompt, more need an index.",
        "documents",
        'data_kind == "documents" or task == "qa_documents"',
    ),
    _number(
        "document_tokens",
        "How many tokens do your documents have together? (a page has about 500)",
        "What fits into the prompt needs no retrieval.",
        "tokens",
        'data_kind == "documents" or task == "qa_documents"',
    ),
    _number(
        "preference_pairs",
        "How many rated pairs?",
        "Below 500 pairs preference training overfits.",
        "pairs",
        'task == "preference_alignment" or data_kind == "preference_pairs"',
    ),
    _yes_no(
        "checkable_reward",
        "Can a program check whether an answer is right?",
        "A unit test or a number can replace human ratings.",
        'task in ("preference_alignment", "generation", "instruction_following")',
    ),
    _number(
        "raw_tokens",
        "How many tokens of raw text?",
        "Below 10 million, training on raw text teaches next to nothing.",
        "tokens",
        'data_kind == "raw_text" or task in ("domain_knowledge", "new_language")',
    ),
)

BY_ID: Mapping[str, Question] = {question.id: question for question in QUESTIONS}
_WHEN = {
    question.id: parse_condition(question.when, f"questions.py: {question.id}")
    for question in QUESTIONS
    if question.when
}


def asked(facts: Facts) -> tuple[Question, ...]:
    """The questions that make sense: those not known to be beside the point."""
    return tuple(question for question in QUESTIONS if applies(question.id, vars(facts)))


def applies(fact: str, row: Mapping[str, Any]) -> bool:
    """Whether a fact is of any interest in this case; where that is unknown, it is."""
    return fact not in _WHEN or _WHEN[fact].holds(row) is not False


def parse(fact: str, text: str, where: str) -> Any:  # noqa: ANN401 - the fact's own type
    """Turn what a person typed into the value of a fact; ``None`` for "I don't know".

    Raises:
        FactError: There is no such fact, or it cannot have this value.
    """
    if fact not in Facts.model_fields:
        near = get_close_matches(fact, Facts.model_fields, n=1)
        known = ", ".join(Facts.model_fields)
        fix = f"did you mean {near[0]!r}?" if near else f"the facts are: {known}"
        raise FactError(f"unknown fact {fact!r}", where=where, fix=fix)
    if text.strip().lower() in UNKNOWN:
        return None
    return check(fact, _plain(text.strip()), where)


def _plain(text: str) -> str:
    """Accept the ways people write numbers: 2,000 · 2_000 · 2k · 1.5M · 10B."""
    plain = text.replace(",", "").replace("_", "")
    factor = {"k": 10**3, "m": 10**6, "b": 10**9}.get(plain[-1:].lower())
    try:
        number = float(plain[:-1]) * factor if factor else float(plain)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else str(number)


def check(fact: str, value: Any, where: str) -> Any:  # noqa: ANN401 - the fact's own type
    """Hold a value against the fact's type.

    Raises:
        FactError: The fact cannot have this value; the possible ones are named.
    """
    field = Facts.model_fields[fact]
    try:
        model = Facts.model_validate({fact: value})
    except ValidationError as error:
        choices = _choices(field.annotation)
        if choices:
            near = get_close_matches(str(value), choices, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            fix = f"{hint}use one of: {', '.join(choices)}"
        else:
            fix = f"give {_expected(fact)}, or leave it out if you don't know"
        raise FactError(f"{fact} cannot be {value!r}", where=where, fix=fix) from error
    return getattr(model, fact)


def _choices(annotation: Any) -> tuple[str, ...]:  # noqa: ANN401 - a type
    parts = get_args(annotation)
    return tuple(choice for part in parts for choice in get_args(part) if isinstance(choice, str))


def _expected(fact: str) -> str:
    schema = TypeAdapter(Facts).json_schema()["properties"][fact]
    kinds = {option.get("type") for option in schema.get("anyOf", [schema])}
    if "boolean" in kinds:
        return "yes or no"
    return "a whole number of 0 or more" if "integer" in kinds else "a number of 0 or more"
