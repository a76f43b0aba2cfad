"""Every payment system over TLS: trusted is the authority that the configuration names, and nobody else."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from agent.core.answer import Money, money
from agent.core.payment import PaymentState
from tests.contract.cases import CASES
from tests.contract.kits import KITS, Kit
from tests.contract.shop import POLICY, Authority, Wishes, opened


def _authority(folder: Path, trusted: trustme.CA, issued_by: trustme.CA) -> Authority:
    authority = Authority(folder / "ca.pem", folder / "server.pem")
    trusted.cert_pem.write_to_path(authority.trusted)
    issued_by.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(authority.server)
    return authority


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.name)
async def test_a_sale_over_tls(kit: Kit, tmp_path: Path) -> None:
    """The happy path, with a local authority."""
    authority = trustme.CA()
    async with opened(kit, tmp_path / "shop", Wishes(), _authority(tmp_path, authority, authority)) as shop:
        assert shop.sandbox.base_url.startswith("https://")
        await CASES["happy_path"].play(shop)
        await shop.check_books()


async def test_a_stranger_hears_nothing(tmp_path: Path) -> None:
    """A server that another authority vouches for is sent nothing, and the till knows that nobody was charged."""

    async def one(kit: Kit) -> None:
        folder = tmp_path / kit.name
        folder.mkdir()
        wishes = Wishes(replace(POLICY, send_deadline_ms=1_500))
        async with opened(kit, folder / "shop", wishes, _authority(folder, trustme.CA(), trustme.CA())) as shop:
            await shop.sell()
            ended = await shop.end()
            assert (ended.payment, money(ended), list(shop.bank.log)) == (PaymentState.EXPIRED, Money.NONE, [])
            await shop.check_books()

    await asyncio.gather(*map(one, KITS))
