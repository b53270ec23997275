"""``whichtune xray``, typed as a user would."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "xray.v1.json"
CHATS = [
    [("system", "Be brief."), ("user", "Hi 🙂"), ("assistant", "Hello.\nYou?")],
    [("user", "Anybody?")],
    [
        ("user", "One?"),
        ("assistant", "Two."),
        ("user", "Then?"),
        ("assistant", "\x1b[31mRed\u202e"),
    ],
]
NO_END = (
    "{%- for message in messages -%}{{ '<|' + message.role + '|>' + message.content }}"
    "{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
MARKS_NOBODY = (
    "{%- for message in messages -%}{{ '<|' + message.role + '|>' }}"
    "{%- if message.role == 'bot' -%}{%- generation -%}{{ message.content + eos_token }}"
    "{%- endgeneration -%}{%- else -%}{{ message.content + eos_token }}{%- endif -%}"
    "{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def chats(tmp_path):
    path = tmp_path / "chats.jsonl"
    rows = [[{"role": role, "content": text} for role, text in chat] for chat in CHATS]
    path.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in rows), "utf-8")
    return path


@pytest.fixture
def template(tmp_path):
    def write(text):
        path = tmp_path / "template.jinja"
        path.write_text(text, "utf-8")
        return path

    return write


def marks_under(out, token):
    """What stands under a token in the line of marks below it."""
    lines = out.splitlines()
    (number,) = (n for n, line in enumerate(lines) if f"│{token}│" in f"│{line}")
    place = f"│{lines[number]}".index(f"│{token}│")
    wide = sum(character == "🙂" for character in lines[number][:place])
    return lines[number + 1][place + wide : place + wide + len(token)]


def test_without_colour_a_line_of_marks_tells_the_kinds_apart(whichtune, chats):
    code, out, err = whichtune("xray", chats)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert out.startswith(f"{chats}:1\na chat of 3 turns, as bundled sees it\n")
    assert marks_under(out, "<|system|>") == "#" * 10
    assert marks_under(out, "Be") == ".."
    assert marks_under(out, "<|assistant|>") == "#" * 13
    assert marks_under(out, "You") == "==="
    assert re.search(r"│<\|endoftext\|>│\n[= ]+ E{13}\n", out)
    assert ". masked   = learned   # special   E end of sequence" in out
    assert re.search(r"tokens +\d+: \d+ learned, \d+ masked", out)
    assert re.search(r"mask +from the marks in the chat template", out)
    assert re.search(r"at use +the model is given the first \d+ tokens above", out)


def test_in_colour_the_kinds_differ_in_more_than_colour(whichtune, chats, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    _, out, _ = whichtune("xray", chats)
    assert "\x1b[2mBe\x1b[0m" in out
    assert "\x1b[4;32mYou\x1b[0m" in out
    assert "\x1b[2;7m<|system|>\x1b[0m" in out
    assert "\x1b[1;7;32m<|endoftext|>\x1b[0m" in out
    assert "####" not in out


def test_a_row_is_found_by_its_number_and_by_its_id_and_cannot_paint_the_screen(whichtune, chats):
    _, out, _ = whichtune("xray", chats, "--row", "2")
    _, again, _ = whichtune("xray", chats, "--row", "chats:3")
    assert out == again
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b" in out
    assert r"\u202e" in out


def test_a_row_that_was_left_out_is_named_with_the_reason(whichtune, chats):
    code, _, err = whichtune("xray", chats, "--row", "chats:2")
    assert code == 2
    assert f"{chats}:2: no row: no turn of the assistant" in err
    code, _, err = whichtune("xray", chats, "--row", "9")
    assert code == 2
    assert "no row '9'" in err
    assert "from 1 to 2, or an id such as chats:1" in err


def test_a_template_without_end_of_sequence_is_refused_by_code_name(whichtune, chats, template):
    code, out, err = whichtune("xray", chats, "--template", template(NO_END))
    assert code == 3
    assert "end of sequence: none" in out
    assert f"error: {chats}:1: no_end_of_sequence: the answer does not end" in err
    assert "fix: end the assistant turn of the template in {{ eos_token }}" in err


def test_an_all_masked_row_is_refused_by_code_name(whichtune, chats, template):
    code, out, err = whichtune("xray", chats, "--template", template(MARKS_NOBODY))
    assert code == 3
    assert re.search(r"tokens +\d+: 0 learned", out)
    assert f"error: {chats}:1: all_masked: no token of this row would be learned" in err


def test_a_row_that_is_cut_before_its_answer_is_refused_and_one_cut_later_is_not(whichtune, chats):
    code, out, err = whichtune("xray", chats, "--max-tokens", "8")
    assert code == 3
    assert "all_cut: the first 8 tokens are kept" in err
    assert "were cut off" in out
    code, out, _ = whichtune("xray", chats, "--max-tokens", "19")
    assert code == 0
    assert "! end_cut: the last" in out


def test_json_holds_every_token_and_obeys_its_schema(whichtune, chats):
    code, out, _ = whichtune("xray", chats, "--json")
    assert code == 0
    found = json.loads(out)
    jsonschema.validate(found, json.loads(SCHEMA.read_text("utf-8")))
    assert "".join(token["piece"] for token in found["tokens"]) == found["text"]
    learned = [token["piece"] for token in found["tokens"] if token["learned"]]
    assert "".join(learned) == "Hello.\nYou?<|endoftext|>"
    assert found["ends"] == [len(found["tokens"]) - 1]
    size = len(found["prompt_ids"])
    assert [token["id"] for token in found["tokens"]][:size] == found["prompt_ids"]
    assert found["faults"] == []


@pytest.mark.parametrize("broken", ["{{ messages[7].content }}", "{% if %}", "{{ 1 / 0 }}"])
def test_json_says_the_code_even_where_there_are_no_tokens(whichtune, chats, template, broken):
    code, out, err = whichtune("xray", chats, "--json", "--template", template(broken))
    assert code == 3
    found = json.loads(out)
    jsonschema.validate(found, json.loads(SCHEMA.read_text("utf-8")))
    (fault,) = found["faults"]
    assert (fault["code"], fault["where"], fault["blocking"]) == (
        "template_refused",
        f"{chats}:1",
        True,
    )
    assert "template_refused" in err


def test_a_label_is_an_answer_too(whichtune, tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("text,label\nWin a prize,spam\nSee you at six,ham\n" * 12)
    code, out, _ = whichtune("xray", path, "--row", "2")
    assert code == 0
    assert "an input with its target" in out
    assert marks_under(out, "<|assistant|>") == "#" * 13


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--template", "nowhere.jinja"], "nowhere.jinja: cannot read the template"),
        (["--base", "./nowhere"], "--base: no tokenizer './nowhere'"),
    ],
)
def test_what_is_not_there_is_said(whichtune, chats, more, message):
    code, _, err = whichtune("xray", chats, *more)
    assert code == 2
    assert message in err


def test_asking_for_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['whichtune', 'xray', '--help']\n"
        "from advisor.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'torch', 'transformers', 'tokenizers', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--max-tokens" in done.stdout
    assert done.stdout.endswith("set()\n")
