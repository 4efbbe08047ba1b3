"""Vendor the functions' dependencies into `python/`, for Function Compute's python3.12 (Debian 11).

Two steps, because some vendors publish no wheels: build those here (they are pure Python), then
install everything for that platform and no other. A plain `pip install -t` would take this
machine's wheels, whose C library may be newer than FC's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "python"
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
VERSION = "3.12"


def pip(*arguments: str) -> None:
    """Run this interpreter's pip; CalledProcessError if it fails."""
    subprocess.run(  # noqa: S603 (our own arguments)
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        check=True, cwd=ROOT,
    )  # fmt: skip


def main() -> int:
    """Build anew; the folder is thrown away first, so that nothing old is shipped."""
    shutil.rmtree(TARGET, ignore_errors=True)
    with tempfile.TemporaryDirectory() as wheels:
        pip("wheel", "--wheel-dir", wheels, "-c", "constraints.txt", "-r", "requirements.txt")
        for wheel in Path(wheels).glob("*.whl"):
            if not wheel.name.endswith("-none-any.whl"):
                wheel.unlink()  # this machine's: the right one is taken below
        pip(
            "install", "--only-binary=:all:", "--find-links", wheels, "--target", str(TARGET),
            "--implementation", "cp", "--python-version", VERSION,
            *(word for platform in PLATFORMS for word in ("--platform", platform)),
            "-c", "constraints.txt", "-r", "requirements.txt",
        )  # fmt: skip
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    print(f"{TARGET.name}/: {size / 1e6:.0f} MB for python{VERSION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
