"""What `diagnose` finds, as data that speaks."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

from clearprop._registry import did_you_mean
from clearprop.diagnose.sentences import SENTENCES, WORDS
from clearprop.errors import ConfigurationError
from clearprop.judge import Verdict
from clearprop.judge.verdict import LEVEL, shown

_MOST_CLASSES = 10


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a network.

    Attributes
    ----------
    key : str
        "leak", "dead", "saturated", "vanishing", "exploding", "frozen", "unmoved", "same", "overlooked",
        "overlooked_still", "absurd", "constant", "linear" or "rival".
    about : dict
        Where, and the numbers.
    """

    key: str
    about: dict[str, Any]

    def what(self, language: str = "en") -> str:
        """What is the case, with place and numbers."""
        words = {"decision": WORDS[language][self.about["decision"]]} if "decision" in self.about else {}
        return SENTENCES[language][self.key][0].format(**self.about | words)

    def why(self, language: str = "en") -> str:
        """Why it matters."""
        return SENTENCES[language][self.key][1]

    def remedy(self, language: str = "en") -> str:
        """What to do about it."""
        return SENTENCES[language][self.key][2]

    def __str__(self) -> str:
        return f"{self.what()}; {self.remedy()}"


@dataclass(frozen=True)
class LayerState:
    """A layer measured on the rows.

    Attributes
    ----------
    layer : int
    kind : str
        As code makes it.
    units : int
    input, slope : float
        Of an elementwise activation: its mean input, and its mean slope as a share of the steepest; else NaN.
    dead, saturated : int
        Units.
    gradient : float
        Root mean square over the rows of the length of ∂L/∂outputs.
    relative : float
        Of a layer with weights: length of the weights' gradient over length of the weights; else NaN.
    """

    layer: int
    kind: str
    units: int
    input: float = math.nan
    slope: float = math.nan
    dead: int = 0
    saturated: int = 0
    gradient: float = math.nan
    relative: float = math.nan


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a network, and what was measured to see it; prints as a table and sentences.

    Attributes
    ----------
    findings : tuple of Finding
        Empty for a network in good health.
    layers : tuple of LayerState
    verdict : Verdict
        The network beside a constant and a linear model.
    rows : int
    recalls : dict
        Of a classifier, for each class the share of its rows that are answered right.
    also : dict
        Of a classifier, on the same rows: accuracy, balanced accuracy, macro F1 and ROC AUC.
    language : {"en", "zh"}
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerState, ...]
    verdict: Verdict
    rows: int
    recalls: dict[str, float] = field(default_factory=dict)
    also: dict[str, float] = field(default_factory=dict)
    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in SENTENCES:
            known = did_you_mean(self.language, list(SENTENCES))
            raise ConfigurationError(f"there is no language {self.language!r}; {known}")

    @property
    def metric(self) -> str:
        """What the network and its rivals were judged by."""
        return self.verdict.metric

    @property
    def scores(self) -> dict[str, float]:
        """The metric of the "network", of a "constant" and of a "linear" model on the same "rows"."""
        return {"network": self.verdict.score, **self.verdict.baselines, "rows": self.verdict.rows}

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def problems(self) -> list[str]:
        """The findings' keys, in order."""
        return [finding.key for finding in self.findings]

    def in_language(self, language: str) -> "Diagnosis":
        """The same in another language."""
        return replace(self, language=language)

    def summary(self) -> str:
        """All findings in one line."""
        words = WORDS[self.language]
        return words["; "].join(finding.what(self.language) for finding in self.findings) or words["none"]

    def table(self) -> list[tuple[str, ...]]:
        """The layers' measurements, a heading first."""
        rows = [tuple(WORDS[self.language]["columns"].split("|"))]
        for one in self.layers:
            numbers = [_shown(one.input), _shown(one.slope), str(one.dead), str(one.saturated)]
            activation = numbers if not math.isnan(one.slope) else ["", "", "", ""]
            rows.append(
                (str(one.layer), one.kind, str(one.units), *activation, _shown(one.gradient), _shown(one.relative))
            )
        return rows

    def sentences(self) -> list[str]:
        """Scores and verdict, then each finding with its reason and remedy."""
        words, language = WORDS[self.language], self.language
        lines = [words["scores"].format(metric=self.metric, **self.scores), self._judgement()]
        if self.recalls:
            least = sorted(self.recalls, key=lambda name: self.recalls[name])[:_MOST_CLASSES]
            recalls = ", ".join(f"{name} {self.recalls[name]:.3f}" for name in least)
            more = ", ..." if len(self.recalls) > len(least) else ""
            also = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in self.also.items())
            lines.append(words["recalls"].format(rows=self.rows, recalls=recalls + more, also=also))
        if not self.findings:
            return [*lines, words["none"]]
        lines.append(words["found"].format(count=len(self.findings)))
        for number, finding in enumerate(self.findings, start=1):
            lines.append(f"{number}. {finding.what(language)}")
            lines.append(f"   {words['why']}{finding.why(language)}")
            lines.append(f"   {words['remedy']}{finding.remedy(language)}")
        return lines

    def _judgement(self) -> str:
        one, words = self.verdict.decisive, WORDS[self.language]
        return words["judgement"].format(
            decision=words[one.decision],
            rival=words[one.rival],
            difference=shown(one.difference),
            low=shown(one.low),
            high=shown(one.high),
            level=LEVEL,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        language = self.language
        return {
            "rows": self.rows,
            "metric": self.metric,
            "scores": self.scores,
            "verdict": self.verdict.to_dict(),
            "recalls": self.recalls,
            "also": self.also,
            "findings": [
                {
                    "key": f.key,
                    "what": f.what(language),
                    "why": f.why(language),
                    "remedy": f.remedy(language),
                    "numbers": f.about,
                }
                for f in self.findings
            ],
            "layers": [
                {name: value for name, value in vars(one).items() if value == value}  # what was not measured is NaN
                for one in self.layers
            ],
        }

    def __str__(self) -> str:
        from rich.cells import cell_len, set_cell_size  # which know that a Chinese character takes two places

        rows = self.table()
        widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(map(set_cell_size, row, widths)).rstrip() for row in rows]
        return "\n".join([WORDS[self.language]["title"].format(rows=self.rows), *lines, *self.sentences()])


def _shown(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
