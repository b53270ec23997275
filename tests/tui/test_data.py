"""The data screen, driven with the keyboard over real files."""

import json
import threading

import pytest
from rich.console import Console
from textual.widgets import Input

from advisor import check, report_xray
from advisor.check import NotLookedError
from advisor.columns import Columns
from advisor.data import read
from advisor.rows import Rows, RowsWriter
from runners import _render
from runners._render_tokenizer import open_tokenizer
from runners.base import Progress
from tui.behind import Behind
from tui.data import DataScreen
from tui.data_form import DataForm
from tui.home import HomeScreen
from tui.interview import InterviewScreen
from tui.listing import Listing
from tui.looked import Wanted, look
from tui.mend import MendScreen
from tui.messages import OpenData
from tui.reading_line import ReadingLine
from tui.row import RowScreen
from tui.rows_view import RowsView
from tui.save_mapping import SaveMappingScreen
from tui.xray import XrayScreen

TEXTS = [
    f"message number {n} about {('an invoice', 'a password')[n % 2]} {n * 7}" for n in range(40)
]


def write(path, rows, header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


@pytest.fixture
def tickets(tmp_path):
    """40 texts, of which three stand there twice, and two records without a label."""
    rows = [f"{text},{('billing', 'login')[n % 2]}" for n, text in enumerate(TEXTS)]
    return write(tmp_path / "tickets.csv", [*rows, *rows[:3], "no label here,", "nor here,"])


@pytest.fixture
def chats(tmp_path):
    path = tmp_path / "chats.jsonl"
    turns = [
        [("user", "One?"), ("assistant", "Two.")],
        [("user", "<|endoftext|>?"), ("assistant", "No")],
    ]
    lines = [{"messages": [{"role": r, "content": c} for r, c in chat]} for chat in turns]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


async def open_file(pilot, settle, path, **boxes):
    """Type a path into the form, and have it read; nothing is embedded."""
    pilot.app.post_message(OpenData())
    await settle(pilot)
    for name, text in {"train": path, "embed": "no", **boxes}.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = str(text)
    await pilot.press("enter")
    await settle(pilot)


async def select(pilot, settle, code):
    """Put the cursor on a finding."""
    listing = pilot.app.screen.query_one("#findings", Listing)
    named = [" ".join(item.text.plain.split()[:2]) for item in listing.items]
    listing.highlighted = next(n for n, name in enumerate(named) if code in name)
    await settle(pilot)


def rows(pilot):
    return pilot.app.screen.query_one(RowsView)


async def test_home_opens_it_and_a_path_is_completed_from_the_keyboard_alone(
    app, settle, says, shown, tickets, monkeypatch
):
    monkeypatch.chdir(tickets.parent)
    (tickets.parent / "tick.md").touch()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "2 Data" in shown(pilot)
        await pilot.press("2")
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)
        await pilot.press(*"tick")
        await settle(pilot)
        assert says(pilot, "#hint") == "tab completes: tick.md  tickets.csv"
        await pilot.press("e", "tab")
        assert app.focused.value == "tickets.csv"
        app.screen.query_one("#embed", Input).value = "no"
        await pilot.press("enter")
        await settle(pilot)
        assert "43 of 45 records" in says(pilot, "#about")
        assert "2: billing 22 · login 21" in says(pilot, "#about")
        assert app.notebook.situation.facts.labels == 2
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, InterviewScreen)
        await pilot.press("escape", "d")
        await settle(pilot)
        assert "43 of 45 records" in says(pilot, "#about")
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert "tickets.csv: 43 rows, 2 labels" in shown(pilot)


async def test_all_rows_behind_a_finding_are_there_and_one_can_be_read_in_full(
    app, settle, says, shown, tickets
):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, tickets)
        await select(pilot, settle, "repeats")
        assert says(pilot, "#told").startswith("3 rows that repeat another one")
        assert "fix: nothing to do" in says(pilot, "#told")
        await pilot.press("enter", "end")
        await settle(pilot)
        assert rows(pilot).line.name == "tickets:44"
        assert [rows(pilot)._behind[n].row.input for n in range(3)] == TEXTS[:3]
        assert "▸ tickets:44  message number 2 about an invoice 14" in shown(pilot)
        assert "-> billing" in shown(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RowScreen)
        assert says(pilot, "#place") == f"{tickets}:44"
        assert "input  message number 2" in says(pilot, "#told")
        assert "target  billing" in says(pilot, "#told")


async def test_records_that_never_became_rows_show_their_place_and_the_reason(
    app, settle, shown, tickets
):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, tickets)
        await select(pilot, settle, "excluded")
        assert "tickets.csv:45  no label here |" in shown(pilot)
        assert "-> no label" in shown(pilot)
        assert rows(pilot).line.row is None
        await pilot.press("x")
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)


async def test_what_nobody_looked_for_has_a_mark_of_its_own_and_says_why(
    app, settle, says, tickets, monkeypatch
):
    def refuse(examined):
        raise NotLookedError("it embeds every text", "add --embed")
        yield

    monkeypatch.setattr(check.checks()["repeats"], "look", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, tickets)
        await select(pilot, settle, "? repeats")
        assert "not looked for: rows that repeat" in says(pilot, "#told")
        assert "it embeds every text" in says(pilot, "#told")
        assert "fix: add --embed" in says(pilot, "#told")
        assert rows(pilot).line is None


async def test_columns_that_were_guessed_wrongly_are_changed_and_written_down(
    app, settle, says, tmp_path
):
    path = write(
        tmp_path / "two.csv",
        [f"{text},{'ab'[n % 2]},{'xyz'[n % 3]}" for n, text in enumerate(TEXTS)],
        header="text,label,team",
    )
    saved = tmp_path / "mapping.yaml"
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, path)
        assert "target 'label'" in says(pilot, "#about")
        await pilot.press("e")
        target = app.screen.query_one("#target", Input)
        assert target.placeholder == "found: label"
        target.focus()
        await pilot.press(*"tea", "tab")
        assert says(pilot, "#hint") == "Columns: text, label, team"
        assert target.value == "team"
        await pilot.press("enter")
        await settle(pilot)
        assert "target 'team'" in says(pilot, "#about")
        assert "3: x 14 · y 13 · z 13" in says(pilot, "#about")
        assert app.notebook.columns == Columns(target="team")
        await pilot.press("s")
        await settle(pilot)
        app.screen.query_one("#file", Input).value = str(saved)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)
        assert f"{saved} is written" in says(pilot, "#next")
        await pilot.press("s", "end")
        app.screen.query_one("#file", Input).value = str(saved)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, SaveMappingScreen)
        assert "this file exists already" in says(pilot, "#error")
    app.notebook.looked, app.notebook.columns = None, Columns()


async def test_a_saved_mapping_is_loaded_and_a_box_outweighs_it(app, settle, says, tmp_path):
    path = write(
        tmp_path / "two.csv",
        [f"{text},{'ab'[n % 2]},{'xyz'[n % 3]}" for n, text in enumerate(TEXTS)],
        header="text,label,team",
    )
    mapping = tmp_path / "m.yaml"
    mapping.write_text("kind: classification\ncolumns: {input: text, target: team}\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, path, mapping=mapping)
        assert "target 'team'" in says(pilot, "#about")
        await pilot.press("e")
        app.screen.query_one("#target", Input).value = "label"
        await pilot.press("enter")
        await settle(pilot)
        assert "target 'label'" in says(pilot, "#about")


@pytest.mark.parametrize(
    ("box", "text", "told", "focus"),
    [
        ("train", "nowhere.csv", "nowhere.csv: no such file", "train"),
        ("train", "", "rows: no file named", "train"),
        ("evaluation", "nowhere.csv", "nowhere.csv: no such file", "evaluation"),
        ("corpus", "nowhere.csv", "nowhere.csv: no such file", "corpus"),
        ("mapping", "nowhere.yaml", "nowhere.yaml: cannot be read as a mapping", "mapping"),
        ("base", "./nowhere", "--base: no tokenizer './nowhere'", "base"),
        ("kind", "clasification", "--kind: no kind of rows 'clasification'", "kind"),
        ("target", "lable", "--target: no column 'lable'", "target"),
        ("roles", "user", "--role: 'user' names no role and column", "roles"),
        ("embed", "perhaps", "--embed: 'perhaps' is neither", "embed"),
        ("encoding", "utf-9", "--encoding: no encoding 'utf-9'", "encoding"),
    ],
)
async def test_what_is_refused_stays_typed_with_its_fix_and_the_cursor_goes_there(
    app, settle, says, tickets, box, text, told, focus
):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, tickets, **{box: text})
        note = says(pilot, "#error")
        assert told in note
        assert "fix: " in note
        assert app.screen.query_one(f"#{box}", Input).value == text
        assert app.focused.id == focus
        assert app.notebook.looked is None
        for selector in ("#form", "#error", "#next", "Footer"):
            assert app.screen.region.contains_region(app.screen.query_one(selector).region)


async def test_escape_stops_the_examination_and_what_was_known_stays(
    app, settle, says, tickets, tmp_path, monkeypatch
):
    asked, go_on, made = threading.Event(), threading.Event(), []

    def slow(examined):
        asked.set()
        assert go_on.wait(30)
        yield from ()

    def later(examined):
        made.append(examined)
        yield from ()

    app.notebook.take(look(Wanted(tickets, embed=False)))
    before, other = app.notebook.looked, write(tmp_path / "other.csv", ["a text,b", "c text,d"])
    first, *_, last = check.checks().values()
    monkeypatch.setattr(first, "look", slow)
    monkeypatch.setattr(last, "look", later)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenData())
        await pilot.pause()
        await pilot.press("e")
        app.screen.query_one("#train", Input).value = str(other)
        await pilot.press("enter")
        while not asked.is_set():
            await pilot.pause()
        await pilot.pause()
        assert "%" in says(pilot, "#reading")
        assert "looking for" in says(pilot, "#reading")
        assert "escape stops it" in says(pilot, "#next")
        await pilot.press("escape")
        assert says(pilot, "#hint") == "stopped; nothing was changed"
        go_on.set()
        await settle(pilot)
        assert app.notebook.looked is before
        assert not made
        await pilot.press("escape")
        await settle(pilot)
        assert "43 of 45 records" in says(pilot, "#about")


async def test_reading_a_long_file_says_how_far_it_is_and_is_stopped_in_the_middle(
    app, settle, says, tmp_path, monkeypatch
):
    monkeypatch.setattr("advisor.data._NEWS", 10)
    path = write(tmp_path / "long.csv", [f"{text},{'ab'[n % 2]}" for n, text in enumerate(TEXTS)])
    heard, go_on = [], threading.Event()

    def show(line, news):
        heard.append((news.message, news.step))

    def add(writer, line, draft):
        if writer.count == 25:
            assert go_on.wait(30)
        assert writer.count < 31
        real(writer, line, draft)

    real = RowsWriter.add
    monkeypatch.setattr(ReadingLine, "show", show)
    monkeypatch.setattr(RowsWriter, "add", add)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenData())
        await settle(pilot)
        app.screen.query_one("#train", Input).value = str(path)
        await pilot.press("enter")
        while len(heard) < 3:
            await pilot.pause()
        assert heard[-1] == ("reading long.csv", 20)
        await pilot.press("escape")
        go_on.set()
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)
        assert app.notebook.looked is None


async def test_a_part_that_counts_for_itself_does_not_move_the_bar(app, says):
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenData())
        await pilot.pause()
        line = app.screen.query_one(ReadingLine)
        line.begin("reading")
        line.show(Progress(message="looking", step=500, steps=1000))
        line.show(Progress(message="embedding", step=1, steps=9))
        assert "50%" in says(pilot, "#reading")
        assert "embedding 1 of 9 …" in says(pilot, "#reading")
        line.end()


async def test_a_blocking_finding_is_the_next_step(app, settle, says, shown, tmp_path):
    path = write(tmp_path / "one.csv", [f"{text},same" for text in TEXTS])
    async with app.run_test(size=(80, 24)) as pilot:
        await open_file(pilot, settle, path)
        assert "x one_label" in shown(pilot)
        assert "one_label: add rows with a second label" in says(pilot, "#next")
        write(path, [f"{text},{'ab'[n % 2]}" for n, text in enumerate(TEXTS)])
        await pilot.press("r")
        await settle(pilot)
        assert "one_label" not in shown(pilot)
        assert "i asks what the file leaves open" in says(pilot, "#next")


async def test_the_xray_shows_the_tokens_as_the_command_does_and_goes_from_row_to_row(
    app, settle, says, shown, chats
):
    row = read(chats).rows[0]
    rendered = _render.render(row, open_tokenizer("bundled"))
    console = Console(width=78, no_color=True, color_system=None, record=True, quiet=True)
    console.print(report_xray.xray(rendered, row, "bundled", f"{chats}:1"))
    wanted = [line.rstrip() for line in console.export_text().splitlines()[2:] if line.strip()]
    async with app.run_test(size=(80, 30)) as pilot:
        await open_file(pilot, settle, chats)
        await select(pilot, settle, "rows")
        await pilot.press("x")
        await settle(pilot)
        assert isinstance(app.screen, XrayScreen)
        assert "end of sequence" in shown(pilot)
        assert "EEEEEEEEEEEEE" not in shown(pilot)
        await pilot.press("m")
        await settle(pilot)
        text = shown(pilot)
        for line in wanted:
            assert line in text
        assert "EEEEEEEEEEEEE" in text
        await pilot.press("n")
        await settle(pilot)
        assert "! special_in_text: " in shown(pilot)
        await pilot.press("n", "p")
        await settle(pilot)
        assert f"{chats.stem}:1, 1 of 2 rows" in says(pilot, "#heading")


async def test_the_xray_takes_another_base_model_and_names_a_fault_by_its_code(
    app, settle, says, shown, chats, tmp_path
):
    folder = tmp_path / "endless"
    tokenizer = open_tokenizer("bundled")
    tokenizer.chat_template = (
        "{%- for message in messages -%}{{ '<|' + message.role + '|>' + message.content }}"
        "{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
    )
    tokenizer.save_pretrained(folder)
    async with app.run_test(size=(80, 30)) as pilot:
        await open_file(pilot, settle, chats)
        await select(pilot, settle, "rows")
        await pilot.press("x")
        await settle(pilot)
        for base, told in ((folder, "no_end_of_sequence: "), (tmp_path / "none", "no tokenizer")):
            await pilot.press("b")
            app.screen.query_one("#base", Input).value = str(base)
            await pilot.press("enter")
            await settle(pilot)
            assert told in says(pilot, "#error").replace("\n", " ")
            assert "fix: " in says(pilot, "#error")


async def test_mending_shows_first_what_it_would_do_and_never_touches_the_file(
    app, settle, says, shown, tickets
):
    before, clean = tickets.read_bytes(), tickets.with_name("tickets_clean.csv")
    async with app.run_test(size=(80, 30)) as pilot:
        await open_file(pilot, settle, tickets)
        await pilot.press("f")
        await settle(pilot)
        assert isinstance(app.screen, MendScreen)
        assert "45 records, 40 would be written, 5 left out" in shown(pilot)
        assert not clean.exists()
        await pilot.press("enter")
        await settle(pilot)
        assert clean.exists()
        assert len(clean.with_name(f"{clean.name}.changes.jsonl").read_text().splitlines()) == 5
        await pilot.press("r")
        await settle(pilot)
        assert "40 of 40 records" in says(pilot, "#about")
        assert app.notebook.train == clean
        assert tickets.read_bytes() == before


async def test_a_long_list_is_read_only_where_it_is_looked_at(
    app, settle, shown, tmp_path, monkeypatch
):
    path = tmp_path / "long.csv"
    write(path, [f"text {n % 4 // 2} of {n},{'ab'[n % 2]}" for n in range(20_000)])
    looked = look(Wanted(path, embed=False))
    seen = []
    real = Rows.__getitem__
    monkeypatch.setattr(Rows, "__getitem__", lambda rows, n: seen.append(n) or real(rows, n))
    app.notebook.take(looked)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenData())
        await settle(pilot)
        await select(pilot, settle, "rows")
        await pilot.press("enter", "end")
        await settle(pilot)
        assert rows(pilot).line.name == "long:20001"
        assert "▸ long:20001" in shown(pilot)
        await pilot.press("pageup", "up")
        await settle(pilot)
        assert "▸" in shown(pilot)
        assert len(set(seen)) < 100


def test_names_lead_to_rows_of_the_other_file_to_odd_rows_and_nowhere(tmp_path):
    train = write(tmp_path / "train.csv", [f"{text},{'ab'[n % 2]}" for n, text in enumerate(TEXTS)])
    other = write(tmp_path / "test.csv", ["a new one,c", "another,a"])
    looked = look(Wanted(train, evaluation=other, embed=False))
    found = next(item for item in looked.found if item.code == "unseen_label")
    behind = Behind(looked.examination.examined, found)
    assert len(behind) == 1
    assert (behind[0].name, behind[0].text, behind[0].answer) == ("test:2", "a new one", "c")
    assert behind.place(0) == f"{other}:2"
    lost = check.Found("x", "x", where=("elsewhere:9",))
    behind = Behind(looked.examination.examined, lost)
    assert (behind[0].name, behind[0].row, behind.place(0)) == ("elsewhere:9", None, "elsewhere:9")


async def test_roles_and_kinds_are_completed(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenData())
        await settle(pilot)
        app.screen.query_one("#kind", Input).focus()
        await pilot.press(*"prefe", "tab")
        assert app.focused.value == "preference"
        app.screen.query_one("#roles", Input).focus()
        await pilot.press(*"rej", "tab")
        assert app.focused.value == "rejected="


async def test_terminal_codes_in_a_text_are_shown_and_not_obeyed(app, settle, shown, tmp_path):
    rows_ = [f"{n} \x1b[2J[bold] {text},{'ab'[n % 2]}" for n, text in enumerate(TEXTS)]
    path = write(tmp_path / "odd.csv", rows_)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_file(pilot, settle, path)
        await select(pilot, settle, "rows")
        assert "\\x1b[2J[bold]" in shown(pilot)


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (120, 40)])
async def test_nothing_essential_is_outside_the_screen(app, settle, tickets, size):
    async with app.run_test(size=size) as pilot:
        await open_file(pilot, settle, tickets)
        for parts in (("#about", "#findings", "#told", "#rows"), ("#form", "#part", "#hint")):
            for selector in (*parts, "#next", "Footer"):
                region = app.screen.query_one(selector).region
                assert region.height > 0, selector
                assert app.screen.region.contains_region(region), selector
            await pilot.press("e")
            await settle(pilot)
        assert app.screen.query_one(DataForm).max_scroll_y == 0
