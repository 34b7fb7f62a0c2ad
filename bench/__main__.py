"""`python -m bench [ROOM...]`: runs every room, prints one table; fails when a ratio is over its limit."""

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules

import bench
from bench import Row


def rows(wanted: list[str]) -> Iterator[Row]:
    """The rows of all rooms, or of those that are wanted."""
    for module in iter_modules(bench.__path__, "bench."):
        if not module.name.endswith("__main__") and (
            not wanted or module.name.removeprefix("bench.") in wanted
        ):
            yield from import_module(module.name).run()


def table(found: Iterable[Row]) -> Iterator[str]:
    """Each row as a line, aligned."""
    yield f"{'':3} {'ratio':>8} {'limit':>8}  what"
    for row in found:
        mark = "" if row.is_within else "!!!"
        yield f"{mark:3} {row.ratio:8.2f} {row.limit:8.2f}  {row.what}{f' ({row.note})' if row.note else ''}"


def main() -> int:
    """Print as it goes; 1 when something is slower or larger than it may be."""
    seen: list[Row] = []

    def passing() -> Iterator[Row]:
        for row in rows(sys.argv[1:]):
            seen.append(row)
            yield row

    for line in table(passing()):
        print(line, flush=True)
    return 0 if all(row.is_within for row in seen) else 1


if __name__ == "__main__":
    sys.exit(main())
