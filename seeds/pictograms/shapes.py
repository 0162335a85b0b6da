"""The pen: a few SVG shapes on a 400 x 400 sheet, and the colours that goods come in."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

GROUND = 330
WOOD, PALE_WOOD, STEEL, BRASS, COPPER = "#b58657", "#d9b78a", "#b9c0c6", "#c9a24b", "#c47a4d"
INK, PAPER, CORK, LEAF, GLASS = "#2f3640", "#f7f2e8", "#c79f6f", "#6f8f5b", "#cfe3e6"

COLOURS = {
    "Amber": "#d08a2e", "Black": "#33363b", "Blue": "#4a78a8", "Brass": BRASS, "Charcoal": "#4a4d52",
    "Cherry": "#a8323a", "Cognac": "#a5622f", "Cream": "#eadfc6", "Forest": "#3f6650", "Graphite": "#565c63",
    "Grey": "#9a9c9e", "Ink": "#2f4463", "Ivory": "#e9e0cd", "Matt Black": "#33363b", "Mint": "#9ccbb5",
    "Moss": "#7d8a52", "Natural": "#dccdb2", "Navy": "#34496b", "Nickel": "#b3b8bb", "Oak": PALE_WOOD,
    "Oat": "#dccbad", "Ochre": "#cc9a3d", "Olive": "#848250", "Orange": "#dd7b3a", "Plum": "#7c4a66",
    "Red": "#c0453f", "Rose": "#d99a98", "Sage": "#a3b596", "Sand": "#d6bf97", "Sea Green": "#5f9e96",
    "Sepia": "#75543a", "Silver": "#bcc2c7", "Slate": "#667788", "Smoke": "#8b8f92", "Steel": STEEL,
    "Terracotta": "#c06a48", "Walnut": "#7d5738", "White": "#e9e5db", "Yellow": "#e3b53f",
}  # fmt: skip

# For goods that come in no particular colour: one of these, chosen by the slug.
QUIET = ("#4a78a8", "#c06a48", "#5f9e96", "#cc9a3d", "#7c4a66", "#3f6650", "#667788", "#b9605a")
BACKDROPS = ("#f3ece1", "#e8eef0", "#eef1e6", "#f4e9e4", "#ecebf1", "#f5f0dd", "#e6efea", "#f0e8ea")


def mix(colour: str, other: str, share: float) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@dataclass(frozen=True)
class Subject:
    """A product as the pictograms see it."""

    slug: str
    title: str
    brand: str
    colours: tuple[str, ...]

    def number(self, below: int, salt: str = "") -> int:
        """A number that is the same on every run and differs between products."""
        digest = hashlib.sha256(f"{self.slug}{salt}".encode()).digest()
        return int.from_bytes(digest[:4]) % below

    @property
    def main(self) -> str:
        return self.colours[0] if self.colours else QUIET[self.number(len(QUIET))]

    @property
    def second(self) -> str:
        return self.colours[1] if len(self.colours) > 1 else mix(self.main, "#f4e6c8", 0.55)

    @property
    def dark(self) -> str:
        return mix(self.main, "#1d2230", 0.32)

    @property
    def light(self) -> str:
        return mix(self.main, "#ffffff", 0.38)


Pictogram = Callable[[Subject], str]
PICTOGRAMS: dict[tuple[str, str], Pictogram] = {}


def draws(category: str, *words: str) -> Callable[[Pictogram], Pictogram]:
    """Draw the category's products whose slug contains one of the words; without words, the rest."""

    def register(pictogram: Pictogram) -> Pictogram:
        for word in words or ("",):
            PICTOGRAMS[category, word] = pictogram
        return pictogram

    return register


def pictogram(category: str, slug: str) -> Pictogram:
    words = [word for name, word in PICTOGRAMS if name == category and word and word in slug]
    return PICTOGRAMS[category, max(words, key=len, default="")]


def n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def attributes(**values: object) -> str:
    return "".join(
        f' {name.replace("_", "-")}="{n(value) if isinstance(value, float) else value}"'
        for name, value in values.items()
    )


def rect(x: float, y: float, w: float, h: float, fill: str, r: float = 0, **more: object) -> str:
    corner = f' rx="{n(r)}"' if r else ""
    return f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}"{corner} fill="{fill}"{attributes(**more)}/>'


def dot(x: float, y: float, r: float, fill: str, **more: object) -> str:
    return f'<circle cx="{n(x)}" cy="{n(y)}" r="{n(r)}" fill="{fill}"{attributes(**more)}/>'


def oval(x: float, y: float, rx: float, ry: float, fill: str, **more: object) -> str:
    return f'<ellipse cx="{n(x)}" cy="{n(y)}" rx="{n(rx)}" ry="{n(ry)}" fill="{fill}"{attributes(**more)}/>'


def shape(d: str, fill: str, **more: object) -> str:
    return f'<path d="{d}" fill="{fill}"{attributes(**more)}/>'


def line(d: str, stroke: str, width: float = 4, **more: object) -> str:
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{n(width)}" '
        f'stroke-linecap="round" stroke-linejoin="round"{attributes(**more)}/>'
    )


def shade(d: str, strength: float = 0.12) -> str:
    return shape(d, "#1d2230", opacity=strength)


def shine(x: float, y: float, w: float, h: float, strength: float = 0.3) -> str:
    return rect(x, y, w, h, "#fff", min(w, h) / 2, opacity=strength)


def turned(x: float, profile: Sequence[tuple[float, float]], fill: str, **more: object) -> str:
    """What a lathe or a wheel makes: (height, half width) from the top down, and a darker right side."""
    whole, side = _outline(x, profile, -1), _outline(x, profile, 0.36)
    return shape(whole, fill, **more) + shade(side, 0.1)


def _outline(x: float, profile: Sequence[tuple[float, float]], other: float) -> str:
    """Down the right side, and back up at `other` times the half width."""
    top, width = profile[0]
    steps = [f"M{n(x + width)} {n(top)}", *_curve(x, profile, 1)]
    back = profile[::-1]
    steps += [f"L{n(x + back[0][1] * other)} {n(back[0][0])}", *_curve(x, back, other), "Z"]
    return "".join(steps)


def _curve(x: float, profile: Sequence[tuple[float, float]], side: float) -> list[str]:
    steps = []
    for (y0, w0), (y1, w1) in pairwise(profile):
        if y0 == y1 or w0 == w1:
            steps.append(f"L{n(x + w1 * side)} {n(y1)}")
        else:
            middle = n((y0 + y1) / 2)
            steps.append(f"C{n(x + w0 * side)} {middle} {n(x + w1 * side)} {middle} {n(x + w1 * side)} {n(y1)}")
    return steps


def dots(x: float, y: float, columns: int, rows: int, gap: float, size: float, fill: str) -> str:
    """A grid of round dots as one dashed line, which stays small."""
    d = "".join(f"M{n(x)} {n(y + row * gap)}h{n((columns - 1) * gap + 0.1)}" for row in range(rows))
    return line(d, fill, size, stroke_dasharray=f"0 {n(gap)}")


def words(x: float, y: float, text: str, size: float, fill: str, **more: object) -> str:
    return (
        f'<text x="{n(x)}" y="{n(y)}" font-family="Georgia,serif" font-size="{n(size)}" '
        f'text-anchor="middle" fill="{fill}"{attributes(**more)}>{escape(text)}</text>'
    )


def lines_of(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` characters, words kept whole."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def caption(x: float, y: float, text: str, size: float, fill: str, width: int) -> str:
    return "".join(words(x, y + row * size * 1.25, part, size, fill) for row, part in enumerate(lines_of(text, width)))


def turn(angle: float, drawing: str, x: float = 200, y: float = 200) -> str:
    return f'<g transform="rotate({n(angle)} {n(x)} {n(y)})">{drawing}</g>'


def move(x: float, y: float, drawing: str, scale: float = 1) -> str:
    size = f" scale({n(scale * 100)}e-2)" if scale != 1 else ""
    return f'<g transform="translate({n(x)} {n(y)}){size}">{drawing}</g>'


def shadow(x: float = 200, width: float = 110, y: float = GROUND) -> str:
    return oval(x, y, width, width * 0.09, "#1d2230", opacity=0.13)
