"""One module per kind of rows; ``advisor.schema`` says what each defines."""
