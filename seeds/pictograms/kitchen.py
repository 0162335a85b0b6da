"""Mugs, pans, knives, and what makes coffee."""

# ruff: noqa: E501 - a path is one word, however long

from .shapes import (
    BRASS,
    COPPER,
    CORK,
    GLASS,
    INK,
    PALE_WOOD,
    STEEL,
    WOOD,
    Subject,
    dot,
    draws,
    line,
    mix,
    move,
    oval,
    rect,
    shade,
    shadow,
    shape,
    shine,
    turn,
    turned,
    words,
)


def steam(x: float = 200, y: float = 120) -> str:
    wave = f"M{x - 22} {y}c-14-18 14-28 0-48M{x + 22} {y}c-14-18 14-28 0-48"
    return line(wave, "#9aa3ab", 5, opacity=0.45)


def handle(x: float, y: float, size: float, colour: str, width: float = 18) -> str:
    return line(f"M{x} {y}c{size} {-size * 0.25} {size} {size * 1.25} {-size * 0.1} {size}", colour, width)


def cup(p: Subject, top: float, bottom: float, upper: float, lower: float) -> str:
    """A cup with its dark opening."""
    belly = turned(200, [(top, upper), (bottom - 30, lower + 6), (bottom, lower - 14)], p.main)
    opening = oval(200, top, upper, upper * 0.15, p.light) + oval(
        200, top + 2, upper - 8, upper * 0.12, mix(p.dark, "#4a2c1a", 0.5)
    )
    return belly + opening + shine(200 - upper + 16, top + 34, 10, (bottom - top) * 0.5)


@draws("mugs")
def mug(p: Subject) -> str:
    freckles = "".join(
        dot(130 + p.number(120, f"x{i}"), 165 + p.number(130, f"y{i}"), 2.4, p.dark, opacity=0.6) for i in range(16)
    )
    return shadow() + steam() + handle(266, 185, 72, p.dark) + cup(p, 140, 330, 78, 70) + freckles


@draws("mugs", "breakfast-bowl")
def bowl_mug(p: Subject) -> str:
    return shadow(200, 120) + steam(200, 140) + handle(298, 195, 62, p.dark) + cup(p, 165, 330, 112, 62)


@draws("mugs", "espresso")
def espresso_cup(p: Subject) -> str:
    clay = turned(200, [(265, 61), (300, 55), (330, 38)], CORK)
    return shadow(200, 80) + steam(200, 155) + handle(252, 200, 52, p.dark, 14) + cup(p, 180, 330, 64, 54) + clay


@draws("mugs", "faceted")
def faceted_cup(p: Subject) -> str:
    cuts = "".join(line(f"M{200 + x * 1.25} 150L{200 + x} 316", p.dark, 2.5, opacity=0.5) for x in range(-54, 60, 18))
    return shadow(200, 90) + steam() + cup(p, 138, 330, 82, 64) + cuts


@draws("mugs", "travel")
def travel_mug(p: Subject) -> str:
    return (
        shadow(200, 80)
        + turned(200, [(120, 70), (330, 54)], p.main)
        + rect(136, 190, 128, 74, CORK, 6)
        + "".join(dot(146 + p.number(108, f"c{i}"), 198 + p.number(58, f"d{i}"), 2.5, WOOD) for i in range(12))
        + rect(122, 96, 156, 28, p.second, 12)
        + rect(180, 84, 60, 16, mix(p.second, INK, 0.25), 8)
    )


@draws("mugs", "saucer")
def cup_and_saucer(p: Subject) -> str:
    saucer = oval(200, 318, 140, 22, "#e6e2da") + oval(200, 312, 92, 12, "#d3cec4")
    white = Subject(p.slug, p.title, p.brand, ("#f2efe9", "#f2efe9"))
    return (
        shadow(200, 150, 336)
        + saucer
        + steam(200, 145)
        + handle(280, 190, 56, "#d9d4ca", 14)
        + cup(white, 170, 314, 92, 54)
    )


@draws("mugs", "enamel")
def enamel_mug(p: Subject) -> str:
    body = turned(200, [(150, 86), (330, 82)], p.main)
    rim = line("M114 150h172", STEEL, 10) + line("M120 328h160", p.dark, 6)
    specks = "".join(dot(124 + p.number(150, f"a{i}"), 168 + p.number(145, f"b{i}"), 2, "#fff") for i in range(26))
    return shadow() + steam(200, 132) + handle(282, 195, 70, p.dark, 16) + body + specks + rim


@draws("mugs", "kuksa")
def kuksa(p: Subject) -> str:
    grain = "".join(line(f"M{120 + i * 8} {232 + i * 18}q60 20 {130 - i * 16} 0", "#8f6238", 3) for i in range(4))
    return (
        shadow(190, 110)
        + shape("M90 210h210l64-26q26 0 18 26l-74 46q-30 74-118 74q-96 0-100-120z", WOOD)
        + dot(352, 204, 8, "#f3ece1")
        + oval(195, 210, 105, 22, PALE_WOOD)
        + oval(195, 213, 90, 16, "#6d4a2b")
        + grain
    )


@draws("mugs", "glass")
def tasting_glass(p: Subject) -> str:
    outer = [(130, 62), (220, 84), (300, 62), (330, 52)]
    inner = [(140, 52), (215, 66), (275, 46), (290, 26)]
    return (
        shadow(200, 80)
        + turned(200, outer, GLASS, opacity=0.75)
        + turned(200, [(y, w) for y, w in inner[1:]], "#5b3621")
        + oval(200, 215, 66, 10, "#b98a5a")
        + oval(200, 130, 62, 9, "#eef6f7")
        + shine(136, 190, 9, 90, 0.7)
        + steam(200, 118)
    )


@draws("mugs", "diner")
def diner_mug(p: Subject) -> str:
    body = turned(200, [(145, 78), (330, 78)], p.main)
    sign = rect(122, 226, 156, 40, p.second) + words(200, 253, "20 · TERMINUS", 16, p.main)
    top = oval(200, 145, 78, 13, p.light) + oval(200, 147, 66, 9, "#4b2f20")
    return shadow() + steam(200, 125) + handle(276, 190, 74, p.dark, 24) + body + sign + top


def pan_handle(colour: str, y: float = 236) -> str:
    return shape(f"M262 {y - 10}L384 {y - 44}q12 0 8 16L268 {y + 14}z", colour) + dot(374, y - 33, 5, "#f3ece1")


@draws("pots-and-pans")
def skillet(p: Subject) -> str:
    iron = mix(p.main, "#3b424a", 0.75)
    return (
        shadow(170, 130, 300)
        + pan_handle(mix(iron, INK, 0.3))
        + shape("M40 232h252l-26 54q-6 12-22 12H88q-16 0-22-12z", iron)
        + oval(166, 232, 126, 30, mix(iron, "#ffffff", 0.25))
        + oval(166, 236, 108, 22, mix(iron, "#000000", 0.25))
        + shape("M118 232q20-18 46-10 34-10 50 8 8 16-26 18-70 6-70-16z", "#fdfaf2")
        + dot(166, 233, 12, "#f0b73a")
    )


@draws("pots-and-pans", "wok", "crepe")
def wide_pan(p: Subject) -> str:
    deep = 70 if "wok" in p.slug else 24
    metal = "#5b6b7d" if "wok" in p.slug else mix(p.main, "#8a5a5a", 0.3)
    filling = "#e9c987" if "crepe" in p.slug else "#7f9e5c"
    return (
        shadow(170, 120, 250 + deep + 8)
        + pan_handle(WOOD)
        + shape(f"M30 236h272q-30 {deep + 20}-96 {deep + 20}H126q-66 0-96-{deep + 20}z", metal)
        + oval(166, 236, 136, 30, mix(metal, "#ffffff", 0.3))
        + oval(166, 240, 118, 22, mix(metal, "#000000", 0.2))
        + oval(166, 242, 92, 14, filling)
        + (
            dot(130, 240, 9, "#c0453f") + dot(190, 244, 8, "#e3b53f") + dot(160, 236, 7, "#c0453f")
            if deep == 70
            else line("M120 240q20-8 40 0t50 0", "#c99a4f", 4)
        )
    )


def pot(metal: str, top: float, half: float, lid: str, knob: str) -> str:
    ears = line(f"M{200 - half} {top + 36}h-26v28h26M{200 + half} {top + 36}h26v28h-26", mix(metal, INK, 0.25), 12)
    return (
        ears
        + turned(200, [(top, half), (312, half), (330, half - 16)], metal)
        + shine(200 - half + 18, top + 30, 12, (320 - top) * 0.6)
        + shape(f"M{200 - half - 8} {top}q{half + 8}-64 {2 * half + 16} 0z", lid)
        + line(f"M{200 - half - 8} {top}h{2 * half + 16}", mix(lid, INK, 0.25), 8)
        + rect(184, top - 50, 32, 20, knob, 8)
    )


@draws("pots-and-pans", "cocotte", "stockpot")
def casserole(p: Subject) -> str:
    if "stockpot" in p.slug:
        return shadow(200, 120) + pot(STEEL, 150, 106, mix(STEEL, "#ffffff", 0.35), INK)
    return shadow(200, 130) + pot(p.main, 205, 118, p.dark, BRASS)


@draws("pots-and-pans", "saucepan", "copper")
def saucepan(p: Subject) -> str:
    metal, grip = (COPPER, INK) if "copper" in p.slug else (STEEL, mix(STEEL, INK, 0.35))
    top = 222 if "copper" in p.slug else 180
    return (
        shadow(160, 110, 310)
        + shape(f"M250 {top + 16}l134-22q10 0 8 14l-140 26z", grip)
        + turned(160, [(top, 104), (290, 104), (308, 90)], metal)
        + oval(160, top, 104, 20, mix(metal, "#ffffff", 0.45))
        + oval(160, top + 3, 92, 15, mix(metal, "#3b2a20", 0.45))
        + shine(74, top + 32, 10, 60)
        + dot(244, top + 26, 4, INK)
        + dot(244, top + 42, 4, INK)
    )


@draws("pots-and-pans", "daubiere")
def stew_pot(p: Subject) -> str:
    clay = "#b5623f"
    return (
        shadow(200, 105)
        + line("M112 190q-44 10-22 56M288 190q44 10 22 56", mix(clay, INK, 0.2), 16)
        + turned(200, [(158, 62), (240, 118), (330, 66)], clay)
        + turned(200, [(158, 64), (182, 72), (206, 102), (214, 108)], "#7b3f27")
        + shape("M132 160q68-20 136 0q-6-34-68-34t-68 34z", mix(clay, INK, 0.15))
        + rect(186, 108, 28, 24, clay, 10)
    )


@draws("pots-and-pans", "roasting")
def roasting_tin(p: Subject) -> str:
    potatoes = "".join(
        oval(90 + i * 44, 232 - (i % 2) * 10, 27, 18, mix("#e2b65b", "#c98d35", (i % 3) / 2)) for i in range(6)
    )
    return (
        shadow(200, 155, 316)
        + line("M64 232q-10-54 26-54M336 232q10-54-26-54", mix(STEEL, INK, 0.3), 10)
        + potatoes
        + shape("M44 238h312l-20 62q-4 14-20 14H84q-16 0-20-14z", STEEL)
        + shade("M260 238h96l-20 62q-4 14-20 14h-70z")
        + line("M44 238h312", mix(STEEL, "#ffffff", 0.5), 8)
    )


@draws("pots-and-pans", "trail")
def trail_pots(p: Subject) -> str:
    metal = "#6f767c"
    flame = shape("M176 352q-16-22 6-44q2 14 12 18q-2-22 14-34q22 26 10 60z", "#e59338")
    return (
        flame
        + turned(200, [(160, 88), (290, 88), (304, 78)], metal)
        + shape("M104 160h192l-10-26H114z", mix(metal, "#ffffff", 0.25))
        + line("M288 190h70q8 0 8 10v52", "#dd7b3a", 10)
        + shine(126, 180, 10, 92)
        + words(200, 246, "1.3 l", 24, "#e8e8e6")
    )


def knife(blade: str, grip: str, length: float, height: float) -> str:
    """Pointing left, the edge down; the grip starts at 250."""
    tip = 250 - length
    return (
        shape(
            f"M250 178H{tip + height * 1.6}Q{tip} 182 {tip} {178 + height * 0.8}Q{tip + 60} {178 + height} 250 {178 + height}z",
            blade,
        )
        + shape(
            f"M{tip + 6} {178 + height * 0.74}Q{tip + 66} {178 + height * 0.82} 250 {178 + height * 0.8}V{178 + height}Q{tip + 60} {178 + height} {tip} {178 + height * 0.8}z",
            "#eef2f4",
        )
        + rect(246, 176, 14, min(height, 34), mix(blade, INK, 0.35), 3)
        + shape("M258 178h94q22 4 20 26q-2 12-18 8l-96-4z", grip)
        + "".join(dot(x, 193, 4, BRASS) for x in (284, 314, 344))
    )


@draws("kitchen-knives")
def cook_knife(p: Subject) -> str:
    grip = p.main if p.colours else "#6f4a2e"
    sizes = {"paring": (100, 30), "utility": (150, 32), "chefs": (210, 54), "boning": (160, 26)}
    length, height = next((size for word, size in sizes.items() if word in p.slug), (190, 50))
    board = rect(36, 128, 328, 160, PALE_WOOD, 18) + "".join(
        line(f"M56 {y}h288", mix(PALE_WOOD, WOOD, 0.5), 2) for y in (156, 208, 262)
    )
    return shadow(200, 160, 298) + board + turn(-9, knife("#cdd4d9", grip, length, height))


@draws("kitchen-knives", "santoku", "nakiri")
def broad_knife(p: Subject) -> str:
    grip = p.main if p.colours else PALE_WOOD
    front = "Q40 190 40 232" if "santoku" in p.slug else "H52q-8 0-8 10v58"
    waves = line("M60 226q24-14 48 0t48 0t48 0t44 0", "#9aa6ae", 3)
    return shadow(200, 150, 290) + turn(
        -14,
        shape(f"M250 176H90{front}q0 6 8 6H250z", "#c3ccd2")
        + waves
        + rect(50, 234, 200, 10, "#eef2f4")
        + rect(248, 176, 16, 32, INK, 3)
        + rect(262, 177, 112, 30, grip, 8),
    )


@draws("kitchen-knives", "bread")
def bread_knife(p: Subject) -> str:
    teeth = "M20 222" + "q8 12 17 0" * 14
    loaf = shape("M70 330q-24-70 40-92q90-26 180 0q64 22 40 92z", "#c58b4a") + "".join(
        line(f"M{x} 256q14 20 8 46", "#8f5c2b", 6) for x in (130, 190, 250)
    )
    return (
        shadow(200, 140, 334)
        + loaf
        + move(0, -70, turn(-6, shape(teeth + "V184H36q-16 0-16 38z", "#cdd4d9") + rect(256, 182, 124, 32, WOOD, 12)))
    )


@draws("kitchen-knives", "table")
def table_knives(p: Subject) -> str:
    one = rect(0, 0, 22, 110, "#9c7a3f", 9) + shape("M2 110h18v96q-4 22-18 14z", "#cdd4d9")
    box = rect(62, 74, 276, 252, PALE_WOOD, 10) + rect(76, 88, 248, 224, mix(PALE_WOOD, INK, 0.18), 6)
    return (
        shadow(200, 150, 334)
        + box
        + "".join(move(88 + i * 38, 90, turn(180 if i % 2 else 0, one, 11, 110)) for i in range(6))
    )


@draws("kitchen-knives", "oyster")
def oyster_knife(p: Subject) -> str:
    shell = shape("M60 300q-20-90 70-110q90-10 130 50q20 50-40 78q-110 30-160-18z", "#8d8f8a") + shape(
        "M84 290q-10-64 54-78q66-6 96 38q14 34-30 54q-80 18-120-14z", "#e9e6dd"
    )
    return (
        shadow(180, 120, 326)
        + shell
        + dot(176, 262, 13, "#fff")
        + turn(
            -38,
            rect(226, 170, 130, 40, "#b08a5a", 18)
            + rect(216, 160, 12, 60, STEEL, 4)
            + shape("M216 178h-66q-26 10 0 24h66z", "#cdd4d9"),
        )
    )


@draws("kitchen-knives", "whetstone")
def whetstone(p: Subject) -> str:
    return (
        shadow(200, 150, 304)
        + shape("M50 256h300l18 44H32z", "#c9a15f")
        + rect(76, 216, 248, 22, "#d9d3c6", 4)
        + rect(76, 236, 248, 26, "#8f9aa3", 4)
        + turn(-24, shape("M90 150h190v24H130q-34 0-40-24z", "#cdd4d9") + rect(278, 146, 96, 28, WOOD, 10), 200, 180)
        + "".join(dot(120 + i * 52, 210 - (i % 2) * 6, 4, "#7fb0c4") for i in range(4))
    )


@draws("coffee-makers")
def dripper(p: Subject) -> str:
    ribs = "".join(
        line(f"M{200 + x * 1.5} 112L{200 + x * 0.35} 208", p.dark, 3, opacity=0.45) for x in range(-50, 51, 20)
    )
    carafe = turned(200, [(240, 52), (300, 86), (330, 76)], GLASS, opacity=0.8) + turned(
        200, [(290, 81), (300, 84), (328, 74)], "#5b3621"
    )
    return (
        shadow(200, 90)
        + carafe
        + handle(292, 110, 44, p.dark, 14)
        + shape("M100 98h200l-70 120h-60z", p.main)
        + shade("M236 98h64l-70 120h-20z")
        + ribs
        + rect(124, 214, 152, 18, p.dark, 9)
        + line("M200 234v40", "#5b3621", 4)
    )


@draws("coffee-makers", "kettle")
def gooseneck(p: Subject) -> str:
    return (
        shadow(220, 100)
        + line("M150 296q-56-4-56-70t-48-72", p.dark, 13)
        + line("M276 180q88-20 82 64t-54 50", INK, 16)
        + turned(226, [(170, 56), (280, 92), (318, 96), (330, 84)], p.main)
        + shape("M168 172q58-40 116 0z", p.dark)
        + dot(226, 140, 11, INK)
        + shine(152, 230, 10, 72)
    )


@draws("coffee-makers", "moka")
def moka(p: Subject) -> str:
    grey, dim = "#c3c9cd", "#9aa2a8"
    return (
        shadow(200, 90)
        + line("M266 132h54q10 0 8 14l-16 92", INK, 18)
        + shape("M130 116h134l-22 108h-92z", grey)
        + shape("M130 116l-26-14 24 46z", dim)
        + shape("M150 240h92l32 84q2 6-6 6H124q-8 0-6-6z", grey)
        + shade("M214 116h50l-22 108h-20zM220 240h22l32 84q2 6-6 6h-34z", 0.16)
        + shade("M166 116h22l4 108h-20zM170 240h18l-10 90h-28z", 0.08)
        + rect(138, 222, 116, 20, dim, 5)
        + shape("M126 116q72-48 142 0z", dim)
        + rect(184, 74, 28, 22, INK, 8)
        + dot(178, 282, 7, BRASS)
    )


@draws("coffee-makers", "press")
def french_press(p: Subject) -> str:
    return (
        shadow(200, 90)
        + handle(264, 176, 92, INK, 18)
        + turned(200, [(146, 74), (330, 74)], STEEL)
        + shine(140, 170, 12, 130, 0.5)
        + shape("M126 146l-24-18 24 52z", mix(STEEL, INK, 0.2))
        + shape("M122 146q78-44 156 0z", mix(STEEL, INK, 0.3))
        + line("M200 122V66", STEEL, 7)
        + dot(200, 60, 15, INK)
    )


@draws("coffee-makers", "hand-grinder")
def hand_grinder(p: Subject) -> str:
    knurl = "".join(line(f"M{158 + i * 12} 236v36", p.light, 2) for i in range(8))
    return (
        shadow(200, 70)
        + line("M200 116V92H312", STEEL, 10)
        + dot(316, 80, 20, WOOD)
        + turned(200, [(116, 40), (132, 50), (226, 50)], p.main)
        + rect(146, 226, 108, 58, p.dark, 6)
        + knurl
        + turned(200, [(284, 48), (330, 44)], p.main)
        + shine(160, 140, 9, 72)
    )


@draws("coffee-makers", "electric")
def electric_grinder(p: Subject) -> str:
    return (
        shadow(200, 100)
        + shape("M152 70h96l-18 56h-60z", GLASS)
        + shape("M164 100h72l-8 26h-56z", "#6d4327")
        + rect(132, 124, 136, 112, p.main, 20)
        + dot(200, 178, 30, p.second)
        + line("M200 178l14-18", p.main, 5)
        + rect(226, 226, 42, 104, p.main)
        + rect(118, 312, 160, 18, p.dark, 8)
        + rect(138, 254, 78, 58, STEEL, 6)
        + rect(150, 232, 52, 14, p.dark, 4)
        + shade("M250 124h0q18 0 18 20v168h-20z")
    )


@draws("coffee-makers", "cold-brew")
def cold_brew(p: Subject) -> str:
    glass = [(140, 26), (170, 28), (220, 56), (330, 54)]
    return (
        shadow(200, 70)
        + turned(200, glass, "#c98f55", opacity=0.55)
        + turned(200, [(240, 54), (328, 52)], "#4a2c1a", opacity=0.85)
        + rect(182, 150, 36, 160, "#7a8087", 8, opacity=0.75)
        + shape("M168 140l8-46q4-12 18-12h34l-6 14 10 44z", p.main)
        + shine(156, 232, 8, 76, 0.6)
    )


@draws("coffee-makers", "scale")
def brew_scale(p: Subject) -> str:
    carafe = turned(200, [(110, 34), (150, 28), (236, 74), (252, 66)], GLASS, opacity=0.85)
    return (
        shadow(200, 130)
        + carafe
        + turned(200, [(200, 55), (236, 72), (250, 64)], "#5b3621")
        + rect(84, 252, 232, 22, "#565c63", 8)
        + rect(70, 272, 260, 58, INK, 12)
        + words(150, 311, "18.4 g", 30, "#9fe0c4")
        + words(262, 311, "2:45", 30, "#9fe0c4")
    )


@draws("coffee-makers", "cezve")
def cezve(p: Subject) -> str:
    dents = "".join(
        dot(136 + p.number(100, f"u{i}"), 230 + p.number(80, f"v{i}"), 6, "#fff", opacity=0.16) for i in range(14)
    )
    return (
        shadow(180, 90)
        + line("M232 196L372 132", BRASS, 14)
        + turned(180, [(176, 62), (204, 46), (290, 84), (330, 70)], COPPER)
        + dents
        + oval(180, 176, 62, 12, mix(COPPER, "#ffffff", 0.4))
        + oval(180, 178, 52, 8, "#6b4327")
        + steam(180, 156)
    )


@draws("coffee-makers", "percolator")
def percolator(p: Subject) -> str:
    return (
        shadow(200, 100)
        + line("M118 150q82-130 164 0", "#7a8087", 5)
        + handle(274, 190, 84, p.dark, 18)
        + shape("M132 196L84 172q-6 30 34 78z", p.main)
        + turned(200, [(150, 66), (318, 92), (330, 84)], p.main)
        + shape("M130 150q70-46 140 0z", p.dark)
        + dot(200, 112, 15, GLASS)
        + line("M112 326h176", INK, 6)
        + shine(142, 190, 11, 100)
    )
