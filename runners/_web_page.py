"""Web pages: the tree of what a reader sees of one, and its text with the headings marked."""

from typing import Any, cast

_HIDDEN = ("script", "style", "head", "template", "noscript")
_HEADINGS = {f"h{depth}": "#" * depth for depth in range(1, 7)}
_BLOCKS = (
    *("p", "div", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "section", "article", "main"),
    *("header", "footer", "nav", "aside", "blockquote", "pre", "figure", "figcaption", "form"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "br", "hr"),
)


def tree(page: str) -> Any:  # noqa: ANN401 -- lxml's own class
    """The elements of a page, without scripts, styles, comments and what is hidden."""
    from lxml import etree, html

    try:
        root = _parsed(page.encode(), html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, ValueError):
        return _parsed(b"<p></p>", html.HTMLParser())
    etree.strip_elements(root, *_HIDDEN, etree.Comment, with_tail=False)
    for element in [e for e in root.iter() if _is_hidden(e)]:
        element.drop_tree()
    return root


def title(page: str) -> str:
    """What stands in the page's title element."""
    from lxml import etree, html

    try:
        root = _parsed(page.encode(), html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, ValueError):
        return ""
    return " ".join(str(root.findtext(".//title") or "").split())


def marked(page: str) -> str:
    """The visible text as Markdown: a blank line between blocks, headings with their signs."""
    root = tree(page)
    for cell in root.iter("td", "th"):
        cell.tail = f" {cell.tail or ''}"
    for element in root.iter(*_BLOCKS):
        sign = _HEADINGS.get(element.tag)
        if sign:
            said = " ".join(str(element.text_content()).split())
            for child in list(element):
                element.remove(child)
            element.text = f"\n\n{sign} {said}" if said else ""
        element.tail = f"\n\n{element.tail or ''}"
        if not sign:
            element.text = f"\n\n{element.text or ''}"
    return _paragraphs(str(root.text_content()))


def _paragraphs(text: str) -> str:
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return "\n\n".join(part for part in parts if part)


def _parsed(page: bytes, parser: Any) -> Any:  # noqa: ANN401
    from lxml import html

    return cast("Any", html).document_fromstring(page, parser=parser)


def _is_hidden(element: Any) -> bool:  # noqa: ANN401
    style = str(element.get("style") or "").replace(" ", "").lower()
    hidden = "display:none" in style or "visibility:hidden" in style
    return element.getparent() is not None and (hidden or element.get("hidden") is not None)
