"""The journeys' ground: one demo and one set of engines for all, a person with a fresh browser for each."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.engines import ENGINES, Engines
from tests.browser.person import Person
from tests.browser.stack import Demo, running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with ExitStack() as stack:
        engines = Engines(tmp_path_factory.mktemp("engines"))
        stack.callback(engines.close)
        yield engines


@pytest.fixture(autouse=True)
def a_new_day(demo: Demo) -> None:
    """All journeys come from one machine, so what one of them used up the next would have to wait for."""
    database = sqlite3.connect(demo.place.var / "keys.sqlite")
    with database:
        database.execute("DELETE FROM throttle")
    database.close()


@pytest.fixture
def start(engines: Engines, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Seats another person at a browser; nothing they did may leave a complaint in it."""
    with ExitStack() as browsers:
        people: list[Person] = []

        def start(engine: str, *, dark: bool = False, locale: str = "en-US", scripts: bool = True) -> Person:
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            person = engines.person(engine, folder, dark=dark, locale=locale, scripts=scripts)
            people.append(browsers.enter_context(person))
            return people[-1]

        yield start
        for person in people:
            assert person.unforgiven() == []


@pytest.fixture(params=ENGINES)
def person(request: pytest.FixtureRequest, start: Callable[..., Person]) -> Person:
    """Somebody at each of the three browsers."""
    return start(request.param)


@pytest.fixture
def somebody(start: Callable[..., Person]) -> Person:
    """Somebody at one browser, for what does not depend on which it is."""
    return start("chromium")


@pytest.fixture
def address() -> str:
    """An address that nobody has used before."""
    return f"nora.{uuid4().hex[:8]}@post.example"
