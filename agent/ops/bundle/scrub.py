"""Takes out of texts and values what must not leave the till, by its name, by its looks, and by being known."""

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from agent.log import redact
from agent.secrets import STARS

MIN_KNOWN_CHARACTERS = 4  # of a secret that is searched for: what is shorter stands in every second word
MAX_KEPT_TEXTS = 20_000  # cleaned, at hand
MIN_FREE_CHARACTERS = 8  # shorter ones are taken out only where they stand alone: "test" may be somebody's password

# Names of what is not in the log's own list: buyers' and recipients' data, keys of providers, and all of it as people write it in Russian.
_NAMES = (
    r"api[-_ ]?key|private[-_ ]?key|\botp\b|signature|e-?mail|(?:first|last|middle|company)[-_ ]?name|vat[-_ ]?number|\bkpp\b"
    r"|(?:recipient|customer|buyer|payer)[-_.]\w+|billing[-_ ]?address|delivery[-_ ]?address|payment[-_ ]?url[-_ ]?fields"
    r"|парол\w*|токен\w*|секрет\w*|ключ\w*|телефон\w*|штрих-?код\w*|номер\w* карт\w*|код\w* из (?:смс|sms)|получател\w*|покупател\w*"
    r"|почт\w*"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_NAMED = re.compile(rf"""(?i)((?:{_NAMES})["']?\s*(?:[:=]|—|\s-\s)\s*["']?)([^\s"',;}}\])][^"',;}}\])\n]*)""")
_ADDRESS = re.compile(r"\b(https?://[^\s/?#\"'<>]+)([/?#][^\s\"'<>]*)", re.IGNORECASE)
_LOOKS = re.compile(
    r"""(?x)
      [\w.+-]+ @ [\w-]+ (?: \. [\w-]+ )+  # e-mail
    | (?<! [\w-] ) \+\d [\s(-]* \d{3} [\s)-]* \d{3} [\s-]* \d{2} [\s-]* \d{2} (?! \d )  # a telephone number
    | (?<! [\w.:-] ) 8 [\s(-]+ \d{3} [\s)-]+ \d{3} [\s-]* \d{2} [\s-]* \d{2} (?! \d )
    | (?<! [\w.:/-] ) \d (?: [ -]? \d ){10,} (?! [\w-] )  # cards, loyalty numbers, bar codes, telephones without a plus"""
)

# Values under these names are ids that support searches by: long numbers among them are no telephones. They hold no secret by construction.
IDS = frozenset(
    {
        *("sale", "key", "order", "orderId", "at", "made", "store_id", "terminal_id", "storeId", "terminalId", "refund", "receipt"),
        *("request_id", "transaction", "transaction_id", "ref_transaction_id", "transactionId", "operation_id", "payment_transaction_id"),
        *("refund_transaction_id", "qrc_id", "kzo", "id", "merchant_id", "operation_date_time", "operator_id", "event", "kind"),
    }
)


@lru_cache(maxsize=1_000)
def _names_secret(key: str) -> bool:
    """By the log's list of names or by ours."""
    return redact(None, "", {key: ""})[key] == STARS or _NAME.search(key) is not None


class Scrubber:
    """``known``: secrets that this machine can name. ``own``: addresses of the configuration, which may be shown as they are."""

    def __init__(self, known: Iterable[str] = (), own: Collection[str] = ()) -> None:
        self._own = tuple(own)
        self._cleaned: dict[str, str] = {}
        secrets = {one for one in known if len(one) >= MIN_KNOWN_CHARACTERS}
        free = {form for one in secrets if len(one) >= MIN_FREE_CHARACTERS for form in _spellings(one)}
        alone = [re.escape(form) for one in secrets if len(one) < MIN_FREE_CHARACTERS for form in _spellings(one)]
        self._free = sorted(free, key=len, reverse=True)
        self._alone = re.compile(rb"(?<![A-Za-z0-9_])(?:" + b"|".join(alone) + rb")(?![A-Za-z0-9_])") if alone else None

    def text(self, text: str) -> str:
        """A text of whatever length, as one value. Logs say the same over and over, so what was cleaned is kept at hand."""
        known = self._cleaned.get(text)
        if known is None:
            known = self._clean(text)
            if len(self._cleaned) < MAX_KEPT_TEXTS:
                self._cleaned[text] = known
        return known

    def _clean(self, text: str) -> str:
        cleaned = redact(None, "", {"text": text})["text"]
        cleaned = _NAMED.sub(rf"\1{STARS}", str(cleaned))
        cleaned = _ADDRESS.sub(self._shortened, cleaned)
        return _LOOKS.sub(STARS, cleaned)

    def value(self, value: object, name: str = "") -> object:
        """A value of JSON's kinds, all the way down."""
        match value:
            case Mapping():
                return {str(key): STARS if _names_secret(str(key)) else self.value(one, str(key)) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one, name) for one in value]
            case str() if name in IDS:
                return value
            case str():
                return self.text(value)
            case _:
                return value

    def line(self, line: str) -> str:
        """A line of a log: what stands before a JSON object, and the object by its keys; else a text."""
        start = line.find("{")
        if start >= 0:
            try:
                found = json.loads(line[start:])
            except ValueError:
                pass
            else:
                if isinstance(found, dict):
                    return self.text(line[:start]) + json.dumps(self.value(found), ensure_ascii=False)
        return self.text(line)

    def final(self, data: bytes) -> bytes:
        """The last net, over the bytes as they will lie in the archive. Form by form: a day of tokens in one pattern would make each byte
        a thousand questions."""
        for form in self._free:
            data = data.replace(form, STARS.encode())
        return self._alone.sub(STARS.encode(), data) if self._alone is not None else data

    def _shortened(self, found: "re.Match[str]") -> str:
        """An address with its path only where the configuration has it: whoever has a payment link can pay by it."""
        whole = found[0]
        if any(whole == one or whole.startswith(one.rstrip("/") + "/") for one in self._own):
            return re.split("[?#]", whole)[0]
        return f"{found[1]}/{STARS}"


def _spellings(secret: str) -> set[bytes]:
    """How a program might have written it down; of a short one only as it is, for in base64 it would be in everything."""
    data = secret.encode()
    quoted = json.dumps(secret)[1:-1]
    forms = {data, quoted.encode(), json.dumps(quoted)[1:-1].encode(), quote(secret, safe="").encode(), quote_plus(secret).encode()}
    if len(secret) < MIN_FREE_CHARACTERS:
        return forms
    return forms | {data.hex().encode(), data.hex().upper().encode()} | {form for shift in range(3) for form in _in_base64(data, shift)}


def _in_base64(data: bytes, shift: int) -> Iterator[bytes]:
    """What is the same of a base64 text wherever the secret stands in it, after so many bytes: without the letters that its neighbours
    share. ``Basic`` headers are such texts."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(bytes(shift) + data).rstrip(b"=")[(0, 2, 3)[shift] :]
        yield text if (shift + len(data)) % 3 == 0 else text[:-1]
