"""What the dated tables hold: shapes and models, graphics cards, providers that tune."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["causal", "encoder", "seq2seq"]
Method = Literal["sft", "dpo", "rft", "distillation"]
Status = Literal["open", "closing", "closed", "unknown"]
_HTTPS = r"^https://\S+$"


class Frozen(BaseModel):
    """A value: it never changes, and it refuses a field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Shape(Frozen):
    """What memory and parameters are computed from. Counts of a plain transformer."""

    layers: int = Field(ge=1)
    decoder_layers: int = Field(default=0, ge=0)
    """Layers of the decoder, where there are an encoder and a decoder."""
    hidden: int = Field(ge=1)
    intermediate: int = Field(ge=1)
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    """Heads of keys and values; fewer than ``heads`` where they are shared."""
    head_size: int | None = Field(default=None, ge=1)
    """Where it is not ``hidden / heads``."""
    vocabulary: int = Field(ge=1)
    tied: bool
    """Whether the output uses the input embeddings; an encoder without an output counts as tied."""
    gated: bool = True
    """Whether the feed-forward part has three matrices (SwiGLU, GeGLU) or two, with biases."""
    positions: int = Field(default=0, ge=0)
    """Learnt positions; 0 for rotary or relative ones."""
    segments: int = Field(default=0, ge=0)
    delta_every: int = Field(default=0, ge=0)
    """Every so manyth layer attends, the others are gated delta networks; 0 without such layers."""
    delta_key: int = Field(default=0, ge=0)
    delta_value: int = Field(default=0, ge=0)

    @property
    def parameters(self) -> int:
        """How many weights this shape has; norms and small biases are left out (below 1 %)."""
        width = self.heads * (self.head_size or self.hidden // self.heads)
        narrow = width * self.kv_heads // self.heads
        queries = 2 * width if self.delta_every else width  # with a gate of the same size
        attention = self.hidden * (queries + 2 * narrow + width)
        forward = (3 if self.gated else 2) * self.hidden * self.intermediate
        tables = self.vocabulary * (1 if self.tied else 2) + self.positions + self.segments
        blocks = self.layers * (attention + forward)
        blocks += self.decoder_layers * (2 * attention + forward)  # it also attends to the encoder
        if self.delta_every:
            delta = self.hidden * (2 * self.delta_key + 3 * self.delta_value)
            blocks += (self.layers - self.layers // self.delta_every) * (delta - attention)
        return tables * self.hidden + blocks


class Model(Frozen):
    """An open base model or encoder."""

    id: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """Its name on the Hugging Face hub."""
    kind: Kind
    parameters_b: float = Field(gt=0)
    """As its makers state it, in billions."""
    shape: Shape
    context: int = Field(ge=1)
    """Tokens it reads at most, without stretching."""
    licence: str
    released: str = Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")
    source: str = Field(pattern=_HTTPS)
    shape_read: str | None = Field(pattern=_HTTPS)
    """Where the shape was read; ``None``: from memory, confirmed only by the stated count."""
    checked: date
    note: str | None = None

    @property
    def embeds(self) -> bool:
        """Whether it is a sentence encoder, ready for a head, SetFit or retrieval."""
        return self.kind == "encoder" and (self.note or "").startswith("A sentence encoder")

    @property
    def text_only(self) -> bool:
        """Whether it reads nothing but text, so that every library for language models opens it."""
        return "vision" not in (self.note or "")

    @property
    def multilingual(self) -> bool:
        """Whether its note promises several languages."""
        return "anguages" in (self.note or "")

    @property
    def free(self) -> bool:
        """Whether its licence is one of the usual open ones, without terms of its maker."""
        return self.licence in ("apache-2.0", "mit")


class Gpu(Frozen):
    """A graphics card."""

    name: str
    kind: Literal["consumer", "workstation", "data_centre"]
    marketed_gb: int = Field(ge=1)
    """The number on the box; GiB in fact."""
    reported_mib: int | None = Field(ge=1)
    """What the driver reports."""
    bf16: bool
    bandwidth_gb_s: int = Field(ge=1)
    tflops_16bit: int = Field(ge=1)
    """Dense 16-bit matrix arithmetic with fp32 sums, 10**12 operations a second, as stated."""
    watts: int = Field(ge=1)
    """Power of the whole board."""
    usd_per_hour: tuple[float, float] | None
    """Lowest and highest on-demand price remembered; ``None``: not rented by the hour."""
    source: str = Field(pattern=_HTTPS)
    verified: bool
    """Whether the source was read for this entry."""
    checked: date

    @property
    def memory_gb(self) -> float:
        """Memory in GB of 10**9 bytes, the unit of the fact ``gpu_memory_gb``."""
        mib = self.reported_mib or self.marketed_gb * 1024
        return round(mib * 2**20 / 1e9, 1)

    @property
    def memory_gib(self) -> float:
        """Memory in GiB, as the driver reports it."""
        return round((self.reported_mib or self.marketed_gb * 1024) / 1024, 1)


class Provider(Frozen):
    """A service that tunes its models, or open ones, on rows that are sent to it."""

    name: str
    host: str | None
    """Where its service answers, where that is one address."""
    status: Status
    methods: tuple[Method, ...]
    minimum_rows: int | None = Field(ge=0)
    recommended_rows: tuple[int, int] | None
    closed_to_new: date | None
    sunset: date | None
    """No new job from this day on."""
    limits: str
    source: str = Field(pattern=_HTTPS)
    verified: bool
    """Whether the provider's own page was read."""
    read: str
    """What of it was read, and what was not."""
    checked: date

    def takes_new(self, day: date) -> bool | None:
        """Whether somebody who never tuned there can begin on that day; ``None``: unknown."""
        if self.status == "unknown":
            return None
        ends = [end for end in (self.closed_to_new, self.sunset) if end is not None]
        return self.status != "closed" and all(day < end for end in ends)


class Price(Frozen):
    """Dollars for a million tokens of one model."""

    name: str
    host: str
    """Whose price it is."""
    asked: float = Field(ge=0)
    answered: float = Field(ge=0)
    source: str = Field(pattern=_HTTPS)
    verified: bool
    """Whether the provider's own page was read."""
    checked: date


class Stack(Frozen):
    """What one combination of libraries keeps on the GPU during a training step."""

    id: str = Field(pattern=r"^[a-z0-9.-]+$")
    says: str
    versions: str
    loss: str
    """A row of ``rules.memory_loss.PATHS``."""
    confidence: Literal["profiled", "guessed"]
    source: str = Field(pattern=_HTTPS)
    holds_outputs: bool = False
    """The caller keeps the logits through the backward pass."""
    fused_norm: bool = False
    """Norms keep their 16-bit input instead of an fp32 copy."""
    merged_qkv: bool = False
    """Queries, keys and values are one tensor, of which any view keeps all alive."""
    fused_experts: bool = False
    """All experts of a layer are one tensor, which bitsandbytes passes by."""
    keeps_4bit_input: bool = False
    """The 4-bit product keeps its input for the backward pass (bitsandbytes up to 0.42)."""
    quantised_head: bool = False
    """The output layer is put into 4 bits too."""
    separate_head: bool = False
    """The output layer has weights of its own, also where the model ties them."""
    keeps_last_step: bool = False
    """Logits and graph of a step stand until the next one has made its own."""
    margin: float = Field(default=0.0, ge=0, le=0.5)
    """Share to add to a guess before it is trusted."""
