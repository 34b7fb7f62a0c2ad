"""Opening in Chromium: from the released key share to the message shown, against base64 + AES-GCM there."""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from playwright.sync_api import Page, Route, sync_playwright

from bench import Row
from bench.sealing import LARGE, SERVER, mail_of, securedoc_of
from envelope import SealedEnvelope
from envelope.ids import b64u_decode, b64u_encode
from tests.browser.engines import FLAGS
from tests.browser.install import find

ROUNDS = 9

#: Notes when the page has the key share and begins («decrypting»), and when the frame that shows the message
#: begins: all is laid out then, and left to the browser to paint.
WATCH = """
new MutationObserver(() => {
  const state = document.querySelector("main")?.dataset.state;
  if (state === "decrypting") window.began ??= performance.now();
  if (state === "open") requestAnimationFrame(() => (window.ended ??= performance.now()));
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-state"] });
"""

#: The floor: the payload's own text, decoded and decrypted by what the browser has, and nothing else.
FLOOR = """async () => {
  const texts = Array.from(document.querySelectorAll("input[name=p]"), (input) => input.value).slice(1);
  const aes = { name: "AES-GCM", length: 256 };
  const key = await crypto.subtle.generateKey(aes, false, ["encrypt", "decrypt"]);
  const iv = new Uint8Array(12);
  const options = { alphabet: "base64url" };
  const sealed = [];
  for (const text of texts) {
    const clear = Uint8Array.fromBase64(text, options).subarray(16);
    const bytes = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, clear));
    sealed.push(bytes.toBase64({ alphabet: "base64url", omitPadding: true }));
  }
  const start = performance.now();
  const cleartext = [];
  for (const text of sealed) {
    const bytes = Uint8Array.fromBase64(text, options);
    cleartext.push(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes));
  }
  return performance.now() - start;
}"""


def run() -> Iterable[Row]:
    """The row of this room."""
    openings, floors = measure()
    yield Row(
        what="opening 25 MB in Chromium / base64 + AES-GCM of the same bytes there",
        ratio=median(openings) / median(floors),
        limit=3,
        note=f"{median(openings):.0f} ms against {median(floors):.0f} ms",
    )


def measure() -> tuple[list[float], list[float]]:
    """Milliseconds of opening and of the floor, in turns."""
    envelope, securedoc = securedoc_of(mail_of(LARGE))
    openings, floors = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "securedoc.html"
        file.write_bytes(b"".join(securedoc))
        browser = playwright.chromium.launch(executable_path=find("chromium"), args=FLAGS)
        for _ in range(ROUNDS):
            page = browser.new_page()
            page.route(f"{SERVER}/**", lambda route: _release(route, envelope))
            openings.append(_open(page, file))
            floors.append(page.evaluate(FLOOR))
            page.close()
        browser.close()
    return openings, floors


def _open(page: Page, file: Path) -> float:
    page.add_init_script(WATCH)
    page.goto(file.as_uri())
    page.wait_for_load_state("load")
    page.wait_for_timeout(1_000)  # the click comes when the payload has been checked, as a person's does
    page.get_by_role("button").first.click()
    page.wait_for_selector("main[data-state=open]")
    page.wait_for_timeout(500)  # painted; the page's policy lets no predicate be evaluated to wait for
    took: float = page.evaluate("window.ended - window.began")
    return took


def _release(route: Route, envelope: SealedEnvelope) -> None:
    """The key server's answer at level none (API.md)."""
    asked = json.loads(route.request.post_data or "")
    point = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), b64u_decode(asked["public_key"], size=65)
    )
    info = UUID(asked["opening"]).bytes + envelope.message_id.bytes + asked["recipient"].encode()
    suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    sealed = suite.encrypt(envelope.key_share, point, b"sealpost/1 opening" + info)
    route.fulfill(
        status=201,
        headers={"Access-Control-Allow-Origin": "*"},
        json={"state": "released", "enc": b64u_encode(sealed[:65]), "sealed": b64u_encode(sealed[65:])},
    )
