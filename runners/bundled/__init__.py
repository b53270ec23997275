"""What ships with whichtune, so that everything can be seen offline: a small model with its tokenizer."""
