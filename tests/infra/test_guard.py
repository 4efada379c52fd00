"""Which addresses are public. That no probe connects to another one is proven in `test_private_networks.py`."""

import pytest

from infra.probes.guard import is_public

PRIVATE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.2", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.103.49.98", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:0a00:0001::", "64:ff9b::0a00:0001", "2001:db8::1", "nonsense", "",
    "fe80::1%eth0", "::127.0.0.1", "fec0::1", "64:ff9b:1:7f00:0:100:808:808", "2001:0:808:808::f7f7:f7f7",
]  # fmt: skip
PUBLIC = [
    "93.184.215.14",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:93.184.215.14",
    "64:ff9b::5db8:d70e",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_let_through(address: str) -> None:
    assert is_public(address)
