"""Better answers that the base model finds far from what it would say: supervised tuning first.

Preference training moves a model among things it may say; of answers it would never give it learns
little, and its reference is of no use (the DPO repository: run supervised tuning first, so that the
data are in-distribution; docs/evidence.md, "DPO pairs"). What is compared are the bits that the
base model takes for a byte of the better answers, after their prompts, and for a byte of general
prose. From which share on is ours, not published: half more. Under the bundled model, which has
read books alone, better answers of HH-RLHF take 52 % more, of PandaLM's test 58 %; short ones of
PandaLM 79 %, and 43 % once it was tuned on 204 others of them (docs/log.md).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from advisor.check import Found, NotLookedError
from advisor.checks.pairs import PAIRS
from advisor.examined import Examined, Side, evenly
from runners import _models

if TYPE_CHECKING:
    from runners.base import Row

SAYS = "better answers that are far from what the base model would say"
LIBRARIES = ("torch", "transformers")
COST = 20.0

FAR = 0.5
_READ = 64
"""Pairs that are read, drawn evenly."""
_PROSE = 2000
"""Characters of each passage of prose: answers are short, and begin without context."""
_LARGEST = 4 << 30
"""Bytes of weights up to which a processor reads so many answers in about a minute."""


def look(examined: Examined) -> Iterator[Found]:
    """Of pairs, where a base model was named.

    Raises:
        NotLookedError: None was, or it cannot be opened here.
    """
    side = examined.train
    if side.kind not in PAIRS:
        return
    base = _base(examined)
    places = evenly(len(side), _READ)
    rows = [side.table.rows[place] for place in places]
    prose, answers = _bits(base, rows)
    most = prose * (1 + FAR)
    read = zip(places, answers, strict=True)
    far = [place for place, (bits, size) in read if bits > most * size]
    mean = sum(bits for bits, _ in answers) / max(1, sum(size for _, size in answers))
    if mean <= most:
        return
    text = (
        f"better answers that are far from what {base} would say: {mean:.2f} bits per byte, and "
        f"{prose:.2f} of general prose, so {mean / prose - 1:.0%} more ({len(places):,} read)"
    )
    fix = f"SFT first: tune on the better answers{_how(examined.train)}; then learn the preference"
    yield Found("far_answers", text, far, fix=fix)


def _how(side: Side) -> str:
    """The columns that make prompts with answers of the pairs, where both are columns of texts."""
    roles = side.table.mapping.roles
    if side.kind != "preference" or "input" not in roles:
        return ""
    named = f"--input {roles['input']} --target {roles['target']}"
    return f" (run --approach lora --kind prompt_completion {named})"


def _base(examined: Examined) -> str:
    """The model to read with."""
    base = examined.base_model
    if base is None or not examined.opened:
        raise NotLookedError("it opens the base model, and none was named", "add --base MODEL")
    if _models.kind(base) != "causal":
        raise NotLookedError(f"{base} writes no text", "name a causal model: --base MODEL")
    size = sum(path.stat().st_size for path in _models.locate(base).rglob("*.safetensors"))
    if size > _LARGEST:
        reason = f"the weights of {base} are {size / 2**30:.0f} GiB"
        raise NotLookedError(reason, "name a smaller model of the same family: --base MODEL")
    return base


def _bits(base: str, rows: "list[Row]") -> tuple[float, list[tuple[float, int]]]:
    """Bits per byte of prose, and the bits and bytes of each better answer."""
    from runners import _causal_lm, _forgetting, _generation
    from runners.base import Row

    model, tokenizer = _causal_lm.open_model(base)
    writer = _generation.Writer(model, tokenizer, 1)
    passages = _forgetting.rows(0)["prose"]
    said = writer.bits([Row(id=row.id, input=row.input[:_PROSE]) for row in passages])
    prose = sum(one.bits for one in said) / sum(one.bytes for one in said)
    return prose, [(one.bits, one.bytes) for one in writer.bits(rows)]
