"""Where the operators of a file run on its device, as a graph: operators downwards in the order they run in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from compressor.report.figures import PlacedOperator, PlacementValue
from compressor.report.page import figures_as_text as text
from compressor.report.page.section import Section
from compressor.report.page.svg import label
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report, Row, place

# More operators than these are drawn as runs of equal place.
_NODES = 60
_WORDS = {"accelerator": "accelerator", "cpu": "CPU", "unsupported": "unsupported"}
_SIGNS = {"accelerator": "▲", "cpu": "●", "unsupported": "✗"}
_NODE_WIDTH, _NODE_HEIGHT, _STEP, _TOP, _LEFT = 300, 32, 46, 6, 6
_LANE, _LANES = 12, 8
_COLUMNS = columns(("operator", "layer", "where", "why"), ("no.", "multiply-accumulates", "reads"))


@dataclass(frozen=True, slots=True)
class Node:
    """One operator, or a run of operators in one place."""

    where: str
    sign: str
    word: str
    name: str
    aside: str
    y: int


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph with places in pixels; `paths` are the edges, `table` has every operator."""

    key: str
    title: str
    told: str
    counts: tuple[tuple[str, str, str, int], ...]
    nodes: tuple[Node, ...]
    paths: tuple[str, ...]
    width: int
    height: int
    reasons: tuple[str, ...]
    table: Table


def section(report: Report) -> Section:
    """A graph for every device that has something to place, a sentence for the others."""
    known = [row for row in report.rows if row.placement is not None and row.stage == "compressed"]
    if not known:
        return Section("placement", "Placement", "No target of this run has rules of placement.")
    by_file = {(row.network, row.target, row.format, row.precision): row for row in reversed(known)}
    rows = list(by_file.values())[::-1]
    drawn = [row for row in rows if row.placement and _is_mixed(row.placement) and row.placement.operators]
    graphs = [_graph(position, row) for position, row in enumerate(drawn)]
    others = [_sentence(row) for row in rows if row not in drawn]
    lead = "Predicted by the rules of the device's compiler. Colour and sign say where each operator runs."
    return Section("placement", "Placement", lead, {"graphs": graphs, "others": tuple(dict.fromkeys(others))})


def _is_mixed(placement: PlacementValue) -> bool:
    """Where everything stays on the CPU, and nothing is refused, there is no picture to draw."""
    return bool(placement.accelerator_ops) or any(each.where == "unsupported" for each in placement.operators)


def _title(row: Row) -> str:
    return f"{place(row.target, row.network)}: {row.format} {row.precision}"


def _sentence(row: Row) -> str:
    assert row.placement is not None
    on, off = row.placement.accelerator_ops, row.placement.cpu_ops
    told = f"{_title(row)}: {on} of {text.counted(on + off, 'operator')} accelerated"
    told += f", {text.percent(row.placement.accelerated_macs_share)} of the work" if on else ""
    return "; ".join((told, *row.placement.reasons))


def _graph(position: int, row: Row) -> Graph:
    assert row.placement is not None
    operators = row.placement.operators
    runs = _runs(operators)
    nodes = tuple(_node(at, run) for at, run in enumerate(runs))
    paths, lanes = _edges(runs)
    counts = Counter(each.where for each in operators)
    return Graph(
        key=f"placement-{position}",
        title=_title(row),
        told="; ".join(f"{node.name}, {node.aside}: {node.word}" for node in nodes),
        counts=tuple((where, _SIGNS[where], word, counts[where]) for where, word in _WORDS.items() if counts[where]),
        nodes=nodes,
        paths=paths,
        width=_LEFT * 2 + _NODE_WIDTH + _LANE * (lanes + 1),
        height=_TOP * 2 + _STEP * len(nodes) - (_STEP - _NODE_HEIGHT),
        reasons=(
            f"{text.percent(row.placement.accelerated_macs_share)} of the work accelerated",
            *row.placement.reasons,
        ),
        table=Table(f"Operators: {_title(row)}", _COLUMNS, tuple(Line(_cells(each)) for each in operators)),
    )


def _runs(operators: Sequence[PlacedOperator]) -> list[list[PlacedOperator]]:
    """The operators one by one, or neighbours in the same place together where there are many."""
    if len(operators) <= _NODES:
        return [[each] for each in operators]
    return [list(run) for _, run in groupby(operators, key=lambda each: each.where)]


def _node(at: int, run: Sequence[PlacedOperator]) -> Node:
    first = run[0]
    where = first.where if first.where in _WORDS else "unsupported"
    if len(run) == 1:
        name, aside = first.op, first.layer
    else:
        most = Counter(each.op for each in run).most_common(2)
        name = f"{len(run)} operators"
        aside = ", ".join(f"{op} ×{count}" for op, count in most)
    return Node(where, _SIGNS[where], _WORDS[where], label(name, 22), label(aside, 26), _TOP + _STEP * at)


def _edges(runs: Sequence[Sequence[PlacedOperator]]) -> tuple[tuple[str, ...], int]:
    """Paths from the node that answers to the node that reads, and how many lanes they take beside the nodes."""
    node_of = {each.index: at for at, run in enumerate(runs) for each in run}
    pairs = {
        (node_of[read], at)
        for at, run in enumerate(runs)
        for each in run
        for read in each.reads
        if read in node_of and node_of[read] < at
    }
    paths, ends = [], [0] * _LANES
    for start, end in sorted(pairs):
        if end == start + 1:
            paths.append(f"M{_LEFT + 24} {_bottom(start)}V{_top(end)}")
            continue
        # An edge takes the innermost lane that is free again; the last one is shared where there are too many.
        lane = next((number for number, until in enumerate(ends) if until <= start), _LANES - 1)
        ends[lane] = end
        paths.append(_around(start, end, lane))
    used = max((number + 1 for number, until in enumerate(ends) if until), default=0)
    return tuple(paths), used


def _around(start: int, end: int, lane: int) -> str:
    right = _LEFT + _NODE_WIDTH
    out, leave, enter = right + _LANE * (lane + 1), _top(start) + _NODE_HEIGHT - 8, _top(end) + 8
    return f"M{right} {leave}H{out - 5}q5 0 5 5V{enter - 5}q0 5 -5 5H{right}"


def _top(node: int) -> int:
    return _TOP + _STEP * node


def _bottom(node: int) -> int:
    return _top(node) + _NODE_HEIGHT


def _cells(each: PlacedOperator) -> tuple[Cell, ...]:
    return (
        Cell(each.op),
        Cell(each.layer or "–"),
        Cell(_WORDS.get(each.where, each.where), state=each.where if each.where in _WORDS else ""),
        Cell(each.reason or "–"),
        number(each.index),
        number(each.macs, "{:,}"),
        Cell(", ".join(map(str, each.reads)) or "–"),
    )
