"""Several adapters on one opened base model, asked in turn; without any of them it is the base.

PEFT keeps all of them beside the same weights and switches between them, so that comparing many
runs takes the memory of one model. Answers are those of each run opened alone: what learned beside
four bits stands on four bits here too, and never shares a base with what learned beside all of it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runners import _causal_lm, _forgetting, _generation, _models, _peft
from runners.base import Plan, Prediction, Row, find

_ADAPTER = "adapter"


class Base(NamedTuple):
    """A base model as it is opened; runs with the same one can share it."""

    model: str
    fingerprint: str
    four_bits: bool = False


def base_of(plan: Plan) -> Base | None:
    """The causal model that a run which writes began with; ``None`` where there is none.

    Raises:
        UserError: The files behind its name have changed.
    """
    writes = _generation.writes(plan.artifact)
    if plan.task == "classification" or not (writes or _forgetting.remedy(plan.approach)):
        return None  # labels, or a model that began with nothing
    if _models.kind(plan.base_model) != "causal":
        return None
    if writes:
        _generation.about(plan.artifact)
    return Base(plan.base_model, _models.fingerprint(plan.base_model))


def room(plan: Plan) -> int | None:
    """Tokens that an answer of this run may have, where it says so."""
    writes = _generation.writes(plan.artifact)
    return int(_generation.read(plan.artifact)["max_new_tokens"]) if writes else None


def shared_base(plan: Plan) -> Base | None:
    """The base on which a run's adapter can stand beside others; ``None`` where it cannot.

    An approach whose adapters belong on four bits says so as ``FOUR_BITS``.
    """
    base = base_of(plan)
    if base is None or not (plan.artifact / _ADAPTER / "adapter_config.json").is_file():
        return None
    return base._replace(four_bits=getattr(find(plan.approach), "FOUR_BITS", False))


class Several:
    """One base model with the adapters that were put on it."""

    def __init__(self, base: Base) -> None:
        """Open the base model.

        Raises:
            UserError: It is gone, or cannot be opened.
        """
        self.model: Any
        self.model, self.tokenizer = _causal_lm.open_model(base.model, four_bits=base.four_bits)
        with contextlib.suppress(AttributeError):
            self.model.config.use_cache = True
        self._names: list[str] = []

    def add(self, artifact: Path) -> "Switched":
        """Put the adapter of a run beside the others; what is given back answers with it."""
        name = f"run_{len(self._names)}"  # a name of our own: PEFT takes no dots in it
        folder = artifact / _ADAPTER
        if self._names:
            self.model.load_adapter(str(folder), adapter_name=name)
        else:
            self.model = _peft.put_on(self.model, folder, name)
        self.model.eval()
        self._names.append(name)
        return Switched(self, name, _generation.about(artifact)["max_new_tokens"])

    def untouched(self, max_new_tokens: int | None = None) -> "Switched":
        """The base model, as if no adapter stood beside it."""
        window = _generation.window_of(self.model.config)
        room = max_new_tokens or _generation.room_for((), self.tokenizer, window)
        return Switched(self, None, room)

    @contextlib.contextmanager
    def speaking_as(self, name: str | None) -> Iterator[None]:
        """Switch to one adapter, or to none of them, for a while."""
        if name is None:
            with self.model.disable_adapter() if self._names else contextlib.nullcontext():
                yield
            return
        self.model.set_adapter(name)
        yield


class Switched:
    """One of several on a base model: it answers as its run would alone."""

    def __init__(self, several: Several, name: str | None, max_new_tokens: int) -> None:
        self._several, self._name, self._room = several, name, max_new_tokens

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answer to each row."""
        several = self._several
        with several.speaking_as(self._name):
            writer = _generation.Writer(several.model, several.tokenizer, self._room)
            return writer.predict(rows)
