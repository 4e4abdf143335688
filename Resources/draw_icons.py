"""Draw the icons: an ultrasound fan that is MR on its right side; under a register mark for registration.

    python Resources/draw_icons.py

Writes the extension's icon beside this file, and the modules' into their resources.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

REPOSITORY = Path(__file__).resolve().parents[1]
SIZE, FINE = 128, 8  # pixels of the icon; drawn FINE times as large, then reduced
NIGHT, ECHO, TISSUE, FLUID, SEAM = "#14213d", "#5fc9f3", "#8593a8", "#ffffff", "#ffb703"

Box = tuple[float, float, float, float]
#: Where the fan begins and ends: circles about the apex, and the angles between them, clockwise from the right.
APEX, NEAR, FAR, ANGLES = (64.0, 10.0), 20.0, 106.0, (58.0, 122.0)


def scaled(box: Box) -> Box:
    """``box`` in the pixels of the large drawing."""
    left, top, right, bottom = (value * FINE for value in box)
    return left, top, right, bottom


def circle(radius: float) -> Box:
    """The box about a circle around the apex."""
    return scaled((APEX[0] - radius, APEX[1] - radius, APEX[0] + radius, APEX[1] + radius))


def mask() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A black sheet for a shape."""
    sheet = Image.new("L", (SIZE * FINE, SIZE * FINE))
    return sheet, ImageDraw.Draw(sheet)


def fan() -> Image.Image:
    """The field of view of a curved probe."""
    sheet, draw = mask()
    draw.pieslice(circle(FAR), *ANGLES, fill=255)
    draw.ellipse(circle(NEAR), fill=0)
    return sheet


def right_half() -> Image.Image:
    """Everything right of the middle."""
    sheet, draw = mask()
    draw.rectangle(scaled((APEX[0], 0, SIZE, SIZE)), fill=255)
    return sheet


def echoes() -> Image.Image:
    """Bands at equal depths, as an ultrasound image has them."""
    sheet, draw = mask()
    for radius in (34.0, 62.0, 90.0):
        draw.arc(circle(radius + 8), 0, 180, fill=255, width=16 * FINE)
    return sheet


def ventricle() -> Image.Image:
    """The fluid that a T2 shows bright."""
    sheet, draw = mask()
    draw.ellipse(scaled((52, 62, 86, 100)), fill=255)
    return sheet


def draw_icon(with_ground: bool) -> Image.Image:
    """The icon (128, 128), RGBA; its corners, or all around the fan, are transparent."""
    image = Image.new("RGBA", (SIZE * FINE, SIZE * FINE))
    if with_ground:
        ImageDraw.Draw(image).rounded_rectangle(scaled((2, 2, 126, 126)), radius=22 * FINE, fill=NIGHT)
    whole, right = fan(), right_half()
    left = ImageChops.subtract(whole, right)
    right = ImageChops.multiply(whole, right)
    image.paste(NIGHT, mask=whole)
    image.paste(ECHO, mask=ImageChops.multiply(left, echoes()))
    image.paste(TISSUE, mask=right)
    image.paste(FLUID, mask=ImageChops.multiply(right, ventricle()))
    ImageDraw.Draw(image).rectangle(scaled((62, APEX[1] + NEAR, 66, APEX[1] + FAR)), fill=SEAM)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def draw_registration_icon() -> Image.Image:
    """The same under a register mark, by which printers lay one sheet on another; without a ground."""
    image = draw_icon(with_ground=False).resize((SIZE * FINE, SIZE * FINE), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    x, y = 64.0, 78.0
    for width, colour in ((13, NIGHT), (7, SEAM)):  # with an edge, so that it stands out
        extra = (width - 7) / 2
        draw.ellipse(
            scaled((x - 21 - extra, y - 21 - extra, x + 21 + extra, y + 21 + extra)), None, colour, width * FINE
        )
        for ends in ((x - 34 - extra, y, x + 34 + extra, y), (x, y - 34 - extra, x, y + 34 + extra)):
            draw.line(scaled(ends), fill=colour, width=width * FINE)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the icons."""
    draw_icon(with_ground=True).save(REPOSITORY / "Resources" / "MMHVAE.png", optimize=True)
    module = REPOSITORY / "MMHVAESynthesis" / "Resources" / "Icons" / "MMHVAESynthesis.png"
    module.parent.mkdir(exist_ok=True)
    draw_icon(with_ground=False).save(module, optimize=True)
    module = REPOSITORY / "MMHVAERegistration" / "Resources" / "Icons" / "MMHVAERegistration.png"
    module.parent.mkdir(exist_ok=True)
    draw_registration_icon().save(module, optimize=True)


if __name__ == "__main__":
    main()
