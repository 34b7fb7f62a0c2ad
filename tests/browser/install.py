"""Sees to it that the browsers and their drivers are here, from the distribution; standard library only."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: What has to be there, with the Debian (or Ubuntu) package that brings it.
PROGRAMS = {
    "chromium": "chromium",
    "firefox-esr": "firefox-esr",
    "WebKitWebDriver": "webkit2gtk-driver",
    "MiniBrowser": "webkit2gtk-driver",
    "Xvfb": "xvfb",
}


def find(program: str) -> str | None:
    """The program's path; MiniBrowser stands beside the library that it shows, off the PATH."""
    if program == "MiniBrowser":
        return next(
            (str(path) for path in sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))), None
        )
    return shutil.which(program)


def missing() -> list[str]:
    return sorted({package for program, package in PROGRAMS.items() if find(program) is None})


def apt_get() -> list[str] | None:
    """The command that installs packages without asking, or None where we may not."""
    apt = shutil.which("apt-get")
    if apt is None:
        return None
    if os.geteuid() == 0:
        return [apt]
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
        return None
    return [sudo, "-n", apt]


def install(packages: list[str]) -> None:
    apt = apt_get()
    if apt is None:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "-q", "update"], env=quiet, check=False)
    subprocess.run(
        [*apt, "-q", "install", "-y", "--no-install-recommends", *packages], env=quiet, check=False
    )


def main() -> int:
    packages = missing()
    if packages:
        sys.stderr.write(f"installing for the browser tests: {' '.join(packages)}\n")
        install(packages)
    left = missing()
    if left:
        sys.stderr.write(f"The browser tests need:\n    sudo apt-get install {' '.join(left)}\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
