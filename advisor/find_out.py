"""How to find out a fact on this machine, for those who do not know it by heart."""

HOW: dict[str, str] = {
    "task": "write down three inputs and what you want back; if it is one word of a fixed list, "
    "the task is classification",
    "goal": "look at ten answers of the untouched model and note what is wrong with each",
    "breadth": "compare ten inputs: always the same form in and out is narrow",
    "data_kind": "whichtune profile FILE   (for any table or JSON Lines file you have)",
    "n_examples": "whichtune profile FILE",
    "labels": "whichtune profile FILE",
    "rarest_label": "whichtune profile FILE",
    "has_evaluation_set": "whichtune profile FILE   (a fifth can be set aside from 20 rows on)",
    "target_met": "whichtune run --approach zero_shot --data FILE",
    "freshness": "ls -lt FOLDER | head   (when did the documents last change?)",
    "access": "look whether the model can be downloaded from the Hugging Face hub; if not, "
    "whether its price list names fine-tuning",
    "personalization": "ask two users the same question: may the answers differ?",
    "privacy": "ask whoever signed for the data whether a provider may process them",
    "citations_needed": "ask who reads the answers whether they check them",
    "gpu_memory_gb": "whichtune doctor",
    "n_gpus": "whichtune doctor",
    "model_params_b": "the model's name or card says it: Qwen3-8B has 8 billion",
    "latency": "ask how long a user or the next program waits",
    "n_documents": "find FOLDER -type f | wc -l",
    "document_tokens": "cat FOLDER/* | wc -w   (1,000 words are about 1,300 tokens)",
    "preference_pairs": "wc -l FILE",
    "checkable_reward": "try to write the check: a unit test, a number, a schema",
    "raw_tokens": "cat FOLDER/* | wc -w   (1,000 words are about 1,300 tokens)",
}
"""For each fact the command or the person to ask."""
