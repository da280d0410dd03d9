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


def put_pip(clone: Path, log: Path, torch: str) -> None:
    """Put a Python whose venv is a copy of itself; it logs its installs, and `torch` says what it does about torch."""
    put_python(
        clone,
        "python3",
        f"""case "$*" in
            "-m venv"*) {shutil.which("mkdir")} -p .venv/bin; {shutil.which("cp")} "$0" .venv/bin/python ;;
            *install*) echo "$*" >>{log} ;;
            -VV | --version) echo Python 3.11 ;;
        esac
        case "$*" in {torch} esac""",
    )


def test_without_a_cpu_build_of_torch_all_but_coqui_is_installed(clone: Path) -> None:
    log = clone.parent / "installs"
    put_pip(clone, log, "*torch==*) exit 1 ;;")
    verdict = setup(clone, "--with", "whisper", "--with", "coqui")
    assert verdict.returncode == 1
    assert "set TORCH_INDEX to PyTorch's package index for CPU builds" in verdict.stderr
    assert ".[coqui]" not in log.read_text(encoding="utf-8")
    assert "nothing to do" in setup(clone, "--with", "whisper").stdout


def test_a_cuda_build_of_torch_is_removed_and_nothing_is_built_on_it(clone: Path) -> None:
    log = clone.parent / "installs"
    put_pip(clone, log, "*torch.version.cuda*) exit 1 ;;")
    verdict = setup(clone, "--with", "coqui")
    assert verdict.returncode == 1
    assert "built for CUDA" in verdict.stderr
    assert "uninstall" in log.read_text(encoding="utf-8")
    assert ".[coqui]" not in log.read_text(encoding="utf-8")


def test_coqui_is_installed_on_the_cpu_build_from_the_index_that_is_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_INDEX", "https://torch.example/cpu")
    log = clone.parent / "installs"
    put_pip(clone, log, "*torchaudio*) exit 1 ;;")
    verdict = setup(clone, "--with", "coqui")
    assert verdict.returncode == 0
    assert "every model of Coqui but XTTS will do" in verdict.stdout
    installs = log.read_text(encoding="utf-8").splitlines()
    torch = next(line for line in installs if "torch==2.13.0+cpu" in line)
    assert "--extra-index-url https://torch.example/cpu" in torch
    assert installs.index(torch) < next(n for n, line in enumerate(installs) if ".[coqui]" in line)
    assert "nothing to do" in setup(clone, "--with", "coqui").stdout


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
