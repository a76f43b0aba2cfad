"""Goal: an erased secret is nowhere. Method: random lives of secrets, then a search for their bytes in every file of the journal."""

import random
from pathlib import Path

import pytest

from agent.core.ports import Conflict
from tests.journal.support import bytes_of, opened, sale_id, step

MARK = "SECRET-{:06d}-"


def value(number: int, length: int) -> str:
    """A value that can be recognised by its beginning and by its end."""
    return MARK.format(number) + "x" * length + MARK.format(number)


async def test_secrets_live_beside_their_sale(tmp_path: Path) -> None:
    """Put, replaced, erased by name, of any length; erasing what is not there is no error; other sales keep theirs."""
    one, two = sale_id(1), sale_id(2)
    async with await opened(tmp_path / "journal.db") as journal:
        long = "Я" * 8000
        await journal.append(step(one, put={"cardSession": "ABC", "token": long}))
        await journal.append(step(two, put={"token": "other\0"}))
        assert await journal.secrets(one) == {"cardSession": "ABC", "token": long}
        await journal.append(step(one, 1, put={"token": "short"}, drop=frozenset({"cardSession", "nothing"})))
        assert await journal.secrets(one) == {"token": "short"}
        assert await journal.secrets(two) == {"token": "other\0"}
        assert await journal.secrets(sale_id(3)) == {}
        assert await journal.checkpoint()
        assert ("Я" * 100).encode() not in b"".join(bytes_of(tmp_path / "journal.db").values())


@pytest.mark.parametrize("seed", range(2))
async def test_an_erased_secret_is_gone_from_every_file(tmp_path: Path, seed: int) -> None:
    """After any history, the files hold every living secret (so the search works) and no trace of an erased one."""
    path, chance = tmp_path / "journal.db", random.Random(seed)
    living: dict[int, tuple[int, str]] = {}
    erased: list[int] = []
    async with await opened(path) as journal:
        for number in range(500):
            if living and chance.random() < (0.3 if number % 200 < 100 else 0.75):
                gone = chance.choice(list(living))
                sale, name = living.pop(gone)
                await journal.append(step(sale_id(sale), 1, [], drop=frozenset({name})))
                erased.append(gone)
            else:
                name = f"token:{number}"
                await journal.append(step(sale_id(number), put={name: value(number, chance.choice([1, 50, 900, 3000]))}))
                living[number] = (number, name)
            if number % 125 == 124:
                assert await journal.checkpoint()
                contents = b"".join(bytes_of(path).values())
                assert [found for found in living if MARK.format(found).encode() not in contents] == []
                assert [found for found in erased if MARK.format(found).encode() in contents] == []
    assert len(erased) > 100


async def test_before_the_checkpoint_the_log_still_holds_it(tmp_path: Path) -> None:
    """The negative control: erased but not yet checkpointed is still found, and closing ends it."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1), put={"token": value(1, 5)}))
        await journal.append(step(sale_id(1), 1, drop=frozenset({"token"})))
        assert MARK.format(1).encode() in bytes_of(path)["-wal"]
    assert MARK.format(1).encode() not in b"".join(bytes_of(path).values())


async def test_a_refused_step_leaves_no_secret(tmp_path: Path) -> None:
    """The secret of a step that was a conflict is not in the files either."""
    path = tmp_path / "journal.db"
    async with await opened(path) as journal:
        await journal.append(step(sale_id(1)))
        with pytest.raises(Conflict, match="UNIQUE"):
            await journal.append(step(sale_id(2), order_id="order-key-1", put={"token": value(2, 5)}))
        await journal.checkpoint()
        assert MARK.format(2).encode() not in b"".join(bytes_of(path).values())
