"""What ships with whichtune, to see everything offline: a small model and its tokenizer."""
