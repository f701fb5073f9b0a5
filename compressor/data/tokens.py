"""Texts as token ids, as Keras's TextVectorization makes them: standardized, cut, looked up, padded with 0."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor.data.spec import DataSpec
from compressor.errors import BadInput
from compressor.values import Array

# What tf.strings.lower and tf.strings.split take for letters and white space is ASCII alone.
_LOWER = {ord(capital): capital.lower() for capital in string.ascii_uppercase}
_SPACES = {ord(space): " " for space in string.whitespace}
_UNKNOWN = ("[UNK]", "<unk>", "<UNK>", "<oov>", "<OOV>")
_UNKNOWN_ID = 1
_WORD_PIECES = ("##", "▁", "Ġ")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Ids of tokens, and the id of all others."""

    path: Path
    ids: dict[str, int]

    @property
    def unknown(self) -> int:
        """Id of a token that is not in the vocabulary: that of '[UNK]' or its like, else 1."""
        return next((self.ids[name] for name in _UNKNOWN if name in self.ids), _UNKNOWN_ID)

    def notes(self, lowercase: bool) -> tuple[str, ...]:
        """What is likely not as in training, in sentences."""
        told = []
        tokens = {number: token for token, number in self.ids.items()}
        if tokens.get(0, "") and not _is_special(tokens[0]):
            told.append(f"the vocabulary gives the id 0 to '{tokens[0]}', and texts are padded with 0")
        if not any(name in self.ids for name in _UNKNOWN):
            told.append(
                f"the vocabulary has no [UNK]: unknown tokens get the id {self.unknown}"
                + (f", that of '{tokens[self.unknown]}'" if self.unknown in tokens else "")
            )
        capitals = sum(token.translate(_LOWER) != token for token in self.ids if not _is_special(token))
        if lowercase and capitals:
            told.append(
                f"{capitals} tokens of the vocabulary have capitals and are never met: texts are made lower case"
            )
        return tuple(told)


def _is_special(token: str) -> bool:
    """Like [UNK], <pad> or </s>: no piece of a text."""
    return len(token) > 2 and (token[0], token[-1]) in (("[", "]"), ("<", ">"))


def read_vocabulary(path: Path) -> Vocabulary:
    """Tokens from a file: one per line with the line number from 0 as id, or as JSON `{token: id}` or `[token, …]`.

    Raises:
        BadInput: not such a file, a token given twice, or an id that is no whole number.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content = json.loads(text) if path.suffix.lower() == ".json" else _lines(text)
    except OSError as error:
        raise BadInput(f"the vocabulary {path} cannot be read: {error.strerror}", fix=_HOW_TO_SAVE) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the vocabulary {path} cannot be read: {str(error)[:200]}", expected=_KINDS) from None
    if isinstance(content, list) and all(isinstance(token, str) for token in content):
        ids = {token: number for number, token in enumerate(content)}
        if len(ids) < len(content):
            twice = next(token for number, token in enumerate(content) if ids[token] != number)
            raise BadInput(f"the vocabulary {path} has the token '{twice}' twice", expected=_KINDS, fix=_AS_JSON)
    elif isinstance(content, dict):
        ids = content
    else:
        raise BadInput(f"{path} is no vocabulary", expected=_KINDS)
    for token, number in ids.items():
        if type(number) is not int or not 0 <= number < 2**31:
            raise BadInput(f"the vocabulary {path} gives '{token}' the id {str(number)[:40]}", expected=_KINDS)
    if not ids:
        raise BadInput(f"the vocabulary {path} is empty", expected=_KINDS)
    return Vocabulary(path, ids)


_KINDS = "a token per line, or JSON with a number from 0 for each token"
_AS_JSON = "take one out; where line ends are tokens, write JSON"
_HOW_TO_SAVE = (
    "save it from the TextVectorization layer that the model was trained with: "
    "open('vocabulary.txt', 'w', encoding='utf-8').write('\\n'.join(layer.get_vocabulary())); "
    "then give vocabulary: vocabulary.txt"
)


def _lines(text: str) -> list[str]:
    # Only these end a line: a token may well be another of Unicode's separators.
    lines = re.split(r"\r?\n", text)
    return lines[:-1] if lines[-1] == "" else lines


def vocabulary(spec: DataSpec) -> Vocabulary | None:
    """The vocabulary that the spec names; None for bytes, which need none.

    Raises:
        BadInput: it is missing, not needed, or cannot be read, or it is of word pieces.
    """
    if spec.tokens == "bytes":
        if spec.vocabulary is not None:
            raise BadInput("bytes need no vocabulary: their values are the ids", received=spec.vocabulary)
        return None
    if spec.vocabulary is None:
        raise BadInput(
            f"texts are cut into {spec.tokens}, and no vocabulary tells their ids",
            expected="the vocabulary that the model was trained with: with any other its answers mean nothing",
            fix=_HOW_TO_SAVE,
        )
    found = read_vocabulary(Path(spec.vocabulary))
    pieces = [token for token in found.ids if token.startswith(_WORD_PIECES) and len(token) > len("##")]
    if spec.tokens == "words" and pieces:
        raise BadInput(
            f"{found.path} is a vocabulary of word pieces, which texts are not cut into here",
            expected="tokens that are whole words",
            received=f"'{pieces[0]}'",
            fix="write the ids into an .npz, or give a function that makes them (package.module:function)",
        )
    return found


def tokenizer(spec: DataSpec, known: Vocabulary | None) -> Callable[[str], Sequence[int]]:
    """From a text to its ids, of any number.

    Punctuation goes away, except marks that tokens of the vocabulary have: then training kept them. Bytes are those of
    the text in UTF-8, as it is.
    """
    if known is None:
        return lambda text: text.encode("utf-8")
    unknown, ids = known.unknown, known.ids
    names = "".join(token for token in ids if not _is_special(token))
    table: dict[int, str | None] = {ord(mark): None for mark in string.punctuation if mark not in names}
    if spec.lowercase:
        table |= _LOWER
    if spec.tokens == "characters":
        return lambda text: [ids.get(character, unknown) for character in text.translate(table)]
    table |= _SPACES
    return lambda text: [ids.get(word, unknown) for word in text.translate(table).split(" ") if word]


def padded(token_ids: Sequence[Sequence[int]], length: int) -> Array:
    """Ids as int32 of shape (N, length): cut, or filled up with 0 at the end."""
    array = np.zeros((len(token_ids), length), np.int32)
    for row, ids in enumerate(token_ids):
        kept = ids[:length]
        array[row, : len(kept)] = list(kept)
    return array
