"""What a ``config.json`` says about a model's shape, field by field.

What it does not say is refused by name, unless transformers itself defines what a missing field
means; then that is used, and noted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from rules.errors import UserError
from rules.model_shape import ModelShape
from rules.model_types import REFUSED, TYPES, Fields

EXACT = "trace the model itself instead: --exact"

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """A shape, and what had to be assumed or left out to get it."""

    shape: ModelShape
    notes: tuple[str, ...] = ()


def read(config: Config, name: str = "config.json") -> Reading:
    """The shape of a ``config.json``, with a note for every default that was taken.

    Raises:
        UserError: It does not say something that is needed, or its architecture is not known.
    """
    config, notes = _language_part(config)
    shape = _Reader(config, name, _fields(config, name), notes).shape()
    return Reading(shape, tuple(notes))


def outline(config: Config, name: str = "config.json") -> Reading:
    """The shape of any transformer, by the usual field names.

    For a trace, which takes a name and a size from it, and everything else from transformers.

    Raises:
        UserError: Not even the usual fields are there.
    """
    config, notes = _language_part(config)
    model_type = config.get("model_type")
    if model_type in TYPES and model_type not in REFUSED:
        return read(config, name)
    if not isinstance(model_type, str):
        _fields(config, name)
    shape = _Reader(config, name, Fields(), notes).shape()
    notes.append(
        f"no closed form for {model_type!r}: the parts are traced, the shape is an outline"
    )
    return Reading(shape, tuple(notes))


def _language_part(config: Config) -> tuple[Config, list[str]]:
    """Of a model that also sees or hears: what it reads with."""
    text = config.get("text_config")
    if isinstance(text, Mapping):
        inner = dict(cast("Config", text))
        for key in ("tie_word_embeddings", "quantization_config"):
            if key in config:
                inner.setdefault(key, config[key])
        return inner, ["only the language part is counted; the file also describes another"]
    return config, []


def _fields(config: Config, name: str) -> Fields:
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        fix = "give the config.json of a transformers model"
        raise UserError("'model_type' is missing", where=name, fix=fix)
    if model_type in REFUSED:
        raise no_closed_form(model_type, name)
    if model_type not in TYPES:
        near = get_close_matches(model_type, TYPES, n=1)
        hint = f" (the nearest known is {near[0]!r})" if near else ""
        what = f"the closed form does not know the architecture {model_type!r}{hint}"
        raise UserError(what, where=f"{name}: model_type", fix=EXACT)
    return TYPES[model_type]


def no_closed_form(model_type: str, name: str) -> UserError:
    """The refusal of an architecture that is known not to fit."""
    what = f"no closed form for {model_type!r}: {REFUSED[model_type]}"
    return UserError(what, where=f"{name}: model_type", fix=f"give its config.json and {EXACT}")


@dataclass(frozen=True, slots=True)
class _Reader:
    config: Config
    name: str
    fields: Fields
    notes: list[str]

    def shape(self) -> ModelShape:
        fields = self.fields
        hidden, heads = self._size(fields.hidden), self._size(fields.heads)
        experts = self._size(fields.experts) if fields.experts else 1
        kv_heads = self._kv_heads(heads)
        self._all_alike(experts)
        return ModelShape(
            name=self.name,
            architecture=self.config["model_type"],
            layers=self._size(fields.layers),
            hidden=hidden,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=self._head_dim(hidden, heads),
            intermediate=self._intermediate(hidden),
            vocabulary=self._size(fields.vocabulary),
            tied=self._truth("tie_word_embeddings", default=fields.tied),
            gated=self._gated(),
            layer_norm=fields.layer_norm,
            qkv_bias=self._says(fields.qkv_bias),
            linear_bias=self._says(fields.linear_bias),
            qk_norm=self._says(fields.qk_norm),
            norms=self._norms(),
            experts=experts,
            experts_per_token=self._size(("num_experts_per_tok",)) if experts > 1 else 1,
            shared_intermediate=self._shared(),
            window=self._optional((fields.window,)) if fields.window else None,
            context=self._optional(fields.context),
            kind=fields.kind,
            decoder_layers=self._decoder_layers(),
            extra_parameters=self._extra(hidden, heads),
            quantised=self._quantised(),
        )

    def _first(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """The field that is there and not null, else what transformers takes for a missing one."""
        given = [name for name in names if self.config.get(name) is not None]
        if given:
            return given[0], self.config[given[0]]
        if any(name in self.config for name in names):
            return names[0], None  # null is an answer: transformers takes no default for it
        known = [name for name in names if name in self.fields.defaults]
        if not known:
            return names[0], None
        value = self.fields.defaults[known[0]]
        self.notes.append(f"{known[0]} is not in the file: transformers takes {value}")
        return known[0], value

    def _size(self, names: tuple[str, ...]) -> int:
        found = self._optional(names)
        if found is None:
            also = f" (or {', '.join(names[1:])})" if names[1:] else ""
            fix = f'add "{names[0]}" to the file{also}, or give the model\'s complete config.json'
            raise UserError(f"{names[0]!r} is missing", where=self.name, fix=fix)
        return found

    def _optional(self, names: tuple[str, ...], least: int = 1) -> int | None:
        if not names:
            return None
        name, value = self._first(names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            fix = f"{name} is a whole number, {least} or more"
            raise UserError(f"{name} cannot be {value!r}", where=self.name, fix=fix)
        return value

    def _truth(self, name: str, *, default: bool) -> bool:
        value = self.config.get(name)
        if value is None:
            value = self.fields.defaults.get(name, default)
        if not isinstance(value, bool):
            fix = f"{name} is true or false"
            raise UserError(f"{name} cannot be {value!r}", where=self.name, fix=fix)
        return value

    def _says(self, source: bool | str) -> bool:
        return self._truth(source, default=False) if isinstance(source, str) else source

    def _kv_heads(self, heads: int) -> int:
        found = heads
        if self.config["model_type"] == "falcon":
            found = self._falcon_kv_heads(heads)
        elif self.config["model_type"] == "gpt_bigcode":
            found = 1 if self._truth("multi_query", default=True) else heads
        elif self.fields.kv_heads:
            found = self._optional(self.fields.kv_heads) or heads
        if heads % found:
            what = f"{heads} heads cannot share {found} heads of keys and values"
            raise UserError(what, where=self.name, fix="num_key_value_heads must divide the heads")
        return found

    def _falcon_kv_heads(self, heads: int) -> int:
        """``modeling_falcon.py``: the new decoder groups, the old one has one head or all."""
        if self._truth("new_decoder_architecture", default=False):
            return self._optional(("num_kv_heads", "n_head_kv")) or heads
        return 1 if self._truth("multi_query", default=True) else heads

    def _head_dim(self, hidden: int, heads: int) -> int:
        found = self._optional(self.fields.head_dim)
        if found is None and hidden % heads:
            fix = 'add "head_dim" to the file'
            what = f"{heads} heads do not divide the hidden size {hidden}, and no head_dim is given"
            raise UserError(what, where=self.name, fix=fix)
        return found or hidden // heads

    def _intermediate(self, hidden: int) -> int:
        if self.fields.inner_is_four:
            return self._optional(self.fields.intermediate) or 4 * hidden
        return self._size(self.fields.intermediate)

    def _gated(self) -> bool:
        if isinstance(self.fields.gated, bool):
            return self.fields.gated
        return str(self._first((self.fields.gated,))[1]).startswith("gated")

    def _norms(self) -> int:
        one = self.config["model_type"] == "falcon" and not self._truth(
            "new_decoder_architecture", default=False
        )
        if one and self._truth("parallel_attn", default=True):
            return 1
        parallel = self.config["model_type"] == "stablelm"
        if parallel and self._truth("use_parallel_residual", default=False):
            return 1
        return self.fields.norms

    def _shared(self) -> int:
        fields = self.fields
        if fields.shared_count:
            count = self._optional((fields.shared_count,), least=0) or 0
            return count * self._size(fields.intermediate)
        return (self._optional((fields.shared,), least=0) or 0) if fields.shared else 0

    def _decoder_layers(self) -> int:
        """``configuration_t5.py``: as many as the encoder has, where nothing is said."""
        if not self.fields.decoder_layers:
            return 0
        return self._optional(self.fields.decoder_layers) or self._size(self.fields.layers)

    def _all_alike(self, experts: int) -> None:
        """Note the layers of a mixture that have no experts: the closed form counts all alike."""
        if experts == 1:
            return
        for name in ("decoder_sparse_step", "moe_layer_freq"):
            if (every := self._optional((name,)) or 1) != 1:
                what = f"only every {every}. layer has experts"
                raise UserError(what, where=f"{self.name}: {name}", fix=EXACT)
        dense = self._optional(("first_k_dense_replace",), least=0) or 0
        named = self.config.get("mlp_only_layers")
        if isinstance(named, Sequence):
            dense += len(cast("Sequence[object]", named))
        if dense:
            said = f"{dense} layers have no experts, but are counted as if they had"
            self.notes.append(f"{said}: a little too much")

    def _extra(self, hidden: int, heads: int) -> int:
        """Weights beside the layers and the embedding: positions, segments, the pooler."""
        fields = self.fields
        rows = self._optional(fields.positions) or 0
        if fields.segments:
            rows += self._optional((fields.segments,), least=0) or 0
        kind = self.config["model_type"]
        if kind.startswith("deberta"):
            rows += self._relative()
        elif kind == "bart":
            rows = 2 * (rows + 2)  # encoder and decoder each; ids begin at 2
        elif kind in ("t5", "mt5"):
            return 2 * heads * (self._optional(("relative_attention_num_buckets",)) or 32)
        return rows * hidden + (hidden * (hidden + 1) if fields.pooler else 0)

    def _relative(self) -> int:
        """``modeling_deberta_v2.py``: a table of relative positions that all layers share."""
        learnt = self._truth("position_biased_input", default=True)
        rows = self._size(self.fields.context) if learnt else 0
        if self._truth("relative_attention", default=False):
            reach = self._optional(("max_relative_positions",), least=-1) or -1
            reach = reach if reach > 0 else self._size(self.fields.context)
            buckets = self._optional(("position_buckets",), least=-1) or -1
            rows += 2 * (buckets if buckets > 0 else reach)
        return rows

    def _quantised(self) -> str | None:
        stored = self.config.get("quantization_config")
        if not isinstance(stored, Mapping):
            return None
        method = cast("Config", stored).get("quant_method")
        return str(method) if method else "bitsandbytes"
