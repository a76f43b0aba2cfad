"""What every setting is, in a sentence: for ``config explain``, for the schema that editors read, and for the technicians' page.

The texts stand apart from the models, by the class that has the field; a class without a text of its own has that of its base. Limits,
defaults and units are never repeated here: they are read from the models, and cannot disagree with them.
"""

from collections.abc import Mapping

from agent.settings.meanings.links import LINKS
from agent.settings.meanings.shop import SHOP
from agent.settings.meanings.systems import SYSTEMS
from agent.settings.meanings.ways_in import WAYS_IN
from agent.settings.part import Part
from agent.texts import Message, message

MEANINGS: Mapping[type[Part], Mapping[str, str]] = {**SHOP, **SYSTEMS, **LINKS, **WAYS_IN}


def meaning(model: type[Part], field: str) -> Message:
    """What a setting of a table is. Raises KeyError for a setting without a text; a test shows that there is none."""
    for one in model.__mro__:
        if issubclass(one, Part) and field in MEANINGS.get(one, {}):
            return message(MEANINGS[one][field])
    raise KeyError(f"{model.__name__}.{field}")
