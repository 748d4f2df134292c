"""Draw the packages of playNano in layers, with the imports between them, as SVG."""

import ast
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "playNano"
WIDTH, ROW, BOX = 960, 92, 44
EVERYWHERE = {"errors", "_jit", "_options"}
"""Packages that all others may import, without arrows."""


def layers() -> list[list[str]]:
    """Return the packages of each layer, from the top, as `pyproject.toml` declares them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    declared = next(contract for contract in contracts if contract["name"] == "Dependencies run downwards")
    return [
        [name.strip().removeprefix("playNano.") for name in layer.split("|")] for layer in declared["layers"]
    ]


def imports() -> Counter[tuple[str, str]]:
    """Count the import statements from one package to another, also those within functions."""
    counts: Counter[tuple[str, str]] = Counter()
    for file in SOURCE.rglob("*.py"):
        importer = file.relative_to(SOURCE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "playNano" and len(parts) > 1 and parts[1] != importer:
                    counts[importer, parts[1]] += 1
    return counts


def places(rows: list[list[str]]) -> dict[str, tuple[float, float]]:
    """Return the centre of the box of each package."""
    return {
        name: (WIDTH * (column + 0.5) / len(row), ROW * (number + 0.5))
        for number, row in enumerate(rows)
        for column, name in enumerate(row)
    }


def direct(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the imports that do not follow from others: a -> c is left out where there are a -> b and b -> c.

    Examples
    --------
    >>> sorted(direct({("a", "b"), ("b", "c"), ("a", "c")}))
    [('a', 'b'), ('b', 'c')]
    """

    def below(name: str) -> set[str]:
        own = {b for a, b in pairs if a == name}
        return own.union(*map(below, own)) if own else own

    return {(a, c) for a, c in pairs if not any(c in below(b) for x, b in pairs if x == a and b != c)}


def draw() -> str:
    """Return the picture as SVG."""
    rows = layers()
    where, counts = places(rows), imports()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(rows)}" '
        'font-family="sans-serif" font-size="15">',
        f'<rect width="{WIDTH}" height="{ROW * len(rows)}" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#4a6785"/></marker></defs>',
    ]
    shown = {pair: n for pair, n in counts.items() if set(pair) <= set(where) and pair[1] not in EVERYWHERE}
    needed = direct(set(shown))
    for (importer, imported), count in sorted(shown.items(), key=lambda item: item[0] in needed):
        (x0, y0), (x1, y1) = where[importer], where[imported]
        style = (
            'stroke-width="1.8" marker-end="url(#tip)"'
            if (importer, imported) in needed
            else 'stroke-opacity="0.25"'
        )
        bend = (x0 + x1) / 2 + (90 if y1 - y0 > ROW else 0) * (1 if x0 + x1 >= WIDTH else -1)
        parts.append(
            f'<path d="M{x0:.0f},{y0 + BOX / 2:.0f} Q{bend:.0f},{(y0 + y1) / 2:.0f} '
            f'{x1:.0f},{y1 - BOX / 2:.0f}" fill="none" stroke="#4a6785" {style}>'
            f"<title>{importer} imports {imported}: {count} statements</title></path>"
        )
    for name, (x, y) in where.items():
        half = 12 + 4.6 * len(name)
        parts.append(
            f'<rect x="{x - half:.0f}" y="{y - BOX / 2:.0f}" width="{2 * half:.0f}" height="{BOX}" rx="6" '
            'fill="#e8eef4" stroke="#4a6785"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="#1c2b3a">{name}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
