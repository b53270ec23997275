"""Workbooks: Excel's new and old form and OpenDocument's, one sheet at a time."""

import zipfile
from collections.abc import Collection, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, cast

from advisor.records import choose_part
from advisor.tabular import Line, Records, tabular
from rules.errors import DataError


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
    return "content.xml" in names or any(name.startswith("xl/workbook") for name in names)


def read(
    path: Path, part: str | None, header_words: frozenset[str], wanted: Collection[str]
) -> Records:
    """Read the sheet that was named, or the one with the most rows.

    Raises:
        DataError: The workbook is damaged or locked, empty, or has no such sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        book: Any = cast("Any", CalamineWorkbook).from_path(str(path))
        names: list[str] = book.sheet_names
        sheets = {name: book.get_sheet_by_name(name) for name in names}
    except PasswordError as error:
        fix = "save it without a password"
        raise DataError("a locked workbook", where=str(path), fix=fix) from error
    except (CalamineError, OSError) as error:
        fix = "open it in a spreadsheet program and save it again, or save the sheet as CSV"
        raise DataError(f"a damaged workbook: {error}", where=str(path), fix=fix) from error
    notes: list[str] = []
    largest = max(names, key=lambda name: sheets[name].height, default=None)
    filled = [name for name in names if sheets[name].height]
    if part is None and largest is not None and len(filled) == 1:
        part = largest
    name = choose_part(part, names, path, notes, default=largest)
    found = tabular(_lines(sheets[name]), "workbook", header_words, wanted)
    found.notes[:0] = notes
    return found


def _lines(sheet: Any) -> Iterator[Line]:  # noqa: ANN401 -- the library has no public type for it
    first = sheet.start[0] if sheet.start else 0
    for number, cells in enumerate(sheet.iter_rows(), 1):
        said = [_said(cell) for cell in cells]
        if any(said):
            yield Line(number + (first if first and not _padded(sheet) else 0), said)


def _padded(sheet: Any) -> bool:  # noqa: ANN401
    """Whether the rows begin with the sheet's first one, empty as it may be."""
    return sheet.total_height == sheet.height


def _said(cell: object) -> str:
    """A cell as a person would type it."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)
