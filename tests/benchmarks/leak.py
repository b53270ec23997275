"""What repeats do to a score: SMS spam as published, and as ``whichtune profile --fix`` writes it.

    python tests/benchmarks/leak.py              TF-IDF and a linear SVM; heads; five folds each
    python tests/benchmarks/leak.py --quick      without heads, which embeds 5,572 texts first

Five stratified folds of the rows as they stand, as a careless split makes them: repeats fall on
both sides, and the score counts texts that were learned by heart. The same on the file that --fix
writes, once with all remedies and once with repeats left out alone. The rows of the raw folds are
also counted apart: those that stand in training too, and those that do not.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from advisor.columns import Columns
from advisor.data import fingerprint, read
from advisor.examination import Asked, examine
from advisor.mend import Mended, Wanted, mend
from runners import _models, heads
from runners.base import DataFile, Plan, Row, silent

SPAM = Path(__file__).parents[3] / "shared/data/classification/sms_spam/spam.csv"
SEED = 0
Answer = Callable[[Sequence[Row], Sequence[Row]], list[str]]
"""Learn from the first rows, answer the second ones."""


def wording(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Word and character n-grams with a linear SVM, as the README of the data has it."""
    parts = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
    )
    model = make_pipeline(parts, LinearSVC())
    model.fit([row.input for row in train], [row.target for row in train])
    return list(model.predict([row.input for row in test]))


def embedded(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The cheapest approach of whichtune: a head on a frozen encoder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        none = DataFile(path=folder / "rows.jsonl", sha256="", rows=0)
        plan = Plan(
            approach="heads",
            task="classification",
            base_model=_models.DEFAULT_ENCODER,
            train=none,
            evaluation=none,
            folder=folder,
            seed=SEED,
        )
        plan.artifact.mkdir()
        heads.fit(plan, train, silent)
        return [item.prediction for item in heads.load(plan.artifact).predict(test)]


def folds(rows: Sequence[Row], answer: Answer) -> dict[str, Any]:
    """Every row answered once by a model that did not learn from it."""
    labels = np.array([row.target for row in rows])
    answers = np.empty(len(rows), dtype=labels.dtype)
    known = np.zeros(len(rows), dtype=bool)
    keys = np.array([fingerprint(row.input) for row in rows])
    parts = StratifiedKFold(5, shuffle=True, random_state=SEED)
    for train, test in parts.split(np.zeros(len(rows)), labels):
        answers[test] = answer([rows[n] for n in train], [rows[n] for n in test])
        known[test] = np.isin(keys[test], keys[train])
    right = answers == labels
    return {
        "rows": len(rows),
        "accuracy": right.mean(),
        "spam-F1": f1_score(labels == "spam", answers == "spam"),
        "also in training": int(known.sum()),
        "right of these": right[known].mean() if known.any() else float("nan"),
        "right of the rest": right[~known].mean(),
    }


def fixed(out: Path, *only: str) -> tuple[list[Row], Mended]:
    """The rows of the file that --fix writes."""
    table = read(SPAM)
    found = examine(table, asked=Asked(embed=False)).found
    done = mend(table, found, Columns(), Wanted(out, only))
    return list(read(out).rows), done


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    approaches: dict[str, Answer] = {"TF-IDF + LinearSVC": wording}
    if not parser.parse_args().quick:
        approaches["heads"] = embedded
    with tempfile.TemporaryDirectory() as name:
        files = {"as published": list(read(SPAM).rows)}
        files["--fix --only repeats"], _ = fixed(Path(name) / "unique.csv", "repeats")
        files["--fix"], done = fixed(Path(name) / "clean.csv")
    print(f"--fix: {done.records:,} records, {done.written:,} written, {done.left_out:,} left out")
    print(f"  changed {done.changed:,}; {done.by_finding}")
    for title, answer in approaches.items():
        for file, rows in files.items():
            scores = folds(rows, answer)
            told = "  ".join(
                f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value:,}"
                for name, value in scores.items()
            )
            print(f"{title:20} {file:22} {told}", flush=True)


if __name__ == "__main__":
    main()
