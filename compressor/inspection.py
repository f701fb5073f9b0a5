"""`compressor inspect`: what of a file a target accelerates, by rules and by the vendor's own compiler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from compressor import environment, placement
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.placement import Placement
from compressor.placing import Compiled, Listed, Placing, Where
from compressor.target import Target

UseCompiler = Literal["auto", "never", "required"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One operator of a file.

    Attributes:
        output: name of the first tensor it writes.
        layer: the Keras layer it came from, "" where no name tells.
        macs: multiply-accumulates of one run.
        reads: indices of the operators whose answers it reads.
        change: what would bring it to the accelerator, "" where nothing is to be changed.
    """

    index: int
    op: str
    output: str
    where: Where
    reason: str
    layer: str
    macs: int
    change: str = ""
    reads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What of a file runs where.

    Attributes:
        mistakes: why the target's compiler takes none of it.
        compiler: what the vendor's compiler said, or why it was not asked.
    """

    target: str
    operators: tuple[Placed, ...]
    mistakes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    memory: Mapping[str, float] = field(default_factory=dict)
    compiler: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accelerator_ops(self) -> int:
        """Operators on the accelerator."""
        return sum(each.where == "accelerator" for each in self.operators)

    @property
    def cpu_ops(self) -> int:
        """All others."""
        return len(self.operators) - self.accelerator_ops

    @property
    def accelerated_macs_share(self) -> float:
        """Share of multiply-accumulates on the accelerator; of operators, in a file that has none."""
        total = sum(each.macs for each in self.operators)
        if total:
            return sum(each.macs for each in self.operators if each.where == "accelerator") / total
        return self.accelerator_ops / len(self.operators) if self.operators else 0.0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why operators are not on the accelerator, each once, and what the rules warn of."""
        if self.mistakes:
            return self.mistakes
        left = (f"{each.op} {each.layer or each.output}: {each.reason}" for each in self.operators if each.change)
        return tuple(dict.fromkeys((*left, *self.warnings)))

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told = [asdict(each) for each in self.operators]
        changes = [{key: each[key] for key in ("index", "op", "layer", "change")} for each in told if each["change"]]
        for each in told:
            del each["change"]
        summary = {
            "operators": len(self.operators),
            "accelerator_ops": self.accelerator_ops,
            "cpu_ops": self.cpu_ops,
            "unsupported_ops": sum(each.where == "unsupported" for each in self.operators),
            "macs": sum(each.macs for each in self.operators),
            "accelerated_macs_share": self.accelerated_macs_share,
            **self.memory,
            "changes": changes,
            "mistakes": list(self.mistakes),
            "warnings": list(self.warnings),
        }
        return {"target": self.target, "operators": told, "summary": summary, "compiler": dict(self.compiler)}


def inspect(
    path: Path,
    target: Target,
    compiler: UseCompiler = "never",
    timeout: float = 1800.0,
    keep: Path | None = None,
) -> Inspection:
    """Where each operator of a file runs on a target.

    A file that the target takes none of is an inspection with `mistakes`, not an error.

    Args:
        compiler: ask the vendor's too: when it is on PATH, never, or as a must.
        timeout: seconds that the vendor's compiler may take.
        keep: where the file that it compiled goes.

    Raises:
        BadInput: no file that can be read, or a target without rules.
        MissingTool: the vendor's compiler is a must, and not here.
        StageFailed: it is a must, and refused the file or printed nothing that can be read.
    """
    if not target.placement:
        raise BadInput(
            f"nothing is known of what runs where on {target.name}",
            expected=f"a target with rules: {', '.join(placement.names())}, or a variant of it",
        )
    rules = placement.load(target.placement)
    if compiler == "required":
        _find(rules.tool, rules.tool_help)
    view = rules.read(path)
    placing = rules.place(view, target)
    operators = _placed(rules.listed(view), placing)
    asked: Mapping[str, Any] = {}
    if compiler != "never" and rules.tool and not placing.mistakes:
        asked = _compared(path, target, rules, operators, compiler == "required", timeout, keep)
    warnings = (*placing.warnings, *asked.get("differences", ()))
    return Inspection(target.name, operators, placing.mistakes, warnings, placing.memory, asked)


def _placed(listed: tuple[Listed, ...], placing: Placing) -> tuple[Placed, ...]:
    return tuple(
        Placed(
            each.index, each.op, each.output, made.where, made.reason, each.layer, each.macs, made.change, each.reads
        )
        for each, made in zip(listed, placing.decisions, strict=True)
    )


def _find(tool: str, tool_help: str) -> str:
    program = environment.program(tool) if tool else None
    if program is None:
        raise MissingTool(f"{tool or 'a compiler of the vendor'} is not on PATH", fix=tool_help or "inspect without it")
    return program


def _compared(
    path: Path,
    target: Target,
    rules: Placement,
    operators: tuple[Placed, ...],
    required: bool,
    timeout: float,
    keep: Path | None,
) -> dict[str, Any]:
    """What the vendor's compiler said, and where that differs from the rules."""
    assert rules.compile is not None
    try:
        compiled = rules.compile(_find(rules.tool, rules.tool_help), path, target, timeout, keep)
    except MissingTool as error:
        if required:
            raise
        return {"tool": rules.tool, "skipped": str(error).replace("\n  what to do: ", "; ").replace("\n  ", "; ")}
    except StageFailed as error:
        if required:
            raise
        return {"tool": rules.tool, "skipped": str(error), "differences": [str(error)]}
    differences = list(_differences(rules.tool, compiled, operators))
    return {
        "tool": rules.tool,
        "version": compiled.version,
        "agrees": not differences,
        "per_operator": compiled.accelerated is not None,
        "differences": differences,
        "statuses": list(compiled.statuses),
        "accelerated_ops": sum((compiled.accelerated or {}).values()),
        **compiled.memory,
        **({"estimate": asdict(compiled.estimate) if compiled.estimate else None} if rules.estimates else {}),
    }


def _differences(tool: str, compiled: Compiled, operators: tuple[Placed, ...]) -> Iterator[str]:
    if compiled.places is not None:
        for place, each in zip(compiled.places, operators, strict=True):
            if (place == "accelerator") != (each.where == "accelerator"):
                told = f"operator {each.index} ({each.op} {each.output.split(';')[0]})"
                yield f"{tool} puts {told} on the {place}; the rules here say {each.where}"
        return
    if compiled.accelerated is None:
        return
    predicted = Counter(each.op for each in operators if each.where == "accelerator")
    there = Counter(each.op for each in operators)
    for op in sorted({*there, *compiled.accelerated, *compiled.left}):
        said, ours = compiled.accelerated.get(op, 0), predicted[op]
        if said != ours:
            yield f"{tool} maps {said} of {there[op]} {op}; the rules here say {ours}"
