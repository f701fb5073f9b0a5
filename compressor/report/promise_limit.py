"""What broken promises say to the gate: a file without what a step made of the weights is a violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compressor.report.evidence import PromisePart
from compressor.report.schema import Row, Verdict, Violation

LIMIT = "promise"
_TOLD = 3


def combined(verdict: Verdict, promises: Sequence[PromisePart], rows: Sequence[Row]) -> Verdict:
    """A verdict, and the promises that the files of the rows do not keep."""
    found = list(violations(promises, rows))
    passed = verdict.passed and not found
    return verdict.model_copy(update={"passed": passed, "violations": [*verdict.violations, *found]})


def violations(promises: Iterable[PromisePart], rows: Sequence[Row]) -> Iterator[Violation]:
    """One for each row about a file that breaks promises; emulated rows repeat others."""
    broken = [each for each in promises if each.kept is False]
    for position, row in enumerate(rows):
        own = [each for each in broken if _file(each) == _file(row)]
        if own and row.stage == "compressed" and row.provenance != "emulated":
            yield _violation(own, row, position)


def sentences(promises: Sequence[PromisePart]) -> list[str]:
    """What became of the promises, one sentence for each file, step and kind."""
    groups: dict[tuple[str | None, ...], list[PromisePart]] = {}
    for each in promises:
        groups.setdefault((*_file(each), each.step, each.kind), []).append(each)
    return [_sentence(group) for group in groups.values()]


def _sentence(group: Sequence[PromisePart]) -> str:
    first = group[0]
    if first.kind in _OF_FILES:
        return _sentence_of_file(first)
    kept, unknown = (sum(each.kept is what for each in group) for what in (True, None))
    where = "" if first.network is None else f"{first.network}: "
    told = f"{where}{first.format} {first.precision} keeps the {_NAMES[first.kind]} that {first.step} promised"
    told += f" in {kept} of {len(group)} layers"
    return told + (f"; not to be told in {unknown}" if unknown else "")


def _sentence_of_file(part: PromisePart) -> str:
    assert part.received is not None
    where = "" if part.network is None else f"{part.network}: "
    received = _received(part) if part.kind == "simulated_metric" else f"{part.received:.0f} float operators"
    told = f"{where}{part.format} {part.precision}: {received}; {part.step} promised {_promised(part)}"
    return told + ("" if part.reason is None else f" ({part.reason})")


def _violation(broken: Sequence[PromisePart], row: Row, position: int) -> Violation:
    more = f" and {len(broken) - _TOLD} more" if len(broken) > _TOLD else ""
    expected, received = (
        "; ".join(f"{each.layer}: {tell(each)}" for each in broken[:_TOLD]) + more for tell in (_promised, _received)
    )
    told = f"{row.title}: {LIMIT}: {broken[0].step} promised {expected}; the file has {received}"
    return row.violation(LIMIT, position, expected, received, told)


_NAMES = {"sparsity": "sparsity", "distinct_values": "few distinct values"}
_OF_FILES = ("float_operators", "simulated_metric")
_PROMISED = {
    "sparsity": "at least {:.2%} zeros",
    "distinct_values": "at most {:.0f} distinct values in a channel",
    "float_operators": "{:.0f} float operators",
    "simulated_metric": "the metric of its simulation, {:.6g}",
}
_RECEIVED = {
    "sparsity": "{:.2%} zeros",
    "distinct_values": "{:.0f}",
    "float_operators": "{:.0f}",
    "simulated_metric": "a metric of {:.6g}",
}


def _promised(part: PromisePart) -> str:
    return _PROMISED[part.kind].format(part.promised)


def _received(part: PromisePart) -> str:
    assert part.received is not None
    return _RECEIVED[part.kind].format(part.received)


def _file(of: PromisePart | Row) -> tuple[str | None, str, str]:
    return of.network, of.format, of.precision
