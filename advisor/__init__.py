"""Interview, profiles, recommendation, plan and command line. See docs/architecture.md."""

from importlib.util import find_spec
from pathlib import Path

# Other distributions on PyPI install packages called `rules` and `tui`; one of them beside ours
# would be imported in its place. Said here, before anything of ours can fail obscurely.
for _name in ("rules", "runners"):
    _spec = find_spec(_name)
    _file = Path((_spec and _spec.origin) or "nowhere")
    if _file.parent.parent != Path(__file__).parent.parent:
        raise ImportError(
            f"another installed distribution provides {_name!r}: {_file}\n"
            "  fix: give whichtune an environment of its own: pipx install whichtune"
        )
