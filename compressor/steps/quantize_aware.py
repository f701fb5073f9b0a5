"""Quantization-aware training: int8 is simulated while training, so that the weights learn to bear it.

Jacob et al. (arXiv:1712.05877). Where a file rounds is said by `compressor.quantization_aware`. The result has two
faces: `simulated` keeps the learned ranges for formats that read them, `model` is the plain network with the trained
weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from compressor.errors import BadInput
from compressor.quantization_aware import calls, centroids
from compressor.quantization_aware.simulation import Simulation, observe_ranges, simulate
from compressor.steps import LayerSettings, Step, Workpiece, chosen_layers, kernel
from compressor.training import Trainer
from compressor.values import Precision

if TYPE_CHECKING:
    import tf_keras

_NAMED = 5


class Settings(LayerSettings):
    """`scheme` is how activations are quantized: as TFLite does, or with ranges symmetric around zero as TensorRT does.

    https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html
    """

    scheme: Literal["tflite", "symmetric"] = "tflite"


def apply(workpiece: Workpiece, settings: Settings, trainer: Trainer) -> Workpiece:
    """Train with simulated int8 weights and activations.

    Raises:
        BadInput: there is nothing to simulate.
    """
    import tf_keras

    model = workpiece.model
    skipped = {layer.name for layer in model.layers} - chosen_layers("quantize_aware", model, settings)
    symmetric = settings.scheme == "symmetric"
    made = simulate(model, skipped, symmetric)
    _check(made)
    # The simulation is float32 arithmetic: its copies are made from the model as it is, not in half precision.
    trained = trainer.fit(
        made.model,
        settings,
        "quantize_aware",
        [centroids.keeping(centroids.clusters(made.model)), _observing(trainer)],
        again=lambda _: simulate(model, skipped, symmetric).model,
    )
    plain = tf_keras.models.clone_model(model)
    plain.set_weights(made.plain.get_weights())
    layers = [(path, layer) for path, layer in calls.layers(calls.flattened(plain)) if _has_kernel(layer)]
    promises = [each for path, layer in layers for each in centroids.promises(path, kernel(layer))]
    facts = {"step": "quantize_aware", **trained, "stays_float": made.stays_float, "promises": promises}
    # TFLite's kernels fix ranges that are not symmetric, and ONNX files are calibrated: nobody would read these ranges.
    return Workpiece(plain, None if symmetric else made.model, (*workpiece.facts, facts))


def _check(made: Simulation) -> None:
    if made.simulated:
        return
    told = "; ".join(f"{name}: {why}" for name, why in list(made.stays_float.items())[:_NAMED])
    raise BadInput(
        "quantize_aware finds no layer with weights whose int8 arithmetic can be simulated",
        received=told or "none was chosen",
        fix="use the recipe int8, which quantizes after training",
    )


def _has_kernel(layer: tf_keras.layers.Layer) -> bool:
    return any(weight.shape.rank > 1 for weight in layer.trainable_weights)


def _observing(trainer: Trainer) -> tf_keras.callbacks.Callback:
    """Ranges are what calibration samples show at the beginning of every epoch, and stay so while it lasts.

    Weights that moved far would otherwise be bent to ranges that are no longer theirs.
    """
    import tf_keras

    class Observing(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            observe_ranges(self.model, trainer.calibration_batches())

    return Observing()


STEP = Step(
    summary="train with int8 simulated, so that the weights learn to bear it",
    settings=Settings,
    apply=apply,
    precisions=(Precision.INT8,),
    last=True,
)
