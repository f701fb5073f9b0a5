"""The aarch64 system of the emulator: Debian packages, fetched and checked by apt into folders of our own.

Nothing of this machine's own packages is touched, and no superuser is needed: apt gets a private state, dpkg only
unpacks. Packages come from the Debian archives that this machine's apt names; apt checks every one of them against
the lists that those archives sign.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from compressor.errors import MissingTool, StageFailed
from compressor.process import run_to_end

_TOOLS = {"apt-get": "apt", "dpkg": "dpkg"}
# What wheels of manylinux take for granted, with everything that these depend on.
_WANTED = ("python3-minimal", "libpython3-stdlib", "libstdc++6", "libgomp1", "zlib1g")
_TIMEOUT_S = 1800.0
_ETC = Path("/etc")
# Which release an alias means changes; whether wheels fit the Python that comes of it is seen later.
_ALIASES = ("stable", "oldstable", "testing")


def require_tools() -> None:
    """See that apt and dpkg are here.

    Raises:
        MissingTool: this is no Debian.
    """
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if lacking:
        raise MissingTool(
            f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not on the PATH",
            fix="set up the emulator on Debian, or in a container of it",
        )


def fetch(folder: Path) -> tuple[Path, ...]:
    """Packages of the system, downloaded into `folder` unless they lie there already.

    Raises:
        MissingTool: apt names no Debian archive, or reaches none.
        StageFailed: the packages cannot be had.
    """
    config = _private(folder)
    for stage, words, failure in (
        ("reading Debian's lists of packages", ("update",), MissingTool),
        ("downloading Debian packages", ("install", "--download-only", "--yes", *_WANTED), StageFailed),
    ):
        done = run_to_end(stage, ["apt-get", "-q", "-c", config, *words], _TIMEOUT_S, os.environ | {"LC_ALL": "C"})
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("E:", "W:", "Err:"))]
        # An archive out of reach is a warning of `update`, which then goes on with old lists or none.
        if done.returncode != 0 or (words == ("update",) and not any((folder / "lists").glob("*_Packages*"))):
            raise failure(
                f"{stage} failed: {' '.join(told)[-600:] or ending(done.returncode)}",
                fix="see that apt reaches a Debian archive that has arm64; `apt-get update` shows what it reaches",
            )
    return tuple(sorted((folder / "archives").glob("*.deb")))


def unpack(packages: tuple[Path, ...], sysroot: Path) -> str:
    """Unpack the packages, and tell the version of the Python among them, such as 3.11.

    Raises:
        StageFailed: a package cannot be unpacked, or none brings Python.
    """
    for package in packages:
        done = run_to_end(f"unpacking {package.name}", ["dpkg", "-x", package, sysroot], _TIMEOUT_S)
        if done.returncode != 0:
            raise StageFailed(f"unpacking {package.name} failed: {' '.join(done.stderr.split())[-300:]}")
    programs = [path.name for path in (sysroot / "usr" / "bin").glob("python3.*")]
    found = [name.removeprefix("python") for name in programs if re.fullmatch(r"python3\.\d+", name)]
    if not found:
        raise StageFailed("Debian's packages brought no Python", received=", ".join(each.name for each in packages))
    for part in ("bin", "lib", "sbin"):
        # From Debian 13 on all files lie below `usr`, and the links to it come with the system itself.
        if not (sysroot / part).exists():
            (sysroot / part).symlink_to(Path("usr", part))
    return found[0]


def release() -> str:
    """Code name of this Debian, such as bookworm.

    Raises:
        MissingTool: this is another system.
    """
    told = _os_release()
    if "debian" not in (told.get("ID", ""), *told.get("ID_LIKE", "").split()) or not told.get("VERSION_CODENAME"):
        raise MissingTool(
            "the emulator takes its ARM system from Debian's archives, and this is no Debian",
            fix="set it up on Debian, or in a container of it",
        )
    return told["VERSION_CODENAME"]


def _os_release() -> dict[str, str]:
    try:
        lines = (_ETC / "os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def _suite_names() -> tuple[str, ...]:
    """How apt may call this machine's release; a derived system's `stable` is its own."""
    return (release(), *(_ALIASES if _os_release().get("ID") == "debian" else ()))


def ending(code: int) -> str:
    """What is said of a command that says nothing."""
    return f"it ended with exit code {code}"


def _private(folder: Path) -> Path:
    """The configuration of an apt that knows only Debian's arm64 and writes only into `folder`."""
    sources = folder / "sources"
    for each in ("lists/partial", "archives/partial", "log", "sources"):
        (folder / each).mkdir(parents=True, exist_ok=True)
    for old in sources.iterdir():
        old.unlink()
    names, seen = _suite_names(), set[str]()
    wanted = _archives(names, seen)
    for suffix, content in wanted.items():
        (sources / f"debian.{suffix}").write_text(content, encoding="utf-8")
    if not wanted:
        raise MissingTool(
            f"apt names no archive of Debian {release()} here",
            expected=f"a suite called {' or '.join(names)}",
            received=", ".join(sorted(seen)) or "no suites",
            fix="add Debian's archive to /etc/apt/sources.list.d; `man sources.list` shows how",
        )
    (folder / "status").touch()
    config = folder / "apt.conf"
    config.write_text(_CONFIG.format(folder=folder, etc=sources), encoding="utf-8")
    return config


def _archives(names: tuple[str, ...], seen: set[str]) -> dict[str, str]:
    """Of this machine's apt, what names Debian's own archives, by the suffix of the file it goes into.

    Those of others have suites of other names, or nothing that is wanted here.

    Args:
        names: of suites that are taken.
        seen: gets the suites of all entries, for a message.
    """
    stanzas: list[str] = []
    lines: list[str] = []
    for path in sorted((_ETC / "apt").glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            suites = " ".join(re.findall(r"(?im)^suites:(.*)$", stanza)).split()
            seen.update(suites)
            if _suites_are_of(names, suites):
                stanzas.append(re.sub(r"(?im)^(architectures|enabled-architectures):.*\n?", "", stanza).strip())
    for path in (_ETC / "apt" / "sources.list", *sorted((_ETC / "apt").glob("sources.list.d/*.list"))):
        lines += _one_line_entries(path, names, seen)
    found = {"sources": "\n\n".join(stanzas), "list": "\n".join(lines)}
    return {suffix: f"{content}\n" for suffix, content in found.items() if content}


def _one_line_entries(path: Path, names: tuple[str, ...], seen: set[str]) -> Iterator[str]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = re.fullmatch(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.*)", line.strip())
        if entry is None:
            continue
        seen.add(entry[3])
        if _suites_are_of(names, [entry[3]]):
            options = " ".join(option for option in (entry[1] or "").split() if not option.startswith("arch"))
            yield f"deb {f'[{options}] ' if options else ''}{entry[2]} {entry[3]} {entry[4]}"


def _suites_are_of(names: tuple[str, ...], suites: list[str]) -> bool:
    wanted = "|".join(map(re.escape, names))
    return any(re.fullmatch(rf"({wanted})(-\w+)*(/\w+)?", suite) for suite in suites)


# Hooks of the machine's own configuration are not for packages that are not its own.
_CONFIG = """\
#clear APT::Architectures;
#clear APT::Update;
#clear DPkg;
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::State "{folder}";
Dir::State::Lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
Dir::Cache::archives "{folder}/archives";
Dir::Log "{folder}/log";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{etc}";
"""
