"""Distillation: the loss is what the paper says, a student comes to answer as its teacher does, labels or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import compressor
from compressor import recipe, steps
from compressor.errors import BadInput
from compressor.steps import Teaching, TrainingSettings, Workpiece
from compressor.teachers import Teachers
from compressor.training import Trainer, soft_losses
from compressor.training.soft_losses import Answered
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))


def network(last: str | None = "softmax", seed: int = 0, width: int = 6, units: int = 3) -> Any:
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(seed)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(width, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(units, activation=last, name="answer"),
        ]
    )


def teacher(last: str | None = "softmax", **settings: Any) -> Any:
    model = network(last, **{"seed": 7, "width": 9, **settings})
    model.set_weights([3 * weight for weight in model.get_weights()])
    return model


def inputs(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(count, 8, 8, 1)).astype(np.float32)


def unlabelled() -> Dataset:
    x = inputs(160)
    return Dataset("made", "made", Split({"x": x}), Split({"x": inputs(32, 1)}))


def taught(name: str, model: Any, by: Any, dataset: Dataset, **settings: Any) -> Workpiece:
    step = steps.load(name)
    chosen = step.settings(**{"epochs": 12, "learning_rate": 1e-2, "batch_size": 32, **settings})
    return step.apply(Workpiece(model), chosen, Trainer(dataset, None, 0, None, lambda _: by))


def _softmax(values: Any) -> Any:
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


@settings(max_examples=20, deadline=None)
@given(temperature=st.floats(0.5, 20), seed=st.integers(0, 999))
def test_the_loss_is_the_divergence_of_softened_answers_times_the_square_of_the_temperature(temperature, seed):
    random = np.random.default_rng(seed)
    wise, young = random.normal(size=(2, 5, 4)) * 3
    p, q = _softmax(wise / temperature), _softmax(young / temperature)
    wanted = temperature**2 * (p * np.log(p / q)).sum(-1)
    np.testing.assert_allclose(soft_losses.softened("softmax", temperature, wise, young), wanted, atol=1e-9)
    p, q = (1 / (1 + np.exp(-each / temperature)) for each in (wise, young))
    wanted = temperature**2 * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean(-1)
    np.testing.assert_allclose(soft_losses.softened("sigmoid", temperature, wise, young), wanted, atol=1e-9)
    np.testing.assert_allclose(
        soft_losses.softened("values", temperature, wise, young), np.square(wise - young).mean(-1), atol=1e-12
    )


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("eager", [True, False])
def test_logits_are_those_from_before_the_last_activation(kind, eager):
    import tensorflow as tf

    wanted = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32) * (1 if eager else 60)
    squash = getattr(tf.nn, kind)

    def found(values):
        return soft_losses.logits(squash(values), kind, kind)

    made = (found if eager else tf.function(found))(tf.constant(wanted)).numpy()
    if kind == "softmax":
        made, wanted = made - made.max(-1, keepdims=True), wanted - wanted.max(-1, keepdims=True)
    # In a graph nothing is lost, however sure the answers are.
    np.testing.assert_allclose(made, wanted, atol=2e-3 if eager else 0)


def test_labels_count_by_the_rest_of_the_weight():
    import tensorflow as tf

    answered = Answered("softmax", "linear", 3, 1.0, 0.25, lambda label, _: 8.0 + label, sparse=True)
    target = tf.constant([[0.0, 1.0, 2.0, 2.0]])
    same = answered.loss(target, target[..., :3])
    np.testing.assert_allclose(same, [0.75 * 10], atol=1e-6)


@pytest.mark.parametrize("last", ["softmax", "sigmoid", None])
def test_without_labels_and_training_data_a_student_comes_to_answer_as_its_teacher(last):
    student, wise = network(last), teacher(last)
    seen = inputs(160)

    def apart():
        return float(np.square(student(seen).numpy() - wise(seen).numpy()).mean())

    before, kept = apart(), [weight.copy() for weight in wise.get_weights()]
    facts = taught("distill", student, wise, unlabelled(), epochs=40, temperature=2.0).facts[0]
    assert apart() < 0.35 * before
    assert facts["loss"] == "the teacher's answers"
    assert facts["teacher"] == "original"
    assert facts["history"]["loss"][-1] < 0.2 * facts["history"]["loss"][0]
    assert facts["notes"] == ["there is nothing to train on: the 160 calibration samples were learned from"]
    assert all(np.array_equal(*pair) for pair in zip(kept, wise.get_weights(), strict=True))


def test_the_teachers_part_of_the_loss_outweighs_wrong_labels():
    wise, x = teacher(), inputs(160)
    right = wise(x).numpy().argmax(-1)
    split = Split({"x": x}, (right + 1) % 3)
    share = {}
    for weight in (0.0, 1.0):
        student = network()
        facts = taught("distill", student, wise, Dataset("m", "m", split, split, split), weight=weight, epochs=40).facts
        share[weight] = float((student(x).numpy().argmax(-1) == right).mean())
        assert "accuracy" in facts[0]["history"]
    assert share[0.0] < 0.1
    assert share[1.0] > 0.9


def test_features_are_matched_and_the_projection_is_thrown_away():
    losses = {}
    for features in ({}, {"conv": "conv"}):
        student = network()
        before = [layer.name for layer in student.layers]
        facts = taught("distill", student, teacher(), unlabelled(), epochs=30, features=features).facts[0]
        losses[len(features)] = facts["history"]
        assert [layer.name for layer in student.layers] == before
        assert len(student.outputs) == 1
    assert set(losses[1]) - set(losses[0]) == {"answer_loss", "conv_projected_loss", "answer_agreement"}
    assert losses[1]["conv_projected_loss"][-1] < 0.5 * losses[1]["conv_projected_loss"][0]


STEPS = {"channel_prune": {"keep": {"channels": 0.5}}, "prune": {"sparsity": 0.5}, "fine_tune": {}}
STEPS |= {"cluster": {"clusters": 4}, "quantize_aware": {}}


@pytest.mark.parametrize("name", STEPS)
def test_any_step_recovers_without_labels(name):
    wise, student = teacher(width=6), teacher(width=6)
    fine_tune = {"teacher": "original", "weight": 1.0}
    result = taught(name, student, wise, unlabelled(), epochs=3, fine_tune=fine_tune, **STEPS[name])
    facts = result.facts[0]
    assert facts["loss"] == "the teacher's answers"
    assert facts["epochs"] == 3
    fresh = inputs(200, 9)
    agree = (result.model(fresh).numpy().argmax(-1) == wise(fresh).numpy().argmax(-1)).mean()
    assert agree > 0.7


def test_a_student_with_several_outputs_learns_without_labels():
    import tf_keras
    from tf_keras import layers

    def made(seed):
        tf_keras.utils.set_random_seed(seed)
        x = layers.Input((8, 8, 1))
        flat = layers.Flatten()(x)
        return tf_keras.Model(x, [layers.Dense(3, activation="softmax")(flat), layers.Dense(2)(flat)])

    student = made(0)
    history = taught("distill", student, made(1), unlabelled(), epochs=30).facts[0]["history"]["loss"]
    assert history[-1] < 0.3 * history[0]


def test_the_original_stays_as_it_was_whatever_steps_do_to_it():
    model = network()
    chosen = recipe.load({"summary": "s", "steps": ["fine_tune", {"distill": {"epochs": 1}}]})
    found = Teachers(chosen, model, None, False)
    before = [weight.copy() for weight in model.get_weights()]
    model.set_weights([weight + 1 for weight in before])
    assert all(np.array_equal(*pair) for pair in zip(before, found("original").get_weights(), strict=True))


def test_another_teacher_or_temperature_is_another_training():
    model, trainer = network(), Trainer(unlabelled())
    names = {
        trainer.known_by(model, TrainingSettings(fine_tune=each), "told")
        for each in (None, Teaching(teacher="original"), Teaching(teacher="a.h5"))
    }
    names |= {
        trainer.known_by(model, TrainingSettings(fine_tune=Teaching(teacher="original", temperature=2.0)), "told"),
        trainer.known_by(model, TrainingSettings(), ("told", "other answers")),
    }
    assert len(names) == 5


def test_what_cannot_teach_is_refused():
    with pytest.raises(BadInput, match="answers in other shapes"):
        taught("distill", network(), teacher(units=4), unlabelled())
    with pytest.raises(BadInput, match=r"(?s)answers otherwise.*softmax.*sigmoid"):
        taught("distill", network(), teacher("sigmoid"), unlabelled())
    with pytest.raises(BadInput, match="layer of the model is called 'cov'; did you mean 'conv'"):
        taught("distill", network(), teacher(), unlabelled(), features={"cov": "conv"})
    with pytest.raises(BadInput, match="their places differ"):
        taught("distill", network(), teacher(), unlabelled(), features={"conv": "flat"})
    with pytest.raises(BadInput, match=r"(?s)layer 'conv' of the model is called more than once.*another layer"):
        taught("distill", _twice(), _twice(), unlabelled(), features={"conv": "conv"})
    with pytest.raises(BadInput, match="nothing to train on"):
        taught("fine_tune", network(), teacher(), unlabelled())


def _twice() -> Any:
    """A model that calls one layer twice."""
    import tf_keras
    from tf_keras import layers

    given, conv = layers.Input((8, 8, 1)), layers.Conv2D(1, 3, padding="same", name="conv")
    return tf_keras.Model(given, layers.Dense(3, activation="softmax")(layers.Flatten()(conv(conv(given)))))


def _recipe(folder: Path, steps: list[Any]) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"summary": "mine", "steps": steps, "precision": "int8"}))
    return path


def test_a_teacher_that_is_no_file_is_told_before_anything_runs(tmp_path: Path) -> None:
    path = _recipe(tmp_path, [{"distill": {"teacher": str(tmp_path / "absent.h5")}}])
    with pytest.raises(BadInput, match=r"teacher '.*absent\.h5' is neither the original nor a model file"):
        compressor.check(path)


def test_a_run_without_training_data_recovers_by_its_teacher(tmp_path: Path) -> None:
    model, wise = tmp_path / "model.h5", tmp_path / "wise.h5"
    network().save(model)
    teacher().save(wise)
    x = inputs(240)
    labels = teacher()(x).numpy().argmax(-1)
    arrays = {"x_calibration": x[:160], "x_evaluation": x[160:], "y_evaluation": labels[160:]}
    chosen = _recipe(
        tmp_path,
        [
            {"channel_prune": {"keep": {"channels": 0.7}, "epochs": 0}},
            {"distill": {"teacher": str(wise), "epochs": 60, "learning_rate": 0.01}},
        ],
    )
    report = compressor.run(str(model), chosen, ["host"], data=arrays, out=tmp_path / "out")
    done = {each["step"]: each for each in report.recipe.steps_done}
    assert done["distill"]["teacher"] == str(wise)
    assert done["distill"]["history"]["agreement"][-1] > 0.9
    (row,) = [row for row in report.rows if row.stage == "compressed" and row.format == "tflite"]
    (before,) = [row for row in report.rows if row.stage == "float32" and row.format == "tflite"]
    assert row.metric.value > before.metric.value + 0.1
