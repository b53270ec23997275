"""What a rule may look at: one flat, frozen row of facts about task, data, access and machine.

``None`` is unknown, never "no": a rule that needs an unknown fact stays undecided. Names and values
are those of the published decision cases (``docs/evidence.md``), so that a case is a ``Facts``.
"""

from typing import Annotated, Literal

from annotated_types import Ge
from pydantic import BaseModel, ConfigDict

Task = Literal[
    "classification",
    "generation",
    "qa_documents",
    "domain_knowledge",
    "new_language",
    "instruction_following",
    "style",
    "preference_alignment",
]
DataKind = Literal[
    "labelled",
    "prompt_response",
    "preference_pairs",
    "raw_text",
    "documents",
    "user_history",
    "none",
]
Goal = Literal["classification", "behaviour", "knowledge", "language", "preference", "format"]
Freshness = Literal["static", "monthly", "weekly", "daily", "realtime"]
Access = Literal["weights", "api_with_finetuning", "api_only"]

Count = Annotated[int, Ge(0)]
Amount = Annotated[float, Ge(0)]


class Facts(BaseModel):
    """One row. ``None`` is unknown, and a rule that needs an unknown fact does not fire."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    task: Task | None = None
    """What the model should do."""
    goal: Goal | None = None
    """What is to change: the labels it gives, its behaviour, its knowledge, its language…"""
    breadth: Literal["narrow", "broad"] | None = None
    """One narrow task with a fixed form; or broad knowledge, reasoning or code."""
    data_kind: DataKind | None = None
    """The kind of data that is there."""
    n_examples: Count | None = None
    """Labelled rows or prompt/response pairs, exact duplicates dropped."""
    labels: Annotated[int, Ge(1)] | None = None
    """Distinct labels; unknown unless the task is classification."""
    rarest_label: Count | None = None
    """Rows of the least frequent label."""
    n_documents: Count | None = None
    """Documents that answers must come from."""
    document_tokens: Count | None = None
    """Tokens of all these documents together."""
    preference_pairs: Count | None = None
    """Pairs of answers of which one was preferred."""
    checkable_reward: bool | None = None
    """Whether a program can check an answer: a unit test, a number, a schema."""
    raw_tokens: Count | None = None
    """Tokens of unlabelled text in the domain or the language."""
    has_evaluation_set: bool | None = None
    """Whether rows are set aside to measure on, or can be split off."""
    target_met: bool | None = None
    """Whether the untouched model, well prompted, already does as well as is needed."""
    freshness: Freshness | None = None
    """How often the knowledge behind the answers changes."""
    citations_needed: bool | None = None
    """Whether an answer must name the passage it rests on."""
    personalization: Literal["none", "per_user"] | None = None
    """Whether answers depend on who asks."""
    access: Access | None = None
    """Whether the weights can be had, or only an API, with or without a tuning service."""
    privacy: bool | None = None
    """Whether the data must not leave the user's own machines."""
    latency: Literal["normal", "strict"] | None = None
    """Whether answers are due within tens of milliseconds, or on a small device."""
    model_params_b: Annotated[float, Ge(0)] | None = None
    """Parameters of the base model in billions (10**9)."""
    gpu_memory_gb: Amount | None = None
    """Memory of one GPU in GB; 0 without a GPU."""
    n_gpus: Count | None = None
    """GPUs that can be used together."""
