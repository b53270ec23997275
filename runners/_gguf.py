"""GGUF, the one file that llama.cpp and Ollama open, written by llama.cpp's own converter.

The converter is no library: it is a script in llama.cpp's folder, which ``--llama-cpp``, the
variable ``WHICHTUNE_LLAMA_CPP`` or the ``PATH`` names. It runs in a process of its own. Where the
package ``llama_cpp`` is installed, the file is opened with it and asked what the run was asked.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from rules.errors import MissingExtraError, RunError, UserError
from runners import _generation, _parity, _render
from runners._references import question
from runners._render_tokenizer import end_ids
from runners.base import Row

Precision = Literal["f32", "f16", "bf16", "q8_0"]
SCRIPT = "convert_hf_to_gguf.py"
VARIABLE = "WHICHTUNE_LLAMA_CPP"
GET = "git clone --depth 1 https://github.com/ggml-org/llama.cpp"
GET_FROM_PYPI = "pip download --no-deps --no-binary :all: llama-cpp-python"
"""Its archive holds llama.cpp below ``vendor``; for machines that reach PyPI alone."""


def converter(folder: Path | None) -> Path:
    """The converter's script: in the folder named, else in that of the variable, else on the path.

    Raises:
        UserError: A folder was named and has none.
        MissingExtraError: There is none; the command that fetches it is named.
    """
    named = folder or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named:
        path = named if named.name == SCRIPT else named / SCRIPT
        if not path.is_file():
            where = "--llama-cpp" if folder else VARIABLE
            fix = f"name the folder of llama.cpp; to get it: {GET}"
            raise UserError(f"no {SCRIPT} in {named}", where=where, fix=fix)
        return path.absolute()
    found = shutil.which(SCRIPT)
    if found is None:
        fix = f"{GET}, then add --llama-cpp llama.cpp (or, from PyPI: {GET_FROM_PYPI})"
        what = f"llama.cpp's {SCRIPT} is not on this machine"
        raise MissingExtraError(what, where="--to", fix=fix)
    return Path(found).resolve()


def convert(model: Path, out: Path, precision: Precision, script: Path) -> None:
    """Write a whole model as one GGUF file; of the folder, the chat template may be rewritten.

    Raises:
        RunError: The converter does not know such a model or tokenizer; its own words are given.
    """
    template = model / "chat_template.jinja"
    if template.is_file():
        template.write_text(without_marks(template.read_text("utf-8")), "utf-8")
    command = [sys.executable, "-m", "runners._gguf_convert", str(script), str(model)]
    command += ["--outfile", str(out), "--outtype", precision]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not out.is_file():
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise RunError(f"llama.cpp's converter says: {last}", where=str(script), fix=_fix(last))


def _fix(last: str) -> str:
    if "No module named" in last:
        return f"pip install {last.rpartition('named')[2].strip(' ' + chr(39))}"
    if "pre-tokenizer" in last:
        return "llama.cpp does not know this tokenizer; use --to merged, which transformers opens"
    if "No space left" in last or "File too large" in last:
        return "free some space, or write elsewhere: --out FOLDER"
    return f"take a newer llama.cpp ({GET}), or use --to merged, which transformers opens"


def without_marks(template: str) -> str:
    """A chat template without the marks of what is learned, which only transformers knows.

    >>> without_marks("{%- generation -%}{{ message.content }}{%- endgeneration -%}")
    '{%- if true -%}{{ message.content }}{%- endif -%}'
    """
    opened = re.sub(r"(\{%-?\s*)generation(\s*-?%\})", r"\1if true\2", template)
    return re.sub(r"(\{%-?\s*)endgeneration(\s*-?%\})", r"\1endif\2", opened)


def can_ask() -> bool:
    """Whether llama.cpp itself is here, as the Python package ``llama_cpp``."""
    spec = importlib.util.find_spec("llama_cpp")  # a package that has only tools has the name too
    folders = spec.submodule_search_locations if spec else None
    return any((Path(folder) / "llama.py").is_file() for folder in folders or ())


def ask(file: Path, writer: _generation.Writer, rows: list[Row]) -> _parity.Said:
    """What the file says in llama.cpp, which reads the prompts with its own tokenizer.

    Raises:
        RunError: It cannot be opened.
    """
    asked = {
        "folder": str(file),
        "prompts": [_prompt(writer, row) for row in rows],
        "room": writer.max_new_tokens,
        "window": writer.prompt_tokens + writer.max_new_tokens,
        "ends": sorted(end_ids(writer.tokenizer)),
    }
    return _parity.elsewhere("runners._gguf_ask", asked)


def _prompt(writer: _generation.Writer, row: Row) -> str:
    """The text of a prompt; of one that had to be cut, what its tokens stand for."""
    asked = question(row)
    ids = writer.fitting(asked, [])
    text, whole = _render.prompt(writer.framed(asked, []), writer.tokenizer)
    if list(whole) == ids:
        return text
    return str(writer.tokenizer.decode(ids, clean_up_tokenization_spaces=False))
