"""The command line, called in this process: quicker than a process of its own."""

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from benchling_connector.cli.main import main


@dataclass(frozen=True)
class Told:
    status: int
    stdout: str
    stderr: str

    def document(self) -> Any:
        """stdout, as the one JSON document that it is."""
        return json.loads(self.stdout)


class Program:
    """The command line, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = patch

    def __call__(self, *arguments: str) -> Told:
        self._patch.setattr(sys, "argv", ["benchling-connector", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        return Told(int(ended.value.code or 0), told.out, told.err)
