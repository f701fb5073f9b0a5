"""The ARM emulator: what is downloaded is checked, it is there whole or not at all, and QEMU is called right."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compressor import emulator, environment
from compressor.emulator import cpus, debian, install, running, wheels
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.measuring_process import Asked

DEBIAN = "ID=debian\nVERSION_CODENAME=bookworm\n"
JSON = '{"runtime": "litert", "host": "h", "samples": 2, "metric": null, "latency_ms": {"p50": 1}, "peak_rss_bytes": 9}'


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder before all others on the PATH, with a QEMU in it that tells its version."""
    folder = tmp_path / "bin"
    program(folder, "qemu-aarch64-static", 'echo "qemu-aarch64 version 7.2.22 (Debian)"')
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
    return folder


def wheel(folder: Path, name: str, content: str = "1") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{name}/__init__.py"), f"x = {content}\n")
    return path


def lock_of(*paths: Path) -> wheels.Lock:
    return {path.name.split("-")[0]: ("1.0", frozenset([sha256(path.read_bytes()).hexdigest()])) for path in paths}


class TestWheels:
    def test_the_list_names_the_tested_version_of_everything_that_measuring_imports(self) -> None:
        lock = wheels.read_lock()
        pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in environment.tested().items()}
        assert {name: version for name, (version, _) in lock.items()} == {name: pins[name] for name in lock}
        assert {"ai-edge-litert", "click", "ncnn", "numpy", "onnxruntime", "pydantic-core", "pyyaml"} <= lock.keys()
        assert all(hashes for _, hashes in lock.values())
        # A wheel with machine code is another one for each Python, unless it keeps to the stable interface.
        per_python = {name for name, (_, hashes) in lock.items() if len(hashes) == len(wheels.PYTHONS)}
        compiled = {"ai-edge-litert", "ncnn", "numpy", "onnxruntime", "pillow", "pydantic-core", "pyyaml"}
        assert per_python == compiled

    def test_wheels_of_the_list_are_taken_and_laid_out(self, tmp_path: Path) -> None:
        paths = wheel(tmp_path / "w", "one"), wheel(tmp_path / "w", "two")
        found = wheels.checked(tmp_path / "w", lock_of(*paths))
        wheels.unpack(found, tmp_path / "site")
        assert {path.name for path in (tmp_path / "site").iterdir()} == {"one", "two"}

    @given(data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_a_spoiled_wheel_is_refused_and_removed(self, data: st.DataObject, tmp_path: Path) -> None:
        path = wheel(tmp_path / "w", "one")
        lock = lock_of(path)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        with pytest.raises(StageFailed, match=r"one-1\.0-py3-none-any\.whl is not the wheel that was tested"):
            wheels.checked(tmp_path / "w", lock)
        assert not path.exists()

    @pytest.mark.parametrize("have", [("one",), ("one", "two", "three")])
    def test_too_few_and_too_many_wheels_are_refused(self, have: tuple[str, ...], tmp_path: Path) -> None:
        lock = lock_of(wheel(tmp_path / "right", "one"), wheel(tmp_path / "right", "two"))
        for name in have:
            wheel(tmp_path / "w", name)
        with pytest.raises(StageFailed, match="missing or odd: t"):
            wheels.checked(tmp_path / "w", lock)

    def test_a_python_without_wheels_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(MissingTool, match=r"Debian's Python is 3\.99 here"):
            wheels.fetch(tmp_path, "3.99")

    def test_pip_that_cannot_download_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_FIND_LINKS", "")
        monkeypatch.setenv("PIP_RETRIES", "0")
        with pytest.raises(StageFailed, match="downloading wheels failed: ") as caught:
            wheels.fetch(tmp_path, "3.11")
        assert str(caught.value).endswith("what to do: see that pip reaches a package index")


class TestDebian:
    @pytest.fixture
    def etc(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An `/etc` of Debian without archives."""
        folder = tmp_path / "etc"
        (folder / "apt" / "sources.list.d").mkdir(parents=True)
        (folder / "os-release").write_text(DEBIAN)
        monkeypatch.setattr(debian, "_ETC", folder)
        return folder

    def test_only_debians_own_archives_are_taken_and_all_of_them(self, etc: Path) -> None:
        parts = etc / "apt" / "sources.list.d"
        (parts / "debian.sources").write_text(
            "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
            "Architectures: amd64\nSigned-By: /k.gpg\n\nTypes: deb\nURIs: http://x\nSuites: nodistro\nComponents: x\n"
        )
        (parts / "other.list").write_text("deb https://packages.example.org/apt cloud-sdk-bookworm main\n")
        (etc / "apt" / "sources.list").write_text(
            "# deb http://no bookworm main\n"
            "deb [arch=amd64 signed-by=/k.gpg] http://sec bookworm-security main contrib\n"
        )
        found = debian._archives(debian._suite_names(), set())
        assert found["list"] == "deb [signed-by=/k.gpg] http://sec bookworm-security main contrib\n"
        assert "Signed-By: /k.gpg" in found["sources"]
        assert "http://deb.debian.org/debian" in found["sources"]
        assert "Architectures" not in found["sources"]
        assert "nodistro" not in found["sources"]

    @pytest.mark.parametrize("suite", ["stable", "oldstable-updates", "testing", "stable-security/updates"])
    def test_aliases_of_releases_are_taken_on_debian_alone(self, suite: str, etc: Path) -> None:
        (etc / "apt" / "sources.list").write_text(f"deb http://deb.debian.org/debian {suite} main\n")
        (etc / "apt" / "sources.list.d" / "d.sources").write_text(
            f"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: {suite}\nComponents: main\n"
        )
        found = debian._archives(debian._suite_names(), set())
        assert found["list"] == f"deb http://deb.debian.org/debian {suite} main\n"
        assert f"Suites: {suite}" in found["sources"]
        (etc / "os-release").write_text("ID=other\nID_LIKE=debian\nVERSION_CODENAME=bookworm\n")
        assert debian._archives(debian._suite_names(), set()) == {}

    def test_suites_that_were_seen_and_not_taken_are_told(self, etc: Path, tmp_path: Path) -> None:
        (etc / "apt" / "sources.list").write_text("deb http://deb.debian.org/debian sid main\n")
        (etc / "apt" / "sources.list.d" / "d.sources").write_text("Types: deb\nURIs: http://x\nSuites: noble jammy\n")
        with pytest.raises(MissingTool) as caught:
            debian.fetch(tmp_path / "d")
        assert "received: jammy, noble, sid\n" in str(caught.value)
        assert "expected: a suite called bookworm or stable or oldstable or testing\n" in str(caught.value)

    def test_a_debian_without_archives_is_told(self, etc: Path, tmp_path: Path) -> None:
        with pytest.raises(MissingTool, match="apt names no archive of Debian bookworm here"):
            debian.fetch(tmp_path / "d")

    @pytest.mark.parametrize("content", ["ID=fedora\nVERSION_CODENAME=x\n", "", "ID=debian\n"])
    def test_another_system_is_told(self, content: str, etc: Path) -> None:
        (etc / "os-release").write_text(content)
        with pytest.raises(MissingTool, match="this is no Debian"):
            debian.release()

    def test_apt_writes_into_private_folders_and_checks_signatures(
        self, etc: Path, tmp_path: Path, programs: Path
    ) -> None:
        (etc / "apt" / "sources.list").write_text("deb http://deb.debian.org/debian bookworm main\n")
        # The apt of this test leaves its configuration, a list and a package where the real one would.
        told = f"cp $3 {tmp_path}/seen.conf; touch {tmp_path}/d/lists/x_Packages {tmp_path}/d/archives/x.deb"
        program(programs, "apt-get", told)
        (package,) = debian.fetch(tmp_path / "d")
        assert package == tmp_path / "d" / "archives" / "x.deb"
        config = (tmp_path / "seen.conf").read_text()
        places = re.findall(r'^Dir::(?:State|Cache|Log)\S* "(.*)";$', config, re.MULTILINE)
        assert len(places) == 6
        assert all(place.startswith(str(tmp_path / "d")) for place in places)
        assert 'AllowUnauthenticated "false"' in config
        assert 'AllowInsecureRepositories "false"' in config

    @pytest.mark.parametrize(
        ("apt", "kind", "told"),
        [
            ("exit 100", MissingTool, "reading Debian's lists of packages failed: it ended with exit code 100"),
            ("echo 'W: Failed to fetch http://deb.debian.org'", MissingTool, "W: Failed to fetch http://deb"),
            (
                'touch $(dirname $3)/lists/x_Packages; [ "$4" = update ] || { echo "E: no such package"; exit 100; }',
                StageFailed,
                "downloading Debian packages failed: E: no such package",
            ),
        ],
    )
    def test_apt_without_reach_is_a_sentence(
        self, apt: str, kind: type[Exception], told: str, etc: Path, tmp_path: Path, programs: Path
    ) -> None:
        (etc / "apt" / "sources.list").write_text("deb http://deb.debian.org/debian bookworm main\n")
        program(programs, "apt-get", apt)
        with pytest.raises(kind, match=told) as caught:
            debian.fetch(tmp_path / "d")
        assert type(caught.value) is kind

    def test_a_system_without_apt_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(MissingTool, match="apt-get and dpkg are not on the PATH"):
            debian.require_tools()

    @pytest.mark.parametrize(("dpkg", "told"), [("exit 2", "unpacking x.deb failed"), ("", "brought no Python")])
    def test_packages_that_are_no_system_are_told(self, dpkg: str, told: str, tmp_path: Path, programs: Path) -> None:
        program(programs, "dpkg", dpkg)
        with pytest.raises(StageFailed, match=told):
            debian.unpack((tmp_path / "x.deb",), tmp_path / "sysroot")

    def test_a_system_whose_files_all_lie_below_usr_is_reached_from_above(self, tmp_path: Path, programs: Path) -> None:
        program(
            programs, "dpkg", "mkdir -p $3/usr/bin $3/usr/lib $3/sbin; touch $3/usr/bin/python3.13 $3/usr/lib/ld.so"
        )
        (tmp_path / "sysroot").mkdir()
        assert debian.unpack((tmp_path / "x.deb",), tmp_path / "sysroot") == "3.13"
        assert (tmp_path / "sysroot" / "lib" / "ld.so").is_file()
        assert (tmp_path / "sysroot" / "bin" / "python3.13").is_file()
        assert not (tmp_path / "sysroot" / "sbin").is_symlink()


def fetched(folder: Path) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.deb").write_text("deb")
    return (folder / "x.deb",)


def unpacked(_: tuple[Path, ...], sysroot: Path) -> str:
    (sysroot / "usr" / "bin").mkdir(parents=True)
    return "3.11"


@pytest.fixture
def parts(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for what comes over the network; the cache folder."""
    monkeypatch.setattr(debian, "fetch", fetched)
    monkeypatch.setattr(debian, "unpack", unpacked)
    monkeypatch.setattr(debian, "release", lambda: "bookworm")
    monkeypatch.setattr(wheels, "fetch", lambda folder, _: (wheel(folder, "one"),))
    return emulator.place().parent


class TestInstall:
    def test_it_is_there_with_hashes_of_everything_and_nothing_else_is(self, parts: Path) -> None:
        made = install.install()
        assert {path.name for path in parts.iterdir()} == {"emulator", "emulator.lock"}
        assert made.manifest["packages"] == {"x.deb": sha256(b"deb").hexdigest()}
        (name,) = made.manifest["wheels"]
        assert name.startswith("one-")
        assert (made.folder / "site" / "one" / "__init__.py").is_file()
        cpuinfo = (made.folder / "cpus" / "cortex-a72" / "proc" / "cpuinfo").read_text()
        assert "CPU part\t: 0xd08\n" in cpuinfo
        assert (made.folder / "cpus" / "cortex-a72" / "usr" / "bin").is_dir()
        assert stat.S_IMODE(made.folder.stat().st_mode) == 0o755
        assert emulator.require().manifest == made.manifest

    def test_a_second_time_nothing_is_fetched(self, parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = install.install()
        monkeypatch.setattr(debian, "fetch", None)
        assert install.install().manifest == first.manifest

    def test_another_list_of_wheels_makes_it_anew(self, parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        old = install.install()
        (old.folder / "site" / "old").touch()
        monkeypatch.setattr(emulator, "lock_sha256", lambda: "another")
        monkeypatch.setattr(install, "lock_sha256", lambda: "another")
        with pytest.raises(MissingTool, match="set up with other versions"):
            emulator.require()
        assert not (install.install().folder / "site" / "old").exists()
        assert emulator.require().current

    @pytest.mark.parametrize(
        ("failure", "kept"), [(StageFailed("no network"), True), (KeyboardInterrupt(), False), (SystemExit(143), False)]
    )
    def test_a_failure_leaves_no_half_of_it_and_keeps_what_was_fetched_unless_somebody_stopped_it(
        self, failure: BaseException, kept: bool, parts: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> Any:
            raise failure

        with monkeypatch.context() as patched:
            patched.setattr(wheels, "fetch", fail)
            with pytest.raises(type(failure)):
                install.install()
        left = {"emulator-downloads", "emulator.lock"} if kept else {"emulator.lock"}
        assert {path.name for path in parts.iterdir()} == left
        assert emulator.find() is None
        assert (parts / "emulator-downloads" / "x.deb").is_file() == kept
        install.install()
        assert {path.name for path in parts.iterdir()} == {"emulator", "emulator.lock"}

    def test_what_does_not_run_is_not_put_in_place(self, parts: Path, programs: Path) -> None:
        program(programs, "qemu-aarch64-static", "echo 'illegal hardware' >&2; exit 1")
        with pytest.raises(StageFailed, match="the ARM emulator does not run: illegal hardware"):
            install.install()
        assert emulator.find() is None

    def test_removing_tells_what_it_frees(self, parts: Path) -> None:
        assert install.remove() == 0
        install.install()
        assert install.remove() > 0
        assert emulator.find() is None

    def test_without_qemu_it_ends_with_3_and_the_way_to_get_it(
        self, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
        done = cli("emulator", "install", cwd=tmp_path)
        status = cli("emulator", "status", "--json", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (3, "")
        assert "what to do: apt-get install qemu-user-static" in done.stderr
        told = json.loads(status.stdout)
        assert (status.returncode, told["ready"], told["qemu"]) == (3, False, None)
        assert "cortex-a76" in told["cpus"]


def test_each_core_has_a_cpuinfo_of_its_own_with_as_many_cores() -> None:
    told = {name: cpu.cpuinfo(3) for name, cpu in cpus.CPUS.items()}
    assert len(set(told.values())) == len(told)
    for text in told.values():
        blocks = text.strip().split("\n\n")
        assert [block.split("\n")[0] for block in blocks] == [f"processor\t: {number}" for number in range(3)]
    assert "asimddp" in told["cortex-a76"]
    assert "asimddp" not in told["cortex-a72"]


class TestRunning:
    @pytest.fixture
    def asked(self, parts: Path, tmp_path: Path) -> Asked:
        install.install()
        (tmp_path / "m.tflite").touch()
        (tmp_path / "data.npz").touch()
        return Asked(tmp_path / "m.tflite", str(tmp_path / "data.npz"), samples=7, timeout=5)

    def test_qemu_gets_core_root_and_an_environment_of_the_emulators_own(
        self, asked: Asked, programs: Path, root: Path
    ) -> None:
        command = running.command(emulator.require(), "cortex-a76", ["-c", "pass"])
        folder = emulator.place()
        at = folder / "cpus" / "cortex-a76"
        assert command[:5] == [str(programs / "qemu-aarch64-static"), "-cpu", "cortex-a76", "-L", str(at)]
        assert command[-3:] == [str(at / "usr" / "bin" / "python3.11"), "-c", "pass"]
        inside = dict(word.split("=", 1) for word in command[6:-3:2])
        own, site = map(Path, inside["PYTHONPATH"].split(":"))
        assert site == folder / "site"
        # This machine's other packages do not lie there.
        assert {path.name for path in own.iterdir()} == {"compressor", "recipes", "sample_models", "targets"}
        assert (own / "compressor").resolve() == root / "compressor"

    def test_an_unknown_core_is_told_with_the_nearest(self, asked: Asked) -> None:
        with pytest.raises(BadInput, match="no emulated core is called 'cortex-a7'; did you mean 'cortex-a"):
            running.measure(asked, "cortex-a7")

    def test_an_answer_says_that_it_is_emulated_and_has_no_latency(self, asked: Asked, programs: Path) -> None:
        script = f'[ "$1" = --version ] && echo "version 8.1" || {{ echo "$@" > {programs}/words; echo \'{JSON}\'; }}'
        program(programs, "qemu-aarch64-static", script)
        found = running.measure(asked, "cortex-a72")
        assert (found["host"], found["provenance"]) == ("emulated on cortex-a72 by QEMU 8.1", "emulated")
        assert (found["latency_ms"], found["peak_rss_bytes"], found["samples"]) == (None, None, 2)
        words = (programs / "words").read_text()
        assert "--no-latency" in words
        assert "--samples 7" in words
        assert "--emulate" not in words

    @pytest.mark.parametrize(
        ("script", "kind", "told"),
        [
            ("echo 'error: no good file' >&2; exit 2", BadInput, "on an emulated max: no good file"),
            ("kill -SEGV $$", StageFailed, "SIGSEGV"),
            ("sleep 60", StageFailed, "did not finish within 1 s"),
            ("echo nonsense", StageFailed, "answered garbage"),
        ],
    )
    def test_whatever_happens_inside_is_a_sentence(
        self, script: str, kind: type[Exception], told: str, asked: Asked, programs: Path
    ) -> None:
        program(programs, "qemu-aarch64-static", script)
        with pytest.raises(kind, match=told):
            running.measure(replace(asked, timeout=1 if "sleep" in script else 20), "max")
