"""What plans would ask of a model behind an address, and what that would cost."""

from collections.abc import Sequence

from runners import _data, _dry, _outgoing, _quiet
from runners._dry import Count
from runners.base import Frozen, Plan


class DryRun(Frozen):
    """One plan, counted."""

    run: str
    sends: str
    """What would leave this machine, and for where."""
    count: Count | None
    """Nothing, where the plan asks no model behind an address."""
    price: tuple[float, float] | None
    """Dollars for a million tokens, of questions and of answers."""
    price_source: str
    max_cost: float | None


def of(plans: Sequence[Plan]) -> list[DryRun]:
    """Count each plan; nothing is sent."""
    _quiet.settle()
    return [_one(plan) for plan in plans]


def _one(plan: Plan) -> DryRun:
    endpoint = plan.endpoint
    if endpoint is None:
        return nothing(plan.name)
    count = _dry.count(plan, _data.read_rows(plan.train), _data.read_rows(plan.evaluation))
    return DryRun(
        run=plan.name,
        sends=_outgoing.words(plan),
        count=count,
        price=endpoint.price,
        price_source=endpoint.price_source,
        max_cost=endpoint.max_cost,
    )


def nothing(name: str) -> DryRun:
    """Of what asks no model behind an address."""
    none = "nothing leaves this machine"
    return DryRun(run=name, sends=none, count=None, price=None, price_source="", max_cost=None)


def told(item: DryRun) -> str:
    """The same, to be read."""
    lines = [f"{item.run}: {item.sends}"]
    if item.count is None:
        return lines[0]
    count = item.count
    lines.append(
        f"  {count.calls:,} calls ({count.cached:,} answers are kept from before), about "
        f"{count.prompt_tokens:,} tokens asked, at most {count.answer_tokens:,} answered"
    )
    if count.training:
        lines.append(f"  a job is made of {count.training.told}")
    if count.dollars is None or count.dollars_at_most is None or item.price is None:
        lines.append("  no price is known: give yours, --endpoint 'price=[IN, OUT]' per million")
        return "\n".join(lines)
    asked, said = item.price
    lines.append(
        f"  about ${count.dollars:,.4f}, at most ${count.dollars_at_most:,.4f} "
        f"(${asked:g} and ${said:g} per million tokens, {item.price_source})"
    )
    if item.max_cost is not None:
        lines.append(f"  it stops before ${item.max_cost:,.2f} is passed")
    return "\n".join(lines)
