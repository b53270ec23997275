"""What an answer that nobody has given yet is likely to be: one small, argued table.

These shares decide only which question comes first and how sure a verdict may sound. No rule sees
them, and they never move an approach: a fact that is not known stays unknown to every rule.

Where they come from: the shares of the described cases (``docs/evidence.md#cases``), rounded, and
then moved from published experiments towards everyday users, who have fewer labels and smaller
machines than a laboratory. Each is a guess within a factor of two; what is asked first does not
hang on more than that.
"""

from collections.abc import Mapping
from functools import cache
from math import log2
from typing import Any

from rules.condition import Condition, parse
from rules.node import Row

Shares = Mapping[Any, float]

_LABELS = 'task == "classification"'
_WRITING = 'task in ("generation", "instruction_following", "style")'
_DOCUMENTS = 'task == "qa_documents"'
_WITH_DOCUMENTS = 'task == "qa_documents" or data_kind == "documents"'
_WITH_TEXT = 'data_kind == "raw_text" or task == "new_language"'

TABLE: dict[str, tuple[tuple[str, Shares], ...]] = {
    "task": (
        (
            "",
            {
                "classification": 0.28,
                "generation": 0.22,
                "qa_documents": 0.2,
                "domain_knowledge": 0.08,
                "style": 0.07,
                "instruction_following": 0.06,
                "preference_alignment": 0.05,
                "new_language": 0.04,
            },
        ),
    ),
    # The change that is wanted nearly follows from the task.
    "goal": (
        (_LABELS, {"classification": 1.0}),
        ('task == "generation"', {"behaviour": 0.7, "format": 0.3}),
        (_DOCUMENTS, {"knowledge": 0.9, "behaviour": 0.1}),
        ('task == "domain_knowledge"', {"knowledge": 1.0}),
        ('task == "new_language"', {"language": 1.0}),
        ('task == "style"', {"behaviour": 0.5, "format": 0.5}),
        ('task == "preference_alignment"', {"preference": 1.0}),
        ("", {"behaviour": 1.0}),
    ),
    "breadth": (("", {"narrow": 0.7, "broad": 0.3}),),
    "data_kind": (
        (_LABELS, {"labelled": 0.85, "none": 0.15}),
        (_WRITING, {"prompt_response": 0.65, "none": 0.35}),
        (_DOCUMENTS, {"documents": 0.9, "prompt_response": 0.1}),
        ('task == "domain_knowledge"', {"raw_text": 0.5, "documents": 0.4, "none": 0.1}),
        ('task == "new_language"', {"raw_text": 0.8, "prompt_response": 0.2}),
        ('task == "preference_alignment"', {"preference_pairs": 0.8, "none": 0.2}),
        ("", {"labelled": 0.4, "prompt_response": 0.3, "documents": 0.2, "none": 0.1}),
    ),
    "n_examples": (
        ('data_kind == "none"', {0: 1.0}),
        (_DOCUMENTS, {0: 0.6, 100: 0.2, 2000: 0.2}),
        (
            'task in ("domain_knowledge", "new_language", "preference_alignment")',
            {0: 0.6, 1000: 0.4},
        ),
        ("", {20: 0.2, 150: 0.25, 1000: 0.3, 5000: 0.15, 50000: 0.1}),
    ),
    "labels": ((_LABELS, {2: 0.3, 5: 0.35, 12: 0.2, 60: 0.15}),),
    "rarest_label": ((_LABELS, {4: 0.3, 20: 0.4, 100: 0.3}),),
    "n_documents": (
        (_WITH_DOCUMENTS, {3: 0.15, 50: 0.3, 1000: 0.35, 20000: 0.2}),
        ("", {0: 0.95, 1000: 0.05}),
    ),
    "document_tokens": (
        (_WITH_DOCUMENTS, {20_000: 0.3, 500_000: 0.4, 20_000_000: 0.3}),
        ("", {0: 0.95, 500_000: 0.05}),
    ),
    "preference_pairs": (
        ('task == "preference_alignment"', {200: 0.4, 2000: 0.4, 30000: 0.2}),
        ("", {0: 0.97, 1000: 0.03}),
    ),
    "raw_tokens": (
        (_WITH_TEXT, {10**6: 0.4, 5 * 10**7: 0.35, 2 * 10**9: 0.2, 2 * 10**11: 0.05}),
        ("", {0: 0.95, 10**7: 0.05}),
    ),
    "checkable_reward": (
        ('task == "generation"', {False: 0.8, True: 0.2}),
        ("", {False: 0.95, True: 0.05}),
    ),
    "has_evaluation_set": (("", {True: 0.75, False: 0.25}),),
    "target_met": (("", {False: 0.85, True: 0.15}),),
    # Labels and house styles outlive news; documents are edited.
    "freshness": (
        (
            _DOCUMENTS,
            {"static": 0.35, "monthly": 0.25, "weekly": 0.15, "daily": 0.2, "realtime": 0.05},
        ),
        (
            'task == "domain_knowledge"',
            {"static": 0.6, "monthly": 0.2, "weekly": 0.1, "daily": 0.1},
        ),
        ("", {"static": 0.88, "monthly": 0.06, "weekly": 0.02, "daily": 0.03, "realtime": 0.01}),
    ),
    "citations_needed": (
        (_DOCUMENTS, {False: 0.6, True: 0.4}),
        ('task == "domain_knowledge"', {False: 0.8, True: 0.2}),
        (_LABELS, {False: 0.995, True: 0.005}),
        ("", {False: 0.97, True: 0.03}),
    ),
    "personalization": (
        (_LABELS, {"none": 0.99, "per_user": 0.01}),
        (_DOCUMENTS, {"none": 0.8, "per_user": 0.2}),
        ("", {"none": 0.93, "per_user": 0.07}),
    ),
    "access": (("", {"weights": 0.6, "api_only": 0.25, "api_with_finetuning": 0.15}),),
    "privacy": (("", {False: 0.8, True: 0.2}),),
    "latency": (
        (_LABELS, {"normal": 0.8, "strict": 0.2}),
        ("", {"normal": 0.95, "strict": 0.05}),
    ),
    "model_params_b": (
        (_LABELS, {0.3: 0.6, 8.0: 0.4}),
        ("", {1.7: 0.2, 8.0: 0.55, 32.0: 0.15, 70.0: 0.1}),
    ),
    "gpu_memory_gb": (("", {0.0: 0.35, 12.0: 0.2, 24.0: 0.25, 80.0: 0.2}),),
    "n_gpus": (("gpu_memory_gb == 0", {0: 1.0}), ("", {1: 0.75, 2: 0.1, 8: 0.15})),
}
LEAST = 0.01
"""The share of what the table does not name."""


def shares(fact: str, row: Row) -> Shares:
    """How likely each answer is, given what is known; empty where the table has nothing to say."""
    for condition, found in _conditions().get(fact, ()):
        if condition is None or condition.holds(row) is True:
            return found
    return {}


@cache
def _conditions() -> dict[str, tuple[tuple[Condition | None, Shares], ...]]:
    return {
        fact: tuple((parse(when, "plausible.py") if when else None, found) for when, found in rows)
        for fact, rows in TABLE.items()
    }


def share_of(fact: str, value: object, row: Row) -> float:
    """The share of the nearest answer in the table: how far-fetched this answer would be."""
    found = shares(fact, row)
    if value in found:
        return found[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not found:
        return LEAST
    number = float(value)
    others = [other for other in found if bool(other) == bool(value)]
    if not others:  # none at all is another matter than a few
        return LEAST
    return found[min(others, key=lambda other: abs(log2((other + 1.0) / (number + 1.0))))]
