"""Real data that ships in the wheel; see the README beside each set for its licence."""

from pathlib import Path

_BANKING77 = Path(__file__).parent / "banking77"
TRAIN, EVALUATION = _BANKING77 / "train.csv", _BANKING77 / "test.csv"
