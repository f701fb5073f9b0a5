"""What users name → values: targets, samples, models and data.

Only this module, `api` and the command line know of the folders `targets` and `sample_models`, and by name alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from compressor import data_sources, metrics, model_files, plain_yaml, registry, trusted_code
from compressor.data.spec import DataSpec
from compressor.data.spec_file import load_spec
from compressor.data_sources import Wanted
from compressor.errors import BadInput, unknown
from compressor.limits import Limits
from compressor.sample import SampleModel
from compressor.sentences import near, sentences
from compressor.target import Target
from compressor.values import Dataset, Entry, Split

_SAMPLES, _TARGETS = "sample_models", "targets"


def load_targets(names: Sequence[str]) -> tuple[Target, ...]:
    """Targets by name, each once, in the order given.

    Raises:
        BadInput: an unknown name, or none at all.
    """
    known = all_targets()
    if not names:
        raise BadInput("no target was given", expected=f"one of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise unknown("target", name, known)
    return tuple(known[name] for name in dict.fromkeys(names))


def all_targets() -> dict[str, Target]:
    """Every target by name: each family, followed by its variants."""
    families = [cast(Target, registry.load(_TARGETS, name, "TARGET", "target")) for name in registry.names(_TARGETS)]
    return {target.name: target for family in families for target in (family, *family.boards)}


def given_limits(given: Limits | str | Path | None) -> Limits:
    """Limits, out of their file where it is one; none are no limits.

    Raises:
        BadInput: as `load_limits`; also a target that nobody knows.
    """
    if isinstance(given, (str, Path)):
        return load_limits(given)
    return Limits() if given is None else checked_limits(given.model_dump(exclude_none=True))


def load_limits(file: str | Path) -> Limits:
    """Limits out of a YAML file: a mapping of their names, and `targets` with others for single targets.

    Raises:
        BadInput: the file cannot be read, or has mistakes in it - all of them in one message.
    """
    expected = "a mapping of limits, like 'max_accuracy_drop: 0.5'"
    return checked_limits(plain_yaml.read_mapping(Path(file), "a limits file", expected), f"the limits in {file} have")


def checked_limits(content: Mapping[str, Any], told: str = "the limits have") -> Limits:
    """Limits of known names, in their ranges, for targets that there are.

    Args:
        told: whose they are, as the beginning of a sentence.

    Raises:
        BadInput: mistakes, all of them in one message.
    """
    targets = content.get("targets")
    known = all_targets() if isinstance(targets, Mapping) else {}
    mistakes = [
        f"targets.{name}: no target is called '{name}'{near(str(name), known)}"
        for name in (targets if isinstance(targets, Mapping) else ())
        if name not in known
    ]
    try:
        limits = Limits.model_validate(dict(content))
    except ValidationError as error:
        mistakes = [*sentences(error, Limits), *mistakes]
    if mistakes:
        listed = "".join(f"\n  {mistake}" for mistake in mistakes)
        raise BadInput(f"{told} {len(mistakes)} mistake{'s' * (len(mistakes) > 1)}:{listed}")
    return limits


def is_sample(name: str) -> bool:
    """Whether a sample model has this name."""
    return name in registry.names(_SAMPLES)


def load_sample(name: str) -> SampleModel:
    """The sample of that name."""
    return cast(SampleModel, registry.load(_SAMPLES, name, "MODEL", "sample model"))


def networks_of(model: str) -> tuple[str, ...]:
    """Names of the networks that a sample consists of; none for one that is a single network, and for files."""
    return tuple(load_sample(model).parts) if is_sample(model) else ()


def check_single(data: str) -> None:
    """See that the data of the sample `data` belongs to a single network.

    Raises:
        BadInput: each of its networks has its own.
    """
    networks = networks_of(data)
    if networks:
        raise BadInput(
            f"{data} has no data for other models: its networks ({', '.join(networks)}) each have their own",
            fix=f"run it, and give data.npz of one of its folders, e.g. runs/{data}-int8/{networks[0]}/data.npz",
        )


def check_own_data(sample: str, **given: object) -> None:
    """See that a sample of several networks is left its own data and metrics: no others fit all of its networks.

    Raises:
        BadInput: something was given.
    """
    networks, named = networks_of(sample), [name for name, value in given.items() if value]
    if networks and named:
        raise BadInput(
            f"{sample} consists of {len(networks)} networks ({', '.join(networks)}), each with its own data and metric",
            received=", ".join(f"--{name}" for name in named),
            fix=f"leave {', '.join(f'--{name}' for name in named)} out",
        )


def find_model(model: str) -> tuple[str | None, Path | None]:
    """A sample's module path, or the path of a model file or folder.

    Raises:
        BadInput: neither.
    """
    if is_sample(model):
        return f"{_SAMPLES}.{model}", None
    path = Path(model)
    if path.suffix not in model_files.suffixes() and not path.exists() and len(path.parts) == 1:
        raise unknown("sample model", model, registry.names(_SAMPLES))
    model_files.reader(path)
    return None, path.resolve()


def entry_of(file: Path | None) -> Entry:
    """Where a model file enters the flow; samples have layers."""
    return Entry.KERAS if file is None else model_files.reader(file).entry(file)


def find_data(
    data: str | None, preprocess: Sequence[str], sample: str | None, trains_by: str | None, trusted: bool
) -> tuple[DataSpec, str | None]:
    """How the data is read, and the module path of the sample that brings it, if one does.

    Args:
        trains_by: what needs training data, for messages; None when nothing does.

    Raises:
        BadInput: no data, none that can be read, or data that lacks what training needs, as far as a look tells.
    """
    if data is None and sample is None:
        raise BadInput(
            "a model file needs data to be proven on",
            expected="; ".join(data_sources.load(name).example for name in data_sources.names()),
            fix="give it with --data",
        )
    own = sample.rpartition(".")[2] if sample else ""
    spec = load_spec(own if data is None else data, preprocess)
    if is_sample(spec.source):
        if spec.source != own:
            check_single(spec.source)
        return spec, f"{_SAMPLES}.{spec.source}"
    _look(spec, trains_by, trusted)
    return spec, None


def read_data(spec: DataSpec, wanted: Wanted) -> Dataset:
    """The data of a source, or of a sample; the single input of a sample's goes by any name.

    Raises:
        BadInput: data that cannot be read, or a sample of several networks.
    """
    if not is_sample(spec.source):
        return data_sources.find(spec.source).read(spec, wanted)
    check_single(spec.source)
    dataset = load_sample(spec.source).dataset()
    assert isinstance(dataset.evaluation, Split)
    inputs = dataset.evaluation.inputs
    # The single input of a file may have any name.
    named = {"": next(iter(inputs.values()))} if len(inputs) == 1 else inputs
    return replace(dataset, evaluation=Split(named, dataset.evaluation.labels))


def check_metric(metric: str, trusted: bool) -> None:
    """See that a metric is there, or is code that is trusted; nothing is imported.

    Raises:
        BadInput: an unknown name, or code that is not trusted.
    """
    if trusted_code.is_address(metric):
        trusted_code.check_trusted(metric, trusted)
    else:
        metrics.load(metric)


def _look(spec: DataSpec, trains_by: str | None, trusted: bool) -> None:
    kind = data_sources.find(spec.source)
    kind.look(spec, False, trusted)
    if trains_by is None:
        return
    try:
        kind.look(spec, True, trusted)
    except BadInput as error:
        raise BadInput(f"{trains_by}, and {error}") from None
