"""MACs through the KMS SDK: what one key made, it confirms, and nothing else."""

from __future__ import annotations

import pytest

from shared.adapters.kms_mac import KmsMacAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import CloudRefused, CloudUnknown, NotPermitted
from tests.integration.clouds import ADMIN_SECRET, LocalCloud, shown

KEY = "key-emulator-mac01"


@pytest.fixture
def macs(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> KmsMacAdapter:
    return KmsMacAdapter(endpoint, admin, key_id=KEY)


def test_mac_is_the_same_each_time_and_confirmed(macs: KmsMacAdapter) -> None:
    """Two runs that sign the same document sign it alike."""
    made = macs.generate_mac(b"a digest")

    assert made == macs.generate_mac(b"a digest")
    assert macs.verify_mac(b"a digest", made)


@pytest.mark.parametrize("mac", ["", "no base64!", "AAAA", "AAAA" * 10 + "AAA="])
def test_wrong_mac_is_not_confirmed(macs: KmsMacAdapter, mac: str) -> None:
    """Nor one that cannot be one: whoever writes digests can write anything."""
    assert not macs.verify_mac(b"a digest", mac or macs.generate_mac(b"another"))


@pytest.mark.parametrize("action", ["GenerateMac", "VerifyMac"])
def test_no_answer_is_unknown(macs: KmsMacAdapter, local: LocalCloud, action: str) -> None:
    """I6: unverified is not forged."""
    mac = macs.generate_mac(b"a digest")
    local.fault("drop", action, times=0)

    def both() -> None:
        macs.verify_mac(b"a digest", mac)
        macs.generate_mac(b"a digest")

    with pytest.raises(CloudUnknown) as raised:
        both()

    assert action == raised.value.action
    assert ADMIN_SECRET not in shown(raised.value)


def test_missing_permission_and_wrong_key_are_refusals(
    local: LocalCloud, endpoint: Endpoint, stranger: Credentials, admin: Credentials
) -> None:
    """Neither is a MAC that does not fit."""
    with pytest.raises(NotPermitted):
        KmsMacAdapter(endpoint, stranger, key_id=KEY).verify_mac(b"x", "AAAA")
    with pytest.raises(CloudRefused) as raised:
        KmsMacAdapter(endpoint, admin, key_id="key-emulator0001").verify_mac(b"x", "AAAA")

    assert "UnsupportedOperation" == raised.value.code
