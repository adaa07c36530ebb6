"""Whether a decision fits what a version answers (pure)."""

from collections.abc import Iterator

from konan.errors import Fault, Invalid
from konan.records.measures import Decision
from konan.records.schema import Output, class_text


def check(decision: Decision, output: Output) -> None:
    """Check that a decision can be made on such answers.

    Args:
        decision: what somebody declares.
        output: what the version answers.

    >>> check(Decision(threshold=0.3), Output(kind="classifier", classes=(0, 1), probabilities=True))

    Raises:
        Invalid: it cannot; each fault is named.
    """
    faults = tuple(
        Fault(pointer=pointer, code="invalid", message=message)
        for pointer, message in _faults(decision, output)
    )
    if faults:
        raise Invalid("The decision does not fit what the deployment answers.", faults=faults)


def positive_of(decision: Decision | None, output: Output) -> str:
    """The class that a threshold is about; empty if there is none.

    >>> positive_of(None, Output(kind="classifier", classes=("no", "yes")))
    'yes'
    """
    classes = tuple(map(class_text, output.classes))
    if decision is not None and decision.positive:
        return decision.positive
    return classes[1] if len(classes) == 2 else ""


def _faults(decision: Decision, output: Output) -> Iterator[tuple[str, str]]:
    classes = set(map(class_text, output.classes))
    if output.kind != "classifier":
        for name in ("positive", "threshold", "payoffs"):
            if getattr(decision, name) not in {"", None, ()}:
                yield f"/{name}", "Only a classifier's answers have classes."
    else:
        yield from _of_classes(decision, output, classes)
    if output.kind != "regressor" and (decision.over or decision.under):
        yield "/over", "Only a regressor's answers are above or below the truth."


def _of_classes(decision: Decision, output: Output, classes: set[str]) -> Iterator[tuple[str, str]]:
    if decision.positive and classes and decision.positive not in classes:
        yield "/positive", f"The model has no class {decision.positive!r}."
    if decision.threshold is not None:
        if not output.probabilities:
            yield "/threshold", "The model gives no probabilities."
        elif not positive_of(decision, output):
            yield "/positive", "Say which of its classes the threshold is about."
    for at, payoff in enumerate(decision.payoffs):
        for field in ("truth", "answer"):
            if classes and getattr(payoff, field) not in classes:
                yield f"/payoffs/{at}/{field}", f"The model has no class {getattr(payoff, field)!r}."
