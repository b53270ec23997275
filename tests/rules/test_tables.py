"""The dated tables: what they must hold, and how a broken one is refused."""

import re
from datetime import date

import pytest

from rules import tables
from rules.entries import Shape
from rules.errors import RuleError

MODELS = tables.models()
ENTRY = (tables.FOLDER / "models.yaml").read_text("utf-8")
TODAY = date(2026, 11, 21)


def test_there_are_enough_models_of_every_kind():
    assert len(MODELS) >= 25
    kinds = [model.kind for model in MODELS]
    assert kinds.count("encoder") >= 10
    assert kinds.count("causal") >= 15
    assert [model.parameters_b for model in MODELS] == sorted(m.parameters_b for m in MODELS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_the_stated_parameters_agree_with_the_shape_within_three_percent(model):
    assert model.shape.parameters / 1e9 == pytest.approx(model.parameters_b, rel=0.03)


def test_parameters_of_three_shapes_counted_by_hand():
    plain = Shape(
        layers=1,
        hidden=4,
        intermediate=8,
        heads=2,
        kv_heads=2,
        vocabulary=10,
        tied=True,
        gated=False,
    )
    assert plain.parameters == 10 * 4 + 4 * 4 * 4 + 2 * 4 * 8
    shared = Shape(
        layers=2, hidden=4, intermediate=8, heads=2, kv_heads=1, vocabulary=10, tied=False
    )
    assert shared.parameters == 2 * 10 * 4 + 2 * (4 * (4 + 2 * 2 + 4) + 3 * 4 * 8)
    both = Shape(
        layers=1,
        decoder_layers=1,
        hidden=4,
        intermediate=8,
        heads=2,
        kv_heads=2,
        vocabulary=10,
        tied=True,
    )
    assert both.parameters == 10 * 4 + 3 * 4 * 4 * 4 + 2 * 3 * 4 * 8


def test_every_entry_was_checked_and_has_a_source():
    for entry in (*MODELS, *tables.gpus(), *tables.providers()):
        assert entry.source.startswith("https://")
        assert date(2026, 1, 1) <= entry.checked


def test_a_card_has_the_memory_that_the_driver_reports():
    cards = {card.name: card for card in tables.gpus()}
    assert len(cards) >= 20
    assert cards["GeForce RTX 3090"].memory_gb == 25.8
    assert cards["GeForce RTX 3090"].memory_gib == 24.0
    assert not cards["NVIDIA T4"].bf16
    for card in cards.values():
        assert 0.9 * card.marketed_gb <= card.memory_gib <= 1.01 * card.marketed_gb


def test_hosted_tuning_that_ends_is_known_to_end():
    providers = {provider.name: provider for provider in tables.providers()}
    openai = providers["OpenAI"]
    assert (openai.closed_to_new, openai.sunset) == (date(2026, 5, 7), date(2027, 1, 6))
    assert openai.takes_new(TODAY) is False
    assert openai.takes_new(date(2026, 5, 6)) is True
    assert providers["Cohere"].takes_new(TODAY) is False
    assert providers["Mistral AI"].takes_new(TODAY) is None
    assert any(provider.takes_new(TODAY) for provider in providers.values())


def test_what_was_not_read_again_says_so():
    for provider in tables.providers():
        assert provider.read[-1] == "."
        assert provider.verified or "ot re-read" in provider.read


def test_a_model_is_found_by_its_name_and_a_misspelt_one_is_corrected():
    assert tables.find_model("Qwen/Qwen3-8B").parameters_b == 8.2
    with pytest.raises(RuleError, match=r"did you mean 'Qwen/Qwen3-8B'\?"):
        tables.find_model("Qwen/Qwen3-8b")
    with pytest.raises(RuleError, match="lists them all"):
        tables.find_model("nobody/xyzzy")


def broken(tmp_path, old, new):
    assert ENTRY.count(old), old
    (tmp_path / "models.yaml").write_text(ENTRY.replace(old, new, 1), "utf-8")
    with pytest.raises(RuleError) as found:
        tables.models(tmp_path)
    return str(found.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("parameters_b:", "parameter_b:", "unknown key 'parameter_b'\n  fix: did you mean 'param"),
        ("    context: ", "    # context: ", "'context' is missing"),
        ("kind: causal", "kind: casual", "kind cannot be 'casual'\n  fix: did you mean 'causal'?"),
        ("layers: ", "layer: ", "unknown key 'layer'\n  fix: did you mean 'layers'?"),
        ("parameters_b: ", "parameters_b: -", "greater than 0"),
        ("source: https", "source: http", "source: String should match"),
        ("released: 2024-11", "released: 2024-13", "released: String should match"),
        ("models:\n", "modles:\n", "unknown key 'modles'\n  fix: did you mean 'models'?"),
        ("    kind: causal", "   kind: causal", "not YAML"),
    ],
)
def test_a_broken_entry_is_named_with_its_line(tmp_path, old, new, said):
    error = broken(tmp_path, old, new)
    assert said in error
    assert re.match(rf"{re.escape(str(tmp_path))}/models.yaml:\d+: ", error)


def test_the_line_is_that_of_the_entry(tmp_path):
    lines = ENTRY.splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "kind: causal" in text)
    assert f"models.yaml:{line}: " in broken(tmp_path, "kind: causal", "kind: casual")


def test_the_same_model_twice_is_refused(tmp_path):
    names = re.findall(r"- id: (\S+)", ENTRY)
    error = broken(tmp_path, f"- id: {names[1]}", f"- id: {names[0]}")
    assert f"{names[0]!r} twice, first on line" in error


def test_a_table_that_is_missing_is_said_to_be(tmp_path):
    with pytest.raises(RuleError, match="reinstall whichtune"):
        tables.gpus(tmp_path)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "gpus.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="not YAML"):
        tables.gpus(tmp_path)
    (tmp_path / "providers.yaml").write_text("", "utf-8")
    with pytest.raises(RuleError):
        tables.providers(tmp_path)
