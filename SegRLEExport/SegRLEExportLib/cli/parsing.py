"""What all parsers of ours do otherwise than argparse."""

from __future__ import annotations

import argparse
import re
from typing import Any


class CarefulParser(argparse.ArgumentParser):
    """One that takes no option twice, and for a value what begins with a minus sign and is a number or several."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._negative_number_matcher = re.compile(r"-[\d.][\d.,e+-]*$")
        for action in (None, "store"):
            self.register("action", action, _Once)


class _Once(argparse.Action):
    """Takes a value, and refuses a second one, which argparse would let win without a word."""

    def __call__(
        self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        given = namespace.__dict__.setdefault("given_once", set())
        if option is not None and self.dest in given:
            raise argparse.ArgumentError(self, "it is given twice, and one value is needed")
        given.add(self.dest)
        setattr(namespace, self.dest, values)
