"""The key server: keys, people, messages, pages and API; this is where it is put together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command must start without Flask
    from flask import Flask

    from keyserver.settings import Settings


def create_app(settings: "Settings") -> "Flask":
    """The WSGI application. Does not touch the database before the first request."""
    from keyserver.views import BLUEPRINTS, errors
    from keyserver.views.application import KeyServer

    app = KeyServer(settings)
    errors.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app
