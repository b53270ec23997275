"""Hosted: a provider tunes its model on the rows, and serves what comes of it.

The rows are looked through, priced and written down, then sent; a job is made once and followed to
its end, also by whoever goes on after a crash. The tuned model is then asked as the untouched one
is, on the same rows. Services end: ``rules/providers.yaml`` says which one takes jobs until when.
"""

import json
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from rules import tables
from rules.entries import Provider
from rules.errors import SettingError
from runners import (
    _api_writer,
    _asking,
    _choosing,
    _endpoint,
    _following,
    _generation,
    _upload,
)
from runners._endpoint import Endpoint
from runners._following import Knobs
from runners.base import Frozen, Plan, Predictor, Progress, Report, Row, settings_of

TASKS = ("classification", "generation", "instruction_following")
LIBRARIES = ("openai",)
API_LIBRARIES = ("openai",)
API_SENDS = "all rows to learn from, and then the questions of the rows to measure on"
_FILE = "hosted.json"
_PASSES, _FEWEST, _MOST_ROWS, _MOST_PASSES = 3, 100, 25_000, 25


class Settings(Frozen):
    """The knobs of this approach."""

    epochs: Annotated[int, Ge(1)] | None = None
    """Passes over the rows; from their number unless given."""
    batch: Annotated[int, Ge(1)] | None = None
    """Rows per step; the provider's choice unless given."""
    learning_rate_multiplier: Annotated[float, Gt(0)] | None = None
    """By OpenAI's protocol: times the provider's own rate."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """At Together: the rate itself."""
    service: _following.Kind | None = None
    """The protocol of jobs; by the address unless given."""
    horizon: date | None = None
    """Until when you want to tune there again; a service that ends before is refused."""
    training_price: Annotated[float, Ge(0)] | None = None
    """Dollars for a million trained tokens; the page of your provider says it."""
    tuned_price: tuple[float, float] | None = None
    """Dollars for a million tokens of the tuned model, questions and answers; as the base model's
    unless given."""
    instruction: str = "Choose the label that fits the text."
    """What the model is told, in training and after. For texts nothing unless given."""
    poll_seconds: Annotated[float, Gt(0)] = 10
    """Between two looks at the job."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """The number of epochs: said, not left to the provider, so that the price is known before."""
    reason = "3 passes, more of fewer than 34 rows (at least 100 in all, at most 25 passes), fewer "
    reason += "of more than 8,333; the OpenAI cookbook, Chat_finetuning_data_prep"
    passes = _PASSES
    if rows * passes < _FEWEST:
        passes = min(_MOST_PASSES, math.ceil(_FEWEST / max(1, rows)))
    elif rows * passes > _MOST_ROWS:
        passes = max(1, _MOST_ROWS // rows)
    return {"epochs": (passes, reason)}


def require_service(settings: Settings, endpoint: Endpoint | None) -> None:
    """Refuse, before a run is made, what no service would take.

    Raises:
        SettingError: No provider's model is named, its service ends too early, or there is a cap
            and no price.
    """
    if endpoint is None:
        fix = "name it: --base-model api:NAME, with --base-url where it is not OpenAI's"
        raise SettingError("hosted tunes a provider's model", where="--base-model", fix=fix)
    kind = _following.kind(endpoint, settings.service)
    wrong = "learning_rate" if kind == "openai" else "learning_rate_multiplier"
    if getattr(settings, wrong) is not None:
        fix = "leave it out, or give the other one of learning_rate and learning_rate_multiplier"
        raise SettingError(f"{kind} has no such knob", where=f"--setting {wrong}", fix=fix)
    provider = provider_of(endpoint)
    if provider:
        _require_open(provider, settings.horizon)
    if endpoint.max_cost is not None and not _endpoint.is_here(endpoint.base_url):
        for name in ("training_price", "tuned_price"):
            if getattr(settings, name) is None:
                what = f"no {name.replace('_', ' ')} is known, so that no cap can be held"
                raise SettingError(what, where="--max-cost", fix=f"give it: --setting {name}=…")


def provider_of(endpoint: Endpoint) -> Provider | None:
    """What is known of the service at this address."""
    host = _following.host(endpoint)
    return next((item for item in tables.providers() if item.host and item.host == host), None)


def _require_open(provider: Provider, horizon: date | None) -> None:
    today = date.today()
    until = max(horizon or today, today)
    where, told = "--setting horizon", f"{provider.source}, looked at {provider.checked}"
    others = [item.name for item in tables.providers() if item.takes_new(until) and item.host]
    fix = f"tune elsewhere ({', '.join(others)}), or open weights of your own: --approach lora"
    if provider.status == "closed" or (provider.sunset and today >= provider.sunset):
        what = f"{provider.name} takes no more jobs since {provider.sunset} ({told})"
        raise SettingError(what, where="--base-url", fix=fix)
    if provider.sunset and until >= provider.sunset:
        what = f"{provider.name} takes no new job from {provider.sunset} on, and you want to tune "
        raise SettingError(f"{what}until {until} ({told})", where=where, fix=fix)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Have the model tuned, and write down how it is asked.

    Raises:
        DataError: The rows are not what the service takes.
        RunError: The job failed, or would cost more than it may.
        SettingError: Key, model or address are wrong.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    endpoint = plan.endpoint or Endpoint()
    require_service(settings, endpoint)
    provider = provider_of(endpoint)
    if provider and provider.closed_to_new:
        text = f"{provider.name} takes nobody new since {provider.closed_to_new}"
        report(Progress(message=f"{text}; who never tuned there is refused", warning=True))
    upload = _uploaded(plan, rows, settings)
    if _asking.is_counting():  # nobody is asked now; the tuned model will be asked as the base is
        _write(plan, rows, settings, f"{plan.base_model}:tuned")
        return
    knobs = Knobs(
        kind=_following.kind(endpoint, settings.service),
        epochs=_epochs(settings, rows),
        batch=settings.batch,
        learning_rate_multiplier=settings.learning_rate_multiplier,
        learning_rate=settings.learning_rate,
        price=_training_price(settings, endpoint),
        poll_seconds=settings.poll_seconds,
    )
    model = _following.tuned(plan, endpoint, upload, knobs, report)
    _write(plan, rows, settings, f"{_endpoint.PREFIX}{model}")


def training(plan: Plan, rows: Sequence[Row]) -> _upload.Training:
    """What the job would train on and cost, for those who only want to know.

    Raises:
        DataError: The rows are not what the service takes.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    price = _training_price(settings, plan.endpoint or Endpoint())
    return _uploaded(plan, rows, settings).priced(_epochs(settings, rows), price)


def _epochs(settings: Settings, rows: Sequence[Row]) -> int:
    return settings.epochs or computed(len(rows))["epochs"][0]


def _uploaded(plan: Plan, rows: Sequence[Row], settings: Settings) -> _upload.Upload:
    provider = provider_of(plan.endpoint or Endpoint())
    least = (provider.minimum_rows if provider else None) or _upload.MINIMUM_ROWS
    if plan.task == "classification":
        about = _choosing.written_down(plan, rows, settings.instruction)
        return _upload.write(plan, rows, _choosing.endpoint_of(about), least)
    about = _api_writer.about(plan, rows, _told(plan, settings))
    return _upload.write(plan, rows, _api_writer.ApiWriter(about), least)


def _told(plan: Plan, settings: Settings) -> str:
    """The instruction for texts: what labels are told unless given makes no sense there."""
    return settings.instruction if "instruction" in plan.settings else ""


def _training_price(settings: Settings, endpoint: Endpoint) -> float | None:
    if settings.training_price is not None:
        return settings.training_price
    return 0.0 if _endpoint.is_here(endpoint.base_url) else None


def _write(plan: Plan, rows: Sequence[Row], settings: Settings, model: str) -> None:
    endpoint = plan.endpoint or Endpoint()
    if settings.tuned_price:
        source = "your own price of the tuned model"
        update = {"price": settings.tuned_price, "price_source": source}
        endpoint = endpoint.model_copy(update=update)
    tuned = plan.model_copy(update={"base_model": model, "endpoint": endpoint})
    if plan.task != "classification":
        _api_writer.prepare(tuned, rows, _told(plan, settings))
        return
    about = _choosing.written_down(tuned, rows, settings.instruction)
    (plan.artifact / _FILE).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")


def load(folder: Path) -> Predictor:
    """The tuned model, to be asked as it was trained."""
    if _generation.writes(folder):
        return _generation.load(folder)
    model = _choosing.endpoint_of(json.loads((folder / _FILE).read_text("utf-8")))
    model.client.structured = False  # it has learned to answer with the label alone
    return model
