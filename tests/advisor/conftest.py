"""A `whichtune` to call as a user would, with a folder of runs of its own."""

import pytest

from advisor import cli


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def whichtune(capsys, monkeypatch, runs):
    """Type a command; get the exit code, what is on stdout, and what is on stderr."""

    def type_command(*arguments, stdin=None, **more):
        folder = more.get("runs", runs)
        if folder:
            monkeypatch.setenv("WHICHTUNE_RUNS", str(folder))
        if stdin is not None:
            import io

            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        monkeypatch.setattr("sys.argv", ["whichtune", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return type_command


@pytest.fixture(scope="session")
def writing_model(tmp_path_factory):
    """A causal model of random weights with the shipped tokenizer."""
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    from runners._render_tokenizer import open_tokenizer

    folder = tmp_path_factory.mktemp("model")
    tokenizer = open_tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
