"""Goal: the line of ``systemctl status`` is in the language of the configuration. Method: a real configuration, and a mistake in the
changed file."""

import pytest

from agent.running.configuration import Configuration
from agent.running.reload import Reloader
from agent.settings import BadSettings, load
from tests.support.stand import Plan, Stand

NOT_USED = {"en": "THE CHANGED CONFIGURATION IS NOT USED: mistakes: 1,", "ru": "ИЗМЕНЁННЫЕ НАСТРОЙКИ НЕ ДЕЙСТВУЮТ: ошибок: 1,"}


@pytest.mark.parametrize("language", NOT_USED)
def test_a_changed_file_that_is_not_used_stands_in_the_line(language: str) -> None:
    """Until then the environment alone."""
    stand = Stand(Plan(language=language))
    try:
        stand._write_files()
        reloader = Reloader.__new__(Reloader)  # of all it works with, the line needs the configuration
        reloader.configuration = Configuration(stand.config, load(stand.config))
        assert reloader.summary() == "test"
        stand.config.write_text("environment = 1")
        with pytest.raises(BadSettings) as wrong:
            load(stand.config)
        reloader.configuration.refuse(BadSettings(wrong.value.problems[:1]))
        assert reloader.summary() == f"test; {NOT_USED[language]} {'see' if language == 'en' else 'смотрите'} koshelek-agent status"
    finally:
        stand.close()
