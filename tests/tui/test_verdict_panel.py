"""The verdict panel draws what the advisor says, for any facts, and every row fits its line."""

import random
import re

from advisor import questions
from advisor.recommend import recommend
from rules.facts import Facts
from tui.verdict_panel import VerdictPanel

PLACED = re.compile(r"^ ?(?:\d+ [●○]|✗) (\w+)", re.MULTILINE)


def random_facts(seed):
    dice = random.Random(seed)
    values = {}
    for item in questions.QUESTIONS:
        if dice.random() < 0.5:
            continue
        if item.kind == "number":
            values[item.id] = dice.choice([1, 5, 20, 300, 5_000, 100_000])
        elif item.kind == "yes_no":
            values[item.id] = dice.random() < 0.5
        else:
            values[item.id] = dice.choice(item.choices).value
    return Facts(**values)


async def test_the_panel_shows_the_order_of_recommend_for_any_facts(app, settle, says):
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        panel = app.screen.query_one(VerdictPanel)
        for seed in range(40):
            recommendation = recommend(random_facts(seed))
            panel.show(recommendation)
            drawn = PLACED.findall(says(pilot, "#ranking"))
            assert drawn == [item.approach for item in recommendation.ranking]


async def test_every_row_of_the_panel_fits_its_line_and_no_name_is_cut(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        panel = app.screen.query_one(VerdictPanel)
        for seed in range(40):
            recommendation = recommend(random_facts(seed))
            panel.show(recommendation)
            await pilot.pause()
            lines = says(pilot, "#ranking").split("\n")
            width = panel.scrollable_content_region.width
            assert max(map(len, lines)) <= width
            assert panel.show_vertical_scrollbar == (len(lines) > panel.size.height)
            assert not panel.show_horizontal_scrollbar
            placed = [line.split() for line in lines if line[3:4] in ("●", "○")]
            possible = [item for item in recommendation.ranking if item.status != "ruled_out"]
            assert [line[2] for line in placed] == [item.approach for item in possible]
            sure = " ".join(lines[: lines.index(next(x for x in lines if x[3:4] in ("●", "○")))])
            margin = recommendation.margin
            if not any(gate.stop for gate in recommendation.gates):
                assert sure == f"{margin.verdict}: {margin.because}"
