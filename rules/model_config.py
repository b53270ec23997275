"""A model's shape from its ``config.json``, or from a row of ``models.yaml``: read, never guessed.

Every architecture names its fields differently: the names stand in ``model_types``, the reading in
``model_reader``. A row of the table becomes a config first, so that both take the same way, and so
that transformers can build the row's model.
"""

from dataclasses import replace
from typing import Any

from rules import tables
from rules.entries import Model
from rules.errors import UserError
from rules.model_reader import Config, Reading, no_closed_form, read
from rules.model_shape import ModelShape
from rules.model_types import FAMILIES, REFUSED, TYPES

ROUNDING = 0.015
"""How far a makers' count may be from the arithmetic and still be the same number, rounded."""


def from_config(config: Config, name: str = "config.json") -> ModelShape:
    """The shape that a Hugging Face ``config.json`` describes.

    Raises:
        UserError: It does not say something that is needed, or its architecture is not known.
    """
    return read(config, name).shape


def from_table(name: str) -> ModelShape:
    """The shape of a row of ``rules/models.yaml``, by its id.

    Raises:
        UserError: There is no such row (``RuleError``), or its architecture has no closed form.
    """
    return read_row(tables.find_model(name, "model")).shape


def read_row(row: Model) -> Reading:
    """The shape of a row of ``rules/models.yaml``, with notes."""
    found = read(row_config(row), row.id)
    kind = "encoder_decoder" if row.kind == "seq2seq" else row.kind
    shape = replace(found.shape, kind=kind)
    stated = round(row.parameters_b * 1e9)
    if abs(shape.parameters / stated - 1) > ROUNDING:
        shape = replace(shape, stated_parameters=stated)
    return Reading(shape, found.notes)


def row_config(row: Model) -> dict[str, Any]:
    """A ``config.json`` of a row: what transformers needs to build the same model.

    Raises:
        UserError: Nobody wrote down the row's architecture.
    """
    begins = [start for start in FAMILIES if row.id.startswith(start)]
    if not begins:
        what = f"nobody wrote down which architecture {row.id} is"
        raise UserError(what, where="rules/model_types.py: FAMILIES", fix="give its config.json")
    model_type = FAMILIES[max(begins, key=len)]
    if model_type in REFUSED:
        raise no_closed_form(model_type, row.id)
    fields, shape = TYPES[model_type], row.shape
    config: dict[str, Any] = {"model_type": model_type, "tie_word_embeddings": shape.tied}
    values = (
        (fields.layers, shape.layers),
        (fields.decoder_layers, shape.decoder_layers),
        (fields.hidden, shape.hidden),
        (fields.heads, shape.heads),
        (fields.kv_heads, shape.kv_heads),
        (fields.intermediate, shape.intermediate),
        (fields.vocabulary, shape.vocabulary),
        (fields.context, row.context),
        (fields.positions, shape.positions),
        (fields.head_dim, shape.head_size or shape.hidden // shape.heads),
        ((fields.segments,) if fields.segments else (), shape.segments),
    )
    config |= {names[0]: value for names, value in values if names}
    if fields.window:
        config[fields.window] = None  # the table holds no model that looks back over a window only
    if isinstance(fields.gated, str):
        config[fields.gated] = "gated-gelu" if shape.gated else "relu"
    return config
