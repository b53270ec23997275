"""A judgement in words: the win rate first, then what speaks against believing it."""

from advisor.judgement import Judge, Judgement, Side
from runners.base import Interval95

_SURE = 0.05


def judged(found: Judgement) -> list[str]:
    """Lines for the screen."""
    first, second = found.first.run, found.second.run
    lines = [
        f"{first} over {second}: win rate {_interval(found.win_rate)}, p {_chance(found.p_value)}",
        f"  {found.wins:,} won, {found.ties:,} tied, {found.losses:,} lost of "
        f"{found.questions:,} questions; {found.same_answers:,} answered alike",
        *_rewards(found.first, found.second),
        f"  words: {first} {_interval(found.lengths.first_words, 1)}, "
        f"{second} {_interval(found.lengths.second_words, 1)}; {found.lengths.told()}",
    ]
    if found.places:
        lines.append(f"  {found.places.told()}")
    lines += [*_judge(found.judge), f"  {found.how}"]
    lines += [f"! {warning}" for warning in found.warnings]
    return [*lines, "", _verdict(found)]


def _verdict(found: Judgement) -> str:
    first, second = found.first.run, found.second.run
    if found.p_value >= _SURE:
        return f"Neither is shown to answer better than the other, by {found.judge.name}."
    better, other = (first, second) if found.wins > found.losses else (second, first)
    text = f"{better} answers better than {other}, by {found.judge.name}"
    return f"{text}; read the warnings first." if found.warnings else f"{text}."


def _rewards(*sides: Side) -> list[str]:
    each = [f"{side.run} {_interval(side.reward, 3)}" for side in sides if side.reward]
    return [f"  mean reward: {', '.join(each)}"] if each else []


def _judge(judge: Judge) -> list[str]:
    if judge.place:
        return [f"  judge: {judge.model} at {judge.place}, asked twice, the answers swapped"]
    held = {True: "held out", False: "not held out", None: "of unknown pairs"}[judge.held_out]
    text = f"  judge: the reward model of {judge.name} on {judge.model}, {held}"
    if judge.accuracy:
        text += f"; it takes the answer that people took in {_interval(judge.accuracy)} of "
        text += f"{judge.pairs:,} pairs of these rows"
    return [text]


def _chance(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}"


def _interval(found: Interval95, digits: int = 3) -> str:
    value, low, high = (f"{item:,.{digits}f}" for item in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"
