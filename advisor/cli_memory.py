"""Commands about memory: what a plan takes, and what fits a card."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from advisor import console
from advisor.cli_options import Input, Json, Target

Card = Annotated[
    str | None,
    typer.Option("--gpu", help="The card: 24 as on its box, 24GiB, 24GB, or 'RTX 4090'."),
]
Tokens = Annotated[
    int | None, typer.Option("--tokens", help="Longest row in tokens, prompt and answer.")
]
Batch = Annotated[int | None, typer.Option("--batch", help="Rows at once on one card.")]


def memory(
    model: Annotated[
        str, typer.Argument(help="A model of our table, a config.json or its folder, or org/name.")
    ],
    approach: Annotated[
        str, typer.Option("--approach", help="How it is adapted: qlora, lora, full_sft, heads ...")
    ],
    tokens: Tokens = None,
    batch: Batch = None,
    gpu: Card = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Trace the real step, without weights: some seconds.")
    ] = False,
    rank: Annotated[int | None, typer.Option("--rank", help="Of LoRA's matrices.")] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="Of the weights: bf16, fp16, fp32.")
    ] = None,
    quantisation: Annotated[
        str | None, typer.Option("--quantisation", help="nf4, nf4-double, int8, gptq4.")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option("--optimizer", help="adamw_fused, adamw_8bit, sgd ...")
    ] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--checkpointing/--no-checkpointing", help="Compute activations twice, keep few."
        ),
    ] = None,
    accumulation: Annotated[
        int | None, typer.Option("--accumulation", help="Micro batches before a step.")
    ] = None,
    attention: Annotated[
        str | None, typer.Option("--attention", help="sdpa, flash or eager.")
    ] = None,
    stack: Annotated[
        str | None, typer.Option("--stack", help="Which software: trl, transformers, liger ...")
    ] = None,
    devices: Annotated[
        int | None, typer.Option("--devices", help="Cards that share everything (FSDP).")
    ] = None,
    layers: Annotated[
        int | None, typer.Option("--layers", help="Train the top layers only: how many.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Of dpo and rlhf: lora, qlora or full.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Of dpo and rlhf: shared, copy or none.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Your rows, for their lengths in tokens.")
    ] = None,
    input_column: Input = None,
    target_column: Target = None,
    rows: Annotated[
        int | None, typer.Option("--rows", help="How many rows to train on: adds time and money.")
    ] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Passes over the rows.")] = None,
    price: Annotated[
        float | None, typer.Option("--price", help="Dollars an hour of one card.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", help="Tokens a second, if you measured them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a plan takes of memory, before anything is fetched, on a machine without a card.

    Three numbers: what it needs, what a card should have, and what nvidia-smi will show. Ends with
    exit code 3 when it does not fit the card of --gpu.
    """
    from advisor import memory as plans

    said: dict[str, Any] = {
        "rank": rank,
        "precision": precision,
        "quantisation": quantisation,
        "optimizer": optimizer,
        "checkpointing": checkpointing,
        "accumulation": accumulation,
        "attention": attention,
        "stack": stack,
        "devices": devices,
        "trained_layers": layers,
        "policy": policy,
        "reference": reference,
    }
    known = {name: value for name, value in said.items() if value is not None}
    lengths, how = (), ""
    if data:
        from advisor import memory_lengths
        from advisor.data import Columns

        columns = Columns(input=input_column, target=target_column)
        lengths, how = memory_lengths.count(data, columns, model)
    found = plans.answer(
        plans.Question(
            model=model,
            approach=approach,
            tokens=tokens,
            batch=batch,
            gpu=gpu,
            exact=exact,
            lengths=lengths,
            counted=how,
            known=cast("plans.Known", known),
        )
    )
    spending = None
    if any(value is not None for value in (rows, epochs, price, speed)):
        from advisor import memory_cost

        run = memory_cost.Run(memory_cost.counted(rows, lengths), epochs, price, speed)
        spending = memory_cost.spend(found, run)
    if as_json:
        from advisor.outputs_memory import MemoryOutput

        console.emit(MemoryOutput.of(found, spending))
    else:
        from advisor import report_memory

        console.show(report_memory.memory(found, spending))
    if found.verdict.fits is False:
        raise typer.Exit(3)


def fits(
    gpu: Annotated[
        str, typer.Option("--gpu", help="The card: 24 as on its box, 24GiB, 24GB, or 'RTX 4090'.")
    ],
    approach: Annotated[
        str | None, typer.Option("--approach", help="Only this one; all unless given.")
    ] = None,
    tokens: Tokens = None,
    batch: Batch = None,
    as_json: Json = False,
) -> None:
    """List which models of our table, with which approaches, fit a card."""
    from advisor import memory_fits

    found = memory_fits.fits(gpu, approach=approach, tokens=tokens, batch=batch)
    if as_json:
        from advisor.outputs_memory import FitsOutput

        console.emit(FitsOutput.of(found))
        return
    from advisor import report_memory

    console.show(report_memory.fits(found))
    console.talk(f"\nNext: whichtune memory MODEL --approach qlora --gpu '{gpu}'")


COMMANDS: dict[str, Callable[..., None]] = {"memory": memory, "fits": fits}
