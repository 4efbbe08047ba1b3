"""What `s deploy` would leave out of the code package, as far as imports are concerned.

Source: Serverless Devs, ".fcignore": a plain name is meant at the root, `**/name` at any depth,
`!name` takes it back; only the file at the root of `code` is read. Limit: functions run in `code`
itself, so an ignored file can still be opened; an ignored module or package cannot be imported.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path


def hidden_modules(code: Path) -> list[str]:
    """Names of root modules and packages that would not be deployed, sorted."""
    try:
        lines = (code / ".fcignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return sorted(
        entry.name.removesuffix(".py") for entry in code.iterdir() if _ignored(entry.name, patterns)
    )


def _ignored(name: str, patterns: list[str]) -> bool:
    """Whether the last pattern that speaks of a root entry leaves it out."""
    ignored = False
    for pattern in patterns:
        bare = pattern.removeprefix("!").removeprefix("**/").removeprefix("/")
        bare = bare.removesuffix("/**").removesuffix("/*").removesuffix("/")
        if fnmatchcase(name, bare):
            ignored = not pattern.startswith("!")
    return ignored
