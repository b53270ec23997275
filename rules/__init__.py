"""The decision knowledge: facts, rules with their sources, and the engine that judges by them."""
