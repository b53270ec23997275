"""One module for each thing that is looked for in data; the contract is ``advisor/check.py``."""
