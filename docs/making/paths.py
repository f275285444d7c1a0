"""Which file of the repository becomes which page, and links between files made links between pages."""
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = {".png", ".svg", ".jpg"}
LANGUAGES = {".py": "python", ".cu": "c", ".js": "javascript", ".md": "markdown", ".toml": "toml", ".cfg": "ini",
             ".sh": "bash", ".json": "json", ".css": "css", ".html": "html"}
FENCED = re.compile(r"(^(`{3,}|~{3,}).*?^\2[`~]*$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)\s#]+)((?:#[^)\s]*)?)(?=\))")
QUOTED = re.compile(r"(?<![`\[])`((?:\w[\w.-]*/)+[\w.-]+\.[a-z]+)`(?![`\]])")


def documents() -> dict[str, str]:
    """Return the pages that stand in the repository as they are: the file's path, and the page's.

    Whatever is added as docs/NAME.md, as a README.md beside results or as a notebook becomes a page by itself.
    """
    found = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md", "README.md": "index.md",
             "benchmarks/GRADIENT_CHECKS.md": "benchmarks/gradient_checks.md"}
    for folder in ("docs", "docs/pages"):                                      # in the latter, links lead to pages
        found |= {f"{folder}/{path.name}": path.name for path in sorted((ROOT / folder).glob("*.md"))}
    for pattern in ("benchmarks/README.md", "kernels/README.md", "examples/README.md", "results/**/README.md",
                    "tinynet/data/photographs/README.md"):
        names = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob(pattern))]
        found |= {name: name.replace("README.md", "index.md") for name in names}
    return found | {f"notebooks/{path.name}": f"notebooks/{path.name}" for path in notebooks()}


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


class Pages:
    """The folder of pages that Sphinx reads, and the files of the repository that some page links to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.documents = folder, documents()
        self.sources: set[str] = set()

    def write(self, page: str, text: str) -> None:
        path = self.folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def relinked(self, text: str, origin: str, page: str) -> str:
        """Return a file's text with its links for where the page is; a path in backticks becomes a link, too.

        Raises
        ------
        FileNotFoundError
            For a link to a file that does not exist. (Whether a page that is made does, Sphinx says.)
        """
        parts = FENCED.split(text)
        for i in range(0, len(parts), 3):                                      # between the fences
            parts[i] = LINK.sub(lambda match: self.target(match[1], origin, page) + match[2], parts[i])
            parts[i] = QUOTED.sub(lambda match: self.quoted(match[0], match[1], page), parts[i])
            if i + 2 < len(parts):
                parts[i + 2] = ""                                              # the fence's own marks, caught twice
        return "".join(parts)

    def target(self, link: str, origin: str, page: str) -> str:
        """Return where a link of a file leads from a page."""
        name = os.path.normpath(os.path.join(os.path.dirname(origin), link))
        path = ROOT / name
        if not path.exists():
            if not name.endswith(".md"):
                raise FileNotFoundError(f"{origin} links to {link}: there is no {path}")
            return os.path.relpath(  # a page that is made; else Sphinx says so
                re.sub("^docs/(pages/)?", "", name), os.path.dirname(page) or ".")
        if path.is_dir() and f"{name}/README.md" in self.documents:
            name = f"{name}/README.md"
        found = self.documents.get(name)
        if found is None and path.suffix in PICTURES:
            found = name
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.folder / name)
        if found is None:
            self.sources.add(name)
            found = source_page(name)
        return os.path.relpath(found, os.path.dirname(page) or ".")

    def quoted(self, written: str, name: str, page: str) -> str:
        known = (ROOT / name).is_file() and name not in self.documents and Path(name).suffix in LANGUAGES
        return f"[{written}]({self.target(name, '', page)})" if known else written

    def source_pages(self) -> Iterator[tuple[str, str]]:
        """Yield the pages, and their texts, that show the files that other pages link to, folders as lists."""
        waiting, done = set(self.sources), set()
        while waiting:
            name = waiting.pop()
            done.add(name)
            page = source_page(name)
            if (ROOT / name).is_dir():
                inside = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / name).iterdir())
                          if path.suffix in LANGUAGES]
                text = "\n".join(f"- [{Path(one).name}]({self.target(one, '', page)})" for one in inside)
            else:
                language = LANGUAGES.get(Path(name).suffix, "text")
                text = f"`````{language}\n{(ROOT / name).read_text(encoding='utf-8')}\n`````"
            yield page, f"---\norphan: true\n---\n# `{name}`\n\n{text}\n"
            waiting |= self.sources - done


def source_page(name: str) -> str:
    return f"source/{name}/index.md" if (ROOT / name).is_dir() else f"source/{name}.md"
