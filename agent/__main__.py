"""``python -m agent`` is the command ``koshelek-agent``."""

from agent.cli import main

main()
