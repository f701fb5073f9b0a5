"""Tables of numbers: separator, header, features and labels found, and every value that is none told by its place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import data_sources
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput
from compressor.values import Dataset, TensorSpec

SOURCE = data_sources.load("table")
IRIS = "sepal,petal,species\n5.1,1.4,setosa\n4.9,1.5,setosa\n7,4.7,versicolor\n6.4,4.5,versicolor\n"
PAIR = TensorSpec("flower", (None, 2), "float32")


def vector(width: int | None) -> TensorSpec:
    return TensorSpec("x", (None, width), "float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def write(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / name


def read(path: Path, tensor: TensorSpec = PAIR, wanted: dict[str, Any] | None = None, **spec: Any) -> Dataset:
    chosen = {"only_evaluation": True} if wanted is None else wanted
    return SOURCE.read(DataSpec(source=str(path), **spec), Wanted((tensor,), **chosen))


def everything(*arguments: Any, **spec: Any) -> tuple[Any, Any]:
    (split,) = read(*arguments, **spec).evaluation.blocks(10**9)
    (array,) = split.inputs.values()
    return array, split.labels


def refusal(folder: Path, text: str | bytes, tensor: TensorSpec = PAIR, **spec: Any) -> str:
    path = write(folder, text)
    with pytest.raises(BadInput) as caught:
        read(path, tensor, **spec)
    assert str(path) in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_names_of_classes_become_sorted_numbers(folder: Path) -> None:
    path = write(folder, IRIS)
    features, labels = everything(path)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, [[5.1, 1.4], [4.9, 1.5], [7, 4.7], [6.4, 4.5]])
    assert (labels.dtype, labels.tolist()) == (np.int64, [0, 0, 1, 1])
    data = read(path)
    assert (data.name, data.classes) == ("table", ("setosa", "versicolor"))
    assert data.notes[0] == "label from column 'species', 2 features, line 1 taken as header"
    assert read(write(folder, "1,2,b\n3,4,a\n", "other.csv")).classes == ("a", "b")
    assert everything(path, classes=["versicolor", "virginica", "setosa"])[1].tolist() == [2, 2, 0, 0]


SAME = {
    "tabs": IRIS.replace(",", "\t"),
    "semicolons": IRIS.replace(",", ";"),
    "spaces after commas": IRIS.replace(",", ", "),
    "no header": IRIS.split("\n", 1)[1],
    "a byte order mark": "\ufeff" + IRIS,
    "lines of Windows": IRIS.replace("\n", "\r\n"),
    "blank lines": "\n" + IRIS.replace("\n", "\n\n"),
    "no line end": IRIS.rstrip(),
    "quotes": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in IRIS.splitlines()),
}


@pytest.mark.parametrize("case", SAME)
def test_a_table_is_the_same_however_it_is_written(folder: Path, case: str) -> None:
    features, labels = everything(write(folder, SAME[case]))
    np.testing.assert_allclose(features, [[5.1, 1.4], [4.9, 1.5], [7, 4.7], [6.4, 4.5]])
    assert labels.tolist() == [0, 0, 1, 1]


def test_a_byte_order_mark_is_not_part_of_a_name(folder: Path) -> None:
    assert everything(write(folder, "\ufeff" + IRIS), vector(1), features=["sepal"])[0][0, 0] == np.float32(5.1)


@pytest.mark.parametrize(
    ("first", "rows"),
    [("a,b,c,y", 2), ("0,1,2,3", 2), ("0,1,2,y", 2), ("1,2,3,4", 3), ("0,1,1,y", 3), ("0.5,x,1,y", None)],
)
def test_a_header_has_no_numbers_or_counts_the_columns(folder: Path, first: str, rows: int | None) -> None:
    text = f"{first}\n4,5,6,0\n7,8,9,1\n"
    if rows is None:
        assert "FILE, line 1, column '1': 'x' is not a number" in refusal(folder, text, vector(3))
    elif rows == 3 and first.endswith("y"):
        assert "labels are numbers and names: FILE, line 1 has 'y'" in refusal(folder, text, vector(3))
    else:
        features, _ = everything(write(folder, text), vector(3))
        assert len(features) == rows
        assert features[-1].tolist() == [7, 8, 9]


def test_target_and_features_choose_columns(folder: Path) -> None:
    path = write(folder, "id,y,b,a\n1,0,10,100\n2,1,20,200\n3,1,30,300\n4,0,40,400\n")
    for target in ("y", 1, -3):
        features, labels = everything(path, target=target, features=["a", "b"])
        assert features.tolist() == [[100, 10], [200, 20], [300, 30], [400, 40]]
        assert labels.tolist() == [0, 1, 1, 0]
    features, labels = everything(path, vector(3), target=0)
    assert features[0].tolist() == [0, 10, 100]
    without = write(folder, "1,0,10,100\n2,1,20,200\n")
    assert everything(without, features=["2", "0"])[0].tolist() == [[10, 1], [20, 2]]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"target": "kind"}, "the target 'kind' is no column of FILE\n  expected: one of sepal, petal, species"),
        ({"target": 3}, "the target '3' is no column"),
        ({"target": -4}, "the target '-4' is no column"),
        ({"features": ["sepal", "width"]}, "the feature 'width' is no column"),
        ({"features": ["sepal", "species"]}, "without the target 'species'"),
        ({"features": ["sepal", "sepal"]}, "columns that differ"),
        ({"features": []}, "received: none"),
        ({"features": ["sepal"]}, "expected: 2 feature columns for flower: (N, 2) float32\n  received: 1: 'sepal'"),
        ({"classes": ["setosa", "virginica"]}, "FILE, line 4: the label 'versicolor' is none of the 2 classes"),
        ({"classes": ["setosa", "setosa"]}, "one class twice"),
    ],
)
def test_columns_and_classes_that_do_not_fit_are_told(folder: Path, spec: dict[str, Any], message: str) -> None:
    path = write(folder, IRIS)
    with pytest.raises(BadInput) as caught:
        read(path, **spec)
    assert message in str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("5.1,,setosa", "line 6, column 'petal': the value is missing"),
        ("NA,1,setosa", "line 6, column 'sepal': the value is missing"),
        ("1,nan,setosa", "line 6, column 'petal': the value is missing"),
        ("1,two,setosa", "line 6, column 'petal': 'two' is not a number"),
        ("1,1_000,setosa", "line 6, column 'petal': '1_000' is not a number"),
        ("1,0x10,setosa", "'0x10' is not a number"),
        ("1,inf,setosa", "line 6, column 'petal': the value is infinite in float32"),
        ("1e39,1,setosa", "line 6, column 'sepal': the value is infinite in float32"),
        ("1,2", "line 6 has another number of columns\n  expected: 3, as in the first line\n  received: 2"),
        ("1,2,3,4", "line 6 has another number of columns"),
        ("1,2,", "line 6 has no label"),
        ("1,2,7", "labels are numbers and names: FILE, line 2 has 'setosa'"),
        ('1,2,"' + "x" * 200_000, "line 6 cannot be read: field larger than field limit"),
    ],
)
def test_a_value_that_is_none_is_told_by_its_place(folder: Path, line: str, message: str) -> None:
    assert message in refusal(folder, IRIS + line + "\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "FILE is empty"),
        (b"\n\n", "FILE is empty"),
        (b"a,b,c\n", "FILE has no rows"),
        (b"1\n2\n", "FILE has one column"),
        (b"a,a,b\n1,2,3\n", "two columns of one name\n  received: 'a'"),
        ("a,b,é\n1,2,3\n".encode("latin-1"), "FILE, line 1 is not in UTF-8"),
        ("a,b,c\n1,2,3\n1,2,é\n".encode("latin-1"), "FILE, line 3 is not in UTF-8"),
        ("5,1;3,5;a\n4,9;3,0;b\n", "'4,9' is not a number\n  expected: numbers with a decimal point"),
        (IRIS.encode("utf-16"), "is not in UTF-8"),
        (b"a,b,c\r1,2,3\r", "cannot be read: new-line character seen in unquoted field"),
    ],
)
def test_what_is_no_table_is_refused(folder: Path, content: bytes | str, message: str) -> None:
    assert message in refusal(folder, content)


def test_a_name_for_every_row_is_no_class(folder: Path) -> None:
    told = refusal(folder, "".join(f"{row},{row},passenger {row}\n" for row in range(20)))
    assert "hardly any label comes twice: 20 names on 20 lines" in told


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1, 0, 1], np.int64),
        (["0.0", "1.0", "0", "1"], np.int64),
        ([0, 0.5, 0, 1], np.float32),
        ([-1, 1, -1, 1], np.float32),
        (["1e30", 0, 0, 1], np.float32),
        (range(100), np.float32),
        ([each % 10 for each in range(100)], np.int64),
    ],
)
def test_few_whole_numbers_are_classes_and_others_values(folder: Path, labels: Any, kind: type) -> None:
    rows = "".join(f"{row},1,{label}\n" for row, label in enumerate(labels))
    path = write(folder, "a,b,y\n" + rows)
    found = everything(path)[1]
    assert found.dtype == kind
    assert found.tolist() == [np.float32(label) for label in labels]
    assert read(path).classes == ()


def test_labels_may_be_the_numbers_of_given_classes(folder: Path) -> None:
    path = write(folder, "a,b,y\n1,1,1\n1,1,0\n")
    assert everything(path, classes=["no", "yes"])[1].tolist() == [1, 0]
    assert everything(path, classes=["1", "0"])[1].tolist() == [0, 1]
    with pytest.raises(BadInput, match="the label '1' is none of the 1 classes"):
        read(path, classes=["no"])


def test_rows_may_fill_an_input_of_any_shape(folder: Path) -> None:
    path = write(folder, "".join(f"{row},1,2,3,{row % 2}\n" for row in range(1, 5)))
    assert everything(path, TensorSpec("x", (None, 2, 2, 1), "float32"))[0].shape == (4, 2, 2, 1)
    assert everything(path, vector(None))[0].shape == (4, 4)
    assert everything(path, TensorSpec("x", (None, None, 2), "float32"))[0][0].tolist() == [[1, 1], [2, 3]]
    for shape in ((None, 5), (None, None, None), (None, None, 3)):
        with pytest.raises(BadInput, match="does not fit the input 'x'"):
            read(path, TensorSpec("x", shape, "float32"))
    with pytest.raises(BadInput, match="a table fills one input, and the model has 2"):
        SOURCE.read(DataSpec(source=str(path)), Wanted((vector(4), PAIR)))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=2, max_size=60), st.floats(0.1, 0.9))
def test_rows_of_the_same_features_are_never_on_both_sides(folder: Path, rows: Any, share: float) -> None:
    path = write(folder, "".join(f"{value},5,{label}\n" for value, label in rows))
    wanted = {"trains": True}
    if len({value for value, _ in rows}) < 2:
        with pytest.raises(BadInput, match="the data cannot be split"):
            read(path, PAIR, wanted, evaluation_share=share)
        return
    data = read(path, PAIR, wanted, evaluation_share=share)
    assert data.train is not None
    train, evaluation = (
        [value for block in split.blocks(7) for value in block.inputs["flower"][:, 0]]
        for split in (data.train, data.evaluation)
    )
    assert not set(train) & set(evaluation)
    assert sorted(train + evaluation) == sorted(value for value, _ in rows)
    assert data.split_here
    assert data.notes[1] == (
        f"{len(evaluation)} of {len(rows)} samples evaluate, {len(train)} of the other {len(train)} calibrate, "
        "all of them train: split by content hash"
    )


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=20,
    )
)
def test_numbers_are_read_as_written(folder: Path, rows: Any) -> None:
    path = write(folder, "a;b;c;y\n" + "".join(";".join(map(repr, row)) + ";0\n" for row in rows))
    features, _ = everything(path, vector(3))
    assert np.array_equal(features, np.array(rows, np.float32))


@given(st.binary(max_size=60) | st.text("01.,;\t\"'\n\r-eax\x00é", max_size=60).map(str.encode))
def test_any_bytes_are_a_table_or_bad_input(folder: Path, content: bytes) -> None:
    path = write(folder, content)
    with suppress(BadInput):
        features, labels = everything(path, vector(None))
        assert len(features) == len(labels) > 0
        assert np.isfinite(features).all()


def test_a_look_reads_no_more_than_the_first_lines(folder: Path) -> None:
    path = write(folder, IRIS * 30 + "not,a\n")
    SOURCE.look(DataSpec(source=str(path)), True, False)
    cases = [
        (DataSpec(source=str(folder / "nowhere.csv")), "there is no table"),
        (DataSpec(source=str(folder)), "received: a folder"),
        (DataSpec(source=str(path), target="x"), "'x' is no column"),
        (DataSpec(source=str(path), resize="crop"), "'resize' means nothing for a table"),
    ]
    for spec, message in cases:
        with pytest.raises(BadInput, match=message):
            SOURCE.look(spec, False, False)


def test_tabs_may_separate_labels_from_texts(folder: Path) -> None:
    path = write(folder, "good\tab\nbad\tc\n", "reviews.tsv")
    spec = DataSpec(source=str(path), tokens="bytes")
    SOURCE.look(spec, False, False)
    (split,) = SOURCE.read(
        spec, Wanted((TensorSpec("x", (None, 3), "int32"),), only_evaluation=True)
    ).evaluation.blocks(9)
    assert split.inputs["x"].tolist() == [[97, 98, 0], [99, 0, 0]]
    with pytest.raises(BadInput, match="'ab' is not a number"):
        read(write(folder, "0\tab\t1\n0\tc\t1\n", "reviews.tsv"))


def test_tables_are_claimed_by_their_suffix() -> None:
    assert [SOURCE.claims(name) for name in ("a.csv", "A.TSV", "a.txt", "csv", "a.csv/")] == [
        True,
        True,
        False,
        False,
        True,
    ]
