"""What goes wrong when transformers opens a model, in words that say what to do about it."""

from collections.abc import Generator
from contextlib import contextmanager

from rules.errors import UserError

_OWN_CODE = ("custom code", "trust_remote_code")
_OTHER_SHAPES = ("mismatch", "size of tensor")


@contextmanager
def opening(base_model: str, sort: str) -> Generator[None]:
    """Turn the errors of the block into one that the user can act upon.

    ``sort``: what the model has to be, such as ``a causal model``.

    Raises:
        UserError: The files are damaged, do not belong together, want to run code of their own, or
            are of a kind that transformers does not know.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        fix = "fetch the model again, or name another copy of it"
        what = f"a file of weights is damaged: {_first_line(error)}"
        raise UserError(what, where=base_model, fix=fix) from error
    except StrictDataclassError as error:
        what = f"config.json is wrong: {' '.join(str(error).split())}"
        fix = "fetch config.json again, or put the value right"
        raise UserError(what, where=base_model, fix=fix) from error
    except RuntimeError as error:
        if not any(word in str(error) for word in _OTHER_SHAPES):
            raise  # such as too little memory: it has nothing to do with the files
        what = "the weights are not of the shapes that config.json says"
        fix = "fetch config.json and the weights again, from one place"
        raise UserError(what, where=base_model, fix=fix) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unknown(error, base_model, sort) from error


def _unknown(error: Exception, base_model: str, sort: str) -> UserError:
    if any(word in str(error) for word in _OWN_CODE):
        what = "it brings code of its own (auto_map in its files), which is never run here"
        fix = f"name {sort} that transformers opens by itself, such as one of Llama or Qwen"
        return UserError(what, where=base_model, fix=fix)
    fix = f"name {sort} that transformers can open without code of its own"
    return UserError(_first_line(error), where=base_model, fix=fix)


def _first_line(error: Exception) -> str:
    """Of a message; one that is no sentence, such as a missing key, is said to be an error."""
    lines = str(error).strip().splitlines()
    plain = isinstance(error, OSError | ValueError)
    return lines[0] if lines and plain else f"{type(error).__name__}: {error}".splitlines()[0]
