"""Where a model that can only be asked is asked: boxes that are there when one is named."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from advisor import endpoints
from rules.errors import SettingError
from runners import _endpoint
from runners.base import Endpoint

ABOUT = (
    "What is asked goes to this address, with the examples of few_shot and the passages of rag. "
    "The key is read from the environment."
)


@dataclass(frozen=True)
class _Box:
    id: str
    label: str
    hint: str
    flag: str
    """Of the command line, by which errors name it."""


_BOXES = (
    _Box("base-url", "Base URL", _endpoint.OPENAI, "--base-url"),
    _Box("key-env", "Key variable", _endpoint.KEY, "--api-key-env"),
    _Box("max-cost", "Dollars at most", "no limit", "--max-cost"),
)
IDS = tuple(box.id for box in _BOXES)


class AddressBoxes(Vertical):
    """Takes no room until a base model is named that is behind an address."""

    DEFAULT_CSS = "AddressBoxes { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._made: dict[tuple[str, ...], Endpoint | None] = {}

    def compose(self) -> ComposeResult:
        """A line for each."""
        for box in _BOXES:
            field = Input(placeholder=box.hint, id=box.id, compact=True)
            yield Horizontal(Label(box.label), field, classes="line")

    def follow(self, base_model: str) -> None:
        """Be there for a model that is named so, and for no other."""
        self.display = _endpoint.is_endpoint(base_model)

    def endpoint(self, base_model: str, *, stays_here: bool) -> Endpoint | None:
        """What was typed; none for a model with files. Typed again, it is the same account.

        Raises:
            SettingError: Something of it cannot be.
        """
        if not _endpoint.is_endpoint(base_model):
            return None
        typed = [self.query_one(f"#{box.id}", Input).value.strip() for box in _BOXES]
        known = (base_model, str(stays_here), *typed)
        if known not in self._made:
            url, key_env, dollars = typed
            privacy = endpoints.PRIVACY if stays_here else None
            try:
                self._made[known] = endpoints.made(
                    base_model, url or None, key_env or None, _dollars(dollars), privacy, {}
                )
            except SettingError as error:
                raise _named(error) from error
        return self._made[known]


def _dollars(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", "").removeprefix("$"))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        fix = "type dollars such as 2.50, or leave it empty"
        raise SettingError(f"{text!r} is no number of dollars", where="--max-cost", fix=fix)
    return value


def _named(error: SettingError) -> SettingError:
    """With the name of the box instead of the flag."""
    label = next((box.label.lower() for box in _BOXES if box.flag == error.where), error.where)
    fix = error.fix
    if "--endpoint" in fix:
        fix = f"leave it empty; or start the run by whichtune run, and {fix}"
    return SettingError(error.what, where=label, fix=fix)
