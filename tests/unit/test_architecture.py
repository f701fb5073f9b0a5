"""The shape of the code: short files, one-way imports, heavy packages inside functions, pinned public names."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import compressor

PACKAGES = ("compressor", "targets", "sample_models")
HEAVY = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx", "onnx", "sklearn", "h5py"}
MAX_LINES = 300


def product_files(root: Path) -> list[Path]:
    return [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]


def test_no_file_is_longer_than_its_budget(root: Path) -> None:
    files = product_files(root)
    assert len(files) > 50
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in files}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def imported_at_once(body: list[ast.stmt]) -> Iterator[str]:
    """Top names of what a module imports when it is imported itself."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imported_at_once(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))]
            yield from imported_at_once(inner)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import onnx.helper as h", ["onnx"]),
        ("from tensorflow.lite import x", ["tensorflow"]),
        ("try:\n    import onnx\nexcept ImportError:\n    import h5py", ["onnx", "h5py"]),
        ("if TYPE_CHECKING:\n    import onnx\nelse:\n    import keras", ["keras"]),
        ("class A:\n    import onnx", ["onnx"]),
        ("def f():\n    import onnx", []),
    ],
)
def test_imports_are_seen_where_they_stand(code: str, names: list[str]) -> None:
    assert list(imported_at_once(ast.parse(code).body)) == names


def test_heavy_packages_are_imported_inside_functions_only(root: Path) -> None:
    found = {
        f"{path.relative_to(root)}: {name}"
        for path in product_files(root)
        for name in imported_at_once(ast.parse(path.read_text()).body)
        if name in HEAVY
    }
    assert found == set()


def contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60)


def test_the_import_contracts_hold(tree: Path) -> None:
    done = contracts(tree)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


SPOILED = {
    "the engine names a device": ("compressor/values.py", "import targets.coral", "no device"),
    "a value knows a station": ("compressor/values.py", "import compressor.recipe", "One-way flow"),
    "a device side function needs TensorFlow": (
        "compressor/runtimes/litert.py",
        "def later():\n    import tensorflow",
        "never reaches TensorFlow",
    ),
    "the device side reaches TensorFlow around a corner": (
        "compressor/files.py",
        "def later():\n    import tf_keras",
        "never reaches TensorFlow",
    ),
    "a step knows another": ("compressor/steps/prune.py", "import compressor.steps.cluster", "one another: steps"),
    "a target knows another": ("targets/coral.py", "import targets.host", "one another: targets"),
    "a format knows another": ("compressor/formats/onnx.py", "import compressor.formats.tflite", "another: formats"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_tree_breaks_a_contract(case: str, tree: Path) -> None:
    path, line, contract = SPOILED[case]
    with (tree / path).open("a") as file:
        file.write(f"\n\n{line}\n")
    done = contracts(tree)
    assert done.returncode == 1
    assert any(contract in told and "BROKEN" in told for told in done.stdout.splitlines()), done.stdout


PUBLIC = [
    *("BadInput", "Comparison", "CompressorError", "Limits", "MissingTool", "Recipe", "RegressionLimits", "Report"),
    *("StageFailed", "TrainingOptions"),
    *("check", "compare", "diagnose", "gate", "inspect", "load_recipe", "measure", "run", "train"),
]


def test_the_public_names_are_these_and_all_there() -> None:
    assert compressor.__all__ == PUBLIC
    assert dir(compressor) == PUBLIC
    for name in PUBLIC:
        assert getattr(compressor, name).__name__ == name
        assert getattr(compressor, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'compressor' has no attribute 'compress'"):
        _ = compressor.compress


def test_the_verbs_stay_callable_after_every_module_was_imported() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            # Runners stand alone, beside what bundles put there.
            if not module.name.endswith("__main__") and not module.name.startswith("compressor.runners.run_"):
                importlib.import_module(module.name)
    assert all(callable(getattr(compressor, name)) for name in PUBLIC)
    assert compressor.check("int8").jobs


def test_importing_the_package_costs_nothing(root: Path) -> None:
    code = "import sys, compressor; print([n for n in ('numpy', 'pydantic', 'click', 'yaml') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_module_says_what_it_is(root: Path) -> None:
    silent = [str(path.relative_to(root)) for path in product_files(root) if not ast.get_docstring(_parsed(path))]
    assert silent == []


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
