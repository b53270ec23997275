"""Time, money and energy of a training run, as intervals: from arithmetic or a measured speed.

Arithmetic: 2 operations a weight and token forward, 2 more for the gradient of the input, 2 more
for that of the weight where it learns (Kaplan et al. 2020, arXiv 2001.08361, appendix B), and the
attention scores. A measured speed wins over all of it.
"""

import math
from dataclasses import dataclass

from rules.entries import Gpu
from rules.errors import UserError
from rules.setup import Setup

UTILISATION = (0.15, 0.5)
"""Share of a card's stated arithmetic that training reaches: published runs of whole clusters
reach 0.46 (PaLM, arXiv 2204.02311), single cards with small batches far less."""

_SIXTEEN_BIT_GAIN = 4.0  # fp32 without tensor cores is about a quarter of the 16-bit rate, or less


@dataclass(frozen=True, slots=True)
class Span:
    """A number as an interval, with where it comes from."""

    low: float
    high: float
    origin: str

    def times(self, factor: float) -> "Span":
        """The interval in another unit."""
        return Span(self.low * factor, self.high * factor, self.origin)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes."""

    tokens: int
    """Of all epochs, padding included."""
    operations: float
    """Floating-point operations in all."""
    tokens_per_second: Span
    hours: Span
    dollars: Span | None
    kilowatt_hours: Span | None


def operations_per_token(setup: Setup) -> float:
    """Floating-point operations for one token of one step."""
    shape = setup.shape
    per_layer = shape.linear_weights
    if shape.experts > 1:  # a token passes some experts only
        idle = (3 if shape.gated else 2) * shape.hidden * shape.intermediate
        per_layer -= idle * (shape.experts - shape.experts_per_token)
    dense = shape.blocks * per_layer + shape.embedding_weights * (shape.kind != "encoder")
    scores = 2 * shape.blocks * shape.query_width * setup.tokens  # half of the square is masked
    forward = 2.0 * dense + scores
    if setup.trains == "nothing":
        return forward
    backward = 2.0 * dense + 2 * scores
    if setup.trains == "full":
        backward += 2.0 * dense
    elif setup.trains == "top_layers":
        share = setup.trained_layers / shape.blocks
        # with checkpointing the gradient goes on through the frozen layers (memory_moments)
        backward = backward * (1 if setup.checkpointing else share) + 2.0 * dense * share
    again = forward if setup.checkpointing else 0.0
    reference = forward if setup.reference != "none" else 0.0
    generation = forward * 2 if setup.way == "online_rl" else 0.0  # the answers, and their scores
    return forward + backward + again + reference + generation


def cost(
    setup: Setup,
    *,
    rows: int,
    epochs: float,
    gpu: Gpu | None = None,
    measured_tokens_per_second: float | None = None,
    dollars_per_hour: float | None = None,
) -> Cost:
    """Hours and money for so many rows and passes.

    Raises:
        UserError: No rows, no passes, a price below zero, or neither a card nor a measured speed.
    """
    _check(rows, epochs, dollars_per_hour)
    pairs = 2 if setup.way in ("dpo", "reward_model") else 1
    tokens = round(rows * epochs * setup.tokens * pairs)
    each = operations_per_token(setup)
    speed = _speed(setup, each, gpu, measured_tokens_per_second)
    origin = speed.origin
    hours = Span(tokens / speed.high / 3600, tokens / speed.low / 3600, origin)
    return Cost(
        tokens=tokens,
        operations=each * tokens,
        tokens_per_second=speed,
        hours=hours,
        dollars=_dollars(hours, setup.devices, gpu, dollars_per_hour),
        kilowatt_hours=hours.times(gpu.watts * setup.devices / 1000) if gpu else None,
    )


def _check(rows: int, epochs: float, price: float | None) -> None:
    for flag, value in (("--rows", rows), ("--epochs", epochs)):
        if not 0 < value < math.inf:  # also false for what is not a number
            raise UserError(f"{value:g} is no training", where=flag, fix="give more than 0")
    if price is not None and not 0 <= price < math.inf:
        raise UserError(f"a price of {price:g}", where="--price", fix="give dollars an hour")


def _speed(setup: Setup, each: float, gpu: Gpu | None, measured: float | None) -> Span:
    if measured is not None:
        if not 0 < measured < math.inf:
            what = f"{measured:g} tokens a second"
            raise UserError(what, where="--speed", fix="measure it: whichtune run")
        return Span(measured * 0.9, measured * 1.1, "measured on this machine, within a tenth")
    if gpu is None:
        fix = "name the card, such as --gpu 'RTX 4090'"
        raise UserError("no speed without a card", where="--gpu", fix=fix)
    rate = gpu.tflops_16bit * 1e12 * setup.devices
    if setup.precision == "fp32" and not setup.autocast:
        rate /= _SIXTEEN_BIT_GAIN
    low, high = UTILISATION
    origin = (
        f"{gpu.name}: {gpu.tflops_16bit} TFLOPS stated, of which {low:.0%} to {high:.0%} is used"
    )
    return Span(rate * low / each, rate * high / each, origin)


def _dollars(hours: Span, devices: int, gpu: Gpu | None, price: float | None) -> Span | None:
    if price is not None:
        says = f"{price:g} dollars an hour, as given"
        return Span(hours.low * price * devices, hours.high * price * devices, says)
    if gpu is None or gpu.usd_per_hour is None:
        return None
    low, high = gpu.usd_per_hour
    says = f"{low:g} to {high:g} dollars an hour, remembered list prices of {gpu.checked}"
    return Span(hours.low * low * devices, hours.high * high * devices, says)
