"""The model with int8 simulated: the graph built again, every call rounded where a written file rounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compressor.quantization_aware import affine, convolutions, hard_swish, kinds, operations, scales
from compressor.quantization_aware.calls import Call, Flat, Value, flattened
from compressor.quantization_aware.wrapper import OBSERVED, Plan, Rounding, roundings, wrapped

if TYPE_CHECKING:
    import tf_keras


@dataclass(frozen=True, slots=True)
class Simulation:
    """A model with int8 simulated.

    Attributes:
        model: rounds; its weights are those of `plain`.
        plain: the same network without rounding.
        simulated: names of layers with weights that training feels as int8.
        stays_float: why a layer is trained in float32 instead, by its name.
    """

    model: tf_keras.Model
    plain: tf_keras.Model
    simulated: tuple[str, ...]
    stays_float: dict[str, str]


def simulate(model: tf_keras.Model, skipped: set[str], symmetric: bool = False) -> Simulation:
    """Build the simulation of a model, which is left as it is.

    Args:
        skipped: names of its layers, or of models inside it, whose rounding training does not feel.
    """
    import tf_keras

    plain = tf_keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    found = flattened(plain)
    told = {id(call): kinds.plan(call) for call in found.calls}
    built = _Builder(found, {key: each for key, each in told.items() if isinstance(each, Plan)}, skipped, symmetric)
    stays = {call.path: why for call in found.calls if isinstance(why := told[id(call)], str)}
    simulated = {call.path for call in found.calls if _weighs(call) and call.outermost not in skipped} - set(stays)
    return Simulation(built.model(plain), plain, tuple(sorted(simulated)), stays)


def _weighs(call: Call) -> bool:
    return type(call.layer).__name__ in (*convolutions.KINDS, "Embedding")


class _Builder:
    def __init__(self, found: Flat, plans: dict[int, Plan], skipped: set[str], symmetric: bool) -> None:
        self._found, self._plans, self._symmetric = found, plans, symmetric
        self._skipped = skipped
        self._inside = {id(each) for call in found.calls for each in hard_swish.inside(call)}
        self._names: set[str] = set()
        self._scales, self._first_of = scales.groups(found), dict[int, Rounding]()
        self._taken_in = {id(call): after for call in found.calls if (after := self._takes_in(call)) is not None}
        self._folded = {id(after) for after in self._taken_in.values() if kinds.is_normalization(after.layer)}

    def model(self, plain: tf_keras.Model) -> tf_keras.Model:
        """The graph, with a rounding behind each of its inputs."""
        import tf_keras

        tensors: dict[int, Any] = {}
        inputs = []
        for value in self._found.inputs:
            like = value.like
            given = tf_keras.Input(batch_shape=tuple(like.shape), dtype=like.dtype, name=like.node.layer.name)
            self._names.add(given.node.layer.name)
            inputs.append(given)
            tensors[id(value)] = self._input(value, given) if like.dtype.is_floating else given
        for call in self._found.calls:
            arguments, keywords = call.arguments(self._apart(call, tensors))
            keywords.pop("training", None)
            layer = self._shared(id(call), self._plan(call), call.layer, call.training, call.path)
            answer = layer(*arguments, **keywords)
            tensors |= zip(map(id, call.makes), _flat(answer), strict=True)
        outputs = [tensors[id(value)] for value in self._found.outputs]
        return tf_keras.Model(_as_one(inputs, plain.input), _as_one(outputs, plain.output), name=plain.name)

    def _shared(self, key: int, plan: Plan, layer: Any, training: bool | None, path: str) -> Any:
        """The wrapper, whose output has the range of all that concatenations tie it to."""
        group = self._scales.get(key, key)
        made = wrapped(layer, plan, training, self._name(path), self._first_of.get(group))
        if "output" in made.rounding.low:
            self._first_of.setdefault(group, made.rounding)
        return made

    def _apart(self, call: Call, tensors: dict[int, Any]) -> dict[int, Any]:
        """What is read, with a copy of each tensor that a concatenation could not have another scale of."""
        if not kinds.shares_scale(call):
            return tensors
        fixed = [value for value in call.reads if value.maker is not None and self._cannot_follow(value)]
        copies = {}
        for value in fixed:
            nothing = _nothing("copy")
            copies[id(value)] = wrapped(nothing, Plan(affine.copied), None, self._name("copy"))(tensors[id(value)])
        return tensors | copies

    def _cannot_follow(self, value: Value) -> bool:
        maker = scales.decides(value).maker
        if maker is None:
            return False
        plan = self._plans.get(id(maker))
        return plan is None or isinstance(plan.output, tuple)

    def _input(self, value: Value, tensor: Any) -> Any:
        plan = Plan(operations.called, (), OBSERVED, symmetric=self._symmetric)
        return self._shared(id(value), plan, _nothing("input"), None, "input")(tensor)

    def _plan(self, call: Call) -> Plan:
        """A layer that stays float is rounded where others read it, once it is written."""
        plan = self._plans.get(id(call))
        if plan is None:
            # TensorFlow's converter, which cannot quantize the layer from ranges, stumbles over one behind it.
            plan = Plan(operations.called, simulated=False)
        if id(call) in self._folded:
            plan = Plan(operations.called, (), OBSERVED)
        if id(call) in self._inside or (plan.output == OBSERVED and id(call) in self._taken_in):
            plan = replace(plan, output=None)
        simulated = plan.simulated and call.outermost not in self._skipped
        return replace(plan, simulated=simulated, symmetric=self._symmetric)

    def _takes_in(self, call: Call) -> Call | None:
        """The call that alone reads the answer, where it becomes part of this one."""
        if len(call.makes) != 1:
            return None
        value, before = call.makes[0], call
        while len(value.readers) == 1 and kinds.is_nothing(value.readers[0]) and not value.leaves:
            value = value.readers[0].makes[0]
        if value.leaves or len(value.readers) != 1:
            return None
        while kinds.is_nothing(before) and before.reads[0].maker is not None:
            before = before.reads[0].maker
        after = value.readers[0]
        return after if kinds.becomes_part_of(after, before) else None

    def _name(self, name: str) -> str:
        """Models inside the model may have layers of the same name."""
        wanted, number = f"quant_{name}", 1
        while wanted in self._names:
            number += 1
            wanted = f"quant_{name}_{number}"
        self._names.add(wanted)
        return wanted


def observe_ranges(simulated: tf_keras.Model, batches: Iterable[Any]) -> None:
    """Set every range to what the samples show, with weights as they are now."""
    found = roundings(simulated)
    for each in found:
        each.start_observing()
    try:
        # Not in training mode: normalizations must keep their statistics.
        for samples in batches:
            simulated(samples, training=False)
    finally:
        for each in found:
            each.end_observing()


def _nothing(name: str) -> Any:
    import tf_keras

    return tf_keras.layers.Activation("linear", name=name)


def _flat(answer: Any) -> list[Any]:
    import tensorflow as tf

    return list(tf.nest.flatten(answer))


def _as_one(tensors: list[Any], like: Any) -> Any:
    return tensors if isinstance(like, list | tuple) else tensors[0]
