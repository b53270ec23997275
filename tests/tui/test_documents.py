"""The documents screen: index a folder, ask, look at a hit, go on to a run; errors stay put."""

import asyncio
import threading

import pytest
from textual.widgets import Input

from tui import beside
from tui.documents import DocumentsScreen
from tui.hit import HitScreen
from tui.listing import Listing
from tui.messages import OpenDocuments
from tui.start import StartScreen

pytest.importorskip("chromadb")


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "cards.md").write_text("# Lost\n\nA lost card is blocked by phone.", "utf-8")
    (folder / "money.md").write_text("# Refunds\n\nMoney is back within ten days.", "utf-8")
    (folder / "notes.jsonl").write_text(
        '{"id": "1", "text": "Ann lost her card in Rome.", "user": "ann"}\n', "utf-8"
    )
    return folder


@pytest.fixture
def opened(app, settle, tmp_path, monkeypatch):
    """The screen, with the boxes filled in."""
    monkeypatch.chdir(tmp_path)

    async def fill(pilot, **boxes):
        app.post_message(OpenDocuments())
        await settle(pilot)
        for name, text in boxes.items():
            app.screen.query_one(f"#{name}", Input).value = text

    return fill


async def enter(app, pilot, settle, box):
    app.screen.query_one(f"#{box}", Input).focus()
    await pilot.press("enter")
    await settle(pilot)


async def test_a_folder_is_indexed_searched_and_handed_on_to_a_run(
    app, settle, says, shown, opened, corpus, tmp_path
):
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, documents=str(corpus))
        await enter(app, pilot, settle, "documents")
        assert "3 documents in 3 chunks" in says(pilot, "#told")
        assert app.screen.focused.id == "question"
        app.screen.query_one("#question", Input).value = "how is a lost card blocked"
        await pilot.press("enter")
        await settle(pilot)
        listing = app.screen.query_one(Listing)
        assert "cards.md  Lost" in listing.items[0].text.plain
        assert "A lost card is blocked by phone." in listing.items[0].text.plain
        assert all("Ann" not in item.text.plain for item in listing.items)
        assert "of 3 chunks, hybrid" in says(pilot, "#told")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, HitScreen)
        assert "characters " in shown(pilot)
        await pilot.press("escape", "r")
        await settle(pilot)
        assert isinstance(app.screen, StartScreen)
        assert app.screen.query_one("#settings-rag", Input).value == f"index={tmp_path / 'index'}"


async def test_a_user_sees_their_own_and_m_searches_in_another_way(
    app, settle, says, opened, corpus
):
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, documents=str(corpus), question="lost card", user="ann")
        await enter(app, pilot, settle, "documents")
        await enter(app, pilot, settle, "user")
        listing = app.screen.query_one(Listing)
        assert any("Ann lost her card" in item.text.plain for item in listing.items)
        await pilot.press("m")
        await settle(pilot)
        assert "dense" in says(pilot, "#told")
        assert "(meaning)" in app.screen.query_one(Listing).items[0].text.plain


@pytest.mark.parametrize(
    ("boxes", "box", "what", "fix"),
    [
        ({}, "documents", "no folder named", "type the path"),
        ({"documents": "nowhere"}, "documents", "nowhere", "fix:"),
        ({"question": "what?"}, "question", "no index", "whichtune index"),
        ({}, "question", "an empty question", "fix:"),
        ({"question": "x" * 100_000}, "question", "100,000 characters", "fix:"),
        ({"question": "x", "place": "http://localhost:1"}, "question", "does not answer", "start"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_fix(
    app, settle, says, opened, boxes, box, what, fix
):
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, **boxes)
        await enter(app, pilot, settle, box)
        assert isinstance(app.screen, DocumentsScreen)
        assert what in says(pilot, "#error")
        assert fix in says(pilot, "#error")
        for name, text in boxes.items():
            assert app.screen.query_one(f"#{name}", Input).value == text


async def test_leaving_while_it_indexes_stops_it_and_it_goes_on_later(
    app, settle, says, opened, corpus
):
    for number in range(150):
        (corpus / f"more{number}.txt").write_text(f"text number {number} " * 20, "utf-8")
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, documents=str(corpus))
        app.screen.query_one("#documents", Input).focus()
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert not isinstance(app.screen, DocumentsScreen)
        for thread in threading.enumerate():
            if thread.name == beside.NAME:
                await asyncio.to_thread(thread.join)
        await opened(pilot, documents=str(corpus))
        await enter(app, pilot, settle, "documents")
        assert "153 documents in 153 chunks" in says(pilot, "#told")
