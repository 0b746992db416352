"""A release: wheel and sdist hold what they should, install into an empty environment, and run from an empty folder."""

import csv
import email
import io
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
CHECKPOINT = {"model.safetensors", "config.json", "tokenizer.json", "calibration.json", "README.md"}
LINE = (
    "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1608999687919862906 "
    "src: /10.250.19.102:54106 dest: /10.250.19.102:50010"
)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make dist`` builds, without a network: the sdist, and the wheel from what is in the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "sdist")
    with tarfile.open(folder / f"tinylogbert-{VERSION}.tar.gz") as packed:
        packed.extractall(folder / "unpacked", filter="data")
    build(folder / "unpacked" / f"tinylogbert-{VERSION}", folder, "wheel")
    return folder


def build(source: Path, out: Path, target: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(dist / f"tinylogbert-{VERSION}-py3-none-any.whl")


@pytest.fixture(scope="module")
def sdist(dist: Path) -> set[str]:
    with tarfile.open(dist / f"tinylogbert-{VERSION}.tar.gz") as packed:
        return {name.partition("/")[2] for name in packed.getnames()}


@pytest.fixture(scope="module")
def installed(dist: Path, wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin of a fresh environment with the wheel, and our dependencies without us: no network, no second PyTorch."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False)
    uv = Path(sys.executable).parent / "uv"
    command = [
        str(uv),
        "pip",
        "install",
        "--offline",
        "--no-deps",
        "--no-cache",
        "--python",
        str(folder / "bin/python"),
    ]
    ran = subprocess.run([*command, wheel.filename or ""], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    [site] = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # its own .pth files are not read
    return folder / "bin"


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    return subprocess.run(
        [str(program), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


# ── what is in them ──


def test_the_wheel_holds_the_three_packages_and_the_shipped_checkpoint(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"stream", "model", "training", f"tinylogbert-{VERSION}.dist-info"}
    assert {f"model/checkpoint/{name}" for name in CHECKPOINT} <= names
    ours = {
        str(path.relative_to(ROOT))
        for folder in ("stream", "model", "training")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == ours


def test_the_wheel_says_what_the_project_is(wheel: zipfile.ZipFile) -> None:
    [place] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    said = email.message_from_bytes(wheel.read(place))
    assert (said["Name"], said["Version"], said["License-Expression"]) == ("tinylogbert", VERSION, "Apache-2.0")
    assert said.get_all("License-File") == ["LICENSE", "NOTICE"]
    assert said.get_all("Requires-Dist") == sorted(PROJECT["dependencies"])
    entry = wheel.read(place.replace("METADATA", "entry_points.txt")).decode()
    assert "tinylogbert = stream.__main__:main" in entry


def test_the_sdist_can_be_built_tested_and_read(sdist: set[str]) -> None:
    whole = {"pyproject.toml", "Makefile", "requirements.txt", "requirements-dev.txt", "LICENSE", "NOTICE"}
    assert whole | {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "LOG.md"} <= sdist
    assert {"tests/conftest.py", "bench/speed/__main__.py", "deploy/Dockerfile", "docs/metrics.md"} <= sdist
    assert {f"model/checkpoint/{name}" for name in CHECKPOINT} <= sdist


def test_neither_holds_what_was_left_lying_about(wheel: zipfile.ZipFile, sdist: set[str]) -> None:
    for name in {*wheel.namelist(), *sdist}:
        assert not re.search(r"__pycache__|\.pyc$|(^|/)\.venv|\.partial|\.hypothesis|_cache/", name), name


# ── what they do ──


def test_the_wheel_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    helped = run(installed / "tinylogbert", "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "consume" in helped.stdout
    versioned = run(installed / "python", "-c", "import stream; print(stream.__file__)", cwd=tmp_path)
    assert versioned.stdout.startswith(str(installed.parent)), versioned.stderr  # the wheel's, and not this folder's


def test_the_wheel_scores_a_line_with_the_shipped_checkpoint(installed: Path, tmp_path: Path) -> None:
    ran = run(installed / "tinylogbert", "score", "--text", LINE, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 0


def test_the_wheel_scores_windows_of_a_log(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{LINE}\n")
    ran = run(installed / "tinylogbert", "score", "a.log", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    [row] = csv.DictReader(io.StringIO(ran.stdout))
    assert row["block_id"] == "blk_-1608999687919862906"
    assert {path.name for path in tmp_path.iterdir()} == {"a.log"}  # it leaves nothing where it runs


# ── versions and the changelog ──


def test_the_version_is_in_one_place() -> None:
    written = [
        path
        for folder in ("stream", "model", "training")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"__version__\s*=", path.read_text())
    ]
    assert written == []
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


def test_the_changelog_begins_with_this_version_and_goes_back_in_order() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    form = re.compile(r"(\d+)\.(\d+)\.(\d+) \((unreleased|\d{4}-\d\d-\d\d)\)")
    found = [match for head in heads if (match := form.fullmatch(head))]
    assert len(found) == len(heads) >= 1, heads
    versions = [tuple(map(int, match.groups()[:3])) for match in found]
    assert versions == sorted(set(versions), reverse=True)
    assert ".".join(map(str, versions[0])) == VERSION
    assert all(match[4] != "unreleased" for match in found[1:])
