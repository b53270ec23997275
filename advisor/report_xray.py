"""The X-ray of a row as a rich renderable: every token, nothing hidden, nothing by colour alone."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from runners._render import Rendered
from runners._render_text import How
from runners.base import Row

_BREAK = "│"
_CONTINUED = "⋯"
_SHOWN = {"\n": "↵", "\t": "→", "\r": "␍", "\N{NO-BREAK SPACE}": "⍽"}
HOW: dict[How, str] = {
    "marks": "from the marks in the chat template ({% generation %})",
    "prefixes": "the template has no marks: an answer is what it adds to its prompt, each checked",
    "plain": "the tokenizer has no chat template: input, target and end of sequence, joined",
    "plain parts": "no chat template: input and target joined, each tokenised alone",
    "raw": "raw text: every token is learned",
}


@dataclass(frozen=True)
class Look:
    """How one sort of token is drawn."""

    words: str
    style: str
    mark: str
    """Under the token, where there is no colour."""


MASKED = Look("masked", "dim", ".")
LEARNED = Look("learned", "green underline", "=")
SPECIAL = Look("special", "reverse dim", "#")
SPECIAL_LEARNED = Look("special, learned", "reverse green", "%")
END = Look("end of sequence", "bold reverse green", "E")


def visible(text: str) -> str:
    """The text with a sign for every character that a terminal would hide or obey."""
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    if character in _SHOWN:
        return _SHOWN[character]
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}" if ord(character) > 255 else f"\\x{ord(character):02x}"


def looks(found: Rendered) -> Iterator[tuple[str, Look]]:
    """Each token's text as a person can see it, and how it is drawn."""
    ends = set(found.ends)
    tokens = zip(found.pieces, found.kinds, found.learned, strict=True)
    for place, (piece, kind, learned) in enumerate(tokens):
        text = visible(piece) or _CONTINUED
        if place in ends:
            yield text, END
        elif kind == "special":
            yield text, SPECIAL_LEARNED if learned else SPECIAL
        else:
            yield text, LEARNED if learned else MASKED


class Tokens:
    """The tokens, in lines that break between them; without colour a line of marks follows each."""

    def __init__(self, found: Rendered) -> None:
        self.tokens = list(looks(found))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """One or two lines of text for each line of tokens."""
        marked = not _coloured(console)
        for line in self._lines(options.max_width):
            text, marks = Text(no_wrap=True, overflow="ignore"), ""
            for word, look in line:
                text.append(word, look.style)
                text.append(_BREAK, "dim blue")
                marks += look.mark * cell_len(word) + " "
            yield text
            if marked:
                yield Text(marks.rstrip(), no_wrap=True, overflow="ignore")

    def _lines(self, width: int) -> Iterator[list[tuple[str, Look]]]:
        line: list[tuple[str, Look]] = []
        used = 0
        for word, look in self.tokens:
            size = cell_len(word) + 1
            if line and used + size > width:
                yield line
                line, used = [], 0
            line.append((word, look))
            used += size
            if word.endswith(_SHOWN["\n"]):
                yield line
                line, used = [], 0
        if line:
            yield line


class Legend:
    """What the looks mean; only those that occur."""

    def __init__(self, found: Rendered) -> None:
        tokens = list(looks(found))
        used = {look for _, look in tokens}
        every = (MASKED, LEARNED, SPECIAL, SPECIAL_LEARNED, END)
        self.used = [look for look in every if look in used]
        self.continued = any(word == _CONTINUED for word, _ in tokens)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """One line."""
        del options
        line = Text()
        for look in self.used:
            line.append(f" {look.words} " if _coloured(console) else look.mark, look.style)
            line.append("  " if _coloured(console) else f" {look.words}   ")
        line.rstrip()
        yield line
        if self.continued:
            yield Text(f"{_CONTINUED} more of the character before it", "dim")


def _coloured(console: Console) -> bool:
    return console.color_system is not None and not console.no_color


def xray(found: Rendered, row: Row, base: str, where: str) -> RenderableType:
    """One row: its tokens, the legend, the counts, and what the model is given at use."""
    place = Text(where, style="bold", no_wrap=True, overflow="ignore")
    what = Text(f"{_nature(row)}, as {base} sees it", style="dim")
    tokens, legend = Tokens(found), Legend(found)
    parts: list[RenderableType] = [place, what, Text(""), tokens, Text(""), legend, Text("")]
    parts.append(_counts(found))
    parts += [Text(f"! {fault.code}: {fault.what}") for fault in found.faults if not fault.blocking]
    parts += [Text(f"! {note}") for note in _left_out(row)]
    return Group(*parts)


def _nature(row: Row) -> str:
    if row.messages:
        turns = len(row.messages)
        return f"a chat of {turns} turn{'s' * (turns != 1)}"
    return "an input with its target" if row.target or row.labels else "raw text"


def _counts(found: Rendered) -> Table:
    grid = Table.grid(padding=(0, 2))
    size, learned = len(found.ids), sum(found.learned)
    special = found.kinds.count("special")
    cut = f"; {found.cut:,} more were cut off" if found.cut else ""
    grid.add_row("tokens", f"{size:,}: {learned:,} learned, {size - learned:,} masked{cut}")
    grid.add_row("special", f"{special:,}; learned as end of sequence: {_ends(found)}")
    grid.add_row("mask", Text(HOW[found.how]))
    grid.add_row("at use", Text(_at_use(found)))
    return grid


def _ends(found: Rendered) -> str:
    if not found.ends:
        return "none"
    places = ", ".join(f"{place + 1:,}" for place in found.ends[:5])
    return f"token {places}" + ", …" * (len(found.ends) > 5)


def _at_use(found: Rendered) -> str:
    size, above = len(found.prompt_ids), len(found.ids)
    if found.how == "raw":
        return "whatever is typed: a raw text has no prompt"
    if not size:
        return "nothing comes before the answer"
    if found.ids[:size] == found.prompt_ids:
        last = visible("".join(found.pieces[max(0, size - 2) : size]))
        return f"the model is given the first {size:,} tokens above, up to {last}"
    if found.prompt_ids[:above] == found.ids and not found.cut:
        more = visible(found.prompt_text[len(found.text) :])
        return f"the model is given the tokens above and {size - above:,} more: {more}"
    if found.prompt_ids[:above] == found.ids:
        return f"the model is given {size:,} tokens; those above are only the first {above:,}"
    ending = visible(found.prompt_text[-40:])
    return f"the model is given {size:,} tokens that are not those above; they end in {ending}"


def _left_out(row: Row) -> Iterator[str]:
    if row.rejected is not None:
        yield "not shown: the rejected answer of this row"
    if row.documents:
        yield f"not shown: {len(row.documents):,} documents of this row"
