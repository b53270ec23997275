"""One rendering for all: what is learned, what is given at use, and what is refused by name."""

import hashlib
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import DataError, UserError
from runners import _render_tokenizer as tokenizers_by_name
from runners._render import IGNORED, check, prompt, render
from runners._render_guards import RenderError
from runners.base import Row

BUNDLED = tokenizers_by_name.FOLDER
CORPUS = Path(__file__).parents[3] / "shared" / "data" / "pretrain_text" / "core_train.txt.xz"
CHATML = """{%- for message in messages -%}
{{ '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|assistant|>\\n' }}{%- endif -%}"""
NO_END = CHATML.replace("+ eos_token ", "")


def said(role, content):
    return {"role": role, "content": content}


CHAT = Row(
    id="c",
    messages=(
        said("system", "You are terse."),
        said("user", "Who wrote “Emma”? 🙂"),
        said("assistant", "\n\nJane Austen."),
        said("user", "When?"),
        said("assistant", "In 1815."),
    ),
)
PAIR = Row(id="p", input="Great film.\nMood:", target=" good")


@pytest.fixture(scope="module")
def bundled():
    return tokenizers_by_name.open_tokenizer()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Makes a byte-level tokenizer without a chat template, with merges of one's own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    def make(*merges, bos=False, eos="</s>", trim=False):
        words = ["<s>", "</s>", "<eot>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
        words += [one + other for one, other in merges]
        vocabulary = {word: number for number, word in enumerate(words)}
        inner = Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges)))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        inner.decoder = decoders.ByteLevel()
        if trim:
            inner.post_processor = processors.ByteLevel(trim_offsets=True)
        if bos:
            inner.post_processor = processors.TemplateProcessing(
                single="<s> $A", special_tokens=[("<s>", 0)]
            )
        folder = tmp_path_factory.mktemp("small")
        PreTrainedTokenizerFast(
            tokenizer_object=inner,
            bos_token="<s>",
            eos_token=eos,
            extra_special_tokens=["<eot>"],
        ).save_pretrained(folder)
        return tokenizers_by_name.open_tokenizer(str(folder))

    return make


def answers(rendered):
    """The text of each run of learned tokens."""
    runs, last = [], False
    for piece, learned in zip(rendered.pieces, rendered.learned, strict=True):
        if learned and not last:
            runs.append("")
        if learned:
            runs[-1] += piece
        last = learned
    return runs


def codes(rendered):
    return [fault.code for fault in rendered.faults]


def test_only_the_answers_of_a_chat_are_learned_each_up_to_its_end(bundled):
    found = render(CHAT, bundled).require_sound()
    assert answers(found) == ["\n\nJane Austen.<|endoftext|>", "In 1815.<|endoftext|>"]
    assert [found.pieces[place] for place in found.ends] == ["<|endoftext|>"] * 2
    assert found.end == len(found.ids) - 1
    assert found.how == "marks"
    assert "".join(found.pieces) == found.text


def test_the_tokens_and_the_mask_are_those_of_transformers(bundled):
    theirs = bundled.apply_chat_template(
        list(CHAT.messages), return_dict=True, return_assistant_tokens_mask=True
    )
    found = render(CHAT, bundled)
    assert list(found.ids) == theirs["input_ids"]
    assert [int(learned) for learned in found.learned] == theirs["assistant_masks"]
    expected = zip(found.ids, theirs["assistant_masks"], strict=True)
    assert found.labels == [number if learned else IGNORED for number, learned in expected]


def test_the_prompt_is_what_stands_before_the_last_answer(bundled):
    found = render(CHAT, bundled)
    text, ids = prompt(CHAT, bundled)
    size = len(ids)
    assert (found.prompt_text, found.prompt_ids) == (text, ids)
    assert found.ids[:size] == ids
    assert not found.learned[size - 1]
    assert all(found.learned[size:])
    without = Row(id="q", messages=CHAT.messages[:-1])
    assert prompt(without, bundled) == (text, ids)


@settings(max_examples=60)
@given(st.lists(st.text(max_size=30), min_size=2, max_size=5), st.booleans())
def test_nothing_is_lost_and_the_prompt_always_fits(bundled, texts, marked):
    turns = [said(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]
    own = bundled.chat_template
    template = own if marked else re.sub(r"\{%- (end)?generation -%\}", "", own)
    found = render(Row(id="r", messages=tuple(turns)), bundled, template=template)
    assert "".join(found.pieces) == found.text
    assert answers(found) == [text + "<|endoftext|>" for text in texts[1::2]]
    assert found.how == ("marks" if marked else "prefixes")
    assert "template_mismatch" not in codes(found)


def test_a_target_is_the_last_answer_and_labels_are_a_list_of_them(bundled):
    assert answers(render(PAIR, bundled)) == [" good<|endoftext|>"]
    several = Row(id="m", input="Hot and loud.", labels=("heat", "noise"))
    assert answers(render(several, bundled)) == ["heat, noise<|endoftext|>"]
    asked = Row(id="a", messages=CHAT.messages[:2], target="Austen.")
    assert answers(render(asked, bundled)) == ["Austen.<|endoftext|>"]


def test_a_line_break_after_the_end_is_layout_and_not_learned(bundled):
    found = render(CHAT, bundled, template=CHATML).require_sound()
    assert found.how == "prefixes"
    assert found.text.endswith("<|endoftext|>\n")
    assert answers(found) == ["\n\nJane Austen.<|endoftext|>", "In 1815.<|endoftext|>"]


def test_a_template_without_end_of_sequence_is_refused_by_name(bundled):
    found = render(CHAT, bundled, template=NO_END)
    assert codes(found) == ["no_end_of_sequence"]
    with pytest.raises(RenderError, match="no_end_of_sequence: answer 1 does not end") as caught:
        found.require_sound()
    assert caught.value.code == "no_end_of_sequence"
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Row(id="a", messages=CHAT.messages[:2]), "it has no assistant turn"),
        (Row(id="b"), "its text is empty"),
    ],
)
def test_a_row_of_which_nothing_is_learned_is_refused_by_name(bundled, row, reason):
    with pytest.raises(RenderError, match=f"all_masked: .*{reason}"):
        render(row, bundled).require_sound()


def test_an_empty_answer_teaches_to_end_at_once_and_without_an_end_nothing(bundled):
    row = Row(id="c", messages=(said("user", "Hi"), said("assistant", "")))
    assert answers(render(row, bundled).require_sound()) == ["<|endoftext|>"]
    bare = CHATML.replace("+ eos_token + '\\n'", "")
    with pytest.raises(RenderError, match=r"all_masked: .*its answer is empty"):
        render(row, bundled, template=bare).require_sound()


def test_marks_around_nothing_are_all_masked(bundled):
    empty = CHATML.replace("{%- endfor", "{% generation %}{% endgeneration %}{%- endfor")
    with pytest.raises(RenderError, match=r"all_masked: .*marks hold nothing of its answer"):
        render(CHAT, bundled, template=empty).require_sound()


def test_cutting_before_the_answer_is_refused_and_cutting_its_end_is_said(bundled):
    whole = render(PAIR, bundled)
    start = whole.learned.index(True)
    with pytest.raises(RenderError, match=r"all_cut: .*nothing would be learned"):
        render(PAIR, bundled, max_tokens=start).require_sound()
    one = render(PAIR, bundled, max_tokens=start + 1)
    assert codes(one.require_sound()) == ["end_cut"]
    assert (len(one.ids), one.cut, one.end) == (start + 1, len(whole.ids) - start - 1, None)
    assert codes(render(PAIR, bundled, max_tokens=len(whole.ids))) == []


def test_a_prompt_that_melts_into_the_answer_is_refused_by_name(small):
    tokenizer = small(("Ċ", "Ċ"))
    good = Row(id="g", input="Who?", target="Austen.")
    found = render(good, tokenizer, template=CHATML).require_sound()
    assert answers(found) == ["Austen.</s>"]
    melting = Row(id="m", input="Who?", target="\nAusten.")
    with pytest.raises(RenderError, match="the prompt of turn 2 ends within a token"):
        render(melting, tokenizer, template=CHATML)


def test_a_template_that_rewrites_earlier_turns_is_refused_by_name(bundled):
    shorter = "(message.content if loop.last else message.content.split('</think>')[-1])"
    forgetful = CHATML.replace("message.content", shorter)
    thinking = said("assistant", "<think>Hm.</think>Austen.")
    once = Row(id="o", messages=(CHAT.messages[1], thinking))
    assert answers(render(once, bundled, template=forgetful)) == [
        "<think>Hm.</think>Austen.<|endoftext|>"
    ]
    twice = Row(id="t", messages=(*once.messages, *CHAT.messages[3:]))
    with pytest.raises(RenderError, match=r"template_mismatch: turn 2 as the last one .*<think>"):
        render(twice, bundled, template=forgetful)


def test_marks_do_not_excuse_a_prompt_that_training_never_saw(bundled):
    template = bundled.chat_template.replace("{{- '<|assistant|>' -}}", "{{- 'Answer:' -}}")
    found = render(CHAT, bundled, template=template)
    assert codes(found) == ["template_mismatch"]
    with pytest.raises(RenderError, match=r"template_mismatch: at use .* end in '.*Answer:'"):
        found.require_sound()


@pytest.mark.parametrize(
    ("family", "end"),
    [
        ("llama3", "<|eot_id|>"),
        ("gemma3", "<end_of_turn>"),
        ("qwen2_5", "<|im_end|>"),
        ("qwen3_instruct_2507", "<|im_end|>"),
        ("cohere", "<|END_OF_TURN_TOKEN|>"),
    ],
)
def test_published_templates_give_the_same_answers_by_marks_as_by_prefixes(bundled, family, end):
    import trl
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    folder = Path(trl.__file__).parent / "chat_templates"
    own, marked = folder / f"{family}.jinja", folder / f"{family}_training.jinja"
    inner = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token=end)
    row = Row(id="r", messages=CHAT.messages[3:] * 2)
    for path, how in ((own, "prefixes"), (marked, "marks")):
        found = render(row, tokenizer, template=path.read_text("utf-8")).require_sound()
        assert found.how == how
        assert answers(found) == [f"In 1815.{end}"] * 2
        assert found.ids[: len(found.prompt_ids)] == found.prompt_ids


def test_a_published_template_that_forgets_thoughts_is_refused_by_name(bundled):
    import trl

    path = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
    row = Row(id="r", messages=CHAT.messages[3:] * 2)
    with pytest.raises(RenderError, match=r"template_mismatch: turn 2 as the last one .*<think>"):
        render(row, bundled, template=path.read_text("utf-8"))


def test_a_template_that_leaves_a_text_out_is_refused_by_name(bundled):
    import trl

    pictures = Path(trl.__file__).parent / "chat_templates" / "smolvlm.jinja"
    deaf = bundled.chat_template.replace(
        "'<|' ~ message.role", "'' if loop.first else '<|' ~ message.role"
    ).replace("else -%}", "elif not loop.first -%}")
    assert "text_lost" in codes(render(PAIR, bundled, template=pictures.read_text("utf-8")))
    with pytest.raises(RenderError, match="text_lost: the template leaves out turn 1, of the sys"):
        render(CHAT, bundled, template=deaf).require_sound()
    thoughtful = CHATML.replace("message.content", "message.content.split('</think>')[-1]")
    thought = Row(id="t", input="Who?", target="<think>Hm.</think>Austen.")
    assert codes(render(thought, bundled, template=thoughtful)) == []


@pytest.mark.parametrize("role", ["human", "function"])
def test_a_row_that_the_template_refuses_is_named(bundled, role):
    with pytest.raises(RenderError, match=f"template_refused: role {role} is not one of"):
        render(Row(id="r", messages=(said(role, "Hi"), said("assistant", "Ho"))), bundled)


def test_a_chat_needs_a_chat_template(small):
    with pytest.raises(RenderError, match="no_template"):
        render(CHAT, small())
    with pytest.raises(RenderError, match="no_template"):
        prompt(CHAT, small())


def test_without_a_chat_template_input_target_and_end_are_joined(small):
    tokenizer = small(bos=True)
    found = render(PAIR, tokenizer).require_sound()
    assert found.text == "<s>Great film.\nMood: good</s>"
    assert answers(found) == [" good</s>"]
    assert found.how == "plain"
    assert found.kinds[0] == "special"
    assert prompt(PAIR, tokenizer) == ("<s>Great film.\nMood:", found.prompt_ids)
    assert found.ids[: len(found.prompt_ids)] == found.prompt_ids


def test_input_and_target_that_share_a_token_are_tokenised_apart(small):
    tokenizer = small((":", "Ġ"))
    plain = tokenizer.encode("Mood: good", add_special_tokens=False)
    found = render(Row(id="x", input="Mood:", target=" good"), tokenizer).require_sound()
    assert found.how == "plain parts"
    assert list(found.ids[:-1]) != plain
    assert answers(found) == [" good</s>"]
    assert "".join(found.pieces) == found.text
    assert found.ids[: len(found.prompt_ids)] == prompt(PAIR, tokenizer)[1][-5:]


@pytest.mark.parametrize("marked", [True, False])
def test_offsets_without_their_spaces_lose_no_answer(small, bundled, marked):
    tokenizer = small(("Ġ", "A"), (".", "Ċ"), trim=True)
    row = Row(id="s", input="Who é.\n?", target=" Austen é.\n")
    own = bundled.chat_template
    template = own if marked else re.sub(r"\{%- (end)?generation -%\}", "", own)
    found = render(row, tokenizer, template=template).require_sound()
    assert answers(found) == [" Austen é.\n</s>"]
    assert {" A", ".\n"} <= set(found.pieces)
    assert "".join(found.pieces) == found.text


def test_all_of_a_raw_text_is_learned_save_what_nothing_precedes(small, bundled):
    row = Row(id="t", input="Once upon a time.")
    found = render(row, bundled).require_sound()
    assert (found.how, answers(found)) == ("raw", ["Once upon a time.<|endoftext|>"])
    assert answers(render(row, small(bos=True))) == ["Once upon a time.</s>"]


def test_a_tokenizer_without_end_of_sequence_is_refused_by_name(small):
    with pytest.raises(RenderError, match="no_end_of_sequence"):
        render(PAIR, small(eos=None)).require_sound()


def test_the_ends_of_the_generation_config_count(small):
    tokenizer = small()
    template = CHATML.replace("eos_token", "'<eot>'")
    row = Row(id="x", input="Who?", target="She.")
    assert codes(render(row, tokenizer, template=template)) == ["no_end_of_sequence"]
    Path(tokenizer.name_or_path, "generation_config.json").write_text('{"eos_token_id": [1, 2]}')
    again = tokenizers_by_name.open_tokenizer(tokenizer.name_or_path)
    assert answers(render(row, again, template=template).require_sound()) == ["She.<eot>"]


def test_a_mark_within_a_text_is_said(bundled):
    row = Row(id="s", input="Say <|user|>.", target="No.")
    found = render(row, bundled).require_sound()
    assert codes(found) == ["special_in_text"]
    assert "'<|user|>'" in found.faults[0].what


def test_checking_many_rows_counts_each_code_and_names_the_rows(bundled):
    rows = [CHAT, PAIR, Row(id="n", messages=CHAT.messages[:2]), Row(id="e")]
    rows += [Row(id="h", messages=(said("human", "Hi"),))]
    found = check(rows, bundled, max_tokens=40)
    assert found.rows == 5
    assert found.counts == {"end_cut": 1, "all_masked": 2, "template_refused": 1}
    assert found.ids == {"end_cut": ["c"], "all_masked": ["n", "e"], "template_refused": ["h"]}
    assert found.blocking == 3
    assert list(found.lengths) == [len(render(row, bundled).ids) for row in rows[:4]]
    assert "role human" in found.examples["template_refused"]


def test_a_refusal_keeps_its_code_across_processes():
    error = RenderError("all_masked", "nothing", where="row 1").at("a.jsonl:1")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.where, str(again)) == ("all_masked", "a.jsonl:1", str(error))
    assert "a.jsonl:1: all_masked: nothing\n  fix: give the row" in str(again)


@pytest.mark.parametrize("name", ["./nowhere", "nothing", "a/b/c"])
def test_a_base_that_is_not_there_is_said(name):
    with pytest.raises(UserError, match=r"no tokenizer.*\n.*bundled"):
        tokenizers_by_name.open_tokenizer(name)


def test_a_folder_without_a_tokenizer_is_said(tmp_path):
    with pytest.raises(UserError, match="no tokenizer"):
        tokenizers_by_name.open_tokenizer(str(tmp_path))


def test_the_bundled_tokenizer_is_small_and_is_the_one_its_readme_names(bundled):
    assert len(bundled) == 4096
    assert (bundled.pad_token_id, bundled.eos_token_id) == (0, 1)
    text = (BUNDLED / "README.md").read_text("utf-8")
    stated = dict(re.findall(r"^\| ([\w.]+) \| `([0-9a-f]{64})` \|$", text, flags=re.M))
    ours = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    named = {name: stated[name] for name in ours}
    for name, digest in named.items():
        assert hashlib.sha256((BUNDLED / name).read_bytes()).hexdigest() == digest
    assert sum((BUNDLED / name).stat().st_size for name in named) < 200_000


@pytest.mark.slow
def test_the_bundled_tokenizer_is_reproduced_bit_for_bit(tmp_path):
    if not CORPUS.is_file():
        pytest.skip("the optional folder ../shared/data is not there")
    from runners.bundled import make_tokenizer

    make_tokenizer.make(CORPUS, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (BUNDLED / name).read_bytes()
