"""The customer's phone: it has read the QR code on the register's display, opens the page behind the link, and pays there.

It knows the link and nothing else, like a browser: it follows where the payment system leads, and presses the button of the page.
"""

import httpx

from agent.demo.house import EndedOtherwise
from agent.sandbox.customer import Action

ANSWER_LIMIT_S = 20.0  # a process on this machine, which may be slow
_BUTTON = f'value="{Action.CONFIRM}"'


async def open_and_pay(link: str) -> None:
    """Raises EndedOtherwise when he cannot pay there."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=ANSWER_LIMIT_S, trust_env=False) as browser:
        try:
            page = (await browser.get(link)).raise_for_status()
            if _BUTTON not in page.text:
                raise EndedOtherwise("the page behind the link has no button to pay")
            (await browser.post(page.url, data={"action": Action.CONFIRM.value})).raise_for_status()
        except httpx.HTTPError as error:
            raise EndedOtherwise(f"the page behind the link does not work: {error}") from error
