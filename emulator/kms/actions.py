"""KMS actions."""
from emulator.rpc import RpcProduct, pop_envelope, ram_denied

KMS = RpcProduct(
    "kms", "2016-01-20", permission_code="kms", denied=ram_denied, envelope=pop_envelope
)
