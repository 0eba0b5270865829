"""The options of `export` and `convert` as those of a case of a batch: their own parsers say which there are."""

from __future__ import annotations

import argparse
import copy
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from SegRLEExportLib.cli.convert_command import add_parser as add_convert
from SegRLEExportLib.cli.export_command import add_parser as add_export
from SegRLEExportLib.cli.inputs import ENCODING_IDS, input_path
from SegRLEExportLib.cli.parsing import CarefulParser
from SegRLEExportLib.cli.unused_options import refuse_unused

if TYPE_CHECKING:
    from SegRLEExportLib.batch.cases import Column

_RENAMED = {"series": "series_uid", "images": "coco_images"}
"""What a batch calls them: `series` and `images` are its folders."""

_OF_NO_CASE = {"help", "json", "output", "overwrite", "compression", "no_verify"}
"""The batch says where to write and replaces nothing; `to` and `verify` have all that the last two have."""

_NO_DICOM = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd", ".vtm", ".vtk")
"""Suffixes of segmentations that tell of no images."""

_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class CaseOption:
    """One option."""

    name: str
    """As a column is called, and with hyphens the option of `segrle batch`."""
    word: str
    """What the command calls it, with its hyphens."""
    action: argparse.Action
    group: str
    """The heading of its group in the command's help."""

    @property
    def is_flag(self) -> bool:
        """Whether it has no value."""
        return self.action.nargs == 0

    @property
    def is_repeated(self) -> bool:
        """Whether it may be given several times."""
        return isinstance(self.action, argparse._AppendAction)

    def words(self, value: Any) -> Iterable[str]:
        """Return the words that say a value of `Case.options` to the command."""
        if self.is_flag:
            return [self.word] if value is True else []
        return [f"{self.word}={one}" for one in (value if isinstance(value, (list, tuple)) else [value])]

    def read(self, text: str, folder: Path) -> Any:
        """Return the value of a cell; a path is relative to `folder`. Raises ValueError."""
        if self.is_flag:
            if text.lower() not in _FLAGS:
                raise ValueError(f"'{text}' is neither yes nor no")
            return _FLAGS[text.lower()]
        self._check(text)
        return self.placed(text, folder)

    def placed(self, text: str, folder: Path) -> str:
        """Return the value with a path made one below `folder`; a table may be the name of a built-in one instead."""
        from SegRLEExportLib.batch.cases import placed_below

        path = placed_below(folder, text)
        is_path = self.action.type is input_path or (self.name == "segments" and os.path.exists(path))
        return path if is_path else text

    def _check(self, text: str) -> None:
        """Raise ValueError with what the command's own parser says of the value."""
        parser = _RaisingParser(add_help=False)
        parser._add_action(self.action)
        try:
            parser.parse_args([f"{self.word}={text}"])
        except ValueError as error:
            raise ValueError(_plain(str(error).partition(": ")[2])) from error


class UsageError(ValueError):
    """A command cannot be meant as it was given."""


class _RaisingParser(CarefulParser):
    """One that raises `UsageError` where others end the program."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@lru_cache
def _commands() -> Mapping[str, argparse.ArgumentParser]:
    """Return the parsers of the two commands; an example in the help of either is of no matter here."""
    commands = _RaisingParser(add_help=False).add_subparsers()
    add_export(commands)
    add_convert(commands)
    parsers: Mapping[str, argparse.ArgumentParser] = commands.choices
    return parsers


@lru_cache
def case_options() -> Mapping[str, CaseOption]:
    """Return each option by its name."""
    of_export = _options_of("export")
    return {**of_export, **{name: one for name, one in _options_of("convert").items() if name not in of_export}}


def _options_of(command: str) -> dict[str, CaseOption]:
    found = {}
    for group in _commands()[command]._action_groups:
        for action in group._group_actions:
            word = next((option for option in action.option_strings if option.startswith("--")), "")
            plain = word.removeprefix("--").replace("-", "_")
            if word and plain not in _OF_NO_CASE:
                name = _RENAMED.get(plain, plain)
                found[name] = CaseOption(name, word, action, group.title or "")
    return found


def columns() -> dict[str, Column]:
    """Return the columns that a table of cases may have."""
    from SegRLEExportLib.batch.cases import Column

    return {name: Column(option.read, option.is_repeated) for name, option in case_options().items()}


def defaults() -> dict[str, Any]:
    """Return of each option the value that is as if it were left out."""
    return {name: option.action.default for name, option in case_options().items()}


def add_case_options(parser: argparse.ArgumentParser, own: Iterable[str]) -> None:
    """Add all options of a case but those that the parser has of its own; what is not given is not in the result."""
    groups: dict[str, Any] = {}
    for option in case_options().values():
        if option.name not in own:
            title = f"{option.group}, of all cases" if option.group != "options" else "conversion, of all cases"
            group = groups[title] = groups.get(title) or parser.add_argument_group(title)
            group._add_action(_of_batch(option))


def _of_batch(option: CaseOption) -> argparse.Action:
    action = copy.copy(option.action)
    action.option_strings = ["--" + option.name.replace("_", "-")]
    action.dest, action.default = option.name, argparse.SUPPRESS
    action.type = None if action.type is None else _checked(action.type)  # type: ignore[arg-type]
    return action


def _checked(read: Callable[[str], Any]) -> Callable[[str], str]:
    """Return a reader that refuses what `read` refuses, and keeps the text."""

    def kept(text: str) -> str:
        read(text)
        return text

    kept.__name__ = getattr(read, "__name__", "value")
    return kept


def given_options(parsed: argparse.Namespace, own: Iterable[str]) -> dict[str, Any]:
    """Return what was given of the options that `add_case_options` added, paths absolute."""
    given: dict[str, Any] = {}
    for name, option in case_options().items():
        if name in own or not hasattr(parsed, name):
            continue
        value, here = getattr(parsed, name), Path.cwd()
        if option.is_repeated:
            given[name] = [option.placed(one, here) for one in value]
        else:
            given[name] = value if option.is_flag else option.placed(value, here)
    return given


def parsed_case(
    segmentation: str, series: str, output: Path, images: Path, options: Mapping[str, Any]
) -> tuple[str, argparse.Namespace]:
    """Return which command a case is for, and what its parser makes of it; `images` is a folder for those of a volume.

    Raises ValueError with a sentence.
    """
    command = _command_of(options)
    if "volume" in options and series:
        raise ValueError("With a volume images are made of it: leave the column series empty.")
    has_images = bool(series) or "volume" in options
    place = series if series or (command == "convert" and not has_images) else str(images)
    words = [segmentation, *([place] if place else []), "--output", str(output)]
    for name, value in options.items():
        if name not in case_options():
            raise ValueError(f"There is no option {name}; known are {', '.join(case_options())}.")
        words.extend(_words(command, name, value))
    try:
        parsed = _commands()[command].parse_args(words)
        refuse_unused(parsed)
    except ValueError as error:
        raise ValueError(in_columns(str(error))) from error
    to = options.get("to", ENCODING_IDS[0])
    if not has_images and (command == "export" or _needs_images(segmentation, to)):
        raise ValueError(without_images(to))
    return command, parsed


def _needs_images(segmentation: str, to: str) -> bool:
    """Tell whether images are needed where none are given: a DICOM SEG alone tells of its own, masks never do."""
    return to in (*ENCODING_IDS, "coco") and segmentation.lower().endswith(_NO_DICOM)


def without_images(to: str) -> str:
    """Return what a case is told that has no images and needs some."""
    volume = "" if to == "coco" else ", or a volume that is not from DICOM in the column volume"
    return f"It has no images, and {to} needs them: give their folder in the column series{volume}."


def in_columns(told: str) -> str:
    """Return what a command's parser says of its options and arguments, with what the columns of a table are called."""
    told = re.sub(r"\bargument (?=--)", "option ", told)
    told = re.sub(r"(?<![\w-])(--[a-z][a-z-]*|-c)\b", lambda found: _column_of(found[1]), told)
    told = _plain(told.replace("SERIES_DIR", "series"))
    return f"{told[:1].upper()}{told[1:]}."


def _column_of(word: str) -> str:
    if word in ("-c", "--compression"):
        return "to"
    plain = word.removeprefix("--").replace("-", "_")
    name = _RENAMED.get(plain, plain)
    return name if name in case_options() else word


def _plain(told: str) -> str:
    """Return what argparse says without Python's words."""
    return re.sub(r"invalid int value: ('.*'|\".*\")", r"\1 is no whole number", told)


def _words(command: str, name: str, value: Any) -> Iterable[str]:
    if command == "export" and name == "to":
        return ["--compression", str(value)]
    return case_options()[name].words(value)


def _command_of(options: Mapping[str, Any]) -> str:
    """Return `export` where an option is asked for that it alone has, else `convert`, which has all formats."""
    of_export, of_convert = _options_of("export"), _options_of("convert")
    only_export = [name for name in options if name in of_export and name not in of_convert]
    only_convert = [name for name in options if name in of_convert and name not in of_export and name != "to"]
    if only_export and only_convert:
        raise ValueError(
            f"{only_export[0]} is an option of segrle export and {only_convert[0]} one of segrle convert: "
            "no case can have both."
        )
    if only_export and options.get("to", ENCODING_IDS[0]) not in ENCODING_IDS:
        raise ValueError(
            f"{only_export[0]} is an option of segrle export, which writes DICOM SEG: to can be "
            f"{', '.join(ENCODING_IDS)} with it, not {options['to']}."
        )
    return "export" if only_export else "convert"
