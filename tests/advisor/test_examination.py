"""The examination of rows of any kind: facts, lengths in tokens, and a look at three of them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from advisor import check, data
from advisor.examination import Asked, Examination, examine
from advisor.examined import Examined, evenly
from advisor.profile import profile
from rules.errors import UserError
from rules.facts import Facts
from runners._render_tokenizer import FOLDER

PAIRS = [{"prompt": f"How do I say {n} in French?", "completion": f"word {n}"} for n in range(60)]
RATED = [{"prompt": f"ask {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(30)]
TURNS = [
    {
        "messages": [
            {"role": "user", "content": f"question {n}"},
            {"role": "assistant", "content": f"answer {n}"},
        ]
    }
    for n in range(12)
]
QA = [
    {
        "question": f"Who wrote {n}?",
        "context": f"book {n % 4} has a writer",
        "answer": f"writer {n}",
    }
    for n in range(24)
]


def looked(
    folder: Path, records: Sequence[Mapping[str, object]], base: str | None = None
) -> Examination:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return examine(data.read(path), asked=Asked(base_model=base))


def facts(found: Examination) -> Mapping[str, object]:
    told = {name: value for name, (value, _) in found.profile.facts().items()}
    Facts.model_validate(told)
    return told


def test_the_facts_follow_from_the_kind_of_rows(tmp_path):
    told = facts(looked(tmp_path, PAIRS))
    assert told == {"data_kind": "prompt_response", "n_examples": 60, "has_evaluation_set": True}
    told = facts(looked(tmp_path, RATED))
    assert (told["task"], told["preference_pairs"]) == ("preference_alignment", 30)
    assert told["has_evaluation_set"] is False
    assert facts(looked(tmp_path, TURNS))["task"] == "instruction_following"
    told = facts(looked(tmp_path, QA))
    assert (told["task"], told["n_documents"], told["n_examples"]) == ("qa_documents", 4, 24)
    assert told["document_tokens"] == round(4 * 5 * 1.33)


def test_thumbs_count_as_preferences_and_not_as_pairs(tmp_path):
    rows = [{"prompt": f"p {n}", "completion": f"c {n}", "label": n % 3 > 0} for n in range(30)]
    told = facts(looked(tmp_path, rows))
    assert told["task"] == "preference_alignment"
    assert "preference_pairs" not in told


def test_labels_are_counted_also_where_a_row_has_several(tmp_path):
    rows = [{"text": f"text {n}", "labels": ["a", "b"] if n % 2 else ["b"]} for n in range(20)]
    told = facts(looked(tmp_path, rows))
    assert (told["task"], told["labels"], told["rarest_label"]) == ("classification", 2, 10)


def test_raw_text_has_tokens_and_a_folder_has_documents(tmp_path):
    (tmp_path / "docs").mkdir()
    for n in range(3):
        (tmp_path / "docs" / f"{n}.md").write_text(f"# Page {n}\n\nten words of text stand here\n")
    told = {name: value for name, (value, _) in profile(data.read(tmp_path / "docs")).known.items()}
    assert (told["data_kind"], told["n_documents"]) == ("documents", 3)
    (tmp_path / "book.txt").write_text("It was the best of times.\n\nIt was the worst.\n" * 40)
    told = {
        name: value for name, (value, _) in profile(data.read(tmp_path / "book.txt")).known.items()
    }
    assert told["data_kind"] == "raw_text"
    assert told["raw_tokens"] == round(10 * 40 * 1.33)


def test_users_with_rows_of_their_own_speak_for_personal_answers(tmp_path):
    rows = [{**row, "user_id": f"u{n % 5}"} for n, row in enumerate(PAIRS)]
    found = looked(tmp_path, rows).profile.known["personalization"]
    assert found == ("per_user", "`user_id` names 5 users with 12.0 rows each")
    rows = [{**row, "annotator_id": f"u{n % 5}"} for n, row in enumerate(PAIRS)]
    assert "personalization" not in looked(tmp_path, rows).profile.known
    rows = [{**row, "user_id": f"u{n}"} for n, row in enumerate(PAIRS)]
    assert "personalization" not in looked(tmp_path, rows).profile.known


def test_lengths_are_those_of_the_rows_as_they_are_trained_on(tmp_path):
    from runners import _render
    from runners._render_tokenizer import open_tokenizer

    found = looked(tmp_path, TURNS)
    tokens = found.profile.tokens
    assert tokens is not None
    assert (tokens.base_model, tokens.rows) == ("bundled", 12)
    rows = found.examined.train.table.rows
    longest = max(len(_render.render(row, open_tokenizer()).ids) for row in rows)
    assert tokens.lengths.max == longest
    assert [glimpse.how for glimpse in found.profile.glimpses] == ["bundled"] * 3
    assert "<|assistant|>answer 0<|endoftext|>" in found.profile.glimpses[0].text


def test_texts_with_labels_are_counted_in_the_tokens_of_the_encoder(tmp_path):
    texts = ["one two three", "card", "my card was lost at sea", "hello you"]
    rows = [{"text": f"{texts[n % 4]} {n}", "label": "ab"[n % 2]} for n in range(8)]
    tokens = looked(tmp_path, rows).profile.tokens
    assert tokens is not None
    assert tokens.base_model.endswith("all-MiniLM-L6-v2")
    # "my card was lost at sea 2" and the two marks round it
    assert (tokens.lengths.max, tokens.rows) == (9, 8)


def test_a_limit_cuts_the_rows_that_are_longer(tmp_path):
    rows = [{"prompt": "p " * (10 if n else 300), "completion": f"c{n}"} for n in range(10)]
    tokens = looked(tmp_path, rows).profile.tokens
    assert tokens is not None
    cut = {item.tokens: item.share for item in tokens.cut}
    assert cut[128] == pytest.approx(0.1)
    assert 8192 not in cut


def test_a_row_of_book_length_is_not_rendered_and_the_others_are(tmp_path):
    book = {"prompt": "read this: " + "word " * 50_000, "completion": "done"}
    tokens = looked(tmp_path, [*PAIRS, book]).profile.tokens
    assert tokens is not None
    assert (tokens.rows, tokens.lengths.max < 100) == (60, True)
    (tmp_path / "book.txt").write_text("It was the best of times. " * 10_000)
    assert examine(data.read(tmp_path / "book.txt")).profile.tokens is None


def test_a_base_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="no tokenizer"):
        looked(tmp_path, TURNS, "./nowhere")


def test_rows_that_a_template_refuses_are_a_finding(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(FOLDER, model)
    endless = (FOLDER / "chat_template.jinja").read_text().replace("eos_token", "''")
    (model / "chat_template.jinja").write_text(endless)
    found = {item.code: item for item in looked(tmp_path, TURNS, str(model)).profile.findings}
    assert found["no_end_of_sequence"].severity == "blocking"
    assert found["no_end_of_sequence"].count == 12
    marked = [{"prompt": "what is <|pad|>?", "completion": "a filler"}]
    found = {item.code: item for item in looked(tmp_path, [*PAIRS, *marked]).profile.findings}
    assert (found["special_in_text"].severity, found["special_in_text"].count) == ("warning", 1)


def test_every_row_of_a_finding_can_be_looked_at(tmp_path):
    rows = [{"text": "same", "label": "a"}] * 30 + [
        {"text": f"t{n}", "label": "b"} for n in range(9)
    ]
    found = looked(tmp_path, rows)
    (repeats,) = [item for item in found.found if item.code == "repeats"]
    assert list(repeats.places) == list(range(1, 30))
    (told,) = [item for item in found.profile.findings if item.code == "repeats"]
    assert (told.count, len(told.rows)) == (29, 20)


def test_a_check_without_its_library_is_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(check.checks()["rendering"], "LIBRARIES", ("no_such_module",))
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"t{n},{'ab'[n % 2]}\n" for n in range(8)))
    (skipped,) = [s for s in profile(data.read(path)).skipped if s.check == "rendering"]
    assert (skipped.reason, skipped.fix) == (
        "no_such_module is not installed",
        "pip install 'whichtune[run]'",
    )


def test_every_check_says_what_it_looks_for():
    assert len(check.checks()) >= 6
    for name, one in check.checks().items():
        assert one.SAYS, name
        assert one.COST > 0, name
        assert isinstance(one.LIBRARIES, tuple), name


def test_the_table_of_contents_of_checks_is_light():
    code = "import sys; from advisor import check; check.checks(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "sklearn", "scipy", "transformers", "datasketch"}
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}


def test_places_are_drawn_evenly_with_both_ends():
    assert list(evenly(3, 5)) == [0, 1, 2]
    assert evenly(101, 3) == [0, 50, 100]
    assert len(set(evenly(1000, 999))) == 999


def test_progress_is_told_in_shares_of_the_whole(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"t{n},{'ab'[n % 2]}\n" for n in range(8)))
    heard: list[int] = []
    examined = Examined.of(data.read(path), report=lambda news: heard.append(news.step))
    from advisor.profile import examine as measure

    measure(examined)
    assert heard == sorted(heard)
    assert (heard[0], len(heard)) == (0, len(check.checks()))
