"""The password policy of RAM users, and what it asks of a new console password.

Source: RAM and IMS, SetPasswordPolicy and GetPasswordPolicy. What a call leaves out goes back to
its default, as the pages say of each parameter; IMS has four rules that RAM does not show. The API
spells `MaxLoginAttemps`, and RAM `HardExpiry` what IMS calls `HardExpire`.
Limitation: nobody logs in here, so ages, attempts and reuse are stored and shown only.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from emulator.call import Call
from emulator.ram import errors
from emulator.ram.product import RAM
from emulator.rpc import Answer

LONGEST = 32
# By the name that IMS has for it: the default, the least and the most; None: yes or no.
NUMBERS = {
    "MinimumPasswordLength": (8, 8, LONGEST), "MaxPasswordAge": (0, 0, 1095),
    "PasswordReusePrevention": (0, 0, 24), "MaxLoginAttemps": (0, 0, 32),
    "InitialPasswordAge": (14, 0, 90), "MinimumPasswordDifferentCharacter": (0, 0, 8),
}  # fmt: skip
CLASSES = {
    "RequireLowercaseCharacters": string.ascii_lowercase,
    "RequireUppercaseCharacters": string.ascii_uppercase,
    "RequireNumbers": string.digits, "RequireSymbols": string.punctuation,
}  # fmt: skip
FLAGS = (*CLASSES, "HardExpire", "PasswordNotContainUserName", "InterceptRiskPasswordOnApi")
OF_IMS = ("InitialPasswordAge", "MinimumPasswordDifferentCharacter", "PasswordNotContainUserName",
          "InterceptRiskPasswordOnApi")  # fmt: skip
NAMES_OF_RAM = {"HardExpire": "HardExpiry"}


def policy(call: Call) -> dict[str, bool | int]:
    """The rules in force, by the names of IMS."""
    defaults: dict[str, bool | int] = {name: default for name, (default, _, _) in NUMBERS.items()}
    return defaults | dict.fromkeys(FLAGS, False) | call.cloud.ram.password_policy


def asked_for(call: Call, names: Mapping[str, str]) -> dict[str, bool | int]:
    """The rules that a call sets, by the names of IMS; `names` has how it spells each."""
    given: dict[str, bool | int] = {}
    for name, spelt in names.items():
        if name in NUMBERS:
            default, least, most = NUMBERS[name]
            text = call.text(spelt, str(default))
            if not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
                raise errors.incorrect(spelt)
            given[name] = int(text)
        else:
            given[name] = call.boolean(spelt)
    return given


def check(call: Call, user_name: str) -> None:
    """Refuse a password that the policy does not allow."""
    password, rules = call.required("Password"), policy(call)
    lacks = [name for name, letters in CLASSES.items()
             if rules[name] and not set(password) & set(letters)]  # fmt: skip
    if (
        not rules["MinimumPasswordLength"] <= len(password) <= LONGEST
        or lacks
        or len(set(password)) < rules["MinimumPasswordDifferentCharacter"]
        or (rules["PasswordNotContainUserName"] and user_name.lower() in password.lower())
    ):
        raise errors.weak_password()


_RAM_NAMES = {name: NAMES_OF_RAM.get(name, name) for name in (*NUMBERS, *FLAGS)
              if name not in OF_IMS}  # fmt: skip


def _of_ram(call: Call) -> Answer:
    rules = policy(call)
    return {"PasswordPolicy": {spelt: rules[name] for name, spelt in _RAM_NAMES.items()}}


@RAM.action("GetPasswordPolicy")
def get_password_policy(call: Call) -> Answer:
    return _of_ram(call)


@RAM.action("SetPasswordPolicy", writes=True)
def set_password_policy(call: Call) -> Answer:
    call.cloud.ram.password_policy.update(asked_for(call, _RAM_NAMES))
    return _of_ram(call)
