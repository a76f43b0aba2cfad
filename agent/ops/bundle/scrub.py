"""Takes out of texts and values what must not leave the till, by its name, by its looks, and by being known."""

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any
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
    r"|почт\w*|(?<![a-z])fio(?![a-z])|(?<!\w)фио(?!\w)|паспорт\w*|passport\w*"
)
_PEOPLE = "recipient|customer|buyer|payer|client"  # as the whole of a key; in a sentence they are only words
_NAME = re.compile(rf"{_NAMES}|\A(?:{_PEOPLE})\Z", re.IGNORECASE)
_NAMED = re.compile(
    rf"""(?i)((?:{_NAMES}|["'](?:{_PEOPLE})(?=\\*["'])|\b(?:{_PEOPLE})(?==))\\*["']?\s*(?:[:=]|—|\s-\s)\s*\\*["']?)"""
    r"""([^\s"',;}\])\\][^"',;}\])\n]*)"""
)
_CUT_OBJECT = re.compile(rf"""(?i)(["'](?:{_PEOPLE})\\*["']\s*:\s*)[\[{{].*""")  # of a line that is no whole JSON: to its end
_SPOKEN = re.compile(r"(?i)((?<!\w)(?:фио|fio)\s+|(?:паспорт|passport)\w*[^\d\n]{0,30}(?=\d))[^\n,;\"']+")
# Links: as they are, in JSON that escapes its slashes, in another address, and without a scheme.
_ADDRESS = re.compile(r"\b(https?:(?:\\*/){2}[^\s/?#\"'<>\\]+)((?:\\*/|[?#])[^\s\"'<>]*)", re.IGNORECASE)
_QUOTED_ADDRESS = re.compile(r"\bhttps?%3A%2F%2F[^\s\"'<>&]+", re.IGNORECASE)
_BARE_ADDRESS = re.compile(r"(?<![\w.@/\\:%-])((?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?)(\\*/[^\s\"'<>]+)", re.IGNORECASE)
_PEOPLES = r"""
      [\w.+-]+ @ [\w-]+ (?: \. [\w-]+ )+  # e-mail
    | (?<! [\w-] ) \+\d [\s.(-]* \d{3} [\s.)-]* \d{3} [\s.-]* \d{2} [\s.-]* \d{2} (?! \d )  # a telephone number
    | (?<! [\w.:-] ) [78] [\s.(-]+ \d{3} [\s.)-]+ \d{3} [\s.-]* \d{2} [\s.-]* \d{2} (?! \d )
    | (?<! [\w.:/-] ) [78]? \(? 9\d{2} \)? [\s.-]* \d{3} [\s.-]? \d{2} [\s.-]? \d{2} (?! [\w-] )
    | (?<! [\w./-] ) \d{4} (?: [ .-] \d{4} ){3} (?: [ .-]? \d{1,3} )? (?! [\w-] )  # a card as it is printed
    | \b (?: [srp]k_ (?: live | test ) _ | whsec_ | eyJ [\w-]{8,} \. ) [\w.-]+  # keys by their beginnings"""
_LOOKS = re.compile(
    rf"""(?x) {_PEOPLES}
    | (?<! [\w.:/-] ) \d (?: [ -]? \d ){{10,}} (?! [\w-] )  # cards, loyalty numbers, bar codes, telephones without a plus
    | (?<= : ) \d{{11,19}} (?! [\w.-] )"""
)
_NO_ID = re.compile(rf"(?x) {_PEOPLES}")
_CARD = re.compile(r"[2-6]\d{15}")
_TOKEN = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=.-]{16,}")
CHOSEN_IDS = frozenset({"key", "order", "orderId", "id"})  # somebody else makes these up, and a token has been among them

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
        for named in (_CUT_OBJECT, _NAMED, _SPOKEN):
            cleaned = named.sub(rf"\1{STARS}", str(cleaned))
        cleaned = _BARE_ADDRESS.sub(self._shortened, _ADDRESS.sub(self._shortened, str(cleaned)))
        return _LOOKS.sub(STARS, _QUOTED_ADDRESS.sub(STARS, cleaned))

    def value(self, value: object, name: str = "") -> object:
        """A value of JSON's kinds, all the way down."""
        match value:
            case Mapping():
                return {str(key): STARS if _names_secret(str(key)) else self.value(one, str(key)) for key, one in value.items()}
            case list() | tuple():
                return [self.value(one, name) for one in value]
            case str() if name in IDS:
                return value if _is_id(value) else self.text(_NO_ID.sub(STARS, value))
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
                    found = _without_tokens(found)
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
        whole = re.sub(r"\\+/", "/", found[0])
        for one in self._own:
            for own in (one, one.partition("://")[2]):
                if whole == own or whole.startswith(own.rstrip("/") + "/"):
                    return re.split("[?#]", whole)[0]
        return f"{found[1]}/{STARS}"


def _is_id(value: str) -> bool:
    """Whether a value that stands where an id should does not look like a person's number or somebody's key."""
    return _NO_ID.search(value) is None and not (_CARD.fullmatch(value) and _has_check_digit(value))


def _has_check_digit(digits: str) -> bool:
    """By the rule of bank cards (Luhn)."""
    doubled = [sum(divmod(int(digit) * (2 if place % 2 else 1), 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _without_tokens(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of a log, which anybody may have written: under names that are chosen freely nothing is left that looks like a token."""

    def without(name: str, value: Any) -> Any:
        match value:
            case Mapping():
                return {str(key): without(str(key), one) for key, one in value.items()}
            case list():
                return [without(name, one) for one in value]
            case str() if name in CHOSEN_IDS and _TOKEN.fullmatch(value):
                return STARS
            case _:
                return value

    return {str(key): without(str(key), one) for key, one in line.items()}


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
