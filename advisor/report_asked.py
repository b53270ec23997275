"""What asking costs and finds, in words: how long one question takes."""

from typing import TYPE_CHECKING

from advisor import scale
from runners._cards import Latency, TuningJob
from runners.base import Result

if TYPE_CHECKING:
    from advisor.compare import Comparison


def latency(result: Result) -> list[str]:
    """How long somebody waits who asks one question."""
    if (found := result.latency) is None:
        return []
    slow = f"95 % of {found.questions} take at most {found.p95_ms:,.1f} ms"
    how = "one by one" if found.at_once == 1 else f"up to {found.at_once} at once"
    return [f"asked {how}: half of the questions take at most {found.p50_ms:,.1f} ms, {slow}"]


def _together(found: Latency) -> str:
    return "" if found.at_once == 1 else f" (up to {found.at_once} at once)"


def usage(result: Result) -> list[str]:
    """What a model behind an address was asked, and what that has cost."""
    if (found := result.usage) is None:
        return []
    line = f"asked {found.calls:,} times ({found.cached:,} answers kept from before, "
    line += f"{found.retries:,} tries again): {found.prompt_tokens:,} tokens asked, "
    line += f"{found.answer_tokens:,} answered"
    if found.dollars is not None:
        line += f"; ${found.dollars:,.4f} spent by all runs of this command"
    return [line, *_tuned(found.tuning)]


def _tuned(job: TuningJob | None) -> list[str]:
    if job is None:
        return []
    count = "an unknown number of" if job.trained_tokens is None else f"{job.trained_tokens:,}"
    cost = "" if job.dollars is None else f", ${job.dollars:,.4f}"
    return [
        f"tuned by {job.place}, job {job.job}: {job.rows:,} rows, {job.epochs} passes, {count} "
        f"tokens{cost}; {job.submitted} to {job.ended}",
        f"tuned model {job.model}; rows sent as {job.file}",
    ]


def compared(found: "Comparison") -> list[str]:
    """The same of all runs that know it."""
    each = [
        f"{line.name} {line.latency.p95_ms:,.1f}" + _together(line.latency)
        for line in found.lines
        if line.latency
    ]
    return [f"Asked one by one, ms for 95 % of the questions: {', '.join(each)}."] if each else []


_ADVICE = {
    "not_in_corpus": "add documents, then whichtune index again",
    "retrieval_missed": "raise top_k, name a reranker, or try sizes and modes: whichtune sweep",
    "reader_missed": "a larger base model, or a tuned one by hybrid",
}


def retrieval(result: Result) -> list[str]:
    """What was found, and for each cause of wrong answers what helps against it."""
    if (card := result.retrieval) is None:
        return []
    lines: list[str] = []
    if card.metrics:
        told = (f"{name} {scale.shown(name, value)}" for name, value in card.metrics.items())
        how = "the documents rows name" if card.by == "documents" else "passages with the answer"
        lines.append(f"retrieval, by {how}, {card.questions:,} questions: {'; '.join(told)}")
    failed = card.failures
    lines.append(f"{failed.wrong:,} answers hold no right one")
    for cause, advice in _ADVICE.items():
        if count := int(getattr(failed, cause)):
            share = count / failed.wrong
            lines.append(f"  {cause.replace('_', ' ')}: {count:,} ({share:.0%}); {advice}")
    if failed.not_judged:
        lines.append(f"  not judged: {failed.not_judged:,}; name documents in a column `documents`")
    kept = card.abstention
    if kept.refused or kept.unanswerable:
        lines.append(
            f"{kept.refused:,} not answered, {kept.refused_rightly:,} of them rightly; "
            f"{kept.answered_anyway:,} of {kept.unanswerable:,} without an answer were answered"
        )
    return lines
