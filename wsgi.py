"""The key server for a WSGI server: environment -> settings -> application, and nothing else."""

import os

from keyserver import create_app
from keyserver.settings import Settings

app = create_app(Settings.from_environ(os.environ))
