"""What an organisation may look like (S33, S52, S53)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envelope.brand import DARK_PAGE, LIGHT_PAGE, MAX_LOGO_SIZE, Brand, Logo, accents, contrast
from envelope.errors import BrandError

PNG = Logo("image/png", b"\x89PNG\r\n\x1a\n rest")
BRAND = Brand(name="Bank A", colour="#0a5c8f", logo=PNG, link="https://a.example/help")


@pytest.mark.parametrize(
    "brand",
    [
        BRAND,
        replace(BRAND, logo=None, link=None),
        replace(BRAND, logo=Logo("image/gif", b"GIF89a...")),
        replace(BRAND, logo=Logo("image/jpeg", b"\xff\xd8\xff\xe0")),
        replace(BRAND, logo=Logo("image/webp", b"RIFF\x0a\0\0\0WEBPVP8 ")),
        replace(BRAND, name="銀行"),
    ],
)
def test_brand_that_pages_can_show_passes(brand: Brand) -> None:
    """S52: no link. S53: a link of one's own."""
    brand.check()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"colour": "blue"}, "colour"),
        ({"colour": "#0a5c8f;}"}, "colour"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "https://"}, "link"),
        ({"link": "https://[::1"}, "link"),
        ({"link": "https://a.example/ b"}, "link"),
        ({"link": "https://a.example/" + "x" * 500}, "link"),
        ({"logo": Logo("image/svg+xml", b"<svg/>")}, "logo"),
        ({"logo": Logo("image/png", b"GIF89a")}, "logo"),
        ({"logo": Logo("image/png", PNG.data + bytes(MAX_LOGO_SIZE))}, "logo"),
    ],
)
def test_fault_is_named(fault: dict[str, object], told: str) -> None:
    with pytest.raises(BrandError, match=told):
        replace(BRAND, **fault).check()  # type: ignore[arg-type]  # a fault of any field


@settings(deadline=None, database=None)
@given(st.integers(min_value=0, max_value=0xFFFFFF))
def test_every_colour_gets_tones_that_can_be_read(number: int) -> None:
    """WCAG 2.2, 1.4.3."""
    tones = accents(f"#{number:06x}")

    assert contrast(tones.light, LIGHT_PAGE) >= 4.5 <= contrast(tones.light, tones.on_light)
    assert contrast(tones.dark, DARK_PAGE) >= 4.5 <= contrast(tones.dark, tones.on_dark)


def test_colour_that_can_be_read_is_left_alone() -> None:
    assert accents("#0a5c8f").light == "#0a5c8f"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
