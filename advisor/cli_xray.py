"""``whichtune xray``: the exact tokens of one row, and which of them are learned."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from advisor import console
from advisor.cli_columns import columns
from advisor.cli_options import Id, Input, Json, Kind, Mapping, Target
from rules.errors import UserError
from runners.base import Row

if TYPE_CHECKING:
    from advisor.data import Table
    from runners._render import Rendered
    from runners._render_guards import RenderError


def xray(
    data: Annotated[Path, typer.Argument(help="Your rows, in any form that profile reads.")],
    row: Annotated[
        str | None, typer.Option("--row", help="Its id or its number; the first row unless given.")
    ] = None,
    base: Annotated[
        str, typer.Option("--base", help="Base model: bundled, a folder, or a hub id.")
    ] = "bundled",
    template: Annotated[
        Path | None, typer.Option("--template", help="Chat template in place of the model's own.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Where a row is cut.")
    ] = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    mapping: Mapping = None,
    as_json: Json = False,
) -> None:
    """Show the tokens of a row as the model sees them: masked, learned, special, where it ends.

    Ends with exit code 3 when the row must not be trained on as it is, with the fault's code name.
    """
    from advisor import data as tables

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    said = columns(flags, mapping_file=mapping)
    shown = _find(tables.read(data, said), row, base)
    from runners import _render
    from runners._render_guards import RenderError
    from runners._render_tokenizer import open_tokenizer

    jinja = _read_template(template) if template else None
    tokenizer = open_tokenizer(base)
    try:
        rendered = _render.render(shown.row, tokenizer, template=jinja, max_tokens=max_tokens)
    except RenderError as error:
        _refuse(error.at(shown.where), shown, as_json=as_json)
        raise typer.Exit(3) from error
    _present(rendered, shown, as_json=as_json)
    try:
        rendered.require_sound()
    except RenderError as error:
        console.talk(f"\nerror: {error.at(shown.where)}")
        raise typer.Exit(3) from error


class Shown(NamedTuple):
    """What is looked at: a row, where it stands, and by whose eyes."""

    row: Row
    where: str
    base: str


def _find(table: "Table", wanted: str | None, base: str) -> Shown:
    """The row with this id, or else with this number counted from 1.

    Raises:
        UserError: There is none, or it was left out.
    """
    number = 1 if wanted is None else _number(table, wanted)
    line = next(islice(table.rows.lines(), number - 1, None))
    return Shown(table.rows[number - 1], table.place(line), base)


def _number(table: "Table", wanted: str) -> int:
    for number, name in enumerate(table.rows.column("id"), 1):
        if name == wanted:
            return number
    if wanted.isdigit() and 1 <= int(wanted) <= len(table.rows):
        return int(wanted)
    for out in table.excluded:
        if wanted in (str(out.line), f"{table.path.stem}:{out.line}"):
            fix = f"see all that was left out: whichtune profile {table.path}"
            raise UserError(f"no row: {out.reason}", where=table.place(out.line), fix=fix)
    fix = f"give a number from 1 to {len(table.rows):,}, or an id such as {table.rows[0].id}"
    raise UserError(f"no row {wanted!r} in {table.path}", where="--row", fix=fix)


def _present(found: "Rendered", shown: Shown, *, as_json: bool) -> None:
    if as_json:
        from advisor import outputs_xray

        console.emit(outputs_xray.xray(found, shown.base, shown.where))
    else:
        from advisor import report_xray

        console.show(report_xray.xray(found, shown.row, shown.base, shown.where))


def _refuse(error: "RenderError", shown: Shown, *, as_json: bool) -> None:
    if as_json:
        from advisor import outputs_xray

        console.emit(outputs_xray.refused(shown.row.id, shown.base, error))
    console.talk(f"error: {error}")


def _read_template(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a Jinja file, such as the chat_template.jinja of a model"
        raise UserError(f"cannot read the template: {error}", where=str(path), fix=fix) from error


COMMANDS: dict[str, Callable[..., None]] = {"xray": xray}
