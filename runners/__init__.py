"""One public module per approach. The folder is the registry: ``heads`` is ``runners/heads.py``."""
