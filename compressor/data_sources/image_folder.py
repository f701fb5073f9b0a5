"""Folders of images: one folder per class, split into sets or not, or no classes at all.

Images become uint8 of shape (N, height, width, channels), or channels first where the model wants that. What is
evaluated on is decoded block by block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compressor.data import parts, picture_folders, pictures
from compressor.data.picture_folders import CALIBRATION, EVALUATION, LAYOUT, TRAIN, WHOLE, Pictures, Search
from compressor.data.pictures import Form
from compressor.data.source_checks import one_input, only_settings
from compressor.data.spec import DataSpec
from compressor.data_sources import MAX_CALIBRATION, DataSource, Wanted
from compressor.errors import BadInput
from compressor.files import sha256
from compressor.values import Dataset, Split, Stream, TensorSpec

_SETTINGS = ("size", "resize", "interpolation", "color", "classes")


def claims(source: str) -> bool:
    """A folder, or a name that ends like one."""
    return source.endswith(os.sep) or Path(source).is_dir()


def look(spec: DataSpec, trains: bool, trusted: bool) -> None:
    """Are there images for each set that a run needs, in folders whose names are classes?

    Raises:
        BadInput: they are not.
        MissingTool: Pillow is not installed.
    """
    only_settings(spec, _SETTINGS, "a folder of images")
    pictures.check_pillow()
    arranged = _arrange(Path(spec.source), trains=trains, only_evaluation=False)
    picture_folders.class_names(arranged.folders, spec.classes)
    search = Search(Path(spec.source))
    for folder in arranged.folders:
        search.first(folder)


def read(spec: DataSpec, wanted: Wanted) -> Dataset:
    """All sets: calibration and training images in memory, evaluation images as a stream.

    Raises:
        BadInput: the folders, an image or the model's input do not fit.
        MissingTool: Pillow is not installed.
    """
    pictures.check_pillow()
    tensor = one_input(wanted.inputs, "a folder of images")
    form = pictures.form(spec, tensor)
    root = Path(spec.source)
    arranged = _arrange(root, trains=wanted.trains, only_evaluation=wanted.only_evaluation)
    classes = picture_folders.class_names(arranged.folders, spec.classes)
    search = Search(root)
    found = {folder: search.pictures(folder, classes) for folder in arranged.folders}
    sets = _divided(found[root], spec, wanted) if arranged.whole else _given(found, arranged)
    class_notes = picture_folders.class_notes(classes, spec.classes is not None, found.values())
    return Dataset(
        name=root.resolve().name,
        source=str(root),
        calibration=_split(sets.calibration, form, tensor),
        evaluation=_stream(sets.evaluation, form, tensor),
        train=_split(sets.train, form, tensor) if sets.train is not None else None,
        classes=classes,
        split_here=arranged.whole and not wanted.only_evaluation,
        notes=(*arranged.notes, sets.note, *search.notes(), *class_notes),
    )


@dataclass(frozen=True, slots=True)
class _Arranged:
    """The folder that each set is taken from; all the same one where nothing is split."""

    evaluation: Path
    calibration: Path
    train: Path | None
    whole: bool = False
    notes: tuple[str, ...] = ()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Each folder once, training first: its classes are the model's."""
        wanted = (self.train, self.calibration, self.evaluation)
        return tuple(dict.fromkeys(each for each in wanted if each is not None))


@dataclass(frozen=True, slots=True)
class _Sets:
    calibration: Pictures
    evaluation: Pictures
    train: Pictures | None
    note: str


def _arrange(root: Path, *, trains: bool, only_evaluation: bool) -> _Arranged:
    found = picture_folders.sets(root)
    if WHOLE in found:
        if trains and not picture_folders.folders(root):
            raise _lacks(root, "images to train on are in no class folders")
        return _Arranged(root, root, root if trains else None, whole=True)
    judged = [found[name] for name in EVALUATION if name in found]
    if not judged:
        raise _lacks(root, "there is no evaluation folder")
    evaluation, *unused = judged
    if trains and TRAIN not in found:
        raise _lacks(root, "there is no train folder, and the recipe trains")
    if trains and not picture_folders.folders(found[TRAIN]):
        raise _lacks(root, "images to train on are in no class folders")
    # Validation images that are not evaluated on serve where there is nothing else.
    before = [found.get(CALIBRATION), found.get(TRAIN), *unused]
    calibration = evaluation if only_evaluation else next((each for each in before if each is not None), None)
    if calibration is None:
        raise _lacks(
            root, "there is no train or calibration folder, and calibration needs other images than evaluation"
        )
    train = found[TRAIN] if trains else None
    alone = {folder.name for folder in picture_folders.folders(root)} - {
        each.name for each in (evaluation, calibration, found.get(TRAIN), found.get(CALIBRATION)) if each is not None
    }
    told = (f"folders left alone: {', '.join(sorted(alone))}",) if alone else ()
    return _Arranged(evaluation, calibration, train, notes=told)


def _lacks(root: Path, wrong: str) -> BadInput:
    inner = [folder.name for folder in picture_folders.folders(root)]
    return BadInput(f"{root}: {wrong}", expected=LAYOUT, received=", ".join(inner[:20]) or "no folders")


def _given(found: dict[Path, Pictures], arranged: _Arranged) -> _Sets:
    calibration, evaluation = found[arranged.calibration], found[arranged.evaluation]
    rows = parts.spread(np.arange(len(calibration.paths)), MAX_CALIBRATION)
    told = (
        f"{len(evaluation.paths)} images of {evaluation.folder.name} evaluate, {len(rows)} of "
        f"{len(calibration.paths)} of {calibration.folder.name} calibrate"
    )
    if calibration is evaluation:
        rows, told = rows[:1], f"{len(evaluation.paths)} images of {evaluation.folder.name} evaluate"
    train = None
    if arranged.train is not None:
        everything = found[arranged.train]
        train = everything.rows(parts.shuffled(np.arange(len(everything.paths))))
    return _Sets(calibration.rows(rows), evaluation, train, told)


def _divided(everything: Pictures, spec: DataSpec, wanted: Wanted) -> _Sets:
    rows = parts.divided(
        len(everything.paths),
        lambda: _hashes(everything.paths),
        everything.labels,
        spec.evaluation_share,
        trains=wanted.trains,
        only_evaluation=wanted.only_evaluation,
        calibrate_on=MAX_CALIBRATION,
    )
    train = None if rows.train is None else everything.rows(rows.train)
    return _Sets(everything.rows(rows.calibration), everything.rows(rows.evaluation), train, rows.note)


def _hashes(paths: tuple[Path, ...]) -> list[bytes]:
    try:
        with ThreadPoolExecutor(pictures.threads()) as pool:
            return [bytes.fromhex(digest) for digest in pool.map(sha256, paths)]
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be read: {error.strerror}") from None


def _split(images: Pictures, form: Form, tensor: TensorSpec) -> Split:
    array = pictures.decoded(images.paths, form)
    # A gray model may have no axis for its one channel.
    return Split({tensor.name: array[..., 0] if len(tensor.shape) == 3 else array}, images.labels)


def _stream(images: Pictures, form: Form, tensor: TensorSpec) -> Stream:
    def blocks(size: int) -> Iterator[Split]:
        for start in range(0, len(images.paths), size):
            yield _split(images.rows(slice(start, start + size)), form, tensor)

    return Stream(len(images.paths), blocks)


DATA_SOURCE = DataSource(
    summary="a folder of images, with a folder per class",
    example="photos/",
    claims=claims,
    look=look,
    read=read,
)
