"""Commands that decide: advise and ask. Nothing is trained here."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from advisor import bakeoff, cli_look, cli_record, cli_rules, console, facts, questions
from advisor.cli_columns import columns
from advisor.cli_options import Data, Evaluation, Id, Input, Json, Mapping, Rules, Target
from advisor.facts import Situation
from advisor.questions import Question
from rules import engine
from rules.errors import FactError, UserError

if TYPE_CHECKING:
    from advisor.advice import Advice
    from advisor.columns import Columns
    from advisor.interview import Ask

profile, doctor = cli_look.profile, cli_look.doctor

Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A fact, such as --set access=api_only; may be repeated."),
]
NoMachine = Annotated[bool, typer.Option("--no-machine", help="Do not look at this machine's GPU.")]
Details = Annotated[bool, typer.Option("--details", help="Reasons of every approach, every flip.")]
Ladder = Annotated[bool, typer.Option("--ladder", help="Only the ladder, cheap to costly.")]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="APPROACH", help="The case for and against one.")
]
Record = Annotated[
    Path | None,
    typer.Option("--record", metavar="FILE.json", help="Write a decision record, .md beside it."),
]
Replay = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FILE.json", help="Judge a record again; 1 if it changed."),
]
Batch = Annotated[
    Path | None,
    typer.Option(
        "--batch", metavar="FILE.jsonl", help="Judge one row of facts a line; - is stdin."
    ),
]
Answers = Annotated[
    Path | None,
    typer.Option("--answers", help="One answer a line instead of a terminal; - is stdin."),
]


def advise(
    facts_file: Annotated[
        Path | None, typer.Argument(metavar="[FACTS.YAML]", help="Facts, one a line.")
    ] = None,
    data: Data = None,
    evaluation: Evaluation = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    mapping: Mapping = None,
    given: Set = None,
    no_machine: NoMachine = False,
    rules: Rules = None,
    details: Details = False,
    ladder: Ladder = False,
    explain: Explain = None,
    record: Record = None,
    replay: Replay = None,
    batch: Batch = None,
    as_json: Json = False,
) -> None:
    """Rank every approach for your case, with the reason and the source of every point.

    Facts come from a file, from --set, from your data and from this machine, in this order of
    weight. What nobody knows stays unknown: a rule that needs it is shown as undecided.

    Ends with 3 when a gate says stop (nothing to measure on; the target is met already), with 1
    when a replayed record comes out differently, with 2 when a line of a batch cannot be read.

    \b
    whichtune advise --data tickets.csv --set access=weights
    whichtune advise facts.yaml --json | jq -r .top
    whichtune advise facts.yaml --explain lora
    whichtune advise facts.yaml --record decisions/2026-11.json
    whichtune advise --replay decisions/2026-11.json
    """
    approaches = engine.load(engine.FOLDER, *(rules or []))
    if batch:
        cli_record.judge_batch(batch, approaches)
        return
    answers = facts.read_file(facts_file) if facts_file else {}
    answers |= facts.read_settings(given or [])
    flags = {"input": input_column, "target": target_column, "id": id_column}
    said = columns(flags, mapping_file=mapping)
    found = data_facts(data, evaluation, said) if data else {}
    if replay:
        cli_record.replay(replay, facts.gather(answers, found), approaches, as_json=as_json)
        return
    from advisor.advice import consider

    machine = {} if no_machine else machine_facts(answers)
    said = consider(facts.gather(answers, found, machine), approaches)
    if record:
        cli_record.write(said, record)
    if explain or ladder:
        _show_part(said, explain)
        return
    show_advice(said, data, details=details, as_json=as_json)
    if any(gate.stop for gate in said.recommendation.gates):
        raise typer.Exit(3)


def data_facts(
    data: Path, evaluation: Path | None, columns: "Columns"
) -> dict[str, tuple[Any, str]]:
    """The facts that the files show."""
    from advisor import data as tables
    from advisor import profile

    return dict(profile.facts(*tables.read_both(data, evaluation, columns)))


def machine_facts(answers: dict[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """The facts that this machine shows; the driver is slow to ask, so not without need."""
    if {"gpu_memory_gb", "n_gpus"} <= answers.keys():
        return {}
    from advisor import hardware

    return dict(hardware.look().facts())


def _show_part(said: "Advice", name: str | None) -> None:
    if name:
        from rich.text import Text

        from advisor.explain import explain

        console.show(Text(explain(said, name)))
        return
    from advisor import report_advice

    console.show(report_advice.ladder(said))


def show_advice(said: "Advice", data: Path | None, *, details: bool, as_json: bool) -> None:
    """Print the advice, with the command that comes next."""
    if as_json:
        from advisor import outputs_advice

        console.emit(outputs_advice.advise(said))
        return
    from advisor import report_advice

    console.show(report_advice.advice(said, details=details, data=str(data or "FILE")))
    found, file = said.recommendation, data or "FILE"
    if any(gate.stop for gate in found.gates):
        return
    ready = {item.approach for item in found.ranking if item.can_run}
    first = [item.approach for item in found.ranking if item.status != "ruled_out"]
    wanted = found.experiment.approaches if found.experiment else tuple(first)
    runnable = [name for name in wanted if name in ready] or [n for n in first if n in ready]
    if runnable:
        most = runnable if found.experiment else runnable[:1]
        console.talk("")
        for number, name in enumerate(most):
            lead = "      " if number else "Next: "
            console.talk(f"{lead}whichtune run --approach {name} --data {file}")
            if wanted_first := bakeoff.missing(name):
                console.talk(f"        {name} needs something first: {wanted_first}")
        console.talk(f"  or prove it against the others: whichtune run --data {file}")
    else:
        console.talk("\nNext: nothing that can run here does this task yet; keep the decision:")
        console.talk("      whichtune advise … --record decision.json")


def ask(
    data: Data = None,
    evaluation: Evaluation = None,
    mapping: Mapping = None,
    given: Set = None,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the answers to this facts file.")
    ] = None,
    answers: Answers = None,
    no_machine: NoMachine = False,
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Ask the question that decides most, then the next, and advise. "?": you don't know.

    What --data and this machine answer by themselves is not asked. The questions end when no
    answer is likely to change first place any more, after 14 at the latest.
    """
    if not answers and not sys.stdin.isatty():
        fix = "whichtune advise --set task=classification …   or: whichtune ask --answers FILE"
        raise UserError("the questions need a terminal to be answered", where="ask", fix=fix)
    approaches = engine.load(engine.FOLDER, *(rules or []))
    settings = facts.read_settings(given or [])
    said = columns({}, mapping_file=mapping)
    found = data_facts(data, evaluation, said) if data else {}
    machine = {} if no_machine else machine_facts(settings)
    reader = _lines(answers)
    situation, asked = interview(facts.gather(settings, found, machine), approaches, reader)
    if save:
        facts.write_file(situation, save)
        console.talk(f"\nwritten: {save}   (again: whichtune advise {save})")
    from advisor.advice import consider

    said = consider(situation, approaches, asked)
    show_advice(said, data, details=False, as_json=as_json)
    if not as_json:
        _closing(said, asked)


def _lines(answers: Path | None) -> Callable[[], str]:
    """Where the next answer comes from; a file that ends has no more answers."""
    if not answers:
        return sys.stdin.readline
    text = sys.stdin.read() if str(answers) == "-" else answers.read_text("utf-8")
    rest = iter(text.splitlines())
    return lambda: next(rest, "?") + "\n"


def interview(
    situation: Situation, approaches: Iterable[engine.Approach], read: Callable[[], str]
) -> tuple[Situation, tuple[str, ...]]:
    """Ask what decides most, until nothing does; with what was asked, "I don't know" included."""
    from advisor.interview import next_question

    rules, asked = tuple(approaches), list[str]()
    while (item := next_question(situation.facts, asked, rules)) is not None:
        value = _answer(item, len(asked) + 1, read)
        asked.append(item.question.id)
        if value is not None:
            situation = situation.answered(item.question.id, value)
    talk = "nothing left to ask: no open answer is likely to change first place"
    console.talk(f"\n{talk}   ({len(asked)} asked)\n")
    return situation, tuple(asked)


def _answer(item: "Ask", number: int, read: Callable[[], str]) -> Any:  # noqa: ANN401 - the fact's
    question = item.question
    console.talk(f"\n{number}. {question.text}\n  {question.why}\n  why now: {item.why_now}")
    for place, choice in enumerate(question.choices, start=1):
        console.talk(f"  {place}  {choice.label}")
    unit = f" [{question.unit}]" if question.unit else ""
    while True:
        sys.stderr.write(f"  answer{unit}, or ? if you don't know: ")
        sys.stderr.flush()
        line = read()
        if not line:
            raise KeyboardInterrupt
        try:
            return questions.parse(question.id, _picked(question, line.strip()), "your answer")
        except FactError as error:
            console.talk(f"  {error.what}; {error.fix}")


def _picked(question: Question, text: str) -> str:
    """The value behind the number of a choice."""
    if text.isdigit() and question.choices and 1 <= int(text) <= len(question.choices):
        return question.choices[int(text) - 1].value
    return text


def _closing(said: "Advice", asked: tuple[str, ...]) -> None:
    """For what stayed unknown: the two facts that would help most, and how to find them out."""
    from advisor import find_out
    from advisor.interview import worth_asking

    unknown = [fact for fact in asked if fact not in said.situation.known]
    if not unknown:
        return
    wanted = worth_asking(said.situation.facts, (), said.approaches)
    helpful = [item for item in wanted if item.question.id in unknown][:2]
    if helpful:
        console.talk("\nWhat would help most to know, and how to find it out here:")
    for item in helpful:
        fact = item.question.id
        console.talk(f"  {fact}: {item.why_now}\n    {find_out.HOW[fact]}")


COMMANDS: dict[str, Callable[..., None]] = {
    "ask": ask,
    "advise": advise,
    **cli_look.COMMANDS,
    **cli_record.COMMANDS,
    **cli_rules.COMMANDS,
}
