"""The import graph of the project's rooms, read from the code: lazy imports included.

A room is a folder of `casgan_jax`, or a single file of its root; `datasets` and `launch` are rooms
as a whole, as are the folders of `launch`.

    python -m tests.rooms     # prints every arrow, and the files that it consists of
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("casgan_jax", "datasets", "launch")

Arrows = dict[str, dict[str, set[str]]]  # room -> room that it imports -> files that do


def source_files() -> Iterator[Path]:
    """Every Python file of the project but the tests'."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    """`casgan_jax.files` of `casgan_jax/files.py`; a package's of its `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room of a module."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "casgan_jax" else parts[0]


def imported_modules(path: Path, known: set[str]) -> Iterator[str]:
    """The project's modules that a file imports, at its head or within a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            # A name of a module, or the module itself.
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name:
                yield name


def arrows_of_rooms() -> Arrows:
    """Which room imports which other, and by which files."""
    known = {module_name(path) for path in source_files()}
    arrows: Arrows = defaultdict(lambda: defaultdict(set))
    for path in source_files():
        module = module_name(path)
        for imported in imported_modules(path, known):
            here, there = room_of(module), room_of(imported)
            if here != there and there not in PACKAGES[:1]:  # the face has the version alone
                arrows[here][there].add(f"{module} -> {imported}")
    return {here: dict(found) for here, found in arrows.items()}


def circle(arrows: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Rooms that import each other in a circle, the first of them again at the end; or none."""
    done: set[str] = set()

    def search(room: str, trail: list[str]) -> list[str]:
        if room in trail:
            return [*trail[trail.index(room) :], room]
        if room not in done:
            for following in arrows.get(room, {}):
                if found := search(following, [*trail, room]):
                    return found
            done.add(room)
        return []

    for room in arrows:
        if found := search(room, []):
            return found
    return []


if __name__ == "__main__":
    for room, others in sorted(arrows_of_rooms().items()):
        for other, files in sorted(others.items()):
            print(f"{room} -> {other}")
            print("\n".join(f"    {file}" for file in sorted(files)))
    print("circle:", " -> ".join(circle(arrows_of_rooms())) or "none")
