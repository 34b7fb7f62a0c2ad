"""The house rules that no linter knows: who imports whom, where Flask ends, what a room is called and holds.

Each check is a function from sources to faults, seen to find a fault before it is trusted to find none.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("envelope", "keyserver", "gateway", "translations", "demo")
FOLDERS = (*PACKAGES, "tests", "bench", "static/js", "static/css")

NETWORK = {
    "http",
    "urllib.request",
    "urllib3",
    "requests",
    "socket",
    "ssl",
    "asyncio",
    "smtplib",
    "imaplib",
    "aiosmtpd",
}
WEB = {"flask", "flask_login", "werkzeug", "waitress", "gunicorn"}
DATABASE = {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
#: Who may not import what. `demo` stands on top: it may import all, none may import it.
FORBIDDEN = {
    "translations": {"envelope", "keyserver", "gateway", "demo"},
    "envelope": {"keyserver", "gateway", "demo"} | NETWORK | WEB | DATABASE,
    "gateway": {"keyserver", "demo"} | WEB | {"sqlalchemy", "alembic", "psycopg"},
    "keyserver": {"gateway", "demo"},
}
#: What the lower layers of the key server may import of it; a module not listed here is domain.
LAYERS = {
    "keyserver.errors": set[str](),
    "keyserver.settings": {"keyserver.errors"},
    "keyserver.db": {"keyserver.errors", "keyserver.settings"},
    "keyserver.models": {"keyserver.errors", "keyserver.db"},
}
#: The rooms above the domain: it may import none of them.
ABOVE = ("keyserver.views", "keyserver.cli", "keyserver.worker", "keyserver.create_app")
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
#: Longer than this, and a file holds more than one job. Templates named base.html are what others extend.
LINES = {".py": 500, ".js": 200, ".html": 200, ".css": 500}

Sources = Mapping[str, str]
Check = Callable[[Sources], Iterator[str]]


def sources() -> Sources:
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in LINES)
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def modules(sources: Sources) -> Iterator[tuple[str, ast.Module]]:
    """The packages' modules by their dotted names."""
    for path, text in sources.items():
        if path.endswith(".py") and path.split("/")[0] in PACKAGES:
            yield (
                ".".join(PurePosixPath(path).with_suffix("").parts).removesuffix(".__init__"),
                ast.parse(text),
            )


def imports(tree: ast.Module) -> Iterator[str]:
    """Every dotted name that a module imports, wherever in it; `from a import b` counts as `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, rooms: set[str] | tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def packages_that_import_a_forbidden_one(sources: Sources) -> Iterator[str]:
    for module, tree in modules(sources):
        forbidden = FORBIDDEN.get(module.split(".")[0], set())
        yield from (f"{module} imports {name}" for name in imports(tree) if within(name, forbidden))


def translations_beyond_babel(sources: Sources) -> Iterator[str]:
    allowed = sys.stdlib_module_names | {"babel", "translations"}
    for module, tree in modules(sources):
        if within(module, ("translations",)):
            yield from (
                f"{module} imports {name}" for name in imports(tree) if name.split(".")[0] not in allowed
            )


def relative_imports(sources: Sources) -> Iterator[str]:
    """They hide from a reader, and from the checks here, who imports whom."""
    for module, tree in modules(sources):
        if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree)):
            yield module


def layers_that_look_up(sources: Sources) -> Iterator[str]:
    for module, tree in modules(sources):
        if not within(module, ("keyserver",)) or module == "keyserver" or within(module, ABOVE):
            continue
        inside = {name for name in imports(tree) if within(name, ("keyserver",)) and name != "keyserver"}
        upward = {name for name in inside if within(name, ABOVE)}
        if module in LAYERS:
            upward |= {name for name in inside if not within(name, LAYERS[module])}
        yield from (f"{module} imports {name}" for name in sorted(upward))


def flask_outside_the_views(sources: Sources) -> Iterator[str]:
    """`create_app` puts Flask together and the demo adds a blueprint; the request is known to views alone."""
    per_request = {f"flask.{name}" for name in ("request", "session", "g", "current_app")}
    for module, tree in modules(sources):
        if within(module, ("keyserver.views",)):
            continue
        allowed = module == "keyserver" or within(module, ("demo",))
        used = {name for name in imports(tree) if within(name, ("flask", "flask_login"))}
        used |= {
            ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
        } & per_request
        yield from (f"{module} uses {name}" for name in sorted(used) if not allowed or name in per_request)


def environment_read_at_import(sources: Sources) -> Iterator[str]:
    for module, tree in modules(sources):
        for node in at_import(tree):
            if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node).split(".")[-1] in {
                "environ",
                "getenv",
            }:
                yield f"{module}:{node.lineno} reads the environment"


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but the bodies of functions."""
    yield node
    for name, field in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST):
                yield from at_import(child)


def rooms_without_a_name(sources: Sources) -> Iterator[str]:
    for path in sources:
        stems = {PurePosixPath(part).stem for part in PurePosixPath(path).parts}
        if stems & NAMELESS and not path.endswith("/base.html"):
            yield f"{path}: what is it about?"


def files_too_long(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        lines, limit = text.count("\n"), LINES[PurePosixPath(path).suffix]
        if lines > limit:
            yield f"{path} has {lines} lines, {limit} at most"


def modules_without_a_purpose(sources: Sources) -> Iterator[str]:
    for path, text in sources.items():
        if path.endswith(".py") and text.strip() and ast.get_docstring(ast.parse(text)) is None:
            yield f"{path} does not say what it owns"


def work_left_for_later(sources: Sources) -> Iterator[str]:
    mark = re.compile(r"\b(TO[D]O|FIXM[E]|XX[X])\b")
    for path, text in sources.items():
        yield from (f"{path}:{n}" for n, line in enumerate(text.splitlines(), 1) if mark.search(line))


def silenced_without_a_reason(sources: Sources) -> Iterator[str]:
    """`# noqa: X` and `# type: ignore[x]` stand with words beside them, or directly under a comment."""
    silence = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])(?P<reason>.*)$")
    for path, text in sources.items():
        above = ""
        for n, line in enumerate(text.splitlines(), 1):
            found = silence.search(line)
            if found and not re.search(r"\w", found["reason"]) and not above.lstrip().startswith("#"):
                yield f"{path}:{n} silences a check without a reason"
            above = line


#: Each check with the smallest source that breaks it.
CHECKS: list[tuple[Check, Sources]] = [
    (
        packages_that_import_a_forbidden_one,
        {"envelope/a.py": "def f():\n    from urllib3 import PoolManager"},
    ),
    (packages_that_import_a_forbidden_one, {"envelope/a.py": "import http.client"}),
    (packages_that_import_a_forbidden_one, {"gateway/a.py": "from keyserver.models import Message"}),
    (packages_that_import_a_forbidden_one, {"keyserver/a.py": "import gateway.queue as queue"}),
    (packages_that_import_a_forbidden_one, {"keyserver/views/a.py": "from demo import mailbox"}),
    (translations_beyond_babel, {"translations/__init__.py": "import flask_babel"}),
    (relative_imports, {"keyserver/a.py": "from . import views"}),
    (layers_that_look_up, {"keyserver/messages.py": "from keyserver.views import web"}),
    (layers_that_look_up, {"keyserver/people.py": "from keyserver import create_app"}),
    (layers_that_look_up, {"keyserver/models.py": "from keyserver import people"}),
    (layers_that_look_up, {"keyserver/db.py": "from keyserver.models import Person"}),
    (flask_outside_the_views, {"keyserver/people.py": "from flask import request"}),
    (flask_outside_the_views, {"keyserver/__init__.py": "import flask\ndef f(): return flask.g.person"}),
    (flask_outside_the_views, {"keyserver/__init__.py": "from flask import session"}),
    (environment_read_at_import, {"gateway/a.py": "import os\nclass A:\n    home = os.environ['HOME']"}),
    (environment_read_at_import, {"gateway/a.py": "import os\ndef f(home=os.getenv('HOME')): pass"}),
    (rooms_without_a_name, {"keyserver/utils.py": ""}),
    (rooms_without_a_name, {"static/js/common/dom.js": ""}),
    (files_too_long, {"keyserver/a.py": "\n" * 501}),
    (files_too_long, {"static/js/a.js": "\n" * 201}),
    (modules_without_a_purpose, {"tests/unit/test_a.py": "import os"}),
    (work_left_for_later, {"static/js/a.js": "// TO" + "DO: later"}),
    (silenced_without_a_reason, {"gateway/a.py": "import os  # no" + "qa: F401"}),
]


@pytest.mark.parametrize(("check", "bad"), CHECKS)
def test_check_finds_a_fault(check: Check, bad: Sources) -> None:
    assert list(check(bad))


@pytest.mark.parametrize(
    "check", dict.fromkeys(check for check, _ in CHECKS), ids=lambda check: check.__name__
)
def test_house_has_none_of_the(check: Check) -> None:
    assert list(check(sources())) == []


def test_environment_may_be_read_when_a_function_runs() -> None:
    good = {"gateway/cli.py": "import os\ndef main() -> None:\n    print(os.environ)"}

    assert not list(environment_read_at_import(good))
