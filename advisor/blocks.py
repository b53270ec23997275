"""What belongs together stays together: blocks of texts that no split may tear apart."""


class Blocks:
    """Sets that grow together as pairs are joined (union by name, with path halving)."""

    def __init__(self) -> None:
        """Start with every text alone."""
        self._parent: dict[str, str] = {}

    def join(self, one: str, other: str) -> None:
        """Put both, and all that was joined to either, into one block."""
        first, second = sorted((self.of(one), self.of(other)))
        self._parent[second] = first

    def of(self, name: str) -> str:
        """The block's name: the first, in the order of the alphabet, of those in it."""
        parent = self._parent
        while (above := parent.get(name, name)) != name:
            parent[name] = name = parent.get(above, above)
        return name
