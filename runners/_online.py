"""Online reinforcement by TRL: the model answers, a reward judges, and better answers get likelier.

RLOO holds each answer against the others to the same question (Ahmadian et al. 2024, arXiv
2402.14740); GRPO also divides by their spread (Shao et al. 2024, arXiv 2402.03300). Both pay for
each nat by which the model leaves its reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runners import _checkpoints, _guards, _peft, _sft_arguments, _sft_trainer, _tune_encoder
from runners._policy import Opened
from runners._references import question
from runners._render_text import chat_template, turns
from runners._rewards import Reward
from runners.base import Plan, Report, Row

Algorithm = Literal["rloo", "grpo"]
ADDED = _peft.Added(16, 32, 0.0)
"""The matrices that learn online."""


@dataclass(frozen=True)
class Online:
    """How to reinforce; every field is resolved."""

    algorithm: Algorithm
    beta: float
    """Price of a nat of divergence from the reference."""
    steps: int
    batch: int
    """Answers in a step."""
    answers: int
    """To each question."""
    answer_tokens: int
    learning_rate: float


def train(
    plan: Plan, opened: Opened, rows: Sequence[Row], reward: Reward, online: Online, report: Report
) -> Any:  # noqa: ANN401 - the trained model
    """Reinforce the model; resumable from its checkpoints."""
    import torch
    import trl
    from datasets import Dataset

    chats = chat_template(opened.tokenizer) is not None
    prompts = [turns(question(row)) if chats else question(row).input for row in rows]

    def judge(completions: list[Any], place: list[int], **more: Any) -> list[float]:  # noqa: ANN401
        del more
        said = [item if isinstance(item, str) else item[0]["content"] for item in completions]
        return reward([rows[n] for n in place], [text.strip() for text in said])

    name = online.algorithm.upper()
    cuda = torch.cuda.is_available()
    look = max(1, min(10, online.steps // 4))
    arguments = getattr(trl, f"{name}Config")(
        output_dir=str(plan.folder / _checkpoints.CHECKPOINTS),
        max_steps=online.steps,
        learning_rate=online.learning_rate,
        per_device_train_batch_size=online.batch,
        gradient_accumulation_steps=1,
        num_generations=online.answers,
        max_completion_length=online.answer_tokens,
        beta=online.beta,
        temperature=1.0,
        warmup_steps=online.steps // 10,
        lr_scheduler_type="linear",
        logging_steps=1,
        save_strategy="steps",
        save_steps=look,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        seed=plan.seed,
        use_cpu=not cuda,
        bf16=cuda,
        dataloader_pin_memory=cuda,
        **{_sft_arguments.recomputing(): False},
    )
    trainer = getattr(trl, f"{name}Trainer")(
        model=opened.model,
        args=arguments,
        reward_funcs=judge,
        train_dataset=Dataset.from_list(
            [{"prompt": prompt, "place": n} for n, prompt in enumerate(prompts)]
        ),
        processing_class=opened.tokenizer,
        peft_config=opened.peft_config,
        callbacks=[
            _guards.watch_loss(of_answers=False),
            _tune_encoder.news_callback(plan, report),
        ],
    )
    _sft_trainer.keep_precision(trainer.model)
    _sft_trainer.train(plan, trainer, report)
    return trainer.model
