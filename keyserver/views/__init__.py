"""The doors: one blueprint per kind of caller, each with its own guards; only rooms in here know Flask."""

from keyserver.views import (
    api,
    brand,
    copies,
    forwarded,
    language,
    online,
    opening,
    opening_api,
    reading,
    recipient,
    sender,
    signin,
)

#: What a caller can reach. `origins` knows whose cookies count, and which need no check of where forms come
#: from.
BLUEPRINTS = (
    signin.blueprint,
    language.blueprint,
    recipient.blueprint,
    sender.blueprint,
    opening.blueprint,
    online.blueprint,
    forwarded.blueprint,
    reading.blueprint,
    brand.blueprint,
    opening_api.blueprint,
    copies.blueprint,
    api.blueprint,
)
