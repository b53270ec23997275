"""Writing: greedy, the same in any batch, ended by the model itself; and bits of what is right."""

import math
from types import SimpleNamespace

import pytest
import torch

from rules.errors import UserError
from runners import _causal_lm, _generation, _render, _write_bits
from runners.base import Row, find, silent


@pytest.fixture(scope="module")
def writer(bare_writer):
    """Weights wide apart, so that what follows depends on what came before."""
    folder = bare_writer(initializer_range=0.3, tie_word_embeddings=False)
    return _generation.Writer(*_causal_lm.open_model(folder), 12)


def plain(writer, row):
    """The likeliest next token, one at a time, without batch or kept keys."""
    _, ids = _render.prompt(row, writer.tokenizer)
    ids = list(ids)
    start = len(ids)
    with torch.inference_mode():
        while len(ids) < start + writer.max_new_tokens:
            ids.append(int(writer.model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == writer.tokenizer.eos_token_id:
                break
    return writer.tokenizer.decode(ids[start:], skip_special_tokens=True).strip()


def test_answers_are_those_of_one_row_at_a_time_whatever_stands_in_the_batch(
    writer, text_evaluation
):
    rows = [*text_evaluation[:5], Row(id="long", input="a longer one " * 6, target="x")]
    answers = writer.predict(rows)
    assert [answer.id for answer in answers] == [row.id for row in rows]
    assert [answer.prediction for answer in answers] == [plain(writer, row) for row in rows]
    assert len({answer.prediction for answer in answers}) > 3


def test_an_answer_that_the_model_does_not_end_is_marked_as_cut(writer, text_evaluation):
    answer = writer.predict(text_evaluation[:1])[0]
    assert answer.cut
    _, prompt = _render.prompt(text_evaluation[0], writer.tokenizer)
    assert answer.tokens == len(prompt) + 12


def test_a_question_without_its_answer_is_asked_as_the_trained_row_was(writer, text_evaluation):
    row = text_evaluation[0]
    _, trained = _render.prompt(row, writer.tokenizer)
    bare = Row(id="1", input=row.input)
    assert tuple(writer.fitting(bare, [])) == trained


def test_bits_are_those_of_the_answer_without_its_end(writer, text_evaluation):
    rows = [text_evaluation[0], Row(id="x", input="a", target="the ship is here"), *text_evaluation]
    found = writer.bits(rows)
    for row, said in list(zip(rows, found, strict=True))[:4]:
        rendered = _render.render(row, writer.tokenizer)
        with torch.inference_mode():
            logits = writer.model(torch.tensor([rendered.ids])).logits[0].float()
        chances = torch.log_softmax(logits, dim=-1)
        places = range(len(rendered.prompt_ids), len(rendered.ids) - 1)
        expected = -sum(float(chances[n - 1, rendered.ids[n]]) for n in places) / math.log(2)
        assert said.bits == pytest.approx(expected, rel=1e-4)
        assert said.bytes == len(row.target)


def test_a_text_alone_counts_as_a_whole_also_beyond_the_window(writer):
    text = "The ship sailed to the north and the men were silent. " * 60
    (said,) = writer.bits([Row(id="1", input=text)])
    assert said.bytes == len(text)
    tokens = len(writer.tokenizer(text)["input_ids"])
    assert tokens > 600
    assert said.bits > 12 * tokens  # as if each of 4,096 tokens were as likely


def test_a_long_answer_is_counted_once_whatever_the_windows(writer):
    row = Row(id="1", input="a question", target="The ship sailed to the north. " * 30)
    rendered = _render.render(row, writer.tokenizer)
    assert len(rendered.ids) > 256
    pieces = _write_bits._pieces(0, rendered, 64)
    counted = [piece.ids[place] for piece in pieces for place in piece.places]
    assert counted == list(rendered.ids[len(rendered.prompt_ids) : -1])


def test_examples_are_earlier_turns_and_the_farthest_go_first_when_there_is_no_room(writer):
    row = Row(id="1", input="door : red")
    shots = [(f"{word} : blue", f"The {word} is blue.") for word in ("hat", "coat", "ship")]
    text = writer.tokenizer.decode(writer.fitting(row, shots))
    assert text.count("<|user|>") == 4
    assert text.index("hat") < text.index("ship") < text.index("door")
    many = [("old " * 20, "The sea. " * 10), *shots] * 4
    text = writer.tokenizer.decode(writer.fitting(row, many))
    assert text.endswith("<|user|>door : red<|endoftext|><|assistant|>")
    assert "The ship is blue.<|endoftext|><|user|>door" in text
    assert text.count("<|user|>") < 17


def test_a_question_that_is_too_long_loses_its_end(writer):
    ids = writer.fitting(Row(id="1", input="first " + "more words " * 500), [])
    assert len(ids) <= 256 - 12
    text = writer.tokenizer.decode(ids)
    assert text.startswith("<|user|>first more")
    assert text.endswith("<|assistant|>")


def test_without_a_chat_template_examples_are_paragraphs_and_a_new_one_ends_the_answer(bare_writer):
    folder = bare_writer(template=False)
    model, tokenizer = _causal_lm.open_model(folder)
    writer = _generation.Writer(model, tokenizer, 8)
    text = tokenizer.decode(writer.fitting(Row(id="1", input="door : red"), [("a", "b")]))
    assert text == "a\nb\n\ndoor : red\n"
    ids = tokenizer("a short answer\n\nand more", add_special_tokens=False)["input_ids"]
    said = writer._written(ids, frozenset({1}), stops=True)
    assert (said.text, said.cut) == ("a short answer", False)


def test_the_answer_may_be_a_quarter_longer_than_the_longest_one_seen(writer, text_train):
    longest = max(len(writer.tokenizer(row.target)["input_ids"]) for row in text_train)
    assert _generation.room_for(text_train, writer.tokenizer, 256) == math.ceil(longest * 1.25) + 8
    assert _generation.room_for([Row(id="1", input="a text")], writer.tokenizer, 256) == 64


@pytest.mark.parametrize("approach", ["zero_shot", "few_shot"])
def test_an_encoder_cannot_write_and_is_refused(approach, text_plan, text_train, encoder, tmp_path):
    plan = text_plan(tmp_path / "run", approach, base_model=encoder)
    with pytest.raises(UserError, match="this model does not write text"):
        find(approach).fit(plan, text_train, silent)


def test_drawn_answers_are_those_of_their_seed_and_differ_from_the_likeliest(
    writer, text_evaluation
):
    rows = text_evaluation[:6]
    likeliest = [answer.prediction for answer in writer.predict(rows)]
    found = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        writer.sampling = _generation.Sampling(1.0, seed)
        found[name] = [answer.prediction for answer in writer.predict(rows)]
    writer.sampling = _generation.Sampling(0.01, 1)
    cold = [answer.prediction for answer in writer.predict(rows)]
    writer.sampling = None
    assert found["one"] == found["again"] != found["two"]
    assert likeliest not in found.values()
    assert cold == likeliest == [answer.prediction for answer in writer.predict(rows)]


def test_the_writer_behind_a_predictor_is_found_where_there_is_one(writer):
    assert _generation.writer_of(writer) is writer
    assert _generation.writer_of(SimpleNamespace(writer=writer)) is writer
    assert _generation.writer_of(SimpleNamespace(writer="a person")) is None
