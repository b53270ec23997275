"""Every file of the shared data sets through the readers: what it is taken for, and what is lost.

    python tests/benchmarks/files.py                        Markdown on stdout
    python tests/benchmarks/files.py --folder rag           those below one folder
    python tests/benchmarks/files.py --data /other/place    the same sets elsewhere

Each file is opened as a user would, without a flag. `files.yaml` beside this script says what it
is; a line is `right` where the program came to the same, `right with FLAGS` where one was needed,
else `WRONG`, and then the exit code is 1. Files with the same line share it. Nothing is embedded.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from advisor import data, examination, profile
from advisor.columns import Columns
from rules.errors import UserError

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "data"
LONG = 1 << 20
"""Characters of a text from which on it is not rendered: that takes 300 bytes a character."""
HEAD = ("file", "taken for", "records", "rows", "left out", "findings", "verdict")


class Line(NamedTuple):
    """A file, as it is told of."""

    kind: str
    records: str = ""
    rows: str = ""
    left_out: str = ""
    findings: str = ""
    verdict: str = ""


def expected(name: str) -> dict:
    """What a person says of a file."""
    cases = yaml.safe_load((HERE / "files.yaml").read_text("utf-8"))
    return next((case for case in cases if fnmatch(name, case["path"])), {"kind": "?"})


def opened(path: Path, flags: list[str]) -> Line:
    """What the program says of it."""
    said: dict[str, Any] = {flags[n].lstrip("-"): flags[n + 1] for n in range(0, len(flags), 2)}
    try:
        table = data.read(path, Columns(**said))
    except UserError as error:
        return Line("refused", findings=error.what[:110])
    long = max(map(len, table.rows.column("input")), default=0) > LONG
    asked = examination.Asked(embed=False, base_model=None)
    found = profile.profile(table) if long else examination.examine(table, asked=asked).profile
    reasons = Counter(item.reason for item in table.excluded).most_common(3)
    sure = table.mapping.how.partition(":")[0]
    return Line(
        f"{table.mapping.kind} ({sure})",
        f"{table.records_read:,}",
        f"{len(table.rows):,}",
        ", ".join(f"{count:,} {reason}" for reason, count in reasons),
        ", ".join(f"{f.code} {f.count:,}" for f in found.findings if f.severity != "info"),
    )


def judged(path: Path, name: str) -> Line:
    """Both held against each other."""
    case = expected(name)
    line, flags = opened(path, []), case.get("flags", [])
    why = f"; {case['why']}" if "why" in case else ""
    if line.kind.partition(" ")[0] == case["kind"]:
        return line._replace(verdict=f"right{why}")
    told = opened(path, flags) if flags else line
    if flags and told.kind.partition(" ")[0] == case["kind"]:
        return told._replace(verdict=f"right with `{' '.join(flags)}`{why}")
    return line._replace(verdict=f"WRONG: it is {case['kind']}{why}")


def lines(root: Path, below: str) -> Iterator[tuple[str, Line]]:
    """All files, and the folders of documents as one."""
    files = [path for path in sorted((root / below).rglob("*")) if path.is_file()]
    folders = [path for path in sorted((root / "rag/project_docs").glob("*")) if path.is_dir()]
    for path in files + [folder for folder in folders if folder.is_relative_to(root / below)]:
        name = str(path.relative_to(root)) + ("/" if path.is_dir() else "")
        began = time.monotonic()
        yield name, judged(path, name) if path.is_file() else folder(path)
        print(f"{time.monotonic() - began:6.1f} s  {name}", file=sys.stderr)


def folder(path: Path) -> Line:
    """A folder of documents."""
    line = opened(path, [])
    right = line.kind.startswith("raw_text")
    return line._replace(verdict="right" if right else "WRONG: it is raw_text")


def main() -> int:
    """Print the table; 1 when a file was taken for something else."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="")
    parser.add_argument("--data", type=Path, default=SHARED)
    asked = parser.parse_args()
    if not asked.data.is_dir():
        print(f"no data sets at {asked.data}", file=sys.stderr)
        return 0
    found = list(lines(asked.data, asked.folder))
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD))
    for _, same in groupby(found, key=lambda item: (str(Path(item[0]).parent), item[1])):
        (name, line), *more = same
        shown = f"{name} and {len(more)} more like it" if more else name
        cells = [cell.replace("|", "\\|") for cell in (shown, *line)]
        print("| " + " | ".join(cells) + " |")
    wrong = [name for name, line in found if line.verdict.startswith("WRONG")]
    print(f"\n{len(found)} files and folders, {len(wrong)} wrong", *wrong)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
