"""The comparison: the lines of advisor.compare, the verdict in words, and the worst mistakes."""

from advisor import runs
from advisor.compare import compare
from tui.listing import Listing
from tui.messages import OpenComparison


async def go(pilot, settle, *plans):
    pilot.app.post_message(OpenComparison(tuple(plan.folder for plan in plans)))
    await settle(pilot)


async def test_lines_winner_and_mistakes_are_those_of_the_advisor(app, settle, says, finish):
    for approach, right in (("heads", 50), ("setfit", 53), ("lora", 30)):
        finish(app.folder, approach, right)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        expected = compare(runs.all_runs(app.folder))
        listing = app.screen.query_one("#lines", Listing)
        assert [item.key for item in listing.items] == [line.name for line in expected.lines]
        assert expected.because in says(pilot, "#winner")
        assert listing.key == expected.winner == "heads-0001"
        assert f"whichtune try {expected.winner}" in says(pilot, "#next")
        detail = says(pilot, "#detail")
        assert "tie with setfit-0001 (p 0.250): of those that tie, the cheaper wins" in detail
        assert "refund → billing: 10 of 20" in detail
        assert "“message 2 about refund”" in detail
        listing.highlighted = listing.get_option_index("majority")
        await pilot.pause()
        assert "a baseline" in says(pilot, "#detail")


async def test_a_wide_screen_adds_memory_and_macro_f1(app, settle, says, finish):
    finish(app.folder, "heads", 50)
    async with app.run_test(size=(120, 40)) as pilot:
        await go(pilot, settle)
        listing = app.screen.query_one("#lines", Listing)
        assert "memory" in says(pilot, "#columns-names")
        assert "410 MiB" in listing.items[0].text.plain


async def test_runs_that_are_not_done_are_refused_with_a_fix(app, settle, says, finish, new_plan):
    done, planned = finish(app.folder, "heads"), new_plan(app.folder, "lora")
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle, done, planned)
        assert "lora-0001 is planned" in says(pilot, "#error")
        assert "fix: " in says(pilot, "#error")
        assert "mark some with space" in says(pilot, "#next")


async def test_without_runs_it_says_how_to_get_some(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        assert "no finished runs to compare" in says(pilot, "#error")
        assert len(app._notifications) == 0


async def test_nothing_essential_is_outside_the_screen(app, settle, finish):
    finish(app.folder, "heads", 50)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        for selector in ("#columns-names", "#lines", "#winner", "#mistakes", "#next", "Footer"):
            region = app.screen.query_one(selector).region
            assert region.height > 0, selector
            assert app.screen.region.contains_region(region), selector
