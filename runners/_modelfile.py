"""Ollama's Modelfile for a GGUF file: its template is found out from what the tokenizer renders.

A chat template is a program; Ollama's is another one, in another language. A few chats are rendered
with the real tokenizer, and the marks around the turns are read off. They are then put together for
other chats and compared: where the two differ, no template is written, and that is said.
"""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import _generation, _models
from runners._render_text import beginning, chat_template
from runners._render_tokenizer import end_ids, open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_S, _U, _A, _V = "\u25c6one\u25c6", "\u25c6two\u25c6", "\u25c6three\u25c6", "\u25c6four\u25c6"
"""Texts that no template holds."""


class Marks(NamedTuple):
    """What stands around the turns of a chat."""

    usual: str
    """Said before the chat where there is no system message."""
    system: tuple[str, str]
    user: tuple[str, str]
    answer: tuple[str, str]
    """The invitation to answer, and the end of an answer."""

    def rendered(self, turns: list[dict[str, str]]) -> str:
        """A chat with these marks, as Ollama puts it together, with the invitation at the end."""
        text = "" if turns[0]["role"] == "system" else self.usual
        for turn in turns:
            before, after = getattr(self, {"assistant": "answer"}.get(turn["role"], turn["role"]))
            if turn["role"] == "assistant":  # the turn before ends in the invitation
                before = ""
            text += before + turn["content"] + after
            if turn["role"] == "user":
                text += self.answer[0]
        return text

    def template(self) -> str:
        """The same in the language of Ollama's templates."""
        first = f"{{{{ if .System }}}}{self.system[0]}{{{{ .System }}}}{self.system[1]}"
        usual = f"{{{{ else }}}}{self.usual}" if self.usual else ""
        user = f"{self.user[0]}{{{{ .Content }}}}{self.user[1]}{self.answer[0]}"
        answer = f"{{{{ .Content }}}}{self.answer[1]}"
        turns = f'{{{{ if eq .Role "user" }}}}{user}{{{{ else if eq .Role "assistant" }}}}{answer}'
        closed = "{{ end }}"
        return f"{first}{usual}{closed}{{{{ range .Messages }}}}{turns}{closed}{closed}"


def marks_of(tokenizer: "PreTrainedTokenizerBase") -> Marks | None:
    """The marks of a chat template; ``None`` where it does more than put marks around turns."""
    from jinja2 import TemplateError

    try:
        found = _read_off(tokenizer)
        return found if found and _is_right(found, tokenizer) else None
    except (TemplateError, ValueError, TypeError, LookupError):
        return None


def _chat(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def _render(
    tokenizer: Any,  # noqa: ANN401 - its method has many forms
    turns: list[dict[str, str]],
    *,
    invite: bool = True,
) -> str:
    """What the tokenizer makes of it, less the token that it puts before every text anyway."""
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=invite)
    return str(text).removeprefix(beginning(tokenizer))


def _read_off(tokenizer: "PreTrainedTokenizerBase") -> Marks | None:
    start, _, rest = _render(tokenizer, _chat(("user", _U))).partition(_U)
    after = _render(tokenizer, _chat(("user", _U)), invite=False).partition(_U)[2]
    if not rest.startswith(after):
        return None
    two = _render(tokenizer, _chat(("user", _U), ("assistant", _A), ("user", _V)))
    between = two.partition(_A)[2].partition(_V)[0]
    said = _render(tokenizer, _chat(("user", _U), ("assistant", _A)), invite=False)
    end = said.partition(_A)[2]
    if not between.startswith(end):
        return None
    before = between.removeprefix(end)
    if not start.endswith(before):
        return None
    told = _render(tokenizer, _chat(("system", _S), ("user", _U)))
    opened, _, more = told.partition(_S)
    closed = more.partition(_U)[0]
    if not closed.endswith(before):
        return None
    return Marks(
        usual=start.removesuffix(before),
        system=(opened, closed.removesuffix(before)),
        user=(before, after),
        answer=(rest.removeprefix(after), end),
    )


def _is_right(found: Marks, tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether other chats come out the same, and the marks can stand in a Modelfile."""
    rounds = (("user", "a\nb"), ("assistant", " c "), ("user", "d"), ("assistant", "e"))
    chats = [
        _chat(("system", "Be brief."), *rounds, ("user", "f")),
        _chat(*rounds, ("user", "f")),
        _chat(("user", "g")),
    ]
    same = all(found.rendered(chat) == _render(tokenizer, chat) for chat in chats)
    parts = (found.usual, *found.system, *found.user, *found.answer)
    return same and not any("{{" in part or '"""' in part for part in parts)


def modelfile(base: str, new_tokens: int, file: str) -> tuple[str, str | None]:
    """The text of a Modelfile for a GGUF file, and what could not be said in it.

    Args:
        base: The model whose tokenizer and window it has.
        new_tokens: How long an answer may be.
        file: The name of the GGUF file beside it.
    """
    from transformers import AutoConfig

    tokenizer, warning = open_tokenizer(base), None
    config = AutoConfig.from_pretrained(_models.locate(base), trust_remote_code=False)
    lines = [f"FROM ./{file}"]
    if chat_template(tokenizer) is None:
        lines.append('TEMPLATE """{{ .Prompt }}"""')
    elif found := marks_of(tokenizer):
        lines.append(f'TEMPLATE """{found.template()}"""')
    else:
        warning = "the chat template does more than a Modelfile can say: it has no TEMPLATE"
    stops = (str(tokenizer.convert_ids_to_tokens(id_)) for id_ in sorted(end_ids(tokenizer)))
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in stops]
    lines.append(f"PARAMETER num_predict {new_tokens}")
    lines.append(f"PARAMETER num_ctx {_generation.window_of(config)}")
    lines.append("PARAMETER temperature 0")
    return "\n".join(lines) + "\n", warning
