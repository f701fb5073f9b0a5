"""The ssh command line, and what its failures mean."""

from __future__ import annotations

import base64
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import BadInput, CompressorError, MissingTool, StageFailed

_PROGRAM = Path(__file__).resolve().parent / "program.py"
_HOST = re.compile(r"([\w.][\w.-]*@)?(\[[0-9a-fA-F:.%\w]+\]|[\w][\w.:%-]*)")
_OPTIONS = {
    "BatchMode": "yes",
    "PreferredAuthentications": "publickey",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
}
# What ssh itself ends with, and what shells end with when there is no such program.
_OWN_FAILURE, _NOT_FOUND = 255, (126, 127)


@dataclass(frozen=True, slots=True)
class Board:
    """A machine that ssh reaches.

    Attributes:
        host: `user@board`, or a name of ssh's own configuration.
        python: the Python there that has this package; a relative path, or one from `~/` on, starts in the home folder.
    """

    host: str
    port: int | None = None
    identity: Path | None = None
    config: Path | None = None
    python: str = "python3"


def command(board: Board) -> list[str]:
    """The command line that starts `program.py` on the board.

    Raises:
        BadInput: what is given is no host, or there is no such key or configuration.
        MissingTool: there is no ssh here.
    """
    if not _HOST.fullmatch(board.host):
        raise BadInput("--host is no host", expected="user@board", received=board.host)
    for path, what in ((board.identity, "key"), (board.config, "configuration of ssh")):
        if path is not None and not path.is_file():
            raise BadInput(f"there is no {what} {path}")
    found = shutil.which("ssh")
    if found is None:
        raise MissingTool("ssh is not on the PATH", fix="apt-get install openssh-client")
    # One line without quotes in it: whatever shell the user has there takes it.
    program = base64.b64encode(_PROGRAM.read_bytes()).decode()
    # In quotes, a shell would take `~` for a name. ssh starts in the home folder, whatever it is called.
    python = f"./{board.python[2:]}" if board.python.startswith("~/") else board.python
    start = f"import base64; exec(base64.b64decode({program!r}.encode()))".replace("'", '"')
    return [
        *(found, "-T"),
        *(word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}")),
        *(("-F", str(board.config)) if board.config else ()),
        *(("-p", str(board.port)) if board.port else ()),
        *(("-i", str(board.identity), "-o", "IdentitiesOnly=yes") if board.identity else ()),
        *("--", board.host, shlex.join(["exec", python, "-c", start])),
    ]


def failure(board: Board, stage: str, code: int, told: str) -> CompressorError:
    """Why ssh ended with an exit code other than 0."""
    said = " ".join(told.split())
    if code in _NOT_FOUND:
        return MissingTool(
            f"there is no {board.python} on {board.host}", received=said[-200:], fix="name it with --remote-python"
        )
    if code != _OWN_FAILURE:
        return StageFailed(f"{stage} ended with exit code {code}: {said[-600:]}")
    if "Permission denied" in said:
        return MissingTool(
            f"{board.host} refuses the key",
            received=said[-300:],
            fix=f"put the public key there (ssh-copy-id {board.host}), or name the private one with --identity",
        )
    if "Host key verification failed" in said:
        return MissingTool(
            f"the host key of {board.host} is not the known one, or not known at all",
            received=said[-300:],
            fix=f"log in by hand once (ssh {board.host}), and compare the key's fingerprint with the board's",
        )
    return MissingTool(
        f"{board.host} is not reached",
        received=said[-300:] or "nothing",
        fix="see that the board is on, and that ssh reaches it",
    )
