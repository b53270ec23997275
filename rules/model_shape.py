"""The shape of a transformer, as memory and arithmetic see it: what a ``config.json`` says."""

from dataclasses import dataclass
from typing import Literal

ModelKind = Literal["causal", "encoder", "encoder_decoder"]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Counts of one model. A width is in numbers per token, a size in weights.

    Built by ``rules.model_config``, never by guessing: what a config does not say is refused there.
    """

    name: str
    architecture: str
    """``model_type`` of the config: llama, qwen3, mistral, mixtral, bert ..."""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    """Width of the feed-forward part; of one expert where there are several."""
    vocabulary: int
    tied: bool
    """Whether the output layer is the input embedding."""
    gated: bool = True
    """Three feed-forward matrices (SwiGLU, GeGLU) or two."""
    layer_norm: bool = False
    """LayerNorm with a bias, instead of RMSNorm."""
    qkv_bias: bool = False
    linear_bias: bool = False
    """Whether the output and feed-forward matrices have biases too."""
    qk_norm: bool = False
    norms: int = 2
    """Norms over the hidden width in a layer."""
    experts: int = 1
    experts_per_token: int = 1
    shared_intermediate: int = 0
    """Width of the expert that every token passes, 0 without one."""
    window: int | None = None
    """Tokens a sliding-window layer looks back, ``None`` where some layer looks back over all."""
    context: int | None = None
    kind: ModelKind = "causal"
    decoder_layers: int = 0
    extra_parameters: int = 0
    """Weights the counts here do not cover: learnt positions, segments, poolers."""
    stated_parameters: int | None = None
    """The makers' count, where a table gives it; it wins over the arithmetic."""
    quantised: str | None = None
    """Method of a checkpoint that is stored quantised already: gptq, awq, bitsandbytes ..."""

    @property
    def query_width(self) -> int:
        """Width of the queries of one token."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of the keys of one token, and of its values."""
        return self.kv_heads * self.head_dim

    @property
    def attention_weights(self) -> int:
        """Weights of the four matrices of one attention."""
        return 2 * self.hidden * (self.query_width + self.kv_width)

    @property
    def expert_weights(self) -> int:
        """Weights of all experts of one layer and of their router; 0 where there are none."""
        if self.experts == 1:
            return 0
        matrices = 3 if self.gated else 2
        return self.hidden * self.experts * (matrices * self.intermediate + 1)

    @property
    def linear_weights(self) -> int:
        """Weights of the matrices of one layer, all experts and their router with them."""
        matrices = 3 if self.gated else 2
        forward = matrices * self.hidden * self.intermediate * self.experts
        router = self.hidden * self.experts if self.experts > 1 else 0
        shared = matrices * self.hidden * self.shared_intermediate
        return self.attention_weights + forward + router + shared

    @property
    def vector_weights(self) -> int:
        """Norms and biases of one layer."""
        norms = self.norms * self.hidden * (2 if self.layer_norm else 1)
        bias = self.query_width + 2 * self.kv_width if self.qkv_bias else 0
        if self.linear_bias:
            bias += 2 * self.hidden + self.intermediate
        return norms + bias + (2 * self.head_dim if self.qk_norm else 0)

    @property
    def layer_weights(self) -> int:
        """All weights of one layer."""
        return self.linear_weights + self.vector_weights

    @property
    def embedding_weights(self) -> int:
        """Weights of the input embedding, and of an output layer."""
        return self.vocabulary * self.hidden

    @property
    def blocks(self) -> int:
        """Layers in all; those of a decoder that reads an encoder count with it."""
        return self.layers + self.decoder_layers

    @property
    def parameters(self) -> int:
        """Weights in all."""
        if self.stated_parameters:
            return self.stated_parameters
        tables = self.embedding_weights * (1 if self.tied or self.kind == "encoder" else 2)
        cross = self.decoder_layers * self.attention_weights
        final = self.hidden * (2 if self.layer_norm else 1)
        return self.blocks * self.layer_weights + cross + tables + final + self.extra_parameters
