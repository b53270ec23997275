"""A causal model as a classifier: the shortcut through kept keys and values changes no number."""

import math
from pathlib import Path

import pytest
import torch

from runners import _causal_lm, _guards
from runners.base import Row

SPOKEN = {
    "arrival": "card arrival",
    "estimate": "card delivery estimate",
    "expire": "card about to expire",
    "linking": "linking",
}
"""One to four tokens each."""
TELL = "Choose the label that fits the text."


@pytest.fixture(scope="module")
def model(llama):
    return _causal_lm.LabelLikelihood(llama, SPOKEN, TELL)


def plain_scores(model, prompt):
    """Mean log-probability of each label's tokens, one whole sequence at a time, nothing kept."""
    scores = []
    with torch.inference_mode():
        for tokens in model.continuations:
            logits = model.model(torch.tensor([prompt + tokens])).logits[0]
            chances = torch.log_softmax(logits.float(), dim=-1)
            places = range(len(prompt) - 1, len(prompt) + len(tokens) - 1)
            picked = [float(chances[p, t]) for p, t in zip(places, tokens, strict=True)]
            scores.append(math.fsum(picked) / len(picked))
    return scores


@pytest.mark.parametrize("text", ["where is my card", "how do I link it", ""])
def test_scores_equal_those_of_whole_sequences_for_labels_of_any_length(model, text):
    assert sorted(map(len, model.continuations)) == [1, 2, 3, 4]
    answer = model.answer(Row(id="1", input=text), [("the card came", "arrival")])
    prompt = model.tokenizer.encode(model._prompt(text, [("the card came", "arrival")]))
    scores = plain_scores(model, prompt)
    with torch.inference_mode():
        assert model._scores(torch.tensor([prompt])).tolist() == pytest.approx(scores, abs=1e-4)
    shares = torch.softmax(torch.tensor(scores), dim=0)
    assert answer.prediction == list(SPOKEN)[int(shares.argmax())]
    assert answer.score == pytest.approx(float(shares.max()), abs=1e-4)
    assert answer.tokens == len(prompt) + len(model.continuations[int(shares.argmax())])


def test_labels_of_one_token_need_no_second_pass(llama):
    model = _causal_lm.LabelLikelihood(llama, {"a": "card", "b": "text"}, TELL)
    prompt = model.tokenizer.encode(model._prompt("where is it", []))
    with torch.inference_mode():
        found = model._scores(torch.tensor([prompt])).tolist()
    assert found == pytest.approx(plain_scores(model, prompt), abs=1e-4)


def read(model, row, shots):
    return model.tokenizer.decode(model._fitting(row, shots))


def test_the_nearest_example_stands_last_before_the_text(model):
    shots = [("link it", "linking"), ("it expires", "expire")]
    prompt = model._prompt("where is my card", shots)
    assert prompt.split("\n\n") == [
        TELL,
        "Labels: card arrival, card delivery estimate, card about to expire, linking",
        "Text: link it\nLabel: linking",
        "Text: it expires\nLabel: card about to expire",
        "Text: where is my card\nLabel:",
    ]


def test_a_prompt_that_is_too_long_loses_its_farthest_examples_first(model):
    shots = [(f"{word} card " * 15, "linking") for word in ("when", "where", "how")]
    row = Row(id="1", input="is my card")
    fitting = model._fitting(row, shots)
    assert len(fitting) <= model.prompt_tokens
    text = model.tokenizer.decode(fitting)
    assert "how card" in text
    assert "when card" not in text
    assert text.startswith("Choose the label")
    # It keeps as many as there is room for.
    dropped = sum(f"{word} card" not in text for word in ("when", "where", "how"))
    longer = model.tokenizer.encode(model._prompt(row.input, shots[dropped - 1 :]))
    assert len(longer) > model.prompt_tokens


def test_a_text_that_is_too_long_loses_its_end_and_keeps_what_the_model_is_told(model):
    row = Row(id="1", input="where " + "card " * 500)
    fitting = model._fitting(row, [("link it", "linking")])
    text = model.tokenizer.decode(fitting)
    assert len(fitting) <= model.prompt_tokens
    assert text.startswith("Choose the label that fits the text")
    assert "where card card" in text
    assert "link it" not in text
    assert text.endswith("Label :")
    assert model.answer(row, ()).prediction in SPOKEN


def test_an_instruction_that_is_too_long_still_gives_an_answer(llama):
    model = _causal_lm.LabelLikelihood(llama, SPOKEN, "card " * 500)
    answer = model.answer(Row(id="1", input="where is my card"), ())
    assert answer.prediction in SPOKEN
    assert answer.tokens is not None
    assert answer.tokens <= 128


def test_up_to_20_labels_are_listed_and_more_are_not(llama):
    def prompt(count):
        labels = {str(n): f"card {n}" for n in range(count)}
        return _causal_lm.LabelLikelihood(llama, labels, TELL)._prompt("text", [])

    assert "Labels: card 0, card 1" in prompt(20)
    assert "Labels:" not in prompt(21)


def test_more_than_20_labels_are_all_scored(llama):
    words = [
        "card",
        "text",
        "label",
        "choose",
        "the",
        "that",
        "fits",
        "arrival",
        "linking",
        "expire",
    ]
    spoken = {f"{a} {b}": f"{a} {b}" for a in words[:5] for b in words[5:]}
    model = _causal_lm.LabelLikelihood(llama, spoken, TELL)
    answer = model.answer(Row(id="1", input="where is my card"), ())
    prompt = model.tokenizer.encode(model._prompt("where is my card", []))
    scores = plain_scores(model, prompt)
    assert answer.prediction == list(spoken)[scores.index(max(scores))]


def test_a_base_model_whose_weights_have_other_names_is_not_drawn_at_random(bare_writer):
    from safetensors.torch import load_file, save_file

    folder = Path(bare_writer())
    _causal_lm.open_model(str(folder))
    path = folder / "model.safetensors"
    renamed = {f"other.{name}": weight for name, weight in load_file(path).items()}
    save_file(renamed, path, {"format": "pt"})
    with pytest.raises(_guards.GuardError, match=r"base_ignored: .* not in its files"):
        _causal_lm.open_model(str(folder))
