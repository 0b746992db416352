"""The image: what its linter says, what it installs, and the health check that it holds."""

import importlib.util
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from deployed import DEPLOY, ROOT, run, tool

from stream.metrics.daemon import DAEMON

LINES = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
REQUIREMENTS = (ROOT / "requirements.txt").read_text()


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DEPLOY / f"{name}.py")
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def said(instruction: str) -> list[str]:
    """What follows an instruction, in the last stage."""
    last = max(i for i, line in enumerate(LINES) if line.startswith("FROM "))
    return [line.removeprefix(f"{instruction} ") for line in LINES[last:] if line.startswith(f"{instruction} ")]


# ── the Dockerfile ──


def test_hadolint_has_nothing_to_say() -> None:
    ran = run(tool("hadolint"), "--failure-threshold", "style", "deploy/Dockerfile")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_last_stage_has_a_user_that_is_not_root_and_neither_compiler_nor_index() -> None:
    assert said("USER") == ["10001:10001"]
    assert said("RUN") == []
    assert len([line for line in LINES if line.startswith("FROM ")]) == 2
    assert said("HEALTHCHECK")
    assert said("ENTRYPOINT") == ['["tinylogbert"]']


def test_no_host_is_written_into_it() -> None:
    for name in ("Dockerfile", "install-requirements", "without_cuda.py"):
        text = (DEPLOY / name).read_text()
        assert re.findall(r"https?://(?!127\.0\.0\.1)[\w.-]+|[\w-]+\.(?:io|org|dev)/", text) == []


def test_whatever_is_copied_is_there_and_not_ignored() -> None:
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = [line.split()[1:-1] for line in LINES if line.startswith("COPY ") and "--from" not in line]
    names = {name for names in copied for name in names}
    assert names == let_in
    assert all((ROOT / name).exists() for name in names)


def test_each_package_is_installed_by_its_hash() -> None:
    text = (DEPLOY / "install-requirements").read_text()
    installs = [line for line in text.splitlines() if "uv pip install" in line]
    assert sum("--require-hashes" in line for line in installs) == len(installs) - 1  # and PyTorch, if a hash is said
    assert "--hash=sha256:$TORCH_SHA256" in text


# ── without CUDA ──


def test_without_cuda_leaves_out_pytorch_and_what_its_usual_build_brings() -> None:
    kept = module("without_cuda").without_cuda(REQUIREMENTS)
    names = set(re.findall(r"^([\w.-]+)==", REQUIREMENTS, re.MULTILINE))
    left_out = names - set(re.findall(r"^([\w.-]+)==", kept, re.MULTILINE))
    assert {"torch", "triton", "nvidia-cudnn-cu13", "cuda-bindings"} <= left_out
    assert all(re.fullmatch("torch|triton|nvidia-.*|cuda-.*", name) for name in left_out)
    assert {"numpy", "transformers", "networkx", "sympy", "confluent-kafka"} <= names - left_out
    for entry in re.split(r"\n(?=[a-z])", kept.strip()):
        assert "--hash=sha256:" in entry  # none has lost its hashes
    [torch] = re.findall(r"^torch==[\d.]+", REQUIREMENTS, re.MULTILINE)
    assert module("without_cuda").torch_alone(REQUIREMENTS) == f"{torch}\n"


def test_the_installing_script_says_what_it_needs() -> None:
    def install(**environment: str) -> subprocess.CompletedProcess[str]:
        return run("sh", DEPLOY / "install-requirements", **environment)

    assert install(VARIANT="tpu").stderr == "error: VARIANT is cuda or cpu, not tpu\n"
    cpu = install(VARIANT="cpu", TORCH_INDEX="")
    assert cpu.returncode != 0
    assert "VARIANT=cpu needs --build-arg TORCH_INDEX=URL" in cpu.stderr


def test_what_the_installing_script_asks_of_uv(tmp_path: Path) -> None:
    """With a uv that only says what it was asked, and shows PyTorch's requirement."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(DEPLOY / "without_cuda.py", tmp_path / "deploy")
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    (tmp_path / "uv").write_text('#!/bin/sh\necho "$*"\n[ ! -f torch.txt ] || cat torch.txt\n')
    (tmp_path / "uv").chmod(0o755)

    def asked(**variables: str) -> list[str]:
        known = {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin", **variables}
        command = ["sh", str(DEPLOY / "install-requirements")]
        ran = subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, check=True)
        (tmp_path / "torch.txt").unlink(missing_ok=True)
        return ran.stdout.splitlines()

    [torch] = re.findall(r"^torch==[\d.]+", REQUIREMENTS, re.MULTILINE)
    rest = "pip install --no-deps --require-hashes -r rest.txt"
    assert asked(VARIANT="cuda") == ["pip install --no-deps --require-hashes -r requirements.txt"]
    assert asked(VARIANT="cpu", TORCH_INDEX="URL") == [
        *(rest, "pip install --no-deps --index-url URL -r torch.txt", torch)
    ]
    assert asked(VARIANT="cpu", TORCH_INDEX="URL", TORCH_SHA256="1a2b") == [
        *(rest, "pip install --no-deps --index-url URL --require-hashes -r torch.txt", f"{torch} --hash=sha256:1a2b")
    ]


# ── the health check ──

MOVED = 1_000_000.0


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/broken": 503}.get(self.path, 200))
        self.end_headers()
        text = {"/metrics": f"a 1.0\ntinylogbert_figures_timestamp_seconds {MOVED}\n"}.get(self.path, "ok")
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_who_answers_is_well(url: str) -> None:
    problem = module("healthcheck").problem
    assert problem(f"{url}/live", None, 0) is None
    assert problem(f"{url}/broken", None, 0) == f"{url}/broken: HTTP Error 503: Service Unavailable"
    assert "refused" in problem("http://127.0.0.1:1", None, 0)
    assert problem("nonsense", None, 0) is not None


def test_a_work_loop_that_stands_still_is_not_ready(url: str) -> None:
    problem = module("healthcheck").problem
    assert problem(f"{url}/metrics", 60, MOVED + 59) is None
    assert problem(f"{url}/metrics", 60, MOVED + 61) == f"{url}/metrics: the work loop has not moved for 61 s"
    assert problem(f"{url}/live", 60, MOVED) == f"{url}/live does not say when its work loop moved"


def test_the_health_check_is_a_program(url: str) -> None:
    well = run("python3", DEPLOY / "healthcheck.py", HEALTH_URL=f"{url}/live")
    assert (well.returncode, well.stderr) == (0, "")
    old = run("python3", DEPLOY / "healthcheck.py", f"{url}/metrics", "--fresh", "60")
    assert old.returncode == 1
    assert old.stderr.count("\n") == 1
    assert time.time() - MOVED > 60


def test_the_health_check_reads_what_the_daemon_writes() -> None:
    [written] = [family for family in DAEMON if family.name == "tinylogbert_figures_timestamp_seconds"]
    assert (written.kind, written.labels) == ("gauge", ())
