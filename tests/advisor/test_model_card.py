"""What a model card says, and what it leaves out."""

import pytest

from advisor import model_card, model_card_words, share_words
from runners._parity import Parity


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/home/me/rows/a.csv", "a.csv"),
        ("read '/srv/x/b c.txt', then go on", "read 'b c.txt', then go on"),
        ("~/models/tiny", "tiny"),
        ("org/name 1/2 and/or https://a.org/b", "org/name 1/2 and/or https://a.org/b"),
    ],
)
def test_of_a_path_the_name_of_the_file_is_kept(text, kept):
    assert model_card.without_folders(text) == kept


def test_a_new_model_is_not_said_to_have_a_base_model():
    assert "adapted" not in model_card_words.made("pretraining", "bundled", new=True)
    said = " ".join(model_card_words.unknown("", 10, ()))
    assert "base model" not in said


@pytest.mark.parametrize("kind", model_card_words.WHAT)
def test_every_kind_of_copy_is_opened_by_code_that_can_be_read(kind):
    code = model_card_words.opening(kind, "my-run", "org/name")
    assert "my-run" in code
    if kind != "gguf":
        compile(code, "card", "exec")


def test_answers_that_differ_are_warned_of_and_scores_that_are_no_numbers_too():
    found = Parity(prompts=20, equal=20, same_tokens=20, largest_difference=1e-6)
    assert share_words.doubts(found) == ()
    (text,) = share_words.doubts(found.model_copy(update={"equal": 18}))
    assert text.startswith("2 of 20 answers are not what the run said")
    (text,) = share_words.doubts(found.model_copy(update={"largest_difference": None}))
    assert "no numbers" in text


def test_a_model_that_was_measured_in_four_bits_is_held_against_both():
    found = Parity(prompts=20, equal=20, same_tokens=20, largest_difference=1e-6)
    rounded = found.model_copy(update={"equal": 15})
    first, second = share_words.told("merged", found, rounded, "four bits")
    assert "20 of 20" in first
    assert "in four bits: 15 of 20" in second
