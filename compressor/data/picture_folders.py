"""Folders of images: which folder holds which set and which class, told by names alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from compressor.data.pictures import SUFFIXES
from compressor.errors import BadInput
from compressor.values import Array

TRAIN, CALIBRATION, WHOLE = "train", "calibration", "whole"
# The first that is there is evaluated on.
EVALUATION = ("evaluation", "test", "validation", "val")
_SETS = (TRAIN, CALIBRATION, *EVALUATION)
# macOS leaves it in archives, with a hidden file for every file.
_NOT_ENTERED = ("__MACOSX",)
LAYOUT = "a folder of images per class, or train, calibration and evaluation folders with a folder per class in each"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images of one set in the order of their classes and names; `labels` is None without class folders."""

    folder: Path
    paths: tuple[Path, ...]
    labels: Array | None

    def rows(self, chosen: slice | Array) -> Pictures:
        """Some of them."""
        labels = None if self.labels is None else self.labels[chosen]
        paths = self.paths[chosen] if isinstance(chosen, slice) else tuple(self.paths[row] for row in chosen)
        return Pictures(self.folder, paths, labels)


@dataclass(slots=True)
class Search:
    """A search for images below one folder, and what it passed over."""

    root: Path
    others: int = 0
    links: list[Path] = field(default_factory=list)

    def images(self, folder: Path) -> Iterator[Path]:
        """Image files in a folder and all below it, by name. Links to folders or out of the root are passed over."""
        for entry in _entries(folder):
            path = Path(entry)
            if entry.is_symlink() and not self._stays(path):
                self.links.append(path)
            elif entry.is_dir():
                yield from self.images(path)
            elif path.suffix.lower() in SUFFIXES and entry.is_file():
                yield path
            else:
                self.others += 1

    def _stays(self, link: Path) -> bool:
        return link.is_file() and link.resolve().is_relative_to(self.root.resolve())

    def notes(self) -> tuple[str, ...]:
        """What was passed over, in sentences."""
        told = []
        if self.others:
            told.append(f"{self.others} files that are no images were passed over")
        if self.links:
            told.append(
                f"{len(self.links)} links to folders or out of the folder were not followed, such as {self.links[0]}"
            )
        return tuple(told)

    def pictures(self, folder: Path, classes: Sequence[str]) -> Pictures:
        """All images of one set.

        Raises:
            BadInput: there is none, or some lie beside the class folders.
        """
        inner = folders(folder)
        if not inner:
            return Pictures(folder, self._some(folder, self.images(folder)), None)
        numbers = {name: number for number, name in enumerate(classes)}
        self._beside(folder)
        found = [(path, numbers[each.name]) for each in inner for path in self.images(each)]
        paths = self._some(folder, (path for path, _ in found))
        return Pictures(folder, paths, np.array([number for _, number in found], np.int64))

    def first(self, folder: Path) -> Path:
        """The first image of a set, found without going through all.

        Raises:
            BadInput: there is none.
        """
        return self._some(
            folder, islice((path for each in folders(folder) or [folder] for path in self.images(each)), 1)
        )[0]

    def _some(self, folder: Path, images: Iterable[Path]) -> tuple[Path, ...]:
        paths = tuple(images)
        if not paths:
            raise BadInput(
                f"there are no images in {folder}",
                expected=f"files in {', '.join(SUFFIXES)}",
                received="; ".join(self.notes()) or "nothing",
            )
        return paths

    def _beside(self, folder: Path) -> None:
        files = [entry for entry in _entries(folder) if not entry.is_dir(follow_symlinks=False)]
        beside = [entry.name for entry in files if Path(entry).suffix.lower() in SUFFIXES]
        self.links += [Path(entry) for entry in files if entry.is_dir()]
        self.others += sum(not entry.is_dir() for entry in files)
        if beside:
            raise BadInput(
                f"{folder} has images beside its folders, and they are of no class",
                expected=LAYOUT,
                received=f"{beside[0]}" + (f" and {len(beside) - 1} more" if len(beside) > 1 else ""),
                fix="move them into the folder of their class, or away",
            )


def sets(root: Path) -> dict[str, Path]:
    """The folder of each set by its name, lower case; `{"whole": root}` when the folder is not split.

    Names like "train" mean sets when no other folders stand beside them, or when they hold folders themselves.

    Raises:
        BadInput: no such folder, or two folders for one set.
    """
    if not root.is_dir():
        raise BadInput(f"there is no folder {root}", expected=LAYOUT)
    inner = folders(root)
    named = [folder for folder in inner if folder.name.lower() in _SETS]
    if not named or not (len(named) == len(inner) or any(map(folders, named))):
        return {WHOLE: root}
    found = {folder.name.lower(): folder for folder in named}
    if len(found) < len(named):
        raise BadInput(f"{root} has two folders for one set", received=", ".join(folder.name for folder in named))
    return found


def folders(root: Path) -> list[Path]:
    """Folders in a folder, by name, without hidden ones and links."""
    return [Path(entry) for entry in _entries(root) if entry.is_dir(follow_symlinks=False)]


def class_names(chosen: Iterable[Path], given: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the classes in the order of their numbers: as given, or the folders of all sets, sorted.

    Raises:
        BadInput: a folder that is none of the given classes, or a class given twice.
    """
    found = sorted({folder.name for each in chosen for folder in folders(each)})
    if given is None:
        return tuple(found)
    if len(set(given)) < len(given):
        raise BadInput("classes names one class twice", received=", ".join(given))
    strange = [name for name in found if name not in given]
    if strange:
        raise BadInput(
            f"there are folders that are none of the {len(given)} classes",
            expected=f"one of {', '.join(given[:20])}{', …' if len(given) > 20 else ''}",
            received=", ".join(strange[:20]),
        )
    return tuple(given)


def class_notes(classes: Sequence[str], given: bool, pictures: Iterable[Pictures]) -> tuple[str, ...]:
    """What a user may not expect of the numbers of classes, in sentences."""
    told = []
    for each in pictures:
        seen = set() if each.labels is None else set(each.labels.tolist())
        empty = [name for number, name in enumerate(classes) if seen and number not in seen]
        if empty:
            told.append(
                f"{len(empty)} classes have a number and no images in {each.folder}: {', '.join(empty[:5])}"
                + (", …" if len(empty) > 5 else "")
            )
    if not given and all(name.isdecimal() for name in classes) and list(classes) != sorted(classes, key=int):
        told.append(
            f"class folders are numbered in the order of their names, as Keras does: '{classes[2]}' is class 2; "
            "`classes` sets another order"
        )
    return tuple(told)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            seen = [each for each in found if not each.name.startswith(".") and each.name not in _NOT_ENTERED]
    except OSError as error:
        raise BadInput(f"the folder {folder} cannot be read: {error.strerror}") from None
    return sorted(seen, key=lambda entry: entry.name)
