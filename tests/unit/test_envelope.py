"""The envelope of DingTalk's and WeCom's callbacks: their published vectors, and what is no letter.

Vectors: open-dingtalk/DingTalk-Callback-Crypto (all its implementations test it), WeCom's own
sample page.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.secrecy import Secret
from shared.sources.envelope import Codec, Letter
from tests.unit.strategies import brief

DINGTALK = Codec(Secret("mryue"), Secret("Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7"))
DINGTALK_TEXT = (
    "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK"
    "+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3"
)
WECOM = Codec(Secret("hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo"),
              Secret("6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"))  # fmt: skip
WECOM_TEXT = (
    "fsi1xnbH4yQh0+PJxcOdhhK6TDXkjMyhEPA7xB2TGz6b+g7xyAbEkRxN/3cNXW9qdqjnoVzEtpbhnFyq6SVHyA=="
)


def test_dingtalks_vector() -> None:
    signature = "03044561471240d4a14bb09372dfcfd4fd0e40cb"

    assert DINGTALK.signed(signature, "1608001896814", "WL4PK6yA", DINGTALK_TEXT)
    assert not DINGTALK.signed(signature, "1608001896815", "WL4PK6yA", DINGTALK_TEXT)
    letter = Letter(b'{"EventType":"check_url"}', "ding6ccabc44d2c8d38b")
    assert letter == DINGTALK.opened(DINGTALK_TEXT)


def test_wecoms_vector_whose_key_has_bits_to_spare() -> None:
    signature = "012bc692d0a58dd4b10f8dfe5c4ac00ae211ebeb"

    assert WECOM.signed(signature, "1476416373", "47744683", WECOM_TEXT)
    assert Letter(b"1288432023552776189", "ww1436e0e65a779aee") == WECOM.opened(WECOM_TEXT)


@given(st.binary(max_size=300), st.text(max_size=40).filter(lambda text: text.isprintable()))
@brief
def test_what_is_sealed_can_be_opened_with_its_key_only(message: bytes, receiver: str) -> None:
    """Lengths are of bytes; every padding from 1 to 32 comes about."""
    letter = Letter(message, receiver)

    sealed = DINGTALK.sealed(letter)

    assert letter == DINGTALK.opened(sealed)
    assert letter != WECOM.opened(sealed)
    assert sealed != DINGTALK.sealed(letter)


@given(st.one_of(st.text(max_size=100), st.binary(max_size=64).map(lambda b: b.hex())))
@brief
def test_no_text_raises(text: str) -> None:
    assert DINGTALK.opened(text) is None
    assert not DINGTALK.signed(text, "1", "2", text)


def test_length_that_lies_is_no_letter() -> None:
    """A message longer than the envelope."""
    whole = DINGTALK.sealed(Letter(b"x" * 40, ""))

    assert DINGTALK.opened(whole[:-24]) is None


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "\u00e4" * 43, "!" * 43])
def test_no_key_is_no_codec(key: str) -> None:
    with pytest.raises(ValueError, match="AES key"):
        Codec(Secret("token"), Secret(key))
