"""One training step, or one use, described completely: what an estimate is computed from."""

from dataclasses import dataclass
from typing import Literal

from rules.model_shape import ModelShape

Precision = Literal["fp32", "bf16", "fp16"]
Quantisation = Literal["nf4", "nf4-double", "int8", "gptq4"]
Attention = Literal["eager", "sdpa", "flash"]
Optimizer = Literal[
    "adamw_fused", "adamw_foreach", "adamw_loop", "adamw_8bit", "paged_8bit", "sgd", "sgd_momentum",
    "adafactor", "adamw_in_backward", "adamw_8bit_in_backward", "paged_8bit_in_backward",
]  # fmt: skip
Policy = Literal["lora", "qlora", "full"]
Reference = Literal["none", "shared", "copy"]
Way = Literal[
    "inference", "frozen_encoder", "setfit", "encoder_tuning", "adapters", "lora", "qlora", "full",
    "top_layers", "dpo", "reward_model", "online_rl",
]  # fmt: skip
"""What the step does with the model; several approaches share one (``rules.ways``)."""

ATTENTION_TARGETS = ("q", "k", "v", "o")
ALL_LINEAR = (*ATTENTION_TARGETS, "gate", "up", "down")


@dataclass(frozen=True, slots=True)
class Setup:
    """What runs. The defaults are those of the stack named ``trl``, as installed with this product.

    ``tokens`` is the length of the longest row of the micro batch, prompt and answer together.
    """

    shape: ModelShape
    way: Way
    tokens: int
    batch: int = 1
    """Rows of one micro batch; for pairs, pairs."""
    precision: Precision = "bf16"
    """In which the weights are held, where they are not quantised."""
    autocast: bool = False
    """Whether the arithmetic is done in 16 bits over weights held in ``precision``."""
    quantisation: Quantisation | None = None
    upcast: bool = False
    """Whether norms, embeddings and output are in fp32 (``prepare_model_for_kbit_training``)."""
    rank: int = 16
    targets: tuple[str, ...] = ALL_LINEAR
    adapter_precision: Precision = "fp32"
    adapter_dropout: bool = False
    bottleneck: int = 64
    """Width of bottleneck adapters."""
    trained_layers: int = 0
    """Of ``top_layers``: how many, counted from the top."""
    policy: Policy = "lora"
    """Of dpo, reward_model and online_rl: how the policy's weights are trained."""
    reference: Reference = "none"
    """What DPO or RL compare with: the same weights without their adapter, or a frozen copy."""
    companions: float = 0.0
    """Other frozen models held beside it, in multiples of its weights: a reward model is 1."""
    beside_bytes: float = 0.0
    """Of models of another kind that stay on the card: the encoder that finds passages."""
    completion_tokens: int = 256
    """Of online_rl: tokens generated for each prompt; they count into ``tokens``."""
    completions: int = 8
    """Of online_rl: answers generated at once."""
    optimizer: Optimizer = "adamw_fused"
    checkpointing: bool = True
    accumulation: int = 1
    attention: Attention = "sdpa"
    stack: str = "trl"
    """A row of ``rules/stacks.yaml``: the loss path, what it holds, and who measured it."""
    devices: int = 1
    """GPUs that share parameters, gradients and optimizer state (FSDP, full shard)."""

    @property
    def trains(self) -> str:
        """What learns: ``nothing``, ``lora``, ``adapters``, ``top_layers`` or ``full``."""
        if self.way in ("inference", "frozen_encoder"):
            return "nothing"
        if self.way in ("lora", "qlora"):
            return "lora"
        if self.way in ("setfit", "encoder_tuning"):
            return "full"
        if self.way in ("dpo", "reward_model", "online_rl"):
            return "full" if self.policy == "full" else "lora"
        return self.way

    @property
    def sequences(self) -> int:
        """Sequences that go through the model at once: two for a pair."""
        return self.batch * (2 if self.way in ("dpo", "reward_model", "setfit") else 1)
