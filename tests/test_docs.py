"""The docs tell the truth: no dead link, no command that is not there, rules as they are shown."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rules import engine

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def anchors(page):
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ +(.+)$", text, flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def test_every_command_the_docs_name_exists():
    code = "import sys; sys.argv = ['whichtune', '--help']; from advisor.cli import main; main()"
    listing = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    known = set(re.findall(r"^  (\w+) ", listing.stdout.split("Commands:")[1], flags=re.MULTILINE))
    for page in PAGES:
        blocks = re.findall(
            r"^    (?:echo .*\| )?whichtune +([a-z]\w*)", page.read_text("utf-8"), flags=re.M
        )
        assert set(blocks) <= known, page


def test_the_company_rules_shown_in_the_docs_load_and_hold(tmp_path):
    text = (ROOT / "docs" / "rules.md").read_text("utf-8")
    (block,) = (
        b for b in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL) if "company" in b
    )
    (tmp_path / "lora.yaml").write_text(block)
    assert yaml.safe_load(block)["rules"][0]["id"] == "lora-company-policy"
    loaded = engine.load(engine.FOLDER, tmp_path)
    (lora,) = (approach for approach in loaded if approach.name == "lora")
    assert "lora-company-policy" in {rule.id for rule in lora.rules}
