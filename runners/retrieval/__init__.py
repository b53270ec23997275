"""Retrieval: a corpus is read, parted into chunks, kept in a vector index, and searched."""
