"""What leaves this machine in a run: said before the first byte, and added up after the last."""

from collections.abc import Sequence

from runners import _asking, _endpoint, _journal, _replies, _stays_here
from runners._cards import TuningJob
from runners.base import Plan, Prediction, Progress, Report, Usage, find


def words(plan: Plan) -> str:
    """What goes where."""
    endpoint = plan.endpoint or _endpoint.Endpoint()
    if _endpoint.is_here(endpoint.base_url):
        return f"questions go to {endpoint.base_url}, on this machine; nothing leaves it"
    sends = getattr(find(plan.approach), "API_SENDS", "the rows")
    return f"{sends} leave this machine for {endpoint.base_url} (key: {endpoint.key_env})"


def begin(plan: Plan, report: Report) -> None:
    """Say what goes where, and close the door where nothing may go.

    Raises:
        SettingError: The data must stay here, and the address is elsewhere.
    """
    if plan.endpoint is None:
        return
    _endpoint.require_private(plan.endpoint)
    if plan.endpoint.stays_here:
        _stays_here.close()
    report(Progress(message=words(plan)))


def usage(plan: Plan, predictions: Sequence[Prediction], report: Report) -> Usage | None:
    """What was asked and what it cost; answers that are none are a warning too."""
    if plan.endpoint is None:
        return None
    refused = sum(item.refused for item in predictions)
    outside = sum(item.outside for item in predictions)
    for count, what in ((refused, "withheld by a filter"), (outside, "none of the labels")):
        if count:
            text = f"{count:,} of {len(predictions):,} answers are {what}, and count as wrong"
            report(Progress(message=text, warning=True))
    with _replies.opened() as store:
        spent = store.spent(plan.endpoint.account)
    return Usage(
        calls=_asking.meter["calls"],
        cached=_asking.meter["cached"],
        retries=_asking.meter["retries"],
        prompt_tokens=_asking.meter["prompt_tokens"],
        answer_tokens=_asking.meter["answer_tokens"],
        dollars=spent if plan.endpoint.price else None,
        refused=refused,
        outside=outside,
        tuning=_tuning(plan),
    )


def _tuning(plan: Plan) -> TuningJob | None:
    """The job that the model came from, by its record."""
    found = _journal.read(plan)
    if found is None:
        return None
    return TuningJob.model_validate(found.model_dump(include=set(TuningJob.model_fields)))
