"""How many tokens the user's rows have: counted by the model's own tokenizer where it is here."""

from pathlib import Path

from advisor import data
from advisor.data import Columns

CHARACTERS_PER_TOKEN = 4
"""English, by the rule of thumb of most tokenizers' makers; other languages have fewer."""


def count(path: Path, columns: Columns, model: str) -> tuple[tuple[int, ...], str]:
    """Tokens of every row, its target included, and how they were counted.

    Raises:
        UserError: The rows cannot be read.
    """
    table = data.read(path, columns)
    texts = [f"{row.input}\n{row.target}" for row in table.rows]
    file = Path(model).expanduser() / "tokenizer.json"
    if file.is_file():
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError:
            pass
        else:
            encoded = Tokenizer.from_file(str(file)).encode_batch(texts)
            return tuple(len(each.ids) for each in encoded), f"counted by {file}"
    lengths = tuple(-(-len(text) // CHARACTERS_PER_TOKEN) for text in texts)
    return lengths, f"about: {CHARACTERS_PER_TOKEN} characters a token, as in English"
