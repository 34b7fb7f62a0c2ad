"""The key server itself, with an account, on a port of its own; for what only both together can show."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from werkzeug.serving import make_server

from keyserver import accounts, create_app
from keyserver.db import Database, upgrade
from keyserver.models import Message
from tests.factories import make_settings


class RealKeyServer:
    """A running key server, and the token that provisions gateways of its one account."""

    def __init__(self, url: str, token: str, *, database: Database) -> None:
        self.url = url
        self.token = token
        self._database = database

    def message_ids(self) -> set[str]:
        with self._database.reading() as db:
            return {str(message_id) for message_id in db.scalars(select(Message.id))}


@contextmanager
def running(folder: Path) -> Iterator[RealKeyServer]:
    copies = (folder / "copies").as_uri()
    app = create_app(make_settings(f"sqlite:///{folder}/keys.sqlite", copies_url=copies))
    database: Database = app.extensions["sealpost"].database
    upgrade(database.engine)
    with database.writing() as db:
        now = datetime.now(UTC)
        account = accounts.create(db, "Example Bank", domains=("bank.example",), now=now)
        token = accounts.provisioning_token(db, account, now=now)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield RealKeyServer(f"http://127.0.0.1:{server.server_port}", token, database=database)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        database.dispose()
