"""The composite action and the example of a workflow: every expression is known, and every step really runs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_steps import Steps, expressions

from compressor.cli import cli

MakeSteps = Callable[..., Steps]

# Tells what it was called with, and leaves what a run on the golden report would.
_COMPRESSOR = """#!{python}
import json, os, subprocess, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + chr(10))
verb, *words = sys.argv[1:]
given = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
if verb == "run":
    os.makedirs(given["--out"], exist_ok=True)
    words = ["gate", {report!r}, "--github", "--junit", given["--junit"]]
    words += [f"--max-size-ratio={{given['--max-size-ratio']}}"] if "--max-size-ratio" in given else []
else:
    words = ["compare", {report!r}, {report!r}, "--github", "--junit", given["--junit"]]
sys.exit(subprocess.run([sys.executable, "-P", "-m", "compressor", *words]).returncode)
"""
_RECORDER = """#!{python}
import json, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps([{called!r}, *sys.argv[1:]]) + chr(10))
print({says!r}, end="")
"""


@pytest.fixture(scope="session")
def action(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "action.yml").read_text())
    return loaded


@pytest.fixture(scope="session")
def workflow(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((root / "docs" / "examples" / "github-workflow.yml").read_text())
    return loaded


@pytest.fixture
def prepared(tmp_path: Path, golden: Path, root: Path, action: dict[str, Any]) -> MakeSteps:
    """A folder with stand-ins for pip and compressor, and the inputs of the action with their defaults."""
    programs = tmp_path / "programs"
    programs.mkdir()

    def program(name: str, text: str, **values: Any) -> None:
        told = {"python": sys.executable, "calls": str(tmp_path / "calls"), **values}
        (programs / name).write_text(text.format(**told))
        (programs / name).chmod(0o755)

    program("compressor", _COMPRESSOR, report=str(golden / "passed.json"))
    program("python", _RECORDER, called="python", says="")
    program("gh", _RECORDER, called="gh", says="4711\n")

    def make(**inputs: str) -> Steps:
        values = {name: str(each.get("default", "")) for name, each in action["inputs"].items()} | inputs
        contexts = {f"inputs.{name}": value for name, value in values.items()}
        contexts |= {"github.action_path": str(root), "github.token": "token"}
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        return Steps(work, programs, contexts, {"PYTHONPATH": str(root)})

    return make


def calls(steps: Steps) -> list[list[str]]:
    return [json.loads(line) for line in (steps.folder.parent / "calls").read_text().splitlines()]


def outputs(steps: Steps, action: dict[str, Any]) -> dict[str, str]:
    return {name: steps.resolved(each["value"]) for name, each in action["outputs"].items()}


def test_every_input_is_used_and_every_expression_is_known(action: dict[str, Any]) -> None:
    found = [word for each in expressions(action["runs"]) for word in re.findall(r"[a-z_]+\.[\w.-]+", each)]
    assert {each for each in found if each.startswith("inputs.")} == {f"inputs.{name}" for name in action["inputs"]}
    identities = {step["id"] for step in action["runs"]["steps"] if "id" in step}
    others = [each for each in [*found, *expressions(action["outputs"])] if not each.startswith("inputs.")]
    for each in others:
        assert each == "github.action_path" or each.split(".")[:3:2] in [["steps", "outputs"]], each
        assert each == "github.action_path" or each.split(".")[1] in identities
    assert all(each.get("description") for each in [*action["inputs"].values(), *action["outputs"].values()])


def test_no_command_holds_an_expression_and_every_command_names_its_shell(action: dict[str, Any]) -> None:
    commands = [step for step in action["runs"]["steps"] if "run" in step]
    assert len(commands) >= 3
    assert [step["name"] for step in commands if list(expressions(step["run"])) or step["shell"] != "bash"] == []


def test_every_option_that_the_action_gives_is_one_of_the_command(action: dict[str, Any]) -> None:
    for verb in ("run", "compare"):
        command = cli.get_command(None, verb)  # type: ignore[arg-type]
        assert command is not None
        known = {name for parameter in command.params for name in parameter.opts}
        (step,) = [each["run"] for each in action["runs"]["steps"] if f"compressor {verb} " in each.get("run", "")]
        given = set(re.findall(r'(?<=["( ])--[a-z][a-z-]*', step))
        assert given
        assert given <= known


def test_the_steps_run_and_leave_summary_outputs_junit_and_annotations(
    prepared: MakeSteps, action: dict[str, Any], root: Path
) -> None:
    steps = prepared(model="my model.keras", targets="host  coral\n raspberry_pi", data="a b.npz")
    steps.run(action["runs"]["steps"])
    assert not steps.failed, steps.log
    install, run = calls(steps)
    assert install[:4] == ["python", "-m", "pip", "install"]
    assert install[-1] == f"{root}[report,tensorflow]"
    assert (root / install[install.index("-c") + 1]).is_file()
    wanted = ["--target=host", "--target=coral", "--target=raspberry_pi", "--data=a b.npz", "--", "my model.keras"]
    assert run == [
        "run",
        "--recipe=int8",
        "--out=compressor-run",
        "--junit=compressor-run-junit.xml",
        "--github",
        *wanted,
    ]
    assert (steps.folder / "summary.md").read_text().startswith("### pump: float16\n\n**Passed: ")
    assert "::notice title=compressor::Passed: " in steps.log
    told = outputs(steps, action)
    assert (told["verdict"], told["junit"]) == ("passed", "compressor-run-junit.xml")
    assert Path(told["report"]).name == "passed.json"
    assert (steps.folder / told["junit"]).read_text().startswith("<?xml")
    assert [name.partition("@")[0] for name, _ in steps.used] == ["actions/setup-python", "actions/upload-artifact"]
    assert "Compare with an earlier run" not in steps.done


def test_a_broken_limit_fails_the_step_and_the_report_is_uploaded_all_the_same(
    prepared: MakeSteps, action: dict[str, Any]
) -> None:
    steps = prepared(model="m.keras", limits="--max-size-ratio=0.1\n\n--max-accuracy-drop=5", args="--seed=7")
    steps.run(action["runs"]["steps"])
    assert steps.failed
    assert calls(steps)[1][-5:] == ["--max-size-ratio=0.1", "--max-accuracy-drop=5", "--seed=7", "--", "m.keras"]
    assert outputs(steps, action)["verdict"] == "failed"
    assert "::error title=failed%3A host%3A max_size_ratio%3A tflite float16 on litert::" in steps.log
    assert steps.used[-1][1]["path"].split() == [
        "compressor-run",
        "compressor-run-junit.xml",
        "compressor-run-compare-junit.xml",
    ]


def test_limits_may_be_a_file(prepared: MakeSteps, action: dict[str, Any]) -> None:
    steps = prepared(model="m.keras", limits="our limits.yaml", args="--seed=7")
    steps.run(action["runs"]["steps"])
    assert calls(steps)[1][-4:] == ["--limits=our limits.yaml", "--seed=7", "--", "m.keras"]


def test_a_baseline_is_compared_with(prepared: MakeSteps, action: dict[str, Any]) -> None:
    steps = prepared(model="m.keras", baseline="old run/report.json")
    steps.run(action["runs"]["steps"])
    assert not steps.failed, steps.log
    assert calls(steps)[2][-3:] == ["--", "old run/report.json", "compressor-run"]
    assert "against an earlier run" in (steps.folder / "summary.md").read_text()


NASTY = (
    '"; touch hacked; #',
    "$(touch hacked)",
    "`touch hacked`",
    "a\ntouch hacked",
    "--help; touch hacked",
    "' && touch hacked '",
)


@pytest.mark.parametrize("value", NASTY)
def test_no_input_is_read_as_a_command(value: str, prepared: MakeSteps, action: dict[str, Any]) -> None:
    names = [name for name in action["inputs"] if name != "out"]
    steps = prepared(**dict.fromkeys(names, value), out="out")
    steps.run(action["runs"]["steps"])
    assert [path.name for path in steps.folder.rglob("*hacked*")] == []
    install, run = calls(steps)[:2]
    assert install[-2:] == ["--", value]
    assert run[-2:] == ["--", value]
    assert {f"--recipe={value}", f"--undecided={value}"} <= set(run)
    assert value.startswith("--") or f"--limits={value}" in run
    assert [line for line in value.split("\n") if line not in run] == []


@pytest.mark.parametrize("value", NASTY)
def test_no_folder_is_read_as_a_command(value: str, prepared: MakeSteps, action: dict[str, Any]) -> None:
    steps = prepared(model="m", out=value, baseline="b")
    steps.run(action["runs"]["steps"])
    made = [path for path in steps.folder.rglob("hacked") if path.is_file()]
    assert made == []
    assert f"--out={value}" in calls(steps)[1]


def test_the_example_of_a_workflow_runs_with_the_action(
    prepared: MakeSteps, action: dict[str, Any], workflow: dict[str, Any]
) -> None:
    (job,) = workflow["jobs"].values()
    (use,) = [step for step in job["steps"] if "compressor@" in step.get("uses", "")]
    assert set(use["with"]) <= set(action["inputs"])
    wanted = {name for name, each in action["inputs"].items() if each.get("required")}
    assert wanted <= set(use["with"])
    told = {each.rpartition(".")[2] for each in expressions(job["steps"]) if each.startswith("steps.compressor.")}
    assert told <= set(action["outputs"])
    index = job["steps"].index(use)
    steps = prepared()
    steps.run(job["steps"][: index + 1])
    assert not steps.failed, steps.log
    given = steps.used[-1][1]
    assert given["baseline"] == "earlier/compressor-run"
    # The stand-in's report is of float16.
    inner = prepared(**given | {"limits": given["limits"].replace("0.3", "0.6")})
    inner.run(action["runs"]["steps"])
    assert not inner.failed, inner.log
    for name, value in outputs(inner, action).items():
        steps.contexts[f"steps.compressor.outputs.{name}"] = value
    steps.run(job["steps"][index + 1 :])
    assert steps.log.endswith("passed.json\n")


def test_the_page_tells_of_every_input_and_output(root: Path, action: dict[str, Any]) -> None:
    page = (root / "docs" / "ci.md").read_text()
    told = re.findall(r"^\| `([a-z][a-z-]*)` \|", page, re.MULTILINE)
    assert set(told) == set(action["inputs"])
    assert all(f"`{name}`" in page for name in action["outputs"])
