"""Judge every approach against the facts, and say why.

The knowledge is data: one YAML file per approach in ``rules/approaches/``, in the form that
``docs/rules.md`` explains. Everything a file says is checked when it is loaded, so that a typo
fails on start-up with its file and line, never halfway through an interview.
"""

from collections.abc import Callable
from datetime import date
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rules.condition import parse
from rules.facts import Facts
from rules.sentence import parse_sentence

FOLDER = Path(__file__).parent / "approaches"
Effect = Literal["rules_out", "speaks_for", "speaks_against"]

_SIGN = {"speaks_for": 1, "speaks_against": -1, "rules_out": 0}


class Frozen(BaseModel):
    """A value: it never changes, and it refuses a field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Rule(Frozen):
    """One sentence of knowledge: when it applies, what follows, and who says so."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Unique among all approaches: the verdicts, the tests and the records quote it."""
    when: str
    """A condition over facts, in the language of :mod:`rules.condition`."""
    effect: Effect
    """``rules_out`` is for what is certain; the other two move a score."""
    weight: int = Field(default=0, ge=0, le=20)
    """Points given or taken; a rule that rules out has none."""
    because: str = Field(min_length=1)
    """Written for the user; ``{fact}`` and ``{fact / fact}`` are replaced by their values."""
    source: str = Field(pattern=r"^(docs/evidence\.md#[a-z0-9-]+|https://\S+)$")
    """Where the claim can be checked: a URL, or ``docs/evidence.md#anchor``."""
    checked: date
    """The day on which the rule was last compared with its source."""
    confidence: Literal["A", "B", "C", "D"]
    """A several measurements agree, B one good one, C a rule of practice, D our extrapolation."""
    line: int = 0
    file: str = ""
    """Where it stands; both are filled in when it is loaded."""

    @property
    def where(self) -> str:
        """Such as ``rules/approaches/lora.yaml:12``."""
        return f"{self.file}:{self.line}" if self.file else ""

    @property
    def version(self) -> str:
        """A hash of all it says: two rules with the same version are the same rule."""
        said = self.model_dump_json(exclude={"line", "file"})
        return sha256(said.encode()).hexdigest()[:12]


class Case(Frozen):
    """An example that must hold: with these facts, exactly these rules fire."""

    facts: Facts
    fires: tuple[str, ...]


class Approach(Frozen):
    """One way to adapt a model, with everything the advisor knows about choosing it."""

    name: str
    """The name of its file, and of the module in ``runners/`` that runs it."""
    title: str
    rung: int = Field(ge=0)
    """Place on the ladder from cheap (0, prompting) to costly; a tie goes to the lower one."""
    effort: int = Field(ge=0)
    """Points it starts behind, for what it takes to set up: the costlier has to be argued for."""
    summary: str
    """One sentence: what it does to the model."""
    rules: tuple[Rule, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = Field(min_length=1)

    @cached_property
    def ready(self) -> "tuple[tuple[tuple[str, ...], _Decide], ...]":
        """For each rule the facts it looks at, and the function that decides by their values."""
        return tuple(_ready(rule) for rule in self.rules)

    def with_rules(self, rules: tuple[Rule, ...]) -> "Approach":
        """The same approach with other rules; a plain copy would keep the old ones ``ready``."""
        fields = {name: getattr(self, name) for name in Approach.model_fields}
        return Approach.model_construct(None, **{**fields, "rules": rules})


class Reason(Frozen):
    """A rule that fired, in the words of this case."""

    rule: str
    effect: Effect
    points: int
    """Signed: what it adds to the score."""
    text: str
    source: str
    where: str = ""
    """The file and line of the rule."""


class Undecided(Frozen):
    """A rule that could not be decided; shown, so that silence is never taken for a no."""

    rule: str
    facts: tuple[str, ...]
    """The unknown facts that would settle it."""
    text: str
    """What the rule would say; ``[fact]`` stands where a value is missing."""


class Verdict(Frozen):
    """What the rules say about one approach."""

    approach: str
    title: str
    rung: int
    ruled_out: bool
    """Whether any rule excludes it, whatever its score."""
    score: int
    """The points of all reasons, less the effort of the approach."""
    reasons: tuple[Reason, ...]
    undecided: tuple[Undecided, ...]


_Decide = Callable[..., Reason | Undecided | None]


def judge(approach: Approach, facts: Facts) -> Verdict:
    """Evaluate one approach. Pure: the same facts always give the same verdict."""
    known = vars(facts).get
    said = [decide(*map(known, names)) for names, decide in approach.ready]
    reasons = tuple(each for each in said if isinstance(each, Reason))
    return Verdict(
        approach=approach.name,
        title=approach.title,
        rung=approach.rung,
        ruled_out=any(reason.effect == "rules_out" for reason in reasons),
        score=sum(reason.points for reason in reasons) - approach.effort,
        reasons=reasons,
        undecided=tuple(each for each in said if isinstance(each, Undecided)),
    )


def _ready(rule: Rule) -> tuple[tuple[str, ...], _Decide]:
    condition = parse(rule.when, where=rule.id)
    sentence = parse_sentence(rule.because, where=rule.id)
    names = tuple(sorted(condition.names | sentence.names))

    # A counterfactual changes one fact: of all other rules the answer is remembered.
    @lru_cache(maxsize=64)
    def decide(*values: object) -> Reason | Undecided | None:
        row = dict(zip(names, values, strict=True))
        answer = condition.holds(row)
        if answer is None:
            needed = tuple(sorted(condition.unknowns(row)))
            return Undecided(rule=rule.id, facts=needed, text=sentence.told(row))
        if not answer:
            return None
        points, text = _SIGN[rule.effect] * rule.weight, sentence.told(row)
        return Reason(
            rule=rule.id,
            effect=rule.effect,
            points=points,
            text=text,
            source=rule.source,
            where=rule.where,
        )

    return names, decide


def load(folder: Path = FOLDER, *more: Path) -> tuple[Approach, ...]:
    """Read and check every approach, in the order of the ladder; the own folder only once.

    ``more`` are folders that add approaches and rules, or replace rules of the same id.

    Raises:
        RuleError: A file is not valid YAML, misses a key or has an unknown one, a rule names a fact
            or value that does not exist, has no source, or two things share an id or a rung.
    """
    from rules import loading  # needs the types above

    approaches = _own() if folder == FOLDER else loading.read_folder(folder)
    for other in more:
        approaches = loading.amended(approaches, other)
    return approaches


@cache
def _own() -> tuple[Approach, ...]:
    from rules import loading

    return loading.read_folder(FOLDER)
