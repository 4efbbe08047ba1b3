"""A type for what must not be seen: it hides from repr, str, formats, pickles and comparisons."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds one secret text; `reveal` is called where it leaves for KMS or signs, nowhere else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Search for this name to audit every use."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled or copied")
