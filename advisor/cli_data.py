"""Commands that make data: convert rows into another form, label rows to measure on."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from advisor import console
from advisor.cli_columns import columns
from advisor.cli_options import Encoding, Id, Input, Json, Kind, Mapping, Part, Role, Target


def convert(
    data: Annotated[Path, typer.Argument(help="Your rows, in any form: a file, a folder, an id.")],
    out: Annotated[Path, typer.Argument(help="New file: .jsonl, .csv or .parquet.")],
    to: Annotated[
        Literal["instructions", "chat", "labels"] | None,
        typer.Option("--to", help="What the rows become; without it only the format changes."),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option("--template", help="A wording to use, by name; repeatable; else all."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Order in which wordings are dealt.")] = 0,
    labels: Annotated[
        str | None,
        typer.Option("--labels", help="What answers may mean: a,b,c or a file of labelled rows."),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option("--qrels", help="Which documents answer which question (BEIR, TREC)."),
    ] = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    encoding: Encoding = None,
    part: Part = None,
    role: Role = None,
    mapping: Mapping = None,
    as_json: Json = False,
) -> None:
    """Write rows in another form: labelled rows as instructions or a chat, and back; or a format.

    Never writes over a file. Shows three rows, and every record that was left out.
    """
    from advisor import converting

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    flags |= {"encoding": encoding, "part": part}
    said = columns(flags, roles=role, mapping_file=mapping)
    _refuse_idle(to, template, labels, qrels)
    wanted = converting.Wanted(
        to=to, templates=tuple(template or ()), labels=_labels(labels), seed=seed, qrels=qrels
    )
    done = converting.convert(data, out, said, wanted)
    if as_json:
        from advisor.outputs_data import ConvertOutput

        console.emit(ConvertOutput(converted=done))
        return
    from advisor import report_rows

    console.show(report_rows.converted(done))
    told = "sweep DIR --data" if qrels else "profile"
    console.talk(f"\nNext: whichtune {told} {out}")


def _refuse_idle(
    to: str | None, template: list[str] | None, labels: str | None, qrels: Path | None
) -> None:
    """A flag that would do nothing is a misunderstanding."""
    from rules.errors import SettingError

    if template and to not in ("instructions", "chat"):
        fix = "say what the rows become: --to instructions, or --to chat"
        raise SettingError("templates make instructions of labels", where="--template", fix=fix)
    if labels and to != "labels":
        fix = "say what the rows become: --to labels"
        raise SettingError("labels are looked for in answers", where="--labels", fix=fix)
    if qrels and to:
        fix = "leave --to out: the questions keep their form, and get a column of documents"
        raise SettingError(
            "judgements are added to questions as they are", where="--qrels", fix=fix
        )


def _labels(said: str | None) -> tuple[str, ...]:
    """The labels in a file of labelled rows, or those that were typed."""
    if not said:
        return ()
    if Path(said).is_file():
        from advisor import converting
        from advisor import data as tables

        return converting.all_labels(tables.read(Path(said)))
    return tuple(label.strip() for label in said.split(",") if label.strip())


def label(
    data: Annotated[Path, typer.Argument(help="Rows to choose from, labelled or not.")],
    out: Annotated[Path, typer.Option("--out", help="New file of labelled rows, .jsonl.")],
    rows: Annotated[
        int,
        typer.Option(
            min=1,
            help="Rows to label. An accuracy of 80 % is then known to ± 8 points; 50 rows give 11,"
            " 200 give 6, 400 give 4.",
        ),
    ] = 100,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="A label that can be given; repeatable; else those of DATA."),
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Texts get an answer in words instead of a label.")
    ] = False,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="Instead of a terminal: one answer a line, or .jsonl of id and answer; - is stdin."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides which rows are drawn.")] = 0,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    encoding: Encoding = None,
    part: Part = None,
    role: Role = None,
    mapping: Mapping = None,
    as_json: Json = False,
) -> None:
    """Make an evaluation set: rows are drawn fairly, you label them, --evaluation reads them.

    Saved after every answer; the same command goes on where you stopped.
    """
    import sys

    from advisor import ask_label, labelling, pool

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    said = columns(flags | {"encoding": encoding, "part": part}, roles=role, mapping_file=mapping)
    labelling.check(out)
    found = pool.read(data, said, free=free)
    session = labelling.resume(out, found)
    if session is None:
        with console.news(data.name, patience=3.0) as report:
            session = labelling.begin(found, label or (), rows, seed, report)
        labelling.save(session, found, out)
    if answers:
        session = ask_label.take(session, found, out, ask_label.from_file(answers, session))
    else:
        session = ask_label.ask(session, found, out, lambda: sys.stdin.readline() or None)
    if as_json:
        from advisor import outputs_data

        console.emit(outputs_data.labelled(session, out))
        return
    from advisor import report_rows

    console.show(report_rows.labelled(session, out))
    going_on = f"whichtune label {data} --out {out}"
    ready = f"whichtune run --data {data} --evaluation {out}"
    console.talk(f"\nNext: {ready if session.next is None and session.answered else going_on}")


COMMANDS: dict[str, Callable[..., None]] = {"convert": convert, "label": label}
