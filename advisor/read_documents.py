"""Texts that are no tables: documents, folders of them, and web pages with or without tables."""

import csv
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from advisor import source as sources
from advisor.records import choose_part
from advisor.source import Source
from advisor.tabular import Line, Record, Records, tabular
from rules.errors import DataError
from runners import _web_page

_MARKED = (".md", ".markdown", ".rst")
_WEB = (".html", ".htm")
_PLAIN = ("", ".txt", ".text", ".log")
"""Names that say nothing of a table; a text whose lines are no table is one document."""
_DOCUMENTS = (*_MARKED, ".txt", *_WEB)
_SAMPLE_LINES = 200
_PIECE = 2 << 20
"""Characters of a document that are held at a time."""


def is_prose(source: Source) -> bool:
    """Whether a text file is one document: by its name, and because its lines are no table."""
    suffix = source.path.suffix.lower()
    if suffix in _MARKED:
        return True
    if suffix not in _PLAIN:
        return False
    lines: list[str] = []
    for line in sources.lines(source, []):
        lines.append(line)
        if len(lines) == _SAMPLE_LINES:
            break
    filled = [line for line in lines if line.strip()]
    if filled and filled[0].lstrip("\ufeff \t")[:1] in ("{", "["):
        return False
    enough = 0.9 if suffix else 0.6
    return not any(_share_of_even(filled, sign) > enough for sign in ("||", "\t", ";", "|", ","))


def _share_of_even(lines: Sequence[str], delimiter: str) -> float:
    """The share of lines that a delimiter parts into as many cells as most lines."""
    if len(delimiter) > 1:
        widths = [line.count(delimiter) + 1 for line in lines]
    else:
        csv.field_size_limit(2**31 - 1)  # one line may be a whole book
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    wide = Counter(width for width in widths if width > 1)
    return max(wide.values(), default=0) / len(widths) if len(widths) > 1 else 0.0


def text(source: Source) -> Records:
    """A whole file as one record; a very long one is parted at the ends of paragraphs."""
    notes = ["read as one document"]
    if source.path.stat().st_size > _PIECE:
        notes = [f"read as pieces of {_PIECE >> 20} MiB or a little more, parted at empty lines"]
    return Records("text", ("text",), _pieces(source, notes), notes)


def _pieces(source: Source, notes: list[str]) -> Iterator[Record]:
    first, piece, size = 1, list[str](), 0
    for number, line in enumerate(sources.lines(source, notes), 1):
        piece.append(line)
        size += len(line)
        if size > _PIECE and not line.strip():
            yield Record(first, {"text": "".join(piece)})
            first, piece, size = number + 1, [], 0
    said = "".join(piece).lstrip("\ufeff")
    if said.strip():
        yield Record(first, {"text": said})


def documents(folder: Path) -> list[Path]:
    """The texts in a folder and those below it, in the order of their names."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in _DOCUMENTS and p.is_file())
    below = ((path, path.relative_to(folder)) for path in found)
    return sorted(path for path, name in below if not any(p.startswith(".") for p in name.parts))


def folder(path: Path) -> tuple[str, Records]:
    """One record a document, with where it lies and when it was last changed.

    Returns:
        The SHA-256 of the names and bytes of all documents, and the records.
    """
    digest = hashlib.sha256()
    found = documents(path)
    for document in found:
        digest.update(f"{document.relative_to(path)}\0".encode())
        digest.update(hashlib.sha256(document.read_bytes()).digest())
    notes = [f"{len(found):,} documents below this folder, one record each"]
    others = sorted({p.suffix for p in path.rglob("*") if p.is_file()} - {*_DOCUMENTS, ""})
    if others:
        notes.append(f"left aside, being no texts: {', '.join(others[:10])}")
    items = (_document(n, document, path) for n, document in enumerate(found, 1))
    return digest.hexdigest(), Records("documents", ("path", "modified", "text"), items, notes)


def _document(number: int, path: Path, folder: Path) -> Record:
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    cells: dict[str, object] = {"path": str(path.relative_to(folder)), "modified": changed}
    try:
        source = sources.inspect(path)
    except DataError as error:
        return Record(number, cells, broken=error.what)
    said = "".join(sources.lines(source, []))
    if path.suffix.lower() in _WEB:
        said = _visible(_web_page.tree(said))
    broken = "" if said.strip() else "an empty document"
    return Record(number, {**cells, "text": said}, broken=broken)


def web_page(
    source: Source, part: str | None, header_words: frozenset[str], wanted: Collection[str]
) -> Records:
    """The largest table of a web page, or the one whose number was named; else its text.

    Raises:
        DataError: It has no table of this number, or neither table nor text.
    """
    tree = _web_page.tree("".join(sources.lines(source, [])))
    tables = [rows for rows in map(_cells, tree.iter("table")) if rows]
    if not tables:
        if part is not None:
            choose_part(part, (), source.path, [])
        said = _visible(tree)
        broken = "" if said.strip() else "a page without text"
        notes = ["a web page without a table, read as one document"]
        return Records("html", ("text",), iter([Record(1, {"text": said}, broken=broken)]), notes)
    sizes = [sum(map(len, rows)) for rows in tables]
    names = [str(n) for n in range(1, len(tables) + 1)]
    largest = names[sizes.index(max(sizes))]
    notes: list[str] = []
    chosen = choose_part(
        part or (largest if len(names) == 1 else None), names, source.path, notes, default=largest
    )
    lines = (Line(n, row) for n, row in enumerate(tables[int(chosen) - 1], 1))
    found = tabular(lines, "html", header_words, wanted)
    found.notes[:0] = notes
    return found


def _cells(table: Any) -> list[list[str]]:  # noqa: ANN401
    """Rows of text; a cell that spans several places stands in each of them."""
    rows: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}
    for row in table.iter("tr"):
        if next(row.iterancestors("table")) is not table:
            continue
        cells: list[str] = []
        for cell in row:
            if cell.tag not in ("td", "th"):
                continue
            _fill(cells, waiting)
            said, below = _said(cell), _span(cell, "rowspan") - 1
            for _ in range(_span(cell, "colspan")):
                if below:
                    waiting[len(cells)] = (below, said)
                cells.append(said)
        _fill(cells, waiting)
        if any(cells):
            rows.append(cells)
    return rows


def _fill(cells: list[str], waiting: dict[int, tuple[int, str]]) -> None:
    """Put in what reaches down from the rows above."""
    while len(cells) in waiting:
        place = len(cells)
        below, said = waiting.pop(place)
        cells.append(said)
        if below > 1:
            waiting[place] = (below - 1, said)


def _span(cell: Any, name: str) -> int:  # noqa: ANN401
    told = str(cell.get(name) or "1").strip()
    return min(max(int(told), 1), 1000) if told.isdigit() else 1


def _said(cell: Any) -> str:  # noqa: ANN401
    return " ".join(str(cell.text_content()).split())


def _visible(tree: Any) -> str:  # noqa: ANN401
    return "\n".join(_lines_of(tree))


def _lines_of(tree: Any) -> Iterator[str]:  # noqa: ANN401
    for line in str(tree.text_content()).splitlines():
        if line.strip():
            yield " ".join(line.split())
