"""Recipes: shipped ones, every mistake told at once with its address, nothing but plain YAML."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compressor import recipe, steps
from compressor.errors import BadInput
from compressor.values import Precision


def mistakes(content: dict[Any, Any]) -> list[str]:
    with pytest.raises(BadInput) as caught:
        recipe.load(content)
    first, *rest = str(caught.value).splitlines()
    assert first.startswith(f"recipe 'recipe' has {len(rest)} mistake")
    return [line.strip() for line in rest]


@pytest.mark.parametrize("name", recipe.shipped())
def test_a_shipped_recipe_loads_with_a_one_line_summary(name: str) -> None:
    loaded = recipe.load(name)
    assert loaded.name == name
    assert len(loaded.summary) > 20
    assert loaded.summary.splitlines() == [loaded.summary.strip()]


def test_the_shipped_recipes_are_these() -> None:
    assert set(recipe.shipped()) >= {"float32", "float16", "dynamic_int8", "int8", "int16x8", "qat_int8"}
    assert recipe.load("dynamic_int8").precision is Precision.DYNAMIC_INT8
    assert recipe.load("qat_int8").trains
    assert not recipe.load("int8").trains
    assert not recipe.load({"summary": "s", "steps": [{"cluster": {"epochs": 0}}]}).trains


def test_training_data_is_needed_where_a_step_trains_without_a_teacher() -> None:
    def needs(*steps: Any) -> tuple[bool, str | None, tuple[str, ...]]:
        loaded = recipe.load({"summary": "s", "steps": list(steps)})
        return loaded.trains, loaded.trains_by, loaded.teachers

    half = {"keep": {"channels": 0.5}}
    assert needs({"channel_prune": half}) == (True, "recipe 'recipe' trains (channel_prune)", ())
    assert needs({"channel_prune": {**half, "epochs": 0}}) == (False, None, ())
    by_original = {"fine_tune": {"teacher": "original"}}
    assert needs({"channel_prune": half | by_original}) == (True, None, ("original",))
    assert needs({"channel_prune": half | by_original | {"epochs": 0}}) == (False, None, ())
    taught = {"distill": {"teacher": "wise.h5"}}
    assert needs({"prune": {"sparsity": 0.5}}, taught) == (True, "recipe 'recipe' trains (prune)", ("wise.h5",))


ONE_STEP = "must be one step with its settings, like 'prune: {sparsity: 0.5}' (received"

MISTAKES: dict[str, tuple[dict[Any, Any], list[str]]] = {
    "two at once": (
        {"summary": "s", "steps": [{"prune": {"sparsity": 1.7}}, "prun"]},
        [
            "steps.0.prune.sparsity: must be less than 1 (received 1.7)",
            "steps.1: no step is called 'prun'; did you mean 'prune'?",
        ],
    ),
    "top level and step together": (
        {"precision": "int7", "steps": [{"prune": {"sparsity": 0.5, "sparsty": 1}}]},
        [
            "summary: is required",
            "precision: must be 'float32', 'float16', 'dynamic-int8', 'int8' or 'int16x8' (received 'int7')",
            "steps.0.prune.sparsty: is not known here; did you mean 'sparsity'?",
        ],
    ),
    "extra keys": (
        {"summary": "s", "stepz": [], "limits": {"max_accuracy": 1}},
        [
            "limits.max_accuracy: is not known here; did you mean 'max_accuracy_drop'?",
            "stepz: is not known here; did you mean 'steps'?",
        ],
    ),
    "strings are no numbers": (
        {"summary": "s", "limits": {"min_agreement": "0.5"}},
        ["limits.min_agreement: must be a number (received '0.5')"],
    ),
    "a share is at most one": (
        {"summary": "s", "limits": {"min_agreement": 1.5}},
        ["limits.min_agreement: must be less than or equal to 1 (received 1.5)"],
    ),
    "not a number at all": (
        {"summary": "s", "limits": {"max_accuracy_drop": float("nan")}},
        ["limits.max_accuracy_drop: must be a finite number (received nan)"],
    ),
    "missing setting": (
        {"summary": "s", "steps": ["prune"]},
        ["steps.0.prune.sparsity: is required"],
    ),
    "an unknown step with nothing near": (
        {"summary": "s", "steps": ["zzz"]},
        [f"steps.0: no step is called 'zzz'; known: {', '.join(steps.names())}"],
    ),
    "steps are a list": ({"summary": "s", "steps": "prune"}, ["steps: must be a list (received 'prune')"]),
    "two steps in one entry": (
        {"summary": "s", "steps": [{"cluster": {}, "fine_tune": {}}]},
        [f"steps.0: {ONE_STEP} {{'cluster': {{}}, 'fine_tune': {{}}}})"],
    ),
    "a number for a step is one mistake": (
        {"summary": "s", "steps": [3]},
        [f"steps.0: {ONE_STEP} 3)"],
    ),
    "a number for a step's name is one mistake": (
        {"summary": "s", "steps": [{3: {}}]},
        [f"steps.0: no step is called '3'; known: {', '.join(steps.names())}"],
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told_at_once_as_sentences_with_addresses(case: str) -> None:
    content, told = MISTAKES[case]
    assert sorted(mistakes(content)) == sorted(told)


def test_an_empty_summary_is_a_mistake() -> None:
    (told,) = mistakes({"summary": ""})
    assert told.startswith("summary: ")


def test_settings_that_contradict_each_other_are_told_with_the_step() -> None:
    (told,) = mistakes({"summary": "s", "steps": [{"prune": {"sparsity": 0.5, "initial_sparsity": 0.9}}]})
    assert told.startswith("steps.0.prune: ")
    assert "initial_sparsity must not exceed sparsity" in told


def test_a_huge_value_is_not_echoed_in_full() -> None:
    (told,) = mistakes({"summary": "s", "precision": "x" * 10_000})
    assert len(told) < 1_000


BROKEN_FILES = {
    "empty": "",
    "only a comment": "# nothing\n",
    "a list": "- prune\n",
    "a word": "int8\n",
    "unclosed": "summary: [1\n",
    "two documents": "summary: s\n---\nsummary: t\n",
    "a key that is a list": "? [a]\n: 1\n",
    "nested too deep": "[" * 1200,
    "contains itself": "summary: s\nsteps: &a [*a]\n",
    "a date that does not exist": "summary: 2024-02-30\n",
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_broken_file_is_bad_input_that_names_the_recipe(case: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BROKEN_FILES[case])
    with pytest.raises(BadInput, match="mine"):
        recipe.load(path)


def test_bytes_that_are_no_text_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="not a YAML file"):
        recipe.load(path)


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system ['touch {marker}']", "!!python/object/new:subprocess.Popen [[touch, {marker}]]"],
)
def test_a_yaml_tag_runs_nothing(value: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "marker", tmp_path / "mine.yaml"
    path.write_text(f"summary: {value.format(marker=marker)}\n")
    with pytest.raises(BadInput, match="plain YAML, without tags"):
        recipe.load(path)
    assert not marker.exists()


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(BadInput, match="no recipe is called 'in8'; did you mean 'int8'") as caught:
        recipe.load("in8")
    assert "qat_int8" in str(caught.value)


def test_a_missing_file_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read the recipe .*absent\.yaml: No such file"):
        recipe.load(tmp_path / "absent.yaml")


def test_a_file_is_named_after_itself(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("summary: s\nsteps:\n  - fine_tune:\nprecision: int16x8\nlimits: {min_agreement: 1}\n")
    loaded = recipe.load(str(path))
    assert (loaded.name, loaded.precision, loaded.limits.min_agreement) == ("mine", Precision.INT16X8, 1.0)
    assert [step.name for step in loaded.steps] == ["fine_tune"]


PRUNE = st.fixed_dictionaries(
    {"sparsity": st.floats(0.01, 0.99), "epochs": st.integers(1, 10_000)},
    optional={"learning_rate": st.floats(1e-9, 1), "skip": st.lists(st.text(max_size=5), max_size=2)},
)
STEPS = st.lists(
    st.one_of(
        st.builds(lambda settings: {"prune": settings}, PRUNE),
        st.builds(
            lambda count, zeros: {"cluster": {"clusters": count, "keep_zeros": zeros}},
            st.integers(2, 256) | st.dictionaries(st.text(max_size=5), st.integers(2, 256), min_size=1, max_size=3),
            st.sampled_from(["auto", True]),
        ),
        st.just("fine_tune"),
    ),
    max_size=4,
)
LIMITS = st.fixed_dictionaries({}, optional={"max_accuracy_drop": st.floats(-10, 10), "min_agreement": st.floats(0, 1)})
RECIPES = st.fixed_dictionaries(
    {"summary": st.text(min_size=1), "steps": STEPS, "precision": st.sampled_from([str(p) for p in Precision])},
    optional={"limits": LIMITS},
)


@given(RECIPES)
def test_a_recipe_told_as_a_mapping_and_as_yaml_reads_as_itself(content: dict[str, Any]) -> None:
    loaded = recipe.load(content)
    told = loaded.as_dict()
    assert recipe.load(told) == loaded
    assert recipe.load(yaml.safe_load(yaml.safe_dump(told))).as_dict() == told


FINE_TUNE = {"epochs": 2, "learning_rate": 1e-4, "batch_size": 64, "least_steps": 0, "shift": 0, "dropout": 1.0}


def test_every_default_is_spelled_out() -> None:
    told = recipe.load({"summary": "s", "steps": ["fine_tune"]}).as_dict()
    assert told["precision"] == "float32"
    assert told["steps"] == [{"fine_tune": FINE_TUNE}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("summary", "steps", "precision", "limits", "other"), JSON)))
def test_only_bad_input_comes_out_of_any_mapping(content: dict[str, Any]) -> None:
    with contextlib.suppress(BadInput):
        assert isinstance(recipe.load(content), recipe.Recipe)


def test_steps_in_the_wrong_order_are_told_beside_other_mistakes() -> None:
    steps = [{"cluster": {}}, {"prune": {"sparsity": 2.0}}, "fine_tune"]
    with pytest.raises(BadInput) as caught:
        recipe.load({"summary": "s", "steps": steps, "precision": "int8"})
    told = str(caught.value)
    assert "steps.1.prune.sparsity: must be less than 1 (received 2.0)" in told
    assert "steps.2.fine_tune: would undo the step 'cluster'" in told


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("summary: a\nprecision: int8\nprecision: float16\n")
    with pytest.raises(BadInput, match="precision is given twice"):
        recipe.load(tmp_path / "twice.yaml")


def test_an_exponent_without_a_dot_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text("summary: a\nsteps:\n  - fine_tune: {learning_rate: 1e-4}\n")
    assert recipe.load(tmp_path / "small.yaml").as_dict()["steps"] == [{"fine_tune": FINE_TUNE}]


def test_a_rule_of_a_step_is_told_as_every_other_mistake() -> None:
    with pytest.raises(BadInput) as caught:
        recipe.load({"summary": "s", "steps": [{"channel_prune": {"keep": {"bytes": 2.5}}}]})
    assert "keep.bytes: must be a share between 0 and 1, or a whole number from 2 on (received 2.5)" in str(
        caught.value
    )


def test_granularity_is_per_channel_unless_told():
    assert recipe.load({"summary": "s"}).as_dict()["granularity"] == "per_channel"
    assert recipe.load({"summary": "s", "granularity": "per_tensor"}).granularity == "per_tensor"
    with pytest.raises(BadInput, match="granularity"):
        recipe.load({"summary": "s", "granularity": "per_row"})
