"""The help of each command: in groups, in sentences, with an example that is understood."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys

import pytest
from SegRLEExportLib.cli.entry import main, parser

COMMANDS: dict[str, argparse.ArgumentParser] = next(
    action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)
)


@pytest.mark.parametrize("name", COMMANDS)
class TestHelpOfACommand:
    def test_ends_with_an_example_that_the_parser_understands(self, name):
        example = COMMANDS[name].format_help().splitlines()[-1]
        assert example.startswith(f"example: segrle {name} ")
        parser().parse_args(shlex.split(example.removeprefix("example: segrle ")))

    def test_begins_with_how_it_is_used_in_a_line_that_names_what_is_needed(self, name):
        usage, *rest = COMMANDS[name].format_help().splitlines()
        needed = [action for action in COMMANDS[name]._actions if action.required]
        assert rest[0] == ""
        assert usage.startswith(f"usage: segrle {name} ")
        assert all((action.option_strings or [action.metavar])[0] in usage for action in needed)

    def test_keeps_the_capitals_of_what_it_names(self, name):
        text = COMMANDS[name].description
        assert text[0].isupper()
        assert not any(word in text for word in ("dicom", "seg ", "dask"))

    def test_says_of_each_option_what_it_is(self, name):
        assert not [action.dest for action in COMMANDS[name]._actions if not action.help]

    def test_has_no_list_of_options_longer_than_a_screen(self, name):
        groups = (group._group_actions for group in COMMANDS[name]._action_groups)
        assert max(sum(action.help != argparse.SUPPRESS for action in group) for group in groups) <= 9


def test_what_is_typed_wrong_is_told_in_two_lines(capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["export", "a.seg.nrrd", "images"])
    usage, told = capsys.readouterr().err.splitlines()
    assert usage == "usage: segrle export SEGMENTATION SERIES_DIR -o OUT [options]"
    assert told == (
        "segrle export: error: the following arguments are required: -o/--output; 'segrle export --help' tells more"
    )


def test_nothing_typed_shows_the_commands(capsys):
    assert main([]) == 2
    told = capsys.readouterr().err
    assert all(f"\n    {name} " in told for name in COMMANDS)


def test_a_start_imports_no_command_but_the_one_that_is_named():
    code = (
        "import sys; from SegRLEExportLib import cli\n"
        "try:\n cli.main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*sorted(name.rpartition('.')[2] for name in sys.modules if name.endswith('_command')))"
    )

    def imported(*words):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, env=env)
        return run.stdout.splitlines()[-1].split()

    assert imported("--help") == []
    assert imported("inspect", "--help") == ["inspect_command"]


def test_a_forecast_offers_nothing_that_is_of_files_alone():
    options = {option for action in COMMANDS["forecast"]._actions for option in action.option_strings}
    assert options.isdisjoint({"--verify", "--no-verify", "--overwrite"})
    assert {"--geometry", "--clip", "--keep-empty-frames", "--keep-values", "--strict"} <= options


def test_an_export_tells_apart_what_is_read_said_and_written():
    titles = [group.title for group in COMMANDS["export"]._action_groups]
    assert titles[2:] == [
        "input",
        "what is said of the segments",
        "what the file says of itself",
        "how it is written",
        "images that are not from DICOM",
    ]
