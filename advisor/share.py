"""Take a finished run away: its adapter, a whole model, or a file for llama.cpp and Ollama.

A model that is written anew is asked what the run was asked, and what came out stands in what is
told, in the model card, and in the exit code.
"""

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from advisor import model_card, share_words
from rules.errors import DataError, RunError, UserError
from runners import _data, _generation, _gguf, _merge, _modelfile, _parity, _quiet, _verl
from runners._parity import Parity
from runners._references import asked
from runners._run_folder import RunStatus
from runners.base import Frozen, Row

Form = Literal["adapter", "merged", "gguf", "ollama", "verl"]
_READY = "ready"
"""No copy of the result, and nothing to hold a card against."""
_GGUF, _MODELFILE = "model.gguf", "Modelfile"


class Order(Frozen):
    """What is to be written, and where."""

    to: Form
    out: Path
    llama_cpp: Path | None = None
    """The folder of llama.cpp."""
    precision: _gguf.Precision = "f16"
    """Of the weights in a GGUF file."""


class Exported(Frozen):
    """What was written, and how equal its answers are."""

    run: str
    to: Form
    folder: Path
    files: dict[str, int]
    """Bytes by name."""
    parity: Parity | None = None
    """Against the run in float32; none where files are what they were, or nobody could ask."""
    as_measured: Parity | None = None
    """Against the run as it was measured, where its weights were rounded then."""
    rounding: str | None = None
    """How they were."""
    told: tuple[str, ...]
    """The same in words."""
    warnings: tuple[str, ...] = ()
    next: str | None = None
    """A command to go on with."""


class _Made(NamedTuple):
    """What one form came to."""

    kind: str
    parity: Parity | None = None
    as_measured: Parity | None = None
    rounding: str | None = None
    new_tokens: int | None = None
    warning: str | None = None


def export(run: RunStatus, order: Order) -> Exported:
    """Write the folder whole or not at all.

    Raises:
        RunError: The run is not finished, or its files are damaged.
        UserError: The folder is taken or cannot be written, or the run has no such thing.
        MissingExtraError: llama.cpp's converter is not on this machine.
    """
    _require(run, order)
    _quiet.settle()
    out, draft = order.out, order.out.with_name(f".{order.out.name}.{secrets.token_hex(8)}")
    from safetensors import SafetensorError

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = _FORMS[order.to](run, order, draft)
        told = share_words.told(order.to, made.parity, made.as_measured, made.rounding)
        if made.kind != _READY:
            copy = model_card.Copy(
                kind=made.kind, folder=out.name, checks=told, new_tokens=made.new_tokens
            )
            model_card.write(run, copy, draft)
        draft.replace(out)
    except (OSError, SafetensorError) as error:
        raise _unwritten(error, out) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    doubts = share_words.doubts(made.parity)
    return Exported(
        run=run.name,
        to=order.to,
        folder=out,
        files={path.name: path.stat().st_size for path in sorted(out.iterdir())},
        parity=made.parity,
        as_measured=made.as_measured,
        rounding=made.rounding,
        told=told,
        warnings=(*doubts, *([made.warning] if made.warning else [])),
        next=share_words.following(order.to, out, run.name),
    )


def _unwritten(error: Exception, out: Path) -> UserError:
    """A disk that is full, a folder that may not be written: safetensors says it in words only."""
    reason = (str(error).strip().splitlines() or [repr(error)])[0]
    if isinstance(error, shutil.Error):  # one entry for each file that was not copied
        reason = str(error.args[0][0][-1]).rpartition("] ")[2].partition(":")[0]
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    fix = "free some space, or write to another folder: --out FOLDER"
    return UserError(f"it cannot be written: {reason}", where=str(out), fix=fix)


def _require(run: RunStatus, order: Order) -> None:
    if run.result is None:
        fix = f"finish it first: whichtune run {run.name}"
        raise RunError(f"{run.name} is {run.state}", where=str(run.folder), fix=fix)
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        fix = "name a new folder: --out FOLDER"
        raise UserError("there is something of this name already", where=str(order.out), fix=fix)
    if run.plan.task == "classification":
        fix = f"ask it here: echo 'a text' | whichtune try {run.name}"
        what = f"{run.name} tells labels: its adapter is of no use without its layer of labels"
        raise UserError(what, where=str(run.folder), fix=fix)
    _require_form(run, order)


def _require_form(run: RunStatus, order: Order) -> None:
    if order.to == "verl":
        _verl.require(run.plan)
    elif order.to != "adapter":
        _merge.require_mergeable(run.plan)
    elif not (run.plan.artifact / "adapter").is_dir():
        fix = f"whichtune export {run.name} --to merged"
        if _merge.whole(run.plan.artifact) is None:
            fix = "name a run that tuned a model: whichtune runs"
        raise UserError(f"{run.name} has no adapter", where="--to adapter", fix=fix)
    if order.to in ("gguf", "ollama"):
        _gguf.converter(order.llama_cpp)


def _rows(run: RunStatus) -> list[Row]:
    """The first questions of the evaluation, each once."""
    rows = _data.read_rows(run.plan.evaluation)
    if not rows:
        fix = f"run it again: whichtune run {run.name} --again"
        raise DataError("no rows to ask", where=str(run.plan.evaluation.path), fix=fix)
    return [rows[item.places[0]] for item in asked(rows)[: _parity.PROMPTS]]


def _adapter(run: RunStatus, order: Order, draft: Path) -> _Made:
    del order
    shutil.copytree(run.plan.artifact / "adapter", draft)
    config = draft / "adapter_config.json"
    room = _generation.read(run.plan.artifact)["max_new_tokens"]
    if not config.is_file():
        return _Made("bottleneck", new_tokens=room)
    try:  # a folder of this machine is of no use elsewhere, and nobody's business
        known = json.loads(config.read_text("utf-8"))
    except ValueError as error:
        fix = f"run it again: whichtune run {run.name} --again"
        where = str(run.plan.artifact / "adapter" / config.name)
        raise RunError(f"damaged: {error}", where=where, fix=fix) from error
    known["base_model_name_or_path"] = model_card.base_name(run.plan)
    config.write_text(json.dumps(known, indent=2, sort_keys=True), "utf-8")
    return _Made("peft", new_tokens=room)


class _Asked(NamedTuple):
    """A run as it was measured and in float32, and what both say."""

    rows: list[Row]
    writer: _generation.Writer
    said: _parity.Said
    measured: _parity.Said
    rounding: str | None


def _ask(run: RunStatus) -> _Asked:
    rows, writer = _rows(run), _merge.measured(run.plan)
    said = measured = _parity.ask(writer, rows)
    rounding = _merge.rounding(writer)
    if rounding:
        writer = _merge.exact(run.plan)
        said = _parity.ask(writer, rows)
    return _Asked(rows, writer, said, measured, rounding)


def _compared(known: _Asked, kind: str, other: _parity.Said) -> _Made:
    return _Made(
        kind,
        parity=_parity.compare(known.said, other),
        as_measured=_parity.compare(known.measured, other) if known.rounding else None,
        rounding=known.rounding,
        new_tokens=known.writer.max_new_tokens,
    )


def _merged(run: RunStatus, order: Order, draft: Path) -> _Made:
    del order
    known = _ask(run)
    _merge.write(known.writer, run.plan, draft)
    other = _parity.ask_again(known.rows, draft, known.writer.max_new_tokens)
    return _compared(known, "whole", other)


def _one_file(run: RunStatus, order: Order, draft: Path) -> _Made:
    known = _ask(run)
    whole = draft / "whole"
    draft.mkdir()
    _merge.write(known.writer, run.plan, whole)
    file = draft / _GGUF
    _gguf.convert(whole, file, order.precision, _gguf.converter(order.llama_cpp))
    shutil.rmtree(whole)
    if not _gguf.can_ask():
        return _Made("gguf", new_tokens=known.writer.max_new_tokens)
    return _compared(known, "gguf", _gguf.ask(file, known.writer, known.rows))


def _ollama(run: RunStatus, order: Order, draft: Path) -> _Made:
    made = _one_file(run, order, draft)
    source = _merge.whole(run.plan.artifact)
    base = str(source) if source else _generation.read(run.plan.artifact)["base_model"]
    text, warning = _modelfile.modelfile(base, made.new_tokens or 0, _GGUF)
    (draft / _MODELFILE).write_text(text, "utf-8")
    return made._replace(warning=warning)


def _for_verl(run: RunStatus, order: Order, draft: Path) -> _Made:
    del order
    _verl.write(run.plan, draft)
    return _Made(_READY)


_FORMS: dict[Form, Callable[[RunStatus, Order, Path], _Made]] = {
    "adapter": _adapter,
    "merged": _merged,
    "gguf": _one_file,
    "ollama": _ollama,
    "verl": _for_verl,
}
