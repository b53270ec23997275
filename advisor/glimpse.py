"""Three rows as the model will see them: what no count can tell, a look does."""

from advisor.examined import Examined, evenly
from runners.base import Frozen, Row

_SHOWN = 3
_LONGEST = 2000


class Glimpse(Frozen):
    """One row."""

    id: str
    text: str
    """After the chat template, where there is a base model to write for; else input and target."""
    how: str
    """``bundled`` or another base model, ``plain`` without one, or why it could not be rendered."""


def glimpses(examined: Examined) -> tuple[Glimpse, ...]:
    """The first row, the last and the one between them."""
    rows = examined.train.table.rows
    return tuple(_seen(rows[place], examined) for place in evenly(len(rows), _SHOWN))


def _seen(row: Row, examined: Examined) -> Glimpse:
    base = examined.base_model
    if examined.rendered is None or base is None:
        return Glimpse(id=row.id, text=_short(_plain(row)), how="plain")
    from runners import _render
    from runners._render_guards import RenderError
    from runners._render_tokenizer import open_tokenizer

    try:
        text = _render.render(row, open_tokenizer(base)).text
    except RenderError as error:
        return Glimpse(id=row.id, text=_short(_plain(row)), how=str(error.code))
    return Glimpse(id=row.id, text=_short(text), how=base)


def _plain(row: Row) -> str:
    if row.messages:
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in row.messages)
    answer = row.target or ", ".join(row.labels)
    return f"{row.input}  ->  {answer}" if answer else row.input


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
