"""The demo's key server: the real one with the mailbox page added; `python -m demo.portal MAIL_FOLDER`."""

import os
import sys
from pathlib import Path

from demo import mailbox
from demo.forwarding import Forwarder
from demo.maildirs import Maildirs
from demo.organisation import OPEN_ADDRESS
from keyserver import create_app, serving
from keyserver.settings import Settings


def main() -> None:
    settings = Settings.from_environ(os.environ)
    app = create_app(settings)
    forwarder = Forwarder(settings.mail_url, settings.open_address or OPEN_ADDRESS)
    app.register_blueprint(mailbox.pages(Maildirs(Path(sys.argv[1])), forwarder))
    serving.server(app, settings).run()


if __name__ == "__main__":
    main()
