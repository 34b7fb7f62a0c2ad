"""The demo's key server: the real one with the mailbox page added; `python -m demo.portal MAIL_FOLDER`."""

import os
import sys
from pathlib import Path

import waitress

from demo import mailbox
from demo.maildirs import Maildirs
from keyserver import create_app
from keyserver.settings import Settings


def main() -> None:
    settings = Settings.from_environ(os.environ)
    app = create_app(settings)
    app.register_blueprint(mailbox.pages(Maildirs(Path(sys.argv[1]))))
    waitress.serve(app, listen=settings.listen, threads=settings.threads, ident=None)


if __name__ == "__main__":
    main()
