"""Packages that only the bench needs, in a folder of their own beside the user's other caches, fetched once."""

import subprocess
import sys
from pathlib import Path

import platformdirs

QUIX = "quixstreams==3.28.1"
_TIMEOUT_S = 300.0


class Missing(Exception):
    """The package cannot be installed here; why, in one line."""


def installed(requirement: str, cache: Path | None = None) -> Path:
    """The folder with this package, for ``PYTHONPATH``; raise ``Missing``."""
    folder = (cache or Path(platformdirs.user_cache_dir("tinylogbert")) / "bench") / requirement.replace("==", "-")
    done = folder / ".done"
    if not done.exists():
        uv = Path(sys.executable).with_name("uv")
        if not uv.exists():
            raise Missing(f"{requirement}: there is no uv in .venv; say make setup")
        command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder)]
        try:
            subprocess.run([*command, requirement], check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)
        except subprocess.CalledProcessError as error:
            said = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise Missing(f"{requirement} cannot be installed: {said}") from error
        except subprocess.TimeoutExpired as error:
            raise Missing(f"{requirement} was not installed within {_TIMEOUT_S:.0f} s") from error
        done.touch()
    return folder
