"""Where each architecture keeps its numbers in a Hugging Face ``config.json``: one table.

Read from the configuration classes of transformers 5.23 (`src/transformers/models/*/configuration_*
.py`), which ``tests/rules/test_model_config.py`` compares with the installed version. A size is
never defaulted, except where published checkpoints leave it out on purpose (Gemma 3's
``text_config`` holds only what differs from its class). ``defaults`` are that class's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from rules.model_shape import ModelKind

_NONE: Mapping[str, Any] = MappingProxyType({})


def _no_defaults() -> Mapping[str, Any]:
    return _NONE


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of one architecture's fields. Several names: the first that is there is read."""

    kind: ModelKind = "causal"
    layers: tuple[str, ...] = ("num_hidden_layers",)
    hidden: tuple[str, ...] = ("hidden_size",)
    heads: tuple[str, ...] = ("num_attention_heads",)
    kv_heads: tuple[str, ...] = ("num_key_value_heads",)
    """Empty: every head has keys and values of its own."""
    head_dim: tuple[str, ...] = ("head_dim",)
    """Where it is missing or null: ``hidden / heads``."""
    intermediate: tuple[str, ...] = ("intermediate_size",)
    vocabulary: tuple[str, ...] = ("vocab_size",)
    context: tuple[str, ...] = ("max_position_embeddings",)
    window: str = ""
    """Of architectures whose layers all look back over a window; where only some do, none."""
    norms: int = 2
    """Norms over the hidden width in a layer."""
    decoder_layers: tuple[str, ...] = ()
    experts: tuple[str, ...] = ()
    shared: str = ""
    """Width of the expert that every token passes."""
    shared_count: str = ""
    """Or how many such experts of the usual width."""
    gated: bool | str = True
    """A text: a field whose value begins with ``gated``."""
    layer_norm: bool = False
    qkv_bias: bool | str = False
    """A text: the field that says so."""
    qk_norm: bool | str = False
    linear_bias: bool | str = False
    """Whether the output and feed-forward matrices have biases too."""
    tied: bool = False
    """What ``tie_word_embeddings`` is where the file does not say."""
    positions: tuple[str, ...] = ()
    """A count of learnt positions."""
    segments: str = ""
    pooler: bool = False
    """Whether the bare encoder ends in a square matrix over its first token."""
    inner_is_four: bool = False
    """Where the feed-forward width is missing or null, it is four times the hidden one."""
    defaults: Mapping[str, Any] = field(default_factory=_no_defaults)


def _with(base: Fields, *, defaults: Mapping[str, Any] = _NONE, **changes: Any) -> Fields:  # noqa: ANN401 - fields of a dataclass
    return replace(base, defaults={**base.defaults, **defaults}, **changes)


_LLAMA = Fields(qkv_bias="attention_bias", linear_bias="mlp_bias")
_MISTRAL = Fields(window="sliding_window", defaults={"num_key_value_heads": 8})
_QWEN2 = Fields(qkv_bias=True)
_QWEN3 = _with(_QWEN2, qkv_bias="attention_bias", qk_norm=True, defaults={"head_dim": 128})
_GEMMA = Fields(tied=True, qkv_bias="attention_bias", defaults={"head_dim": 256})
_GEMMA2 = _with(_GEMMA, norms=4)
_GPT2 = Fields(
    layers=("n_layer", "num_hidden_layers"),
    hidden=("n_embd", "hidden_size"),
    heads=("n_head", "num_attention_heads"),
    kv_heads=(),
    intermediate=("n_inner",),
    context=("n_positions", "max_position_embeddings", "n_ctx"),
    positions=("n_positions", "max_position_embeddings", "n_ctx"),
    gated=False,
    layer_norm=True,
    qkv_bias=True,
    linear_bias=True,
    tied=True,
    inner_is_four=True,
)
_PLAIN = Fields(kv_heads=(), gated=False, layer_norm=True, qkv_bias=True, linear_bias=True)
_ENCODER = _with(_PLAIN, kind="encoder", tied=True, positions=("max_position_embeddings",))
_BERT = _with(_ENCODER, segments="type_vocab_size", pooler=True, defaults={"type_vocab_size": 2})
_DEBERTA = _with(
    _ENCODER,
    positions=(),  # they are relative; position_biased_input adds learnt ones
    segments="type_vocab_size",
    defaults={"type_vocab_size": 0},
)
_T5 = Fields(
    kind="encoder_decoder",
    layers=("num_layers", "num_hidden_layers"),
    decoder_layers=("num_decoder_layers",),
    hidden=("d_model", "hidden_size"),
    heads=("num_heads", "num_attention_heads"),
    kv_heads=(),
    head_dim=("d_kv", "head_dim"),
    intermediate=("d_ff",),
    context=("n_positions",),
    gated="feed_forward_proj",
    tied=True,
    defaults={"feed_forward_proj": "relu"},
)
_BART = Fields(
    kind="encoder_decoder",
    layers=("encoder_layers",),
    decoder_layers=("decoder_layers",),
    hidden=("d_model",),
    heads=("encoder_attention_heads",),
    kv_heads=(),
    intermediate=("encoder_ffn_dim",),
    gated=False,
    layer_norm=True,
    qkv_bias=True,
    linear_bias=True,
    tied=True,
)

TYPES: dict[str, Fields] = {
    "llama": _LLAMA,
    "mistral": _with(_MISTRAL, defaults={"sliding_window": 4096}),
    "ministral3": _with(_MISTRAL, defaults={"head_dim": 128}),
    "mixtral": _with(
        _MISTRAL, experts=("num_local_experts", "num_experts"), defaults={"num_experts_per_tok": 2}
    ),
    "qwen2": _QWEN2,
    "qwen3": _QWEN3,
    "qwen2_moe": _with(
        _QWEN2,
        intermediate=("moe_intermediate_size",),
        experts=("num_experts",),
        shared="shared_expert_intermediate_size",
        qkv_bias="qkv_bias",
        defaults={"qkv_bias": True},
    ),
    "qwen3_moe": _with(
        _QWEN2,
        intermediate=("moe_intermediate_size",),
        experts=("num_experts", "num_local_experts"),
        qkv_bias="attention_bias",
        qk_norm=True,
        defaults={"num_key_value_heads": 4},
    ),
    "deepseek": Fields(
        intermediate=("moe_intermediate_size",),
        experts=("n_routed_experts",),
        shared_count="n_shared_experts",
        qkv_bias="attention_bias",
    ),
    "gemma": _GEMMA,
    "gemma2": _with(_GEMMA2, defaults={"num_key_value_heads": 4}),
    "gemma3_text": _with(
        _GEMMA2,
        qk_norm=True,
        defaults={"num_attention_heads": 8, "num_key_value_heads": 4, "vocab_size": 262208},
    ),
    "phi": _with(_PLAIN, kv_heads=("num_key_value_heads",), qk_norm="qk_layernorm", norms=1),
    "phi3": Fields(window="sliding_window"),
    "granite": _LLAMA,
    "olmo": _with(_LLAMA, norms=0),
    "olmo2": _with(_LLAMA, qk_norm=True),
    "smollm3": _with(_LLAMA, tied=True, defaults={"num_key_value_heads": 4}),
    "stablelm": Fields(layer_norm=True, qkv_bias="use_qkv_bias", qk_norm="qk_layernorm"),
    "starcoder2": Fields(
        gated=False,
        layer_norm=True,
        qkv_bias="use_bias",
        linear_bias="use_bias",
        tied=True,
        window="sliding_window",
        defaults={"use_bias": True, "num_key_value_heads": 2},
    ),
    # Its normalisation is written out like RMSNorm's, so memory sees that and not one fused layer.
    "cohere": Fields(tied=True, norms=1, qkv_bias="attention_bias", qk_norm="use_qk_norm"),
    "gpt2": _GPT2,
    "gpt_bigcode": _GPT2,
    "gpt_neox": _PLAIN,
    "falcon": Fields(
        layers=("num_hidden_layers", "n_layer"),
        hidden=("hidden_size", "n_embed"),
        heads=("num_attention_heads", "n_head"),
        kv_heads=(),  # three of its fields decide together
        intermediate=("ffn_hidden_size",),
        gated=False,
        layer_norm=True,
        qkv_bias="bias",
        linear_bias="bias",
        tied=True,
        inner_is_four=True,
    ),
    "bert": _BERT,
    "roberta": _BERT,
    "camembert": _BERT,
    "xlm-roberta": _BERT,
    "mpnet": _with(_ENCODER, pooler=True),
    "distilbert": _with(
        _ENCODER,
        layers=("n_layers", "num_hidden_layers"),
        hidden=("dim", "hidden_size"),
        heads=("n_heads", "num_attention_heads"),
        intermediate=("hidden_dim",),
    ),
    "modernbert": Fields(
        kind="encoder",
        kv_heads=(),
        layer_norm=True,
        qkv_bias="attention_bias",
        tied=True,
    ),
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
    "t5": _T5,
    "mt5": _with(_T5, defaults={"feed_forward_proj": "gated-gelu"}),
    "eurobert": _with(_LLAMA, kind="encoder"),
    "m2m_100": _BART,
    "bart": _with(_BART, positions=("max_position_embeddings",)),
}

REFUSED: dict[str, str] = {
    "deepseek_v2": "its attention is latent (MLA), which the closed form has no term for",
    "deepseek_v3": "its attention is latent (MLA), which the closed form has no term for",
    "qwen3_5_text": "three of its four layers are linear attention, which the closed form has no "
    "term for",
    "qwen3_next": "most of its layers are linear attention, which the closed form has no term for",
    "mamba": "it is a state-space model, not a transformer",
    "mamba2": "it is a state-space model, not a transformer",
}
"""Architectures that are known, and known not to fit a ``ModelShape``."""

FAMILIES: dict[str, str] = {
    "HuggingFaceTB/SmolLM2": "llama",
    "HuggingFaceTB/SmolLM3": "smollm3",
    "Qwen/Qwen2.5": "qwen2",
    "Qwen/Qwen3.5": "qwen3_5_text",
    "Qwen/Qwen3": "qwen3",
    "meta-llama/Llama": "llama",
    "mistralai/Mistral-": "mistral",
    "mistralai/Ministral-3": "ministral3",
    "google/gemma-3": "gemma3_text",
    "google/embeddinggemma": "gemma3_text",
    "google/flan-t5": "t5",
    "microsoft/phi-4": "phi3",
    "microsoft/deberta-v3": "deberta-v2",
    "allenai/OLMo-2": "olmo2",
    "ibm-granite/granite-3": "granite",
    "sentence-transformers/all-MiniLM": "bert",
    "sentence-transformers/all-mpnet": "mpnet",
    "BAAI/bge-small": "bert",
    "BAAI/bge-m3": "xlm-roberta",
    "intfloat/multilingual-e5-small": "bert",
    "google-bert/bert": "bert",
    "distilbert/distilbert": "distilbert",
    "FacebookAI/roberta": "roberta",
    "FacebookAI/xlm-roberta": "xlm-roberta",
    "EuroBERT/": "eurobert",
    "answerdotai/ModernBERT": "modernbert",
}
"""The architecture of a row of ``models.yaml``, by the beginning of its id; the longest wins."""
