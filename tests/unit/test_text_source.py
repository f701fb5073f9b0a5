"""Labelled texts as token ids: the same ids as Keras's TextVectorization gives, and refusals that name the line."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import data_sources
from compressor.data import tokens
from compressor.data.spec import DataSpec
from compressor.data_sources import Wanted
from compressor.errors import BadInput
from compressor.values import Dataset, TensorSpec

SOURCE = data_sources.load("text")
SIX = TensorSpec("words", (None, 6), "int32")
# From keras.layers.TextVectorization(output_sequence_length=6) adapted to the two texts, as get_vocabulary() has it.
ADAPTED_TO = ("Hello, World! hello a", "it's a  test\tx")
KERAS = ["", "[UNK]", "hello", "a", "x", "world", "test", "its"]
# The same with split="character", adapted to the first text.
KERAS_CHARACTERS = ["", "[UNK]", "l", "o", " ", "h", "e", "w", "r", "d", "a"]
REVIEWS = "good\tHello world\nbad\ta test\ngood\thello x\nbad\tits a test\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("texts")


@pytest.fixture(scope="module")
def vocabulary(folder: Path) -> str:
    return write(folder, "\n".join(KERAS), "vocabulary.txt")


def write(folder: Path, text: str | bytes, name: str = "texts.txt") -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder / name)


def read(path: str, tensor: TensorSpec = SIX, wanted: dict[str, Any] | None = None, **spec: Any) -> Dataset:
    chosen = {"only_evaluation": True} if wanted is None else wanted
    return SOURCE.read(DataSpec(source=path, **spec), Wanted((tensor,), **chosen))


def ids(data: Any, name: str = "words") -> Any:
    return np.concatenate([block.inputs[name] for block in data.blocks(3)])


def cut(text: str, **spec: Any) -> list[int]:
    settings = DataSpec(source="texts.txt", **spec)
    return list(tokens.tokenizer(settings, tokens.vocabulary(settings))(text))


def refusal(path: str, tensor: TensorSpec = SIX, **spec: Any) -> str:
    with pytest.raises(BadInput) as caught:
        read(path, tensor, **spec)
    return str(caught.value)


def test_texts_become_padded_ids_and_names_numbers(folder: Path, vocabulary: str) -> None:
    data = read(write(folder, REVIEWS), vocabulary=vocabulary)
    expected = [[2, 5, 0, 0, 0, 0], [3, 6, 0, 0, 0, 0], [2, 4, 0, 0, 0, 0], [7, 3, 6, 0, 0, 0]]
    assert ids(data.evaluation).tolist() == expected
    assert ids(data.evaluation).dtype == np.int32
    assert [label for block in data.evaluation.blocks(3) for label in block.labels] == [1, 0, 1, 0]
    assert data.classes == ("bad", "good")
    assert ids(data.evaluation).tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # As keras.layers.TextVectorization answers: only ASCII is made lower case, only ASCII white space splits.
        ("Hello zzz, it's\u00a0a Über-test", [2, 1, 1, 1]),
        ("  x \u3000x\n", [4, 1]),
        ("HELLO\v(world)\fA", [2, 5, 3]),
        ("!?", []),
        ("", []),
    ],
)
def test_words_are_those_of_keras(vocabulary: str, text: str, expected: list[int]) -> None:
    assert cut(text, vocabulary=vocabulary) == expected


def test_characters_are_those_of_keras(folder: Path) -> None:
    path = write(folder, "\n".join(KERAS_CHARACTERS), "characters.txt")
    assert cut("Hé, llo", vocabulary=path, tokens="characters") == [5, 1, 4, 2, 2, 3]


def test_only_line_ends_separate_tokens_of_a_vocabulary(folder: Path) -> None:
    path = write(folder, "\r\n[UNK]\r\n \r\n\u2028\r\n\x85\r\nb", "characters.txt")
    assert cut("b \u2028\x85c", vocabulary=path, tokens="characters") == [5, 2, 3, 4, 1]


def test_only_ascii_is_made_lower_case(folder: Path) -> None:
    path = write(folder, "\n[UNK]\nüber\nÜber\n", "v.txt")
    assert cut("Über ÜBER über", vocabulary=path) == [3, 3, 2]


def test_punctuation_that_training_kept_is_kept(folder: Path) -> None:
    path = write(folder, json.dumps({"don't": 2, "[UNK]": 1, "stop": 3, "!": 4}), "v.json")
    assert cut("Don't stop !", vocabulary=path) == [2, 3, 4]
    assert cut("Don't, (stop) !", vocabulary=path) == [2, 3, 4]


def test_case_is_kept_when_told(folder: Path) -> None:
    path = write(folder, "\n[UNK]\nApple\napple\n", "v.txt")
    assert cut("Apple apple APPLE", vocabulary=path, lowercase=False) == [2, 3, 1]
    assert cut("Apple apple APPLE", vocabulary=path) == [3, 3, 3]
    data = read(write(folder, "0\tapple\n1\tApple pie\n"), vocabulary=path)
    assert "1 tokens of the vocabulary have capitals and are never met: texts are made lower case" in data.notes
    assert data.notes == read(write(folder, "0\tapple\n1\tApple pie\n"), vocabulary=path).notes


@pytest.mark.parametrize("name", ["[UNK]", "<unk>", "<UNK>", "<oov>"])
def test_unknown_tokens_get_the_id_of_their_name(folder: Path, name: str) -> None:
    path = write(folder, f"<pad>\nhello\nworld\n{name}\n", "v.txt")
    assert cut("hello there", vocabulary=path) == [1, 3]


def test_without_a_name_for_unknown_tokens_they_get_1_and_it_is_told(folder: Path) -> None:
    path = write(folder, json.dumps({"hello": 1, "world": 2}), "v.json")
    data = read(write(folder, REVIEWS), vocabulary=path)
    assert ids(data.evaluation)[1].tolist() == [1, 1, 0, 0, 0, 0]
    assert "the vocabulary has no [UNK]: unknown tokens get the id 1, that of 'hello'" in data.notes


def test_a_vocabulary_whose_padding_is_a_word_is_told(folder: Path) -> None:
    path = write(folder, "hello\n[UNK]\nworld\n", "v.txt")
    notes = read(write(folder, REVIEWS), vocabulary=path).notes
    assert "the vocabulary gives the id 0 to 'hello', and texts are padded with 0" in notes


@given(st.text())
def test_bytes_are_those_of_the_text(text: str) -> None:
    assert cut(text, tokens="bytes") == list(text.encode())


@given(st.lists(st.lists(st.integers(1, 99), max_size=8), min_size=1, max_size=5), st.integers(1, 8))
def test_ids_are_cut_or_filled_up_with_0(rows: list[list[int]], length: int) -> None:
    array = tokens.padded(rows, length)
    assert array.shape == (len(rows), length)
    for found, given_ids in zip(array.tolist(), rows, strict=True):
        assert found == (given_ids + [0] * length)[:length]


WORDS = st.lists(st.sampled_from(["hello", "World!", "it's", "zzz", "A", "\t", "é"]), max_size=9).map(" ".join)


@given(WORDS, WORDS)
def test_the_ids_of_two_texts_are_those_of_both_together(vocabulary: str, first: str, second: str) -> None:
    both = cut(f"{first} {second}", vocabulary=vocabulary)
    assert both == cut(first, vocabulary=vocabulary) + cut(second, vocabulary=vocabulary)
    assert cut(first.upper().replace("É", "é"), vocabulary=vocabulary) == cut(first, vocabulary=vocabulary)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8")), min_size=1, max_size=9))
def test_lines_are_found_again_whatever_they_hold(folder: Path, texts: list[str]) -> None:
    path = write(folder, "".join(f"{number}\t{text}\n" for number, text in enumerate(texts)))
    length = max(1, *(len(text.encode()) for text in texts), 1)
    data = read(path, TensorSpec("words", (None, length), "int32"), tokens="bytes")
    found = [bytes(row).rstrip(b"\0") for row in ids(data.evaluation).astype(np.uint8)]
    assert found == [text.encode().rstrip(b"\0") for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + REVIEWS,
        REVIEWS.replace("\n", "\r\n"),
        REVIEWS.replace("\n", "\n\n"),
        "label\ttext\n" + REVIEWS,
        REVIEWS.strip(),
    ],
)
def test_a_file_is_the_same_however_it_is_written(folder: Path, vocabulary: str, text: str) -> None:
    expected = ids(read(write(folder, REVIEWS), vocabulary=vocabulary).evaluation).tolist()
    again = read(write(folder, text), vocabulary=vocabulary)
    assert ids(again.evaluation).tolist() == expected
    assert again.classes == ("bad", "good")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            REVIEWS + "good no tab\n",
            "line 5 has no tab\n  expected: a line per text: its label, a tab, the text\n  received: good no tab",
        ),
        (REVIEWS.encode() + "good\té\n".encode("latin-1"), "line 5 is not in UTF-8"),
        (b"", "is empty"),
        ("\n \n", "is empty"),
        ("label\ttext\n", "is empty"),
        (REVIEWS + "\tno label\n", "line 5 has no label"),
        (REVIEWS + "1\tx\n", "labels are numbers and names"),
        ("".join(f"sentence {row}\t1\n" for row in range(20)), "hardly any label comes twice: 20 names on 20 lines"),
    ],
)
def test_a_line_that_is_none_is_told_by_its_number(
    folder: Path, vocabulary: str, text: str | bytes, message: str
) -> None:
    assert message in refusal(write(folder, text), vocabulary=vocabulary)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", "", "is empty"),
        ("v.json", "{", "cannot be read: Expecting"),
        ("v.json", "3", "is no vocabulary"),
        ("v.json", "[1, 2]", "is no vocabulary"),
        ("v.json", '{"a": -1}', "gives 'a' the id -1"),
        ("v.json", '{"a": true}', "gives 'a' the id True"),
        ("v.json", '{"a": 1.5}', "gives 'a' the id 1.5"),
        ("v.json", "[" * 100_000, "cannot be read"),
        ("v.txt", "\n[UNK]\na\nb\na\n", "has the token 'a' twice"),
        ("v.txt", "\n[UNK]\né\n".encode("latin-1"), "cannot be read: 'utf-8' codec"),
        ("v.txt", "[PAD]\n[UNK]\n!\nplay\n##ing\n", "a vocabulary of word pieces"),
        ("v.txt", "\n[UNK]\nbonjour\n", "not one token of 3 texts is in the vocabulary"),
    ],
)
def test_a_vocabulary_that_cannot_be_the_models_is_refused(
    folder: Path, name: str, content: str | bytes, message: str
) -> None:
    path = write(folder, REVIEWS)
    told = refusal(path, vocabulary=write(folder, content, name), wanted={}, evaluation_share=0.2)
    assert message in told
    assert name in told


def test_a_vocabulary_that_is_missing_is_asked_for(folder: Path) -> None:
    path = write(folder, REVIEWS)
    for kind in ("words", "characters"):
        told = refusal(path, tokens=kind)
        assert "the vocabulary that the model was trained with" in told
        assert "layer.get_vocabulary()" in told
    assert "layer.get_vocabulary()" in refusal(path, vocabulary=str(folder / "nowhere.txt"))
    assert "bytes need no vocabulary" in refusal(path, tokens="bytes", vocabulary="v.txt")


def test_the_length_is_the_models_or_given(folder: Path, vocabulary: str) -> None:
    path = write(folder, REVIEWS)
    free = TensorSpec("words", (None, None), "int32")
    assert ids(read(path, free, vocabulary=vocabulary, length=2).evaluation).tolist()[3] == [7, 3]
    assert "takes texts of any length" in refusal(path, free, vocabulary=vocabulary)
    assert "expected: 6 tokens\n  received: 5" in refusal(path, vocabulary=vocabulary, length=5)
    assert "takes no token ids" in refusal(path, TensorSpec("image", (None, 6, 6), "float32"), vocabulary=vocabulary)
    with pytest.raises(BadInput, match="a file of texts fills one input"):
        SOURCE.read(DataSpec(source=path, vocabulary=vocabulary), Wanted((SIX, free)))


def test_labels_may_be_numbers(folder: Path, vocabulary: str) -> None:
    values = read(write(folder, "0.5\thello\n1\tworld\n"), vocabulary=vocabulary)
    assert [block.labels.tolist() for block in values.evaluation.blocks(2)] == [[0.5, 1.0]]
    numbers = read(write(folder, "3\thello\n0\tworld\n"), vocabulary=vocabulary)
    assert [block.labels.tolist() for block in numbers.evaluation.blocks(2)] == [[3, 0]]


def test_texts_of_the_same_ids_are_never_on_both_sides(folder: Path, vocabulary: str) -> None:
    texts = [f"{name}\t{first}, {second}!" for name in "ab" for first in ADAPTED_TO[0].split() for second in KERAS[2:]]
    data = read(write(folder, "\n".join(texts)), wanted={"trains": True}, vocabulary=vocabulary)
    assert data.train is not None
    train, evaluation = ({tuple(row) for row in ids(split)} for split in (data.train, data.evaluation))
    assert not train & evaluation
    assert len(ids(data.train)) + len(ids(data.evaluation)) == len(texts)
    assert {tuple(row) for row in ids(data.calibration)} == train
    assert data.split_here
    assert read(str(folder / "texts.txt"), wanted={}, vocabulary=vocabulary).train is None


def test_how_well_the_vocabulary_fits_is_told(folder: Path, vocabulary: str) -> None:
    lines = (f"{number % 2}\thello number{number} {'a ' * (number + 1)}\n" for number in range(40))
    wide = TensorSpec("words", (None, 99), "int32")
    *_, note = read(write(folder, "".join(lines)), wide, wanted={}, vocabulary=vocabulary, evaluation_share=0.5).notes
    # One of number + 3 words; the 20 calibration texts have 3 to 42.
    assert note.endswith("of the tokens are not in the vocabulary (of 20 calibration texts)")
    assert 3 < float(note.split("%")[0]) < 10


def test_memory_does_not_grow_with_the_texts(folder: Path) -> None:
    path = write(folder, "".join(f"{number % 2}\t{'word ' * 2000}\n" for number in range(300)))
    data = read(path, TensorSpec("words", (None, 1000), "int32"), tokens="bytes")
    tracemalloc.start()
    assert sum(block.count for block in data.evaluation.blocks(4)) == 300
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_a_look_sees_file_first_line_and_vocabulary(folder: Path, vocabulary: str) -> None:
    path = write(folder, REVIEWS + "no tab, not looked at\n")
    SOURCE.look(DataSpec(source=path, vocabulary=vocabulary), True, False)
    no_tab = write(folder, "no tab\n", "bad.txt")
    cases = [
        (DataSpec(source=str(folder / "nowhere.txt"), vocabulary=vocabulary), "there is no text file"),
        (DataSpec(source=no_tab, vocabulary=vocabulary), "line 1 has no tab"),
        (DataSpec(source=path), "no vocabulary tells their ids"),
        (DataSpec(source=path, vocabulary=vocabulary, target=0), "'target' means nothing for texts"),
    ]
    for spec, message in cases:
        with pytest.raises(BadInput, match=message):
            SOURCE.look(spec, False, False)


def test_texts_are_claimed_by_their_suffix() -> None:
    assert [SOURCE.claims(name) for name in ("a.txt", "A.TXT", "a.tsv", "txt")] == [True, True, False, False]
