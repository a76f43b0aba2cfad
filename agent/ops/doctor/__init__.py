"""The doctor: says by itself what is wrong with a till, what it means and what to do. It moves no money and writes nothing.

``await examine(file)`` makes every check, ``names`` chooses some (``NAMES`` are all). Each finding can be told in any language
(``Finding.told``); ``worst`` of them decides the exit status.
"""

from agent.ops.doctor.examine import CHECKS, NAMES, Check, examine
from agent.ops.doctor.finding import EXIT_STATUS, Finding, Grade, worst

__all__ = ["CHECKS", "EXIT_STATUS", "NAMES", "Check", "Finding", "Grade", "examine", "worst"]
