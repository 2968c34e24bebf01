"""What figures mean, in plain words, for the report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rnnsearch.language import _, marked
from rnnsearch.language.names import compared, reason
from rnnsearch.scoring import baselines, metrics
from rnnsearch.targets import SCORING

FORECASTS = {
    "champion": marked("the network that the search found"),
    "one_fit": marked("the same network, fitted once, before the test"),
    "no_change": marked("no change: the price stays what it is (doing nothing)"),
    "average": marked("the average of the past goes on (doing nothing)"),
    "persistence": marked("no change: the price stays what it is (doing nothing)"),
    "base_rate": marked("the share of rises so far (doing nothing)"),
}

TESTS = {
    "information": (
        marked("Does the forecast carry information?"),
        marked(
            "After Clark and West: whether what came goes with what was forecast, more "
            "than chance lets it. A forecast that is always the same, or only repeats the "
            "average, carries none. It may carry some and still be less accurate than "
            "doing nothing: a network pays for what it had to estimate."
        ),
    ),
    "diebold_mariano": (
        marked("Better than doing nothing?"),
        marked(
            "Diebold–Mariano: how often chance alone makes the champion's errors look this "
            "much smaller than those of doing nothing, no change or the average, whichever "
            "is harder. Below 5 % is the usual mark."
        ),
    ),
    "diebold_mariano_one_fit": (
        marked("Are refits more accurate than one fit?"),
        marked(
            "Diebold–Mariano against the champion that was fitted once, before the test. "
            "Above 5 %, it is not shown that newer rows were worth learning from."
        ),
    ),
    "diebold_mariano_har": (
        marked("Better than HAR?"),
        marked(
            "Diebold–Mariano against a straight line through the volatility of the last "
            "day, week and month (Corsi 2009), the usual hurdle: volatility goes on, so "
            "doing nothing is beaten easily. Above 5 %, the network is not shown to add "
            "anything to that line."
        ),
    ),
    "pesaran_timmermann": (
        marked("Direction better than chance?"),
        marked(
            "Pesaran–Timmermann: how often forecasts that rise and fall as often, but on random "
            "sessions, get as many directions right. Always saying “up” does not help here. "
            "A rise is forecast where the champion is above the average of the training rows."
        ),
    ),
    "excess_profitability": (
        marked("Would following the directions earn more than chance?"),
        marked(
            "Anatolyev–Gerko: how often as many rises, forecast on random sessions, earn "
            "as much per session, without costs. Large moves count for more than small "
            "ones; drift does not help."
        ),
    ),
    "superior_ability": (
        marked("Is any trial really better, among so many?"),
        marked(
            "Hansen's SPA on validation rows: how often the best of as many trials without "
            "any ability looks at least as good as the best one here. Pruned trials are "
            "not among them."
        ),
    ),
    "confidence_set": (
        marked("Which trials may be the best?"),
        marked(
            "Model confidence set (Hansen, Lunde & Nason) on validation rows: the trials "
            "that cannot be told from the best one. A wide set says that the choice among "
            "them is luck."
        ),
    ),
    "overfitting": (
        marked("Does what wins here win there?"),
        marked(
            "Probability of backtest overfitting (Bailey et al.): the validation rows are "
            "halved in many ways; how often the best trial on one half is no better than "
            "the median trial on the other. Near 0 % the search finds what lasts; near 50 "
            "% it might as well have drawn lots. Pruned trials are not among them."
        ),
    ),
}

IMPORTANCE = (
    marked(
        "Regression trees are fitted to the gains of all complete trials (fANOVA; Hutter, "
        "Hoos & Leyton-Brown 2014). A parameter's share is how much of what the trees say "
        "goes up and down with it alone, averaged over all others: it asks what makes a "
        "difference anywhere in the space. What matters only together with another "
        "parameter is in no share, and what the search soon stopped varying has little of "
        "one. A gain far below the others counts as the lower fence (Tukey's), and what "
        "belongs together is added up: the switches and the number of inputs are “inputs”, "
        "the neurons of all layers “neurons”, the shifts of all families “input shift”."
    ),
    marked(
        "optuna-dashboard asks another question, with another method (PED-ANOVA): what the "
        "best tenth of the trials have in common that the others have not. It takes gains "
        "as they are, and each switch of an input has a bar of its own. A parameter whose "
        "bad values ruin a trial has a large share here; one whose best values nearly all "
        "of the best trials have, there."
    ),
)

LEVEL = 0.05

LUCK = marked("The best of many trials always looks better than it is.")


def meaning(forecast: str, evaluation: Mapping[str, Any] | None = None) -> str:
    """What a column of the table is; empty for a baseline that is not installed now.

    `evaluation` says what a study's own baselines are.
    """
    if (one := baselines.by_name(forecast)) is not None:
        return _(one.meaning)
    if (told := (evaluation or {}).get("naive_meanings", {}).get(forecast)) is not None:
        return _(str(told))
    return _(FORECASTS.get(forecast, "")) or str(_own(evaluation, forecast).get("meaning", ""))


def rival(test: str, evaluation: Mapping[str, Any] | None = None) -> str | None:
    """What the champion is compared with in such a test, where that is a baseline that learns."""
    name = test.removeprefix("diebold_mariano_")
    if name == test:
        return None
    if (one := baselines.by_name(name)) is not None:
        return one.rival or one.name
    own = _own(evaluation, name)
    return str(own.get("rival") or name) if own else None


def _own(evaluation: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (evaluation or {}).get("own_baselines", {}).get(name, {})
    return found


def _asked(test: str, evaluation: Mapping[str, Any]) -> tuple[str, str]:
    """The question of a test, and what it means."""
    if test in TESTS:
        question, meaning = TESTS[test]
        return _(question), _(meaning)
    if other := rival(test, evaluation):
        return (
            _("Better than {other}?", other=_(other)),
            _(
                "Diebold–Mariano against {other} on the same inputs and window. Above 5 %, the "
                "network is not shown to add anything to what that finds.",
                other=_(other),
            ),
        )
    return test, ""


@dataclass(frozen=True)
class Finding:
    """One test: the question, the answer in short, its tone (good, unclear, bad) and meaning."""

    question: str
    answer: str
    tone: str
    meaning: str


def findings(evaluation: Mapping[str, Any]) -> Iterator[Finding]:
    """Every test of an evaluation in plain words, the verdict's two questions first."""
    if "steps" in evaluation:
        yield from _of_path(evaluation)
    for name, result in evaluation["significance"].items():
        question, meaning = _asked(name, evaluation)
        if "reason" in result:
            yield Finding(
                question,
                _("cannot be told: {reason}", reason=reason(result["reason"])),
                "unclear",
                meaning,
            )
            continue
        answer, tone = _answer(name, result, evaluation)
        if name == "pesaran_timmermann":
            meaning += _(
                " Right: {right:.1f} %; by chance: {chance:.1f} %, on {rows:,} sessions whose "
                "targets do not overlap, where the table has all.",
                right=100 * result["accuracy"],
                chance=100 * result["expected"],
                rows=result["rows"],
            )
        if name == "overfitting":
            skill, measure = metrics.get("skill"), result.get("measure", "skill")
            meaning += _(
                " Mean {measure} on the half that chose: {chosen}; on the other: {after} "
                "({ways:,} ways, {trials:,} trials).",
                measure=_(measure),
                chosen=skill.cell(result["skill_chosen"]),
                after=skill.cell(result["skill_after"]),
                ways=result["splits"],
                trials=result["trials"],
            )
        if result.get("note"):
            meaning += _(" Compared: {text}.", text=compared(result["note"]))
        yield Finding(question, answer, tone, meaning)


def _of_path(evaluation: Mapping[str, Any]) -> Iterator[Finding]:
    """The two questions, asked of each step; what is corrected over them says the answer."""
    verdict, steps = evaluation["verdict"], len(evaluation["steps"])
    for name, p, claimed in (
        ("information", verdict["p_information"], verdict["informative"]),
        ("diebold_mariano", verdict["p"], verdict["better"]),
    ):
        question, meaning = map(_, TESTS[name])
        meaning += _(
            " Asked of each of the {steps} steps, and corrected over them (Holm).", steps=steps
        )
        if p is None:
            yield Finding(
                question, _("cannot be told: no step has rows enough"), "unclear", meaning
            )
            continue
        answer, tone = _yes(p, claimed)
        yield Finding(question, _("{answer}, the least of the steps", answer=answer), tone, meaning)


def _answer(name: str, result: Mapping[str, Any], evaluation: Mapping[str, Any]) -> tuple[str, str]:
    match name:
        case "overfitting":
            chance = result["probability"]
            tone = "good" if chance < 0.1 else "bad" if chance >= 0.5 else "unclear"
            said = {"good": _("mostly yes"), "unclear": _("not clearly"), "bad": _("no")}[tone]
            return _(
                "{said}: in {share:.0f} % of the ways the best one falls behind",
                said=said,
                share=100 * chance,
            ), tone
        case "confidence_set":
            left, trials = len(result["included"]), result["trials"]
            tone = "good" if left <= max(1, trials // 10) else "unclear"
            return _(
                "{left:,} of {trials:,} ({sure:.0f} % sure)",
                left=left,
                trials=trials,
                sure=100 - 100 * result["size"],
            ), tone
    verdict = evaluation["verdict"]
    if name == "information":
        return _yes(verdict["p_information"], verdict["informative"])
    if name == "diebold_mariano":
        if verdict["sentence"].startswith("Worse"):
            return _("no, worse ({p})", p=probability(1 - result["p_better"])), "bad"
        return _yes(verdict["p"], verdict["better"])
    p = evaluation["corrected"][name]
    # On a series without a signal no more than the verdict itself errs is said in green.
    claimed = p < LEVEL and (verdict["informative"] or verdict["p_information"] is None)
    answer, tone = _yes(p, claimed)
    return _("{answer}, corrected for the tests beside it", answer=answer), tone


def _yes(p: float, claimed: bool) -> tuple[str, str]:
    return (
        (_("{answer}, {p}", answer=_("yes"), p=probability(p)), "good")
        if claimed
        else (_("{answer}, {p}", answer=_unclear(p), p=probability(p)), "unclear")
    )


def _unclear(p: float) -> str:
    """Why a test says no yes: it cannot, or it must not."""
    if p < LEVEL:
        return _("not claimed, as the verdict finds no information in the forecast")
    return _("cannot be told from chance")


def probability(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def definition(scoring: int, objective: Mapping[str, str] | None = None) -> str:
    """What trials are valued by, in a study of this scoring; `objective`: see `Store.objective`."""
    if objective is not None and objective["key"] != "skill":
        text = _(
            "The search maximises the gain in {label} ({meaning}): how much better than doing "
            "nothing the forecasts of the validation rows are by it, the mean of the folds",
            label=_(objective["label"]),
            meaning=_(objective["meaning"]),
        )
        if objective["key"] != "sharpe":
            text += _(", divided by how much overlapping targets spread it by chance")
        return text + _(". Skill, 1 − RMSE / RMSE of the harder naive forecast, stands beside it.")
    if scoring < SCORING:
        return _(
            "Skill is 1 − RMSE / RMSE of the naive forecast (no change) on validation rows, the "
            "mean of the folds; above 0 is better than doing nothing there. This study was begun "
            "before the average was a naive forecast too and before long shifts were charged for "
            "their overlap; it keeps that definition, and its gain is its skill."
        )
    return _(
        "Skill is 1 − RMSE / RMSE of the harder naive forecast on validation rows, the mean of the "
        "folds (the columns are of all their rows); above 0 is better than doing nothing there. "
        "Gain, which the search maximises, is skill divided by how much overlapping targets "
        "spread it by chance: at 1 session ahead the two are the same."
    )


def width(value: float, unit: str) -> str:
    """Of an interval: a share of the price, or in its unit."""
    if unit == "volatility":
        return _("{points:.2g} percentage points", points=100 * value)
    if unit != "share":
        return f"{value:.3g}"
    share = f"{100 * value:.{1 if value >= 0.01 else 2}f}"
    return _("{share} % of the price", share=share)


def intervals(interval: Mapping[str, Any]) -> Iterator[str]:
    """What an evaluation's intervals promised, what they held, and how wide they were."""
    what = _("volatilities") if interval.get("unit") == "volatility" else _("prices")
    yield _(
        "Intervals promised to hold {promised:.0f} % of the {what} and held {held:.1f} %.",
        promised=100 * interval["promised"],
        what=what,
        held=100 * interval["share"],
    )
    if "radius" in interval:
        yield _(
            "They are as wide on every session, as an earlier version made them; those of `predict`"
            " breathe."
        )
        return
    if "worst" in interval:  # of many series
        yield _(
            "Of one series they held between {least:.1f} % ({worst}) and {most:.1f} % ({best}).",
            least=100 * interval["worst"]["share"],
            worst=interval["worst"]["series"],
            most=100 * interval["best"]["share"],
            best=interval["best"]["series"],
        )
    unit = interval["unit"]
    if interval["width"] is None:
        return
    yield _(
        "They are {mean} wide on average, from {narrowest} in a calm to {widest} in a storm.",
        mean=width(interval["width"], unit),
        narrowest=width(interval["narrowest"], unit),
        widest=width(interval["widest"], unit),
    )


def walked(walk: Mapping[str, Any]) -> str:
    """How a test was walked through, in a sentence."""
    first, last = walk["rows"]
    rows = _("all rows known then ({first:,} to {last:,})", first=first, last=last)
    if walk["window"] != "expanding":
        rows = _("the newest {count:,} rows known then", count=last)
    cold = walk["start"] == "cold"
    return _(
        "Champion and baselines were fitted {refits:,} times, every {every:,} sessions of the "
        "test, on {rows}, each time from {weights}.",
        refits=walk["refits"],
        every=walk["every"],
        rows=rows,
        weights=_("new weights") if cold else _("the weights of the one before"),
    )


def duration(seconds: float) -> str:
    """In the unit that one would say it in."""
    if seconds >= 1.5 * 3600:
        return _("{time:.1f} h", time=seconds / 3600)
    if seconds >= 1.5 * 60:
        return _("{time:.1f} min", time=seconds / 60)
    return _("{time:.2g} s", time=seconds)
