"""The terminal app: it shows what the advisor decides and what the runs write, and decides nothing.

Screens post messages and draw; blocking work happens in thread workers that only post messages.
"""
