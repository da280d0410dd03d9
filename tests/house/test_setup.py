from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

TOOLS = ("bash", "cat", "cut", "dirname", "flock", "sed", "sha256sum", "sort", "grep", "rm")


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """A checkout with nothing but what setup reads, and a PATH with no Python on it."""
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    shutil.copy(root / "scripts" / "setup", clone / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, clone)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return clone


def put_python(clone: Path, name: str, script: str) -> None:
    path = clone.parent / "bin" / name
    path.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def setup(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHON"} | {"PATH": str(clone.parent / "bin")}
    return subprocess.run(
        [clone / "scripts" / "setup", *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_without_a_right_python_it_names_the_package_to_install(clone: Path) -> None:
    put_python(clone, "python3", "exit 1")
    verdict = setup(clone)
    assert verdict.returncode == 1
    assert "apt-get install python3 python3-venv" in verdict.stderr


def test_without_the_venv_module_it_names_the_package_to_install(clone: Path) -> None:
    put_python(
        clone,
        "python3",
        'case "$*" in *ensurepip*) exit 1 ;; *print*) echo python3.11 ;; *) exit 0 ;; esac',
    )
    verdict = setup(clone)
    assert verdict.returncode == 1
    assert "apt-get install python3.11-venv" in verdict.stderr


@pytest.mark.parametrize("arguments", [["--with"], ["--with", "cuda"], ["--other"]])
def test_bad_usage_is_said_before_anything_is_done(clone: Path, arguments: list[str]) -> None:
    verdict = setup(clone, *arguments)
    assert verdict.returncode == 2
    assert not (clone / ".venv").exists()


def test_it_installs_once_and_again_only_after_a_change(clone: Path) -> None:
    # A Python whose venv is a copy of itself, and which counts the installs it is asked for.
    log = clone.parent / "installs"
    put_python(
        clone,
        "python3",
        f"""case "$*" in
            "-m venv"*) {shutil.which("mkdir")} -p .venv/bin; {shutil.which("cp")} "$0" .venv/bin/python ;;
            *install*) echo "$*" >>{log} ;;
            -VV | --version) echo Python 3.11 ;;
        esac""",
    )
    assert setup(clone).returncode == 0
    again = setup(clone)
    assert "nothing to do" in again.stdout
    assert len(log.read_text(encoding="utf-8").splitlines()) == 1
    with (clone / "constraints.txt").open("a", encoding="utf-8") as constraints:
        constraints.write("six==1.17.0\n")
    assert setup(clone, "--quiet").returncode == 0
    assert len(log.read_text(encoding="utf-8").splitlines()) == 2
    assert setup(clone, "--with", "vosk").returncode == 0
    assert ".[vosk]" in log.read_text(encoding="utf-8")
    assert setup(clone, "--quiet").stdout == ""
