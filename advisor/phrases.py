"""Facts in words: "a GPU of 24 GB", "answers that must name their passage"."""

import re
from collections.abc import Mapping
from typing import Any

from advisor.questions import BY_ID
from rules.node import Row
from rules.sentence import shown

_NUMBERS = {
    "n_examples": "{} rows",
    "labels": "{} labels",
    "rarest_label": "{} rows of the rarest label",
    "n_documents": "{} documents",
    "document_tokens": "{} tokens of documents",
    "preference_pairs": "{} rated pairs",
    "raw_tokens": "{} tokens of text",
    "model_params_b": "a {}B model",
    "gpu_memory_gb": "a GPU of {} GB",
    "n_gpus": "{} GPUs",
}
_WORDS: Mapping[tuple[str, Any], str] = {
    ("n_examples", 0): "no rows",
    ("n_documents", 0): "no documents",
    ("preference_pairs", 0): "no rated pairs",
    ("raw_tokens", 0): "no text",
    ("gpu_memory_gb", 0): "no GPU",
    ("n_gpus", 0): "no GPU",
    ("n_gpus", 1): "one GPU",
    ("labels", 1): "one label",
    ("n_documents", 1): "one document",
    ("checkable_reward", True): "answers that a program can check",
    ("checkable_reward", False): "answers that no program can check",
    ("has_evaluation_set", True): "rows to measure on",
    ("has_evaluation_set", False): "no rows to measure on",
    ("target_met", True): "a model that already does what is needed",
    ("target_met", False): "a model that does not do it yet",
    ("citations_needed", True): "answers that must name their passage",
    ("citations_needed", False): "answers without a named passage",
    ("privacy", True): "data that must stay in the house",
    ("privacy", False): "data that may leave the house",
    ("personalization", "per_user"): "answers that depend on who asks",
    ("personalization", "none"): "the same answers for everyone",
    ("breadth", "narrow"): "one narrow task",
    ("breadth", "broad"): "broad knowledge or reasoning",
    ("access", "weights"): "access to the weights",
    ("access", "api_with_finetuning"): "an API that offers tuning",
    ("access", "api_only"): "only an API without tuning",
    ("latency", "strict"): "answers due within tens of milliseconds",
    ("latency", "normal"): "answers that may take a second",
    ("freshness", "static"): "knowledge that hardly ever changes",
    ("freshness", "monthly"): "knowledge that changes monthly",
    ("freshness", "weekly"): "knowledge that changes weekly",
    ("freshness", "daily"): "knowledge that changes daily",
    ("freshness", "realtime"): "knowledge that changes by the minute",
    ("data_kind", "labelled"): "texts with labels as data",
    ("data_kind", "prompt_response"): "prompts with good answers as data",
    ("data_kind", "preference_pairs"): "rated pairs as data",
    ("data_kind", "raw_text"): "raw text as data",
    ("data_kind", "documents"): "documents as data",
    ("data_kind", "user_history"): "the users' histories as data",
    ("data_kind", "none"): "no data",
}


def told(fact: str, value: object) -> str:
    """A fact as it would be said within a sentence; "unknown" where it is not known."""
    if value is None:
        return "not known"
    if (fact, value) in _WORDS:
        return _WORDS[fact, value]
    if fact in _NUMBERS:
        text = _NUMBERS[fact].format(shown(value))
        return re.sub(r"(row|label|document|token|pair|GPU)s", r"\1", text) if value == 1 else text
    labels = {choice.value: choice.label for choice in BY_ID[fact].choices}
    label = labels.get(str(value), shown(value))
    return f"a model that should {label}" if fact == "task" else f"changing {label}"


def change(fact: str, value: object, row: Row) -> str:
    """A fact that is other than it is: "3,080 rows (40 per label) instead of 770"."""
    text, now = told(fact, value), row.get(fact)
    labels = row.get("labels")
    if fact == "n_examples" and labels and isinstance(value, int):
        text += f" ({shown(round(value / labels, 1))} per label)"
    elif fact == "labels" and row.get("n_examples") and isinstance(value, int):
        text += f" ({shown(round(row['n_examples'] / value, 1))} rows each)"
    if now is None:
        return text
    plain = isinstance(now, (int, float)) and not isinstance(now, bool)
    before = shown(now) if plain and (fact, now) not in _WORDS else told(fact, now)
    return text if fact in ("task", "goal") else f"{text} instead of {before}"
