"""Runs the steps of a GitHub workflow or of a composite action: expressions resolved, commands given to a real bash."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")


def expressions(value: Any) -> Iterator[str]:
    """All expressions in a part of a file."""
    if isinstance(value, str):
        yield from _EXPRESSION.findall(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from expressions(each)
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)


@dataclass
class Steps:
    """What has come of the steps so far.

    Attributes:
        contexts: values by address, such as `inputs.model`.
        programs: a folder that stands before all others on PATH.
        used: name of an action and its resolved inputs, for each step that uses one.
        done: names of the steps that were run.
    """

    folder: Path
    programs: Path
    contexts: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    failed: bool = False
    log: str = ""

    def resolved(self, text: str) -> str:
        """A text with its expressions resolved; one that is not known is a mistake, unless it is an output."""
        return _EXPRESSION.sub(lambda found: self._value(found[1]), text)

    def run(self, steps: list[dict[str, Any]]) -> None:
        """All steps, in their order."""
        for step in steps:
            if self._wanted(step):
                self.done.append(step.get("name", step.get("uses", "")))
                if "uses" in step:
                    given = {name: self.resolved(str(value)) for name, value in step.get("with", {}).items()}
                    self.used.append((step["uses"], given))
                else:
                    self._bash(step)

    def _value(self, expression: str) -> str:
        if re.fullmatch(r"steps\.[\w-]+\.outputs\.[\w-]+", expression):
            return self.contexts.get(expression, "")
        return self.contexts[expression]

    def _wanted(self, step: dict[str, Any]) -> bool:
        condition = step.get("if")
        if condition is None:
            return not self.failed
        found = _EXPRESSION.fullmatch(condition)
        assert found is not None
        return all(self._true(part.strip()) for part in found[1].split("&&"))

    def _true(self, part: str) -> bool:
        if part == "!cancelled()":
            return True
        address, different, nothing = part.split()
        assert (different, nothing) == ("!=", "''")
        return self._value(address) != ""

    def _bash(self, step: dict[str, Any]) -> None:
        number = len(self.done)
        script, output = self.folder / f"step{number}.sh", self.folder / f"output{number}"
        script.write_text(self.resolved(step["run"]))
        output.touch()
        environment = {
            **{"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.folder)},
            **{"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md")},
            **{"GITHUB_WORKSPACE": str(self.folder), "GITHUB_ACTIONS": "true"},
            **self.variables,
            **{name: self.resolved(value) for name, value in step.get("env", {}).items()},
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)
        self.log += done.stdout + done.stderr
        self.failed = self.failed or done.returncode != 0
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.contexts[f"steps.{step.get('id')}.outputs.{name}"] = value
