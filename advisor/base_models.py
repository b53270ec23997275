"""Which base model: small or large, encoder or causal, which sizes the machine holds, and names.

Which sizes to look at comes from the bands of ``docs/evidence.md#memory``: a run needs about
*factor x billions x 1.3 + 2 GB*, with its arithmetic in words. What a named model takes is the
closed form of ``rules.memory``. The names come from ``rules/models.yaml``, and the advice is pure:
the same facts and the same table give the same answer.
"""

from typing import Literal, NamedTuple

from advisor import usual_plan
from rules import tables
from rules.entries import Model
from rules.facts import Facts
from rules.sentence import shown
from runners.base import Frozen

Kind = Literal["encoder", "causal"]
Size = Literal["small", "medium", "large", "provider"]

_LEAST = 6.0
"""GB below which nothing but the smallest causal models is trained (docs/evidence.md#memory)."""
_ROOM = 0.9
"""Names are picked for this share of the memory: the estimate is for short rows."""


class Way(NamedTuple):
    """A way to use a model, and what it takes per billion parameters."""

    key: str
    title: str
    factor: float


WAYS = (
    Way("full_sft", "all weights, mixed precision", 18.0),
    Way("full_16_bit", "all weights, pure 16 bit", 8.0),
    Way("lora", "LoRA over 16-bit weights", 2.0),
    Way("qlora", "QLoRA over 4-bit weights", 0.5),
)
"""From docs/evidence.md#memory, dearest first."""


class Fit(Frozen):
    """The largest model that the machine holds, for one way of training."""

    way: str
    title: str
    largest_b: float
    """In billions of parameters, an estimate."""
    arithmetic: str


class Named(Frozen):
    """One model that fits the case."""

    id: str
    parameters_b: float
    context: int
    licence: str
    why: str
    needs: str
    """What training it takes, with the arithmetic; empty for those that need next to nothing."""
    source: str
    checked: str


class BaseModelAdvice(Frozen):
    """What to build on, and why."""

    kind: Kind
    size: Size
    why: tuple[str, ...]
    fits: tuple[Fit, ...]
    """Empty where the machine is unknown or has no GPU."""
    models: tuple[Named, ...]
    """Two to four names, the first choice first; none where a provider's model is used."""
    notes: tuple[str, ...]
    sources: tuple[str, ...]


def need_gb(billions: float, factor: float) -> float:
    """GB of GPU memory that a run takes."""
    return 1.3 * factor * billions + 2


def advise(facts: Facts) -> BaseModelAdvice:
    """Say what kind of model, how large, and which ones."""
    kind, why, sources = _kind(facts)
    memory = _memory(facts)
    fits = _fits(memory) if memory else ()
    size, reason, source = _size(facts, kind, memory)
    provider = size == "provider"
    models = () if provider else _encoders(facts) if kind == "encoder" else _causal(facts, memory)
    return BaseModelAdvice(
        kind=kind,
        size=size,
        why=(why, reason),
        fits=fits,
        models=models,
        notes=_notes(facts, kind, memory),
        sources=tuple(dict.fromkeys((*sources, source, "docs/evidence.md#memory"))),
    )


def _kind(facts: Facts) -> tuple[Kind, str, tuple[str, ...]]:
    if facts.task == "classification" and not _thin(facts) and facts.n_examples != 0:
        why = "A fixed set of labels: an encoder reads the whole text and is small and fast."
        return "encoder", why, ("docs/evidence.md#small-encoder", "docs/evidence.md#s15")
    if facts.task == "new_language" and (facts.model_params_b or 9) <= 0.5:
        why = "A model of at most half a billion parameters for a language: an encoder."
        return "encoder", why, ("docs/evidence.md#scratch-encoder",)
    if facts.task == "classification":
        why = "Too few labelled rows to train on: a causal model is prompted."
        return "causal", why, ("docs/evidence.md#heads-minimum",)
    why = "The answer is text: a causal model."
    if facts.task is None:
        why = "A causal model does any task; an encoder will do if it is to pick a label."
    return "causal", why, ("docs/evidence.md#base-models",)


def _thin(facts: Facts) -> bool:
    """Whether there are fewer than 8 rows for a label."""
    if facts.n_examples is None:
        return facts.data_kind == "none"
    return facts.n_examples < 8 * (facts.labels or 2)


def _memory(facts: Facts) -> float | None:
    """GB of GPU memory together; ``None`` where nobody knows."""
    if facts.n_gpus == 0:
        return 0.0
    return None if facts.gpu_memory_gb is None else facts.gpu_memory_gb * (facts.n_gpus or 1)


def _fits(memory: float) -> tuple[Fit, ...]:
    found: list[Fit] = []
    for way in WAYS:
        largest = max(0.0, (memory - 2) / (1.3 * way.factor))
        words = f"({shown(memory)} GB - 2) / (1.3 x {shown(way.factor)} GB per billion) = "
        words += f"{shown(largest)} billion"
        size = round(largest, 2)
        found.append(Fit(way=way.key, title=way.title, largest_b=size, arithmetic=words))
    return tuple(found)


def _size(facts: Facts, kind: Kind, memory: float | None) -> tuple[Size, str, str]:
    s30, broad = "docs/evidence.md#s30", "docs/evidence.md#narrow-or-broad"
    if facts.access in ("api_only", "api_with_finetuning") and kind == "causal":
        why = "Only an API is available, so the provider's model is the base."
        return "provider", why, "docs/evidence.md#access"
    if kind == "encoder":
        why = "Encoders of 20M to 600M parameters are enough, and train in minutes."
        return "small", why, "docs/evidence.md#small-encoder"
    if facts.latency == "strict":
        return "small", "Answers are due within tens of milliseconds.", s30
    if memory is not None and memory < _LEAST:
        why = "Without a GPU of some size only small models answer in reasonable time."
        return "small", why, s30
    by_breadth: dict[str | None, tuple[Size, str, str]] = {
        "broad": ("large", "A broad task: as large as the machine holds, prompted.", broad),
        "narrow": ("medium", "One narrow task: a tuned model of 1B to 10B is enough.", broad),
    }
    usual = "1B to 10B is the range in which tuning has been measured most."
    return by_breadth.get(facts.breadth, ("medium", usual, s30))


def _encoders(facts: Facts) -> tuple[Named, ...]:
    """Sentence encoders for few labels, plain ones where all weights are worth training."""
    per_label = (facts.n_examples or 0) / (facts.labels or 2)
    many = facts.labels is not None and per_label >= 200
    if facts.task == "new_language":
        picks = ["FacebookAI/xlm-roberta-base", "EuroBERT/EuroBERT-210m"]
    elif facts.latency == "strict":
        picks = ["sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5"]
        picks += ["distilbert/distilbert-base-uncased"] if many else []
    elif many:
        picks = ["answerdotai/ModernBERT-base", "FacebookAI/roberta-large"]
    else:
        picks = ["sentence-transformers/all-mpnet-base-v2", "BAAI/bge-small-en-v1.5"]
    if facts.task != "new_language":
        picks += ["BAAI/bge-m3" if facts.latency != "strict" else "intfloat/multilingual-e5-small"]
    return tuple(
        _named(tables.find_model(name), _why(tables.find_model(name), many)) for name in picks
    )


def _why(model: Model, many: bool) -> str:
    if model.multilingual:
        return "if your texts are not all English"
    if model.embeds and model.parameters_b < 0.05:
        return "the fastest here; embeds a sentence in a few milliseconds on a CPU"
    if model.embeds:
        return "embeds sentences well, so few labels go far"
    if model.context >= 8192:
        return "long texts, and quick for its size"
    return "the size at which full tuning was measured" if many else "a plain encoder"


def _causal(facts: Facts, memory: float | None) -> tuple[Named, ...]:
    """The newest free model near each wanted size; the first is the first choice."""
    wanted = _sizes(facts, memory)
    found: dict[str, Named] = {}
    for size, why in wanted:
        model = _nearest(size)
        if model is not None and model.id not in found:
            found[model.id] = _named(model, why, memory)
    return tuple(found.values())


def _sizes(facts: Facts, memory: float | None) -> list[tuple[float, str]]:
    """Upper bounds in billions, each with the reason for it."""
    if facts.latency == "strict" or (memory is not None and memory < _LEAST):
        return [(1.0, "small enough for quick answers"), (0.4, "smaller still, for a first try")]
    if memory is None:
        return [
            (8.5, "a middle size; say how much GPU memory you have to be sure"),
            (4.2, "half of it, for a card of 16 GB"),
            (1.8, "for a small card"),
        ]
    lora, qlora = ((_ROOM * memory - 2) / (1.3 * factor) for factor in (2.0, 0.5))
    middle = min(lora, 9.0)
    picks = [(middle, "the largest middle size that 16-bit LoRA holds here")]
    if facts.breadth == "broad" and lora > middle:
        picks.insert(0, (lora, "broad tasks want the largest; 16-bit LoRA holds it"))
    if qlora > 1.5 * middle and middle < 9.0:
        picks.insert(0 if middle < 1 else 1, (min(qlora, 33.0), "larger, with 4-bit weights"))
    picks.append((middle / 2, "half the size: twice as fast, and often enough"))
    return [pick for pick in picks if pick[0] >= 0.13]


def _nearest(limit: float) -> Model | None:
    """The newest free model for text, of at least two thirds of the largest that is allowed."""
    allowed = [
        model
        for model in tables.models()
        if model.kind == "causal" and model.free and model.text_only and model.parameters_b <= limit
    ]
    if not allowed:
        return None
    largest = max(model.parameters_b for model in allowed)
    near = [model for model in allowed if model.parameters_b >= 2 / 3 * largest]
    return max(near, key=lambda model: (model.released, model.parameters_b, model.id))


def _named(model: Model, why: str, memory: float | None = None) -> Named:
    needs = usual_plan.in_words(model.id, memory) if model.kind == "causal" else ""
    return Named(
        id=model.id,
        parameters_b=model.parameters_b,
        context=model.context,
        licence=model.licence,
        why=why,
        needs=needs,
        source=model.source,
        checked=model.checked.isoformat(),
    )


def _notes(facts: Facts, kind: Kind, memory: float | None) -> tuple[str, ...]:
    notes: list[str] = []
    if kind == "causal" and facts.access != "api_only" and memory:
        notes.append(
            "Sizes are estimates for short rows with checkpointing; long rows or large batches "
            "take up to twice as much."
        )
    if facts.model_params_b is not None and memory and facts.model_params_b > 0.5:
        notes.append(_own_size(facts.model_params_b, memory))
    if facts.access == "api_with_finetuning":
        notes += [
            f"{item.name}: {item.status}, no new job from {item.sunset} on "
            f"(looked at {item.checked})."
            for item in tables.providers()
            if item.sunset is not None and item.status != "open"
        ]
    if facts.task in ("qa_documents", "domain_knowledge") and kind == "causal":
        notes.append(
            "Retrieval also wants a sentence encoder: BAAI/bge-small-en-v1.5 or BAAI/bge-m3."
        )
    return tuple(notes)


def _own_size(billions: float, memory: float) -> str:
    held = [way.title for way in WAYS if need_gb(billions, way.factor) <= memory]
    if held:
        return f"Your {shown(billions)}B model: {shown(memory)} GB hold {', '.join(held)}."
    least = need_gb(billions, WAYS[-1].factor)
    return (
        f"Your {shown(billions)}B model does not fit: even QLoRA takes 1.3 x 0.5 x "
        f"{shown(billions)} + 2 = about {shown(least)} GB, and you have {shown(memory)}."
    )
