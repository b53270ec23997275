"""A model without weights, at a given depth, prepared as its setup says."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from rules.errors import UserError
from rules.setup import ALL_LINEAR, Precision, Setup
from runners import _trace_kernels

TYPES: dict[Precision, torch.dtype] = {
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp32": torch.float32,
}
_DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_DECODER_DEPTHS = ("decoder_layers", "num_decoder_layers")
_OTHER_NAMES = {
    "q": ("q_proj", "query", "q_lin", "c_attn", "query_key_value", "qkv_proj"),
    "k": ("k_proj", "key", "k_lin", "c_attn", "query_key_value", "qkv_proj"),
    "v": ("v_proj", "value", "v_lin", "c_attn", "query_key_value", "qkv_proj"),
    "o": ("o_proj", "out_proj", "dense", "out_lin", "c_proj"),
    "gate": ("gate_proj", "gate_up_proj"),
    "up": ("up_proj", "gate_up_proj", "fc1", "c_fc", "dense_h_to_4h"),
    "down": ("down_proj", "fc2", "dense_4h_to_h"),
}


def configured(config: dict[str, Any]) -> Any:
    """The configuration object of transformers.

    Raises:
        UserError: It has no ``model_type``, or transformers does not accept it.
    """
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    kind = config.get("model_type")
    if not isinstance(kind, str):
        fix = "give the model's own config.json; it names its model_type"
        raise UserError("the config has no model_type", where="config.json", fix=fix)
    rest = {name: value for name, value in config.items() if name != "model_type"}
    try:
        found = AutoConfig.for_model(kind, **rest)
    except ValueError as error:
        what = f"transformers does not build {kind!r}: {str(error).splitlines()[0][:120]}"
        fix = "check model_type, or install the transformers release that added it"
        raise UserError(what, where="config.json", fix=fix) from error
    except (StrictDataclassError, TypeError, AttributeError, KeyError) as error:
        said = " ".join(str(error).split())[:160]
        what = f"transformers does not accept this config: {said}"
        raise UserError(what, where="config.json", fix="compare it with the model's own") from error
    text = text_part(found)
    padding = getattr(text, "pad_token_id", None)
    if isinstance(padding, int) and padding >= text.vocab_size:
        text.pad_token_id = None  # an architecture's default id, for another vocabulary
    return found


def depth_of(config: Any) -> int:
    """Layers of the model; those of its text part where it also sees."""
    return int(getattr(text_part(config), _depth_name(config)))


def text_part(config: Any) -> Any:
    """The configuration of the language model inside."""
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def period_of(config: Any) -> int:
    """After how many layers the pattern of layer kinds repeats."""
    kinds = list(getattr(text_part(config), "layer_types", None) or ())
    for period in range(1, len(kinds) // 2 + 1):
        if all(kinds[n] == kinds[n % period] for n in range(len(kinds))):
            return period
    return 1


def at_depth(config: dict[str, Any], depth: int) -> Any:
    """The same configuration with fewer layers; lists of layer kinds are cut with it."""
    whole = configured(config)
    text = text_part(whole)
    name, total = _depth_name(whole), depth_of(whole)
    for field, value in list(vars(text).items()):
        if isinstance(value, list) and len(value) == total:
            setattr(text, field, value[:depth])
    setattr(text, name, depth)
    for other in _DECODER_DEPTHS:
        if isinstance(getattr(text, other, None), int):
            setattr(text, other, depth)
    return text


def _depth_name(config: Any) -> str:
    text = text_part(config)
    mapped = getattr(text, "attribute_map", {}).get("num_hidden_layers", "num_hidden_layers")
    for name in (mapped, *_DEPTHS):
        if isinstance(getattr(text, name, None), int):
            return str(name)
    raise UserError("the config does not say how many layers", where="config.json", fix="add them")


def build(setup: Setup, config: Any) -> nn.Module:
    """The model as its setup trains or uses it: quantised, upcast, adapted, frozen."""
    model = _bare(setup, config)
    model.config.use_cache = setup.way == "inference"
    if setup.quantisation:
        double = setup.quantisation == "nf4-double"
        _trace_kernels.quantise(model, TYPES[setup.precision], double=double)
    trains = setup.trains
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(trains == "full")
        if setup.upcast and parameter.dtype in (torch.float16, torch.bfloat16):
            parameter.data = parameter.data.to(torch.float32)
    if trains == "lora":
        model = _adapted(setup, model)
    elif trains == "top_layers":
        for layer in layers_of(model)[-setup.trained_layers :]:
            layer.requires_grad_(True)
    _checkpointed(setup, model)
    return model.train(trains != "nothing")


def _bare(setup: Setup, config: Any) -> Any:
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

    kinds: dict[str, Any] = {
        "frozen_encoder": AutoModel,
        "encoder_tuning": AutoModelForSequenceClassification,
        "reward_model": AutoModelForSequenceClassification,
    }
    builder = kinds.get(setup.way, AutoModelForCausalLM)
    if setup.way == "reward_model":
        config.num_labels, config.pad_token_id = 1, 0
    kind = TYPES[setup.precision]
    attention = "sdpa" if setup.attention == "flash" else setup.attention
    try:
        return builder.from_config(config, dtype=kind, attn_implementation=attention)
    except (ValueError, AssertionError, TypeError, AttributeError, RuntimeError) as error:
        said = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        what = f"transformers cannot build this {config.model_type}: {said}"
        raise UserError(what, where="--exact", fix="leave out --exact") from error


def _adapted(setup: Setup, model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    wide = setup.adapter_precision == "fp32"
    settings = LoraConfig(
        r=setup.rank,
        lora_alpha=2 * setup.rank,
        lora_dropout=0.05 if setup.adapter_dropout else 0.0,
        target_modules=_targets(model, setup.targets),
    )
    with _trace_kernels.unmoved():
        adapted: Any = get_peft_model(model, settings, autocast_adapter_dtype=wide)
    kind = TYPES[setup.adapter_precision]
    for parameter in adapted.parameters():
        if parameter.requires_grad and parameter.dtype != kind:
            parameter.data = parameter.data.to(kind)
    return adapted


def _targets(model: nn.Module, wanted: Sequence[str]) -> str | list[str]:
    if set(wanted) == set(ALL_LINEAR):
        return "all-linear"
    present = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    found = [next((n for n in _OTHER_NAMES[each] if n in present), None) for each in wanted]
    names = [name for name in found if name]
    if not names:
        what = f"the model has no matrices called {', '.join(wanted)}"
        raise UserError(what, where="targets", fix="adapt all linear layers")
    return sorted(set(names))


def weights_of(model: nn.Module) -> int:
    """Weights of the model itself: those in 4 bits are packed in pairs, adapters are no part."""
    packed = [m for m in model.modules() if isinstance(m, _trace_kernels.Linear4bit)]
    unpacked = sum(m.in_features * m.out_features - m.weight.numel() for m in packed)
    own = (p.numel() for name, p in model.named_parameters() if "lora_" not in name)
    return sum(own) + unpacked


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The layers, first to last: the longest list of modules of one class, outermost first."""
    best: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) > len(best):
            best = list(module)
    return best


def _checkpointed(setup: Setup, model: Any) -> None:
    if setup.checkpointing and setup.trains != "nothing":
        how = {"use_reentrant": False}
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
        if setup.trains != "full":
            model.enable_input_require_grads()
