"""Data sources: the same arrays from a file and from a function, in every layout, split here where they are not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor import data_sources
from compressor.data.spec import DataSpec
from compressor.data.split import content_hashes
from compressor.data_sources import MAX_CALIBRATION, Wanted
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.values import Dataset, Split, Stream


def values(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (count, 4), np.uint8)


def whole(part: Split | Stream) -> Split:
    blocks = list(part.blocks(100))
    inputs = {name: np.concatenate([block.inputs[name] for block in blocks]) for name in blocks[0].inputs}
    labels = [block.labels for block in blocks if block.labels is not None]
    return Split(inputs, np.concatenate(labels) if labels else None)


Read = Callable[..., Dataset]


@pytest.fixture(params=["npz", "function"])
def read(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """Reads arrays through a file, or through a function that returns them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "made", raising=False)

    def reads(arrays: dict[str, Any], settings: Any = (), **wanted: Any) -> Dataset:
        np.savez("arrays.npz", **arrays)
        Path("made.py").write_text("import numpy as np\ndef data():\n    return dict(np.load('arrays.npz'))\n")
        source = "arrays.npz" if request.param == "npz" else "made:data"
        spec = DataSpec(source=source, **dict(settings))
        return data_sources.find(source).read(spec, Wanted((), trusted=True, **wanted))

    yield reads
    monkeypatch.delitem(sys.modules, "made", raising=False)


SETS = {"x_train": values(30, 1), "y_train": np.arange(30), "x_evaluation": values(9), "y_evaluation": np.arange(9)}


def test_sets_are_taken_as_they_were_split(read: Read) -> None:
    found = read({**SETS, "x_calibration": values(5, 2), "y_calibration": np.arange(5)}, trains=True)
    assert found.calibration.inputs[""].tolist() == values(5, 2).tolist()
    assert whole(found.evaluation).inputs[""].tolist() == values(9).tolist()
    assert found.train is not None
    assert found.train.labels is not None
    assert found.train.labels.tolist() == list(range(30))
    assert (found.split_here, found.notes) == (False, ())


def test_training_samples_are_read_only_where_something_trains(read: Read) -> None:
    assert read({**SETS, "x_calibration": values(5, 2)}).train is None


@pytest.mark.parametrize("count", [30, 2000])
def test_without_calibration_samples_those_of_training_calibrate(read: Read, count: int) -> None:
    train = np.arange(count * 2, dtype=np.int32).reshape(count, 2)
    found = read({"x_train": train, "x_test": train[:3] + 9000, "y_test": np.arange(3)}).calibration.inputs[""]
    assert len(found) == min(count, MAX_CALIBRATION)
    assert (found[0].tolist(), found[-1].tolist()) == (train[0].tolist(), train[-1].tolist())
    assert np.diff(found[:, 0]).max() <= 2 * np.ceil(count / MAX_CALIBRATION)


def test_the_names_of_keras_own_files_are_known(read: Read) -> None:
    found = read({"x_train": values(30, 1), "y_train": np.arange(30), "x_test": values(9), "y_test": np.arange(9)})
    evaluation = whole(found.evaluation)
    assert evaluation.inputs[""].tolist() == values(9).tolist()
    assert evaluation.labels is not None
    assert found.notes == ("calibrated on 30 of 30 training samples",)


def test_too_many_calibration_samples_are_thinned_evenly(read: Read) -> None:
    many = np.arange(1025)[:, None]
    found = read({"x_calibration": many, "x_evaluation": many + 2000})
    assert found.calibration.count == MAX_CALIBRATION
    assert set(np.diff(found.calibration.inputs[""][:, 0])) <= {2, 3}
    assert "512 of 1025 calibration samples" in found.notes[0]


def test_samples_that_are_not_split_are_split_by_content(read: Read) -> None:
    found = read({"x": values(45), "y": np.arange(45) % 3}, {"evaluation_share": 1 / 3}.items(), trains=True)
    evaluation = whole(found.evaluation)
    assert found.train is not None
    hashes = [set(content_hashes(part)) for part in (evaluation, found.train)]
    assert [len(each) for each in hashes] == [15, 30]
    assert hashes[0] | hashes[1] == set(content_hashes(Split({"": values(45)})))
    assert np.bincount(evaluation.labels).tolist() == [5, 5, 5]  # type: ignore[arg-type]
    assert set(content_hashes(found.calibration)) == hashes[1]
    assert found.split_here
    assert found.notes == ("15 of 45 samples evaluate, 30 calibrate and train: split by content hash",)


def test_training_samples_of_a_sorted_file_are_mixed(read: Read) -> None:
    found = read({"x": np.arange(400)[:, None], "y": np.arange(400) // 200}, trains=True).train
    assert found is not None
    assert found.labels is not None
    assert 0.3 < found.labels[:100].mean() < 0.7


def test_classes_are_named_where_they_have_names(read: Read) -> None:
    names = {"classes": ["cat", "dog"]}
    for arrays, wanted in ((SETS, {}), ({"x": values(9)}, {}), ({"x": values(9)}, {"only_evaluation": True})):
        assert read(arrays, names.items(), **wanted).classes == ("cat", "dog")


def test_settings_of_other_kinds_of_data_are_refused(read: Read) -> None:
    with pytest.raises(BadInput, match="'resize' means nothing for a"):
        read(SETS, {"resize": "crop"}.items())


def test_labels_stay_with_their_samples(read: Read) -> None:
    x = values(60)
    found = read({"x": x, "y": x[:, 0] % 2}, trains=True)
    assert found.train is not None
    for part in (whole(found.evaluation), found.train, found.calibration):
        assert part.labels is not None
        assert np.array_equal(part.labels, part.inputs[""][:, 0] % 2)


def test_a_large_set_that_is_split_here_calibrates_on_some_of_every_class(read: Read) -> None:
    found = read({"x": np.arange(2000)[:, None], "y": np.arange(2000) % 4})
    assert found.calibration.count == MAX_CALIBRATION
    assert np.bincount(found.calibration.labels).tolist() == [128] * 4  # type: ignore[arg-type]
    assert found.notes == ("600 of 2000 samples evaluate, 512 of the other 1400 calibrate: split by content hash",)


@pytest.mark.parametrize("prefix", ["x", "x_evaluation"])
def test_several_inputs_come_by_name(read: Read, prefix: str) -> None:
    arrays = {f"{prefix}_left": values(20), f"{prefix}_right": values(20, 1)}
    if prefix == "x_evaluation":
        arrays |= {"x_calibration_left": values(3, 2), "x_calibration_right": values(3, 3)}
    found = read(arrays)
    for part in (whole(found.evaluation), found.calibration):
        assert sorted(part.inputs) == ["left", "right"]
    assert whole(found.evaluation).labels is None


@pytest.mark.parametrize("arrays", [{"x": values(9), "y": np.arange(9)}, {**SETS}, {"x_evaluation": values(9)}])
def test_only_to_evaluate_everything_there_is_is_evaluated(read: Read, arrays: dict[str, Any]) -> None:
    found = read(arrays, only_evaluation=True)
    assert whole(found.evaluation).inputs[""].tolist() == values(9).tolist()
    assert (found.calibration.count, found.train, found.split_here) == (1, None, False)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no evaluation": ({"x_train": values(3)}, {}, "has no x_evaluation"),
    "no calibration": ({"x_evaluation": values(3)}, {}, "has no x_calibration"),
    "no arrays of a set": ({"data": values(3)}, {}, r"(?s)has no x\n.*received: data"),
    "split and not": ({**SETS, "x": values(3)}, {}, "holds x beside sets"),
    "nothing to train on": ({"x_evaluation": values(3), "x_calibration": values(3)}, {"trains": True}, "to train on"),
    "unlabelled training": ({**SETS, "y_train": values(0)}, {"trains": True}, "differ in length"),
    "nothing to train on in x": ({"x": values(9)}, {"trains": True}, "nothing to train on"),
    "uneven": ({"x": values(9), "y": np.arange(8)}, {}, "x: 9, y: 8"),
    "one sample": ({"x": values(1)}, {}, "at least two different samples"),
    "empty": ({"x": values(0)}, {}, "is empty"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_make_no_data_set_are_refused(read: Read, case: str) -> None:
    arrays, wanted, told = REFUSED[case]
    with pytest.raises(BadInput, match=told):
        read(arrays, **wanted)


def test_looking_at_a_file_refuses_what_reading_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = data_sources.load("npz")
    for arrays, trains in (({"x_train": values(3)}, False), (SETS | {"x": values(2)}, False), ({"x": values(9)}, True)):
        np.savez("look.npz", **arrays)
        with pytest.raises(BadInput):
            source.look(DataSpec(source="look.npz"), trains, False)
    np.savez("look.npz", x=values(9))
    source.look(DataSpec(source="look.npz"), False, False)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Dataset]]:
    """Reads what code returns."""
    monkeypatch.chdir(tmp_path)

    def reads(text: str, source: str = "users_code:data", trusted: bool = True) -> Dataset:
        Path("users_code.py").write_text(text)
        spec = DataSpec(source=source)
        return data_sources.find(source).read(spec, Wanted((), trusted=trusted))

    yield reads
    sys.modules.pop("users_code", None)


NUMPY = "import numpy as np\nx, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2\n"
RETURNED = {
    "mapping": "{'x': x, 'y': y}",
    "pair": "x, y",
    "pairs of Keras": "(x[:9], y[:9]), (x[9:], y[9:])",
    "lists": "x.tolist(), y.tolist()",
    "no labels": "{'x': x}",
}


@pytest.mark.parametrize("case", RETURNED)
def test_a_function_may_return_any_of_these(code: Callable[..., Dataset], case: str) -> None:
    found = code(f"{NUMPY}def data():\n    return {RETURNED[case]}")
    assert found.evaluation.count == (11 if "Keras" in case else 6)
    assert (whole(found.evaluation).labels is None) == (case == "no labels")
    assert found.name == "data"


def test_what_lies_on_disk_is_read_in_slices(code: Callable[..., Dataset]) -> None:
    found = code(
        NUMPY + "class Lazy:\n    shape, dtype, longest = x.shape, x.dtype, 0\n    def __getitem__(self, rows):\n"
        "        Lazy.longest = max(Lazy.longest, len(range(*rows.indices(20))))\n        return x[rows]\n"
        "def data():\n    return {'x_evaluation': Lazy(), 'x_calibration': x + 99}"
    )
    assert [block.count for block in found.evaluation.blocks(7)] == [7, 7, 6]
    assert sys.modules["users_code"].Lazy.longest == 7


BROKEN: dict[str, tuple[str, str, type[Exception], str]] = {
    "an error": ("def data():\n    return {}['a']", "users_code:data", StageFailed, "users_code:data failed: KeyError"),
    "an exit": ("import sys\ndef data():\n    sys.exit(3)", "users_code:data", StageFailed, "SystemExit: 3"),
    "an error at import": ("1 / 0", "users_code:data", StageFailed, "importing users_code failed: ZeroDivisionError"),
    "bad syntax": ("def", "users_code:data", StageFailed, "importing users_code failed: SyntaxError"),
    "a package": ("import nothing_like_it", "users_code:data", MissingTool, "needs the package nothing_like_it"),
    "no module": ("", "absent.module:data", BadInput, "there is no Python module absent.module"),
    "no such name": ("dato = 1", "users_code:data", BadInput, "did you mean 'dato'"),
    "no function": ("data = 1", "users_code:data", BadInput, "is no function"),
    "no data": ("def data():\n    return 5", "users_code:data", BadInput, "returns no data set"),
    "objects": ("def data():\n    return {'x': [{}, {}]}", "users_code:data", BadInput, "x holds Python objects"),
    "rags": ("def data():\n    return {'x': [[1], [1, 2]]}", "users_code:data", BadInput, "no array for x"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_code_that_fails_is_told_in_a_sentence(code: Callable[..., Dataset], case: str) -> None:
    text, source, kind, told = BROKEN[case]
    with pytest.raises(kind, match=told):
        code(text, source)


def test_code_is_run_only_when_it_is_trusted(code: Callable[..., Dataset]) -> None:
    with pytest.raises(BadInput, match="--trust"):
        code("open('ran', 'w')", trusted=False)
    with pytest.raises(BadInput, match="--trust"):
        data_sources.load("python_function").look(DataSpec(source="users_code:data"), False, False)
    assert not Path("ran").exists()


def test_the_current_folder_is_importable_meanwhile_and_not_after(code: Callable[..., Dataset]) -> None:

    before = list(sys.path)
    Path("beside.py").write_text("shift = 1")
    found = code(f"{NUMPY}def data():\n    from beside import shift\n    return x + shift, y")
    assert found.evaluation.count == 6
    assert sys.path == before
    sys.modules.pop("beside")


CLAIMED = {"a.npz": "npz", "A.NPZ": "npz", "made:data": "python_function", "pkg.made:data": "python_function"}


@pytest.mark.parametrize("source", CLAIMED)
def test_a_source_is_known_by_its_look(source: str) -> None:
    claiming = [name for name in data_sources.names() if data_sources.load(name).claims(source)]
    assert claiming == [CLAIMED[source]]


def test_a_file_that_is_called_like_a_function_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("made:data").touch()
    assert not data_sources.load("python_function").claims("made:data")


def test_what_nothing_can_read_is_told_with_all_that_can_be() -> None:
    with pytest.raises(BadInput, match=r"(?s)'data\.parquet' is no kind of data.*DATA\.npz.*package\.module:function"):
        data_sources.find("data.parquet")
