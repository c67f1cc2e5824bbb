import pytest
from msgspec.structs import replace

from meso_device.collector.account import (
    ACCOUNTS_MAX,
    Account,
    forget_other_addresses,
    read_accounts,
    write_account,
)
from protocols.errors import UsageError

ACCOUNT = Account(host="::1", port=8743, certificate_sha256="a" * 64, token="b" * 64, cosigner="c")


def test_what_is_written_is_read_and_its_credential_is_for_nobody_else(tmp_path):
    assert read_accounts(tmp_path) == ()
    write_account(tmp_path, ACCOUNT)
    write_account(tmp_path, replace(ACCOUNT, acked_size=5, cosigned="note"))
    other = replace(ACCOUNT, host="collector.clinic")
    write_account(tmp_path, other)
    assert read_accounts(tmp_path) == (replace(ACCOUNT, acked_size=5, cosigned="note"), other)
    assert [one.address for one in read_accounts(tmp_path)] == ["[::1]:8743", "collector.clinic:8743"]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "collectors").iterdir()} == {0o600}


def test_a_collector_is_kept_under_one_address_alone(tmp_path):
    elsewhere, another = (
        replace(ACCOUNT, host="collector.clinic"),
        replace(ACCOUNT, port=1, certificate_sha256="c" * 64),
    )
    for account in (ACCOUNT, another, elsewhere):
        write_account(tmp_path, account)
    forget_other_addresses(tmp_path, elsewhere)
    assert read_accounts(tmp_path) == (another, elsewhere)


def test_collectors_are_few(tmp_path):
    for port in range(ACCOUNTS_MAX):
        write_account(tmp_path, replace(ACCOUNT, port=port))
    with pytest.raises(UsageError, match="at most"):
        write_account(tmp_path, replace(ACCOUNT, port=9_999))
    write_account(tmp_path, replace(ACCOUNT, port=0, acked_size=1))
    assert len(read_accounts(tmp_path)) == ACCOUNTS_MAX


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 9_000, b'{"host":1}'])
def test_a_damaged_file_is_refused_by_its_name(tmp_path, content):
    write_account(tmp_path, ACCOUNT)
    (tmp_path / "collectors" / "::1_8743.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"::1_8743\.json cannot be read"):
        read_accounts(tmp_path)
