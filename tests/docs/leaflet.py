"""The cashier's leaflet as a page to print: docs/ru/pamyatka-kassira.html, made from the text beside it.

``python -m tests.docs.leaflet --write`` makes it anew.
"""

import sys
from pathlib import Path

from markdown_it import MarkdownIt

TEXT = Path(__file__).parents[2] / "docs" / "ru" / "pamyatka-kassira.md"
PRINTED = TEXT.with_suffix(".html")
STYLE = """
  @page { size: A4; margin: 10mm }
  body { font: 9.5pt/1.2 Arial, "Liberation Sans", sans-serif; max-width: 190mm; margin: 0 auto }
  table { border-collapse: collapse; width: 100% }
  td, th { border: 1px solid #666; padding: 1px 5px; text-align: left; vertical-align: top }
  td:first-child { width: 36% }
  td:last-child { width: 40% }
  h1 { font-size: 15pt; margin: 0 0 4pt }
  h2 { font-size: 12pt; margin: 6pt 0 2pt }
  p, ol, ul { margin: 3pt 0 }
"""


def printed(text: str) -> str:
    """The page."""
    body = MarkdownIt("commonmark", {"html": True, "xhtmlOut": False}).enable("table").render(text)
    head = f'<meta charset="utf-8">\n<title>Памятка кассира</title>\n<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="ru">\n<head>\n{head}\n</head>\n<body>\n{body}</body>\n</html>\n'


if __name__ == "__main__":
    made = printed(TEXT.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        PRINTED.write_text(made, encoding="utf-8")
    elif PRINTED.read_text(encoding="utf-8") != made:
        sys.exit("docs/ru/pamyatka-kassira.html is stale: python -m tests.docs.leaflet --write")
