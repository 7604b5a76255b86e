"""The references of CITATION.cff as BibTeX."""
from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

__all__ = ["Reference", "as_bibtex", "as_text", "references"]


@dataclass(frozen=True)
class Reference:
    """A paper, or this software: without a journal. authors: 'Family, Given' each."""

    key: str
    authors: tuple[str, ...]
    title: str
    year: int | None = None
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""
    arxiv: str = ""
    version: str = ""


def references() -> list[Reference]:
    """This software, CLASS, and the paper of the method."""
    return [
        Reference("cosmicnet", ("{the cosmicnet authors}",),
                  "cosmicnet: neural networks for the source functions of CLASS", version=version("cosmicnet")),
        Reference("Blas:2011rf", ("Blas, Diego", "Lesgourgues, Julien", "Tram, Thomas"),
                  "The Cosmic Linear Anisotropy Solving System (CLASS) II: Approximation schemes",
                  2011, "JCAP", "07", "034", "10.1088/1475-7516/2011/07/034", "1104.2933"),
        Reference("Albers:2019rzt", ("Albers, Jasper", "Fidler, Christian", "Lesgourgues, Julien", "Schöneberg, Nils",
                                     "Torrado, Jesus"),
                  "CosmicNet. Part I. Physics-driven implementation of neural networks within Einstein-Boltzmann "
                  "Solvers", 2019, "JCAP", "09", "028", "10.1088/1475-7516/2019/09/028", "1907.05764"),
    ]


def as_text(reference: Reference) -> str:
    """One line."""
    authors = ", ".join(name.split(", ")[0].strip("{}") for name in reference.authors)
    if not reference.journal:
        return f"{authors}, {reference.title}, version {reference.version}."
    return (f"{authors}, {reference.title}, {reference.journal} {reference.volume} ({reference.year}) "
            f"{reference.pages}, doi:{reference.doi}, arXiv:{reference.arxiv}.")


def as_bibtex(reference: Reference) -> str:
    """An entry."""
    fields = {
        "author": " and ".join(reference.authors), "title": f"{{{reference.title}}}", "journal": reference.journal,
        "volume": reference.volume, "pages": reference.pages, "year": str(reference.year or ""), "doi": reference.doi,
        "eprint": reference.arxiv, "archivePrefix": "arXiv" if reference.arxiv else "", "version": reference.version}
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    kind = "article" if reference.journal else "software"
    return "\n".join([f"@{kind}{{{reference.key},", *lines, "}"])
