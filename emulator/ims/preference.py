"""The security preference as IMS shows it: RAM's, and the idle days after which things end.

Limitation: MaxIdleDays… are stored and shown; nothing is disabled by them.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.ims.product import IMS
from emulator.ram import errors, preference
from emulator.rpc import Answer

IDLE = ("MaxIdleDaysForAccessKeys", "MaxIdleDaysForUsers")
IDLE_DAYS = ("90", "180", "365", "730")
FLAGS = {name: on for name, on in preference.FLAGS.items() if "PublicKeys" not in name}


def _described(call: Call) -> Answer:
    stored = call.cloud.ram.security_preference
    idle = {name: stored.get(name, 730) for name in IDLE}
    return {"SecurityPreference": preference.described(call) | {"MaxIdleDays": idle}}


@IMS.action("GetSecurityPreference")
def get_security_preference(call: Call) -> Answer:
    return _described(call)


@IMS.action("SetSecurityPreference", writes=True)
def set_security_preference(call: Call) -> Answer:
    given = {name: call.text(name) for name in IDLE if call.text(name)}
    for name, days in given.items():
        if days not in IDLE_DAYS:
            raise errors.incorrect(name)
    preference.apply(call, FLAGS)
    call.cloud.ram.security_preference.update({name: int(days) for name, days in given.items()})
    return _described(call)
