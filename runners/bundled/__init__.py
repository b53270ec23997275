"""What ships with whichtune, so that everything can be seen offline: a tokenizer of our own."""
