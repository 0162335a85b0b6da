"""Backpacks, and what goes into pockets."""

from .shapes import (
    BRASS,
    CORK,
    INK,
    PALE_WOOD,
    STEEL,
    WOOD,
    Subject,
    dot,
    draws,
    line,
    mix,
    oval,
    rect,
    shade,
    shadow,
    shape,
    shine,
    turn,
    words,
)


def straps(p: Subject) -> str:
    return line("M164 84q36-40 72 0", p.dark, 13) + line("M118 150q-42 60-14 150M282 150q42 60 14 150", p.dark, 18)


def pack(p: Subject, extra: str, top: float = 80) -> str:
    height = 330 - top
    return (
        shadow(200, 110)
        + straps(p)
        + rect(106, top, 188, height, p.main, 46)
        + shade(f"M252 {top}q42 4 42 46v{height - 92}q0 42-42 46z", 0.1)
        + extra
    )


@draws("backpacks")
def daypack(p: Subject) -> str:
    lid = shape("M106 150q0-70 94-70t94 70v22q-94 30-188 0z", p.dark)
    pocket = rect(130, 222, 140, 84, mix(p.main, "#ffffff", 0.14), 18) + line("M144 244h112", p.dark, 5)
    return pack(p, lid + pocket + rect(190, 168, 20, 36, p.second, 4) + line("M272 244l10 10", BRASS, 5))


@draws("backpacks", "roll-top")
def roll_top(p: Subject) -> str:
    roll = rect(100, 84, 200, 36, p.dark, 16) + line("M112 102h176", p.light, 3, opacity=0.5)
    belts = (
        line("M150 120v150M250 120v150", p.second, 11)
        + rect(140, 190, 20, 24, STEEL, 4)
        + rect(240, 190, 20, 24, STEEL, 4)
    )
    return pack(p, rect(106, 104, 188, 60, p.main) + roll + belts, 100)


@draws("backpacks", "pannier")
def pannier(p: Subject) -> str:
    hooks = line("M140 92v-22q0-12 14-12h10M260 92v-22q0-12-14-12h-10", INK, 11)
    reflector = rect(130, 252, 140, 16, "#eef3f4", 4)
    return pack(
        p, hooks + shape("M106 96h188v66q-94 34-188 0z", p.dark) + rect(186, 150, 28, 40, STEEL, 5) + reflector, 84
    )


@draws("backpacks", "market", "summit")
def drawstring(p: Subject) -> str:
    folds = line("M140 122v28M170 116v36M200 114v40M230 116v36M260 122v28", p.dark, 5)
    cord = line("M176 128q24 60 48 0M190 160v40M212 158v34", "#efe4cf", 5)
    greens = "".join(turn(a, oval(200, 70, 14, 46, "#6f8f5b"), 200, 116) for a in (-34, -10, 14)) + line(
        "M240 116L262 40", PALE_WOOD, 15
    )
    return (greens if "market" in p.slug else "") + pack(
        p, folds + cord + rect(136, 232, 128, 70, p.dark, 12, opacity=0.45), 108
    )


@draws("backpacks", "trekking", "carrier")
def trekking(p: Subject) -> str:
    lid = rect(112, 50, 176, 56, p.dark, 26)
    mat = rect(104, 316, 192, 40, "#e0a05a", 20) + dot(124, 336, 9, "#b87a3a")
    body = rect(112, 92, 176, 236, p.main, 30) + shade("M240 92h20q28 0 28 30v176q0 30-28 30h-20z", 0.1)
    pockets = rect(84, 200, 34, 100, p.dark, 14) + rect(282, 200, 34, 100, p.dark, 14)
    if "carrier" in p.slug:
        child = (
            dot(200, 92, 40, "#f0cfae")
            + shape("M160 88q0-46 40-46t40 46q-40-24-80 0z", "#7a5238")
            + line("M188 98q12 10 24 0", "#8a4a3a", 4)
        )
        shadeover = shape("M118 66q82-66 164 0l-10 10q-72-44-144 0z", p.dark)
        return (
            shadow(200, 110)
            + line("M132 330l-24 22M268 330l24 22", STEEL, 9)
            + child
            + shadeover
            + rect(122, 126, 156, 206, p.main, 34)
            + rect(146, 170, 108, 70, p.light, 20)
            + line("M150 250v60M250 250v60", p.dark, 9)
        )
    belts = line("M156 96v230M244 96v230", p.second, 9) + rect(132, 214, 136, 76, mix(p.main, "#ffffff", 0.15), 14)
    return shadow(200, 120, 356) + pockets + body + lid + belts + mat


@draws("backpacks", "berry")
def framed(p: Subject) -> str:
    frame = line("M104 336V110q0-40 40-40h112q40 0 40 40v226M104 316h192", PALE_WOOD, 13)
    bag = rect(120, 120, 160, 190, "#848250", 20) + shape("M120 120h160v84q-80 26-160 0z", "#6b6a3f")
    berries = "".join(dot(150 + i * 25, 112 - (i % 2) * 9, 11, "#4a5a8a") for i in range(5))
    return (
        shadow(200, 110, 340)
        + frame
        + berries
        + bag
        + line("M158 190v60M242 190v60", "#7d5738", 13)
        + rect(149, 226, 18, 20, BRASS, 3)
        + rect(233, 226, 18, 20, BRASS, 3)
    )


@draws("backpacks", "satchel")
def satchel(p: Subject) -> str:
    buckles = "".join(
        rect(x, 168, 26, 96, p.dark, 5) + rect(x - 3, 222, 32, 26, BRASS, 4) + rect(x + 4, 229, 18, 12, p.dark, 2)
        for x in (118, 256)
    )
    return (
        shadow(200, 140)
        + line("M160 110q40-50 80 0", p.dark, 13)
        + rect(66, 130, 268, 198, mix(p.main, INK, 0.15), 14)
        + shape("M60 118q0-12 14-12h252q14 0 14 12v104q0 26-26 26H86q-26 0-26-26z", p.main)
        + line("M72 122v98q0 16 16 16h224q16 0 16-16v-98", p.light, 2.5, stroke_dasharray="7 6")
        + buckles
    )


@draws("backpacks", "kindergarten")
def owl_pack(p: Subject) -> str:
    owl = (
        shape("M138 200l-4-40 30 18h72l30-18-4 40q20 106-62 106t-62-106z", p.dark)
        + dot(172, 216, 25, "#fff")
        + dot(228, 216, 25, "#fff")
        + dot(174, 218, 11, INK)
        + dot(226, 218, 11, INK)
        + shape("M190 236h20l-10 18z", "#e3a13f")
        + line("M170 276q8 10 16 0q8 10 16 0q8 10 16 0q8 10 14 0", p.light, 4)
    )
    return pack(p, owl, 92)


def stitched(x: float, y: float, w: float, h: float, colour: str, r: float = 14) -> str:
    seam = rect(
        x + 9,
        y + 9,
        w - 18,
        h - 18,
        "none",
        r * 0.7,
        stroke=mix(colour, "#ffffff", 0.45),
        stroke_width=2.5,
        stroke_dasharray="8 6",
    )
    return rect(x, y, w, h, colour, r) + seam


@draws("wallets")
def bifold(p: Subject) -> str:
    notes = rect(86, 96, 214, 60, "#b8cba8", 4) + rect(104, 84, 190, 60, "#d3c2a0", 4)
    card = rect(96, 134, 120, 50, "#4a78a8", 8) + rect(84, 150, 120, 50, "#d99a98", 8)
    return (
        shadow(200, 140, 318)
        + notes
        + stitched(58, 130, 284, 182, p.dark)
        + card
        + stitched(58, 168, 284, 144, p.main)
        + shape("M176 168h48q-4 18-24 18t-24-18z", p.dark)
    )


@draws("wallets", "card-sleeve", "money-clip")
def card_sleeve(p: Subject) -> str:
    cards = (
        rect(112, 96, 176, 110, "#4a78a8", 10)
        + rect(106, 120, 188, 110, "#e3b53f", 10)
        + rect(122, 134, 34, 26, "#f6e6b0", 4)
    )
    if "clip" in p.slug:
        notes = rect(70, 150, 260, 120, "#b8cba8", 6) + dot(260, 210, 30, "#9fb58d")
        return (
            shadow(200, 140, 296)
            + notes
            + stitched(92, 132, 128, 156, "#8a5c38")
            + rect(130, 118, 36, 180, STEEL, 12)
            + shine(136, 132, 8, 150)
        )
    return (
        shadow(200, 110)
        + cards
        + stitched(96, 166, 208, 158, p.main)
        + shape("M176 166h48q-2 24-24 24t-24-24z", p.dark)
    )


@draws("wallets", "zip")
def zip_purse(p: Subject) -> str:
    return (
        shadow(200, 150, 312)
        + rect(48, 126, 304, 180, p.main, 24)
        + rect(56, 134, 288, 164, "none", 18, stroke=BRASS, stroke_width=6, stroke_dasharray="5 4")
        + rect(78, 156, 244, 120, p.light, 10, opacity=0.35)
        + line("M336 150l22 40", p.dark, 11)
        + dot(334, 146, 9, BRASS)
    )


@draws("wallets", "horseshoe")
def coin_purse(p: Subject) -> str:
    coins = "".join(
        dot(x, y, 24, c, stroke="#a8812e", stroke_width=3) + words(x, y + 8, t, 22, "#7a5a1c")
        for x, y, c, t in ((150, 268, "#d7b24a", "1"), (206, 280, "#cd8f4f", "5"), (250, 262, "#d7b24a", "2"))
    )
    return (
        shadow(200, 130, 332)
        + shape("M78 250V170q0-112 122-112t122 112v80z", p.dark)
        + shape("M96 240v-68q0-94 104-94t104 94v68z", p.main)
        + shape("M70 232h260v52q0 42-50 42H120q-50 0-50-42z", mix(p.main, INK, 0.14))
        + oval(200, 262, 110, 42, mix(p.main, INK, 0.4))
        + coins
        + dot(200, 108, 8, BRASS)
    )


@draws("wallets", "travel")
def travel_wallet(p: Subject) -> str:
    passport = (
        rect(108, 62, 160, 150, "#7a2f3c", 8)
        + dot(188, 120, 28, "none", stroke=BRASS, stroke_width=4)
        + line("M160 120h56M188 92v56", BRASS, 3)
    )
    ticket = turn(8, rect(196, 78, 120, 140, "#f7f2e8", 4) + line("M212 104h70M212 124h50", "#9aa3ab", 5), 250, 150)
    return (
        shadow(200, 130, 340)
        + ticket
        + passport
        + stitched(74, 146, 252, 188, p.main)
        + rect(290, 212, 60, 40, p.dark, 10)
        + dot(306, 232, 8, BRASS)
    )


@draws("wallets", "cork")
def cork_wallet(p: Subject) -> str:
    marks = "".join(oval(76 + p.number(250, f"m{i}"), 150 + p.number(140, f"n{i}"), 7, 3, WOOD) for i in range(26))
    return (
        shadow(200, 140, 320)
        + rect(66, 110, 240, 60, "#5f9e96", 6)
        + rect(58, 134, 284, 176, mix(CORK, INK, 0.15), 14)
        + rect(52, 142, 284, 170, CORK, 14)
        + marks
    )


@draws("wallets", "key-case")
def key_case(p: Subject) -> str:
    keys = "".join(
        line(f"M{x} 196v104l10 0M{x} 280h12", c, 9) + dot(x, 188, 16, "none", stroke=c, stroke_width=8)
        for x, c in ((156, BRASS), (200, STEEL), (244, BRASS))
    )
    return (
        shadow(200, 120, 330)
        + rect(92, 90, 216, 190, p.dark, 22)
        + rect(112, 158, 176, 12, STEEL, 5)
        + keys
        + stitched(84, 76, 232, 92, p.main, 22)
        + dot(200, 142, 10, BRASS)
    )


@draws("wallets", "inner-tube")
def tube_wallet(p: Subject) -> str:
    tread = line("".join(f"M{76 + i * 22} 142v160" for i in range(12)), "#4a4d52", 4)
    return (
        shadow(200, 140, 320)
        + rect(74, 104, 236, 70, "#b8cba8", 4)
        + rect(54, 132, 292, 180, "#33363b", 16)
        + tread
        + rect(120, 196, 160, 48, "#33363b", 6)
        + words(200, 229, "28 × 1¾", 30, "#c9ccce")
    )


@draws("wallets", "pouch")
def pouch(p: Subject) -> str:
    return (
        line("M132 130Q110 20 200 20t68 110", INK, 6)
        + shadow(200, 84, 352)
        + rect(118, 120, 164, 226, p.main, 14)
        + shape("M118 134q0-14 14-14h136q14 0 14 14v52H118z", p.dark)
        + shape("M118 300l164-70v60l-130 56h-34z", p.second, opacity=0.85)
        + dot(200, 176, 8, STEEL)
        + words(200, 262, "NL-27", 34, "#ffffff", opacity=0.8)
    )
