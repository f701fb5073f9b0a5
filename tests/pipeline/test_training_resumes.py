"""Training that was killed goes on from its last checkpoint and ends with the weights of one that was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor import steps
from compressor.networks.tensorflow_network import of_tf_keras
from compressor.steps import TrainingSettings, Workpiece
from compressor.training import Trainer, set_up
from compressor.training.checkpoint import Checkpoints
from compressor.training.options import TrainingOptions
from compressor.values import Dataset, Split
from sample_models import digit_gan

pytestmark = pytest.mark.tensorflow

EPOCHS = 4


class Killed(BaseException):
    """The process ends here."""


def data() -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 8, 8, 1)).astype(np.float32)
    y = (x.mean(axis=(1, 2, 3)) > 0).astype(np.int64)
    return Dataset("made", "made", Split({"x": x[:32]}), Split({"x": x[:32]}, y[:32]), Split({"x": x}, y))


def network() -> Any:
    """With everything that has a state besides weights: normalization statistics, and random numbers."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )


def teacher() -> Any:
    model = network()
    rng = np.random.default_rng(3)
    model.set_weights([weight + rng.normal(size=weight.shape) ** 2 for weight in model.get_weights()])
    return model


def sample(options: TrainingOptions) -> list[Any]:
    place = set_up(options)
    model = network()
    settings = TrainingSettings(epochs=EPOCHS, learning_rate=1e-2, batch_size=32)
    Trainer(data(), None, 0, place).fit(model, settings, "train")
    return list(model.get_weights())


def step(name: str, **settings: Any) -> Callable[[], list[Any]]:
    def made() -> list[Any]:
        place = set_up()
        plugin = steps.load(name)
        chosen = plugin.settings(epochs=EPOCHS, learning_rate=1e-2, batch_size=32, **settings)
        trainer = Trainer(data(), None, 0, place, lambda _: teacher())
        workpiece = plugin.apply(Workpiece(network()), chosen, trainer)
        found = workpiece.model.get_weights()
        return found + (workpiece.simulated.get_weights() if workpiece.simulated else [])

    return made


def adversaries() -> list[Any]:
    import tf_keras

    place = set_up()
    tf_keras.backend.clear_session()
    model = digit_gan.build()
    rng = np.random.default_rng(0)
    made = Split(
        {spec.name: rng.uniform(-1, 1, (96, *spec.shape[1:])).astype(np.float32) for spec in of_tf_keras(model).inputs}
    )
    settings = TrainingSettings(epochs=EPOCHS, learning_rate=1e-3, batch_size=32)
    Trainer(Dataset("made", "made", made, made, made), None, 0, place).fit(model, settings, "train")
    return list(model.get_weights())


KINDS: dict[str, Callable[[], list[Any]]] = {
    "train": lambda: sample(TrainingOptions()),
    "early stopping": lambda: sample(TrainingOptions(early_stopping=2)),
    "batch size auto": lambda: sample(TrainingOptions(batch_size="auto")),
    "fine_tune": step("fine_tune"),
    "distill": step("distill", weight=0.5, features={"norm": "norm"}),
    "prune": step("prune", sparsity=0.6),
    "prune by a teacher": step("prune", sparsity=0.6, fine_tune={"teacher": "original"}),
    # Checkpoints fall between two renewals of the masks, on the way to the final sparsity.
    "prune over all layers": step("prune", sparsity=0.7, scope="global", ramp=1.0, frequency=3),
    "prune 2:4": step("prune", sparsity=0.5, structure="2:4", ramp=0.9, frequency=3),
    "cluster": step("cluster", clusters=4),
    "quantize_aware": step("quantize_aware"),
    "two networks against each other": adversaries,
}


def differences(ours: list[Any], theirs: list[Any]) -> list[float]:
    assert len(ours) == len(theirs)
    return [float(np.abs(np.asarray(a, np.float64) - b).max(initial=0)) for a, b in zip(ours, theirs, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_started_again_it_ends_with_the_same_weights(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "one"))
    whole = KINDS[kind]()
    assert not list((tmp_path / "one").rglob("epoch_*.npz"))

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "other"))
    write = Checkpoints.write

    def killed(self: Checkpoints, state: Any) -> None:
        write(self, state)
        if state.epoch == 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "write", killed)
        with pytest.raises(Killed):
            KINDS[kind]()
    assert [path.name for path in sorted((tmp_path / "other").rglob("*.npz"))] == [
        "epoch_000001.npz",
        "epoch_000002.npz",
    ]
    epochs: list[int] = []

    def counted(self: Checkpoints, state: Any) -> None:
        epochs.append(state.epoch)
        write(self, state)

    monkeypatch.setattr(Checkpoints, "write", counted)
    resumed = KINDS[kind]()
    assert epochs == [3, 4]
    assert max(differences(resumed, whole)) == 0
    assert not list((tmp_path / "other").rglob("epoch_*.npz"))
