"""Lamps, beds, candles, clocks and plant pots."""

# ruff: noqa: E501 - a path is one word, however long

from math import cos, pi, sin

from .shapes import (
    BRASS,
    CORK,
    GLASS,
    INK,
    LEAF,
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

GLOW = "#ffe9a8"


def beam(d: str) -> str:
    return shape(d, GLOW, opacity=0.55)


@draws("lamps")
def desk_lamp(p: Subject) -> str:
    return (
        shadow(220, 90)
        + beam("M84 178L30 322h150L164 150z")
        + line("M238 318L286 214L160 112", p.dark, 10)
        + dot(286, 214, 11, BRASS)
        + dot(160, 112, 9, BRASS)
        + shape("M72 182q0-74 84-84l24 42z", p.main)
        + shape("M72 182l108-42-4-8-104 42z", p.dark)
        + turned(238, [(312, 60), (330, 64)], p.main)
    )


@draws("lamps", "portable")
def portable_lamp(p: Subject) -> str:
    return (
        shadow(200, 70)
        + beam("M130 172L86 322h228L270 172z")
        + rect(190, 168, 20, 146, p.dark)
        + shape("M112 174q0-88 88-88t88 88z", p.main)
        + shade("M232 92q56 18 56 82h-46z")
        + turned(200, [(310, 46), (330, 56)], p.main)
        + line("M176 86q24-34 48 0", p.dark, 8)
    )


@draws("lamps", "goccia")
def drop_pendant(p: Subject) -> str:
    return (
        line("M200 0v110", INK, 4)
        + dot(200, 236, 128, GLOW, opacity=0.35)
        + rect(184, 104, 32, 32, BRASS, 6)
        + turned(200, [(134, 18), (250, 88), (318, 40), (330, 6)], p.main, opacity=0.85)
        + dot(200, 222, 26, GLOW)
        + shine(140, 226, 11, 60, 0.5)
    )


@draws("lamps", "arco", "filo")
def floor_lamp(p: Subject) -> str:
    if "filo" in p.slug:
        return (
            shadow(240, 70, 356)
            + beam("M118 118L60 330h124z")
            + line("M240 350V62", p.main, 7)
            + line("M240 104L150 104", p.main, 7)
            + oval(132, 106, 34, 22, p.main)
            + turned(240, [(342, 56), (356, 60)], p.dark)
        )
    return (
        shadow(310, 64, 356)
        + beam("M60 176L34 350h150L146 176z")
        + line("M310 340V180q0-130-120-130q-84 0-88 76", p.main, 9)
        + shape("M50 178q6-62 54-62t52 62z", p.dark)
        + rect(258, 314, 104, 42, "#e9e6e0", 6)
        + line("M266 340q30-18 50-6t40-14", "#c6c1b8", 3)
    )


@draws("lamps", "fungo")
def mushroom_lamp(p: Subject) -> str:
    return (
        shadow(200, 70)
        + dot(200, 200, 140, GLOW, opacity=0.4)
        + turned(200, [(210, 26), (300, 34), (330, 60)], p.main)
        + shape("M84 214q4-116 116-116t116 116q-116 30-232 0z", mix(p.main, GLOW, 0.4))
        + shade("M240 104q72 20 76 110q-30 8-60 11z", 0.08)
        + shine(118, 140, 12, 50, 0.6)
    )


@draws("lamps", "pleated")
def pleated_lamp(p: Subject) -> str:
    pleats = "".join(line(f"M{200 + x} 96L{200 + x * 1.65} 218", p.dark, 2.5, opacity=0.45) for x in range(-60, 61, 12))
    return (
        shadow(200, 70)
        + dot(200, 170, 140, GLOW, opacity=0.4)
        + shape("M138 92h124l44 128H94z", p.main)
        + pleats
        + turned(200, [(220, 10), (250, 26), (278, 12), (304, 22), (318, 56), (330, 58)], WOOD)
    )


@draws("lamps", "clamp")
def clamp_lamp(p: Subject) -> str:
    return (
        beam("M58 210L20 372h210L182 160z")
        + rect(236, 292, 164, 26, PALE_WOOD)
        + line("M306 286V214L196 128", STEEL, 9)
        + dot(306, 214, 12, INK)
        + shape("M48 216q-6-100 100-120l44 66z", p.main)
        + shape("M48 216l144-54-4-8L46 208z", p.dark)
        + line("M284 290h44v46h-30", p.dark, 14)
    )


@draws("lamps", "globe")
def globe_light(p: Subject) -> str:
    ribs = "".join(oval(200, 226, rx, 84, "none", stroke="#e6d9b8", stroke_width=3) for rx in (16, 40, 62))
    return (
        dot(200, 226, 150, GLOW, opacity=0.4)
        + rect(150, 66, 100, 32, p.main, 14)
        + rect(184, 96, 32, 52, p.dark, 4)
        + dot(200, 226, 84, "#fff6da")
        + ribs
        + shade("M226 148a84 84 0 0 1 0 156a120 120 0 0 0 0-156z", 0.08)
    )


@draws("lamps", "factory")
def factory_pendant(p: Subject) -> str:
    return (
        line("M200 0v92", INK, 5)
        + beam("M92 236L40 400h320L308 236z")
        + rect(180, 84, 40, 46, p.dark, 8)
        + shape("M172 128h56q6 40 74 66q22 10 24 42H74q2-32 24-42q68-26 74-66z", p.main)
        + shade("M216 128h12q6 40 74 66q22 10 24 42h-62q-8-56-48-108z")
        + oval(200, 236, 126, 14, "#fdf7e3")
        + oval(200, 240, 36, 12, GLOW)
    )


def bed(cover: str, fold: str, pillow: str, pattern: str = "") -> str:
    return (
        shadow(200, 160, 338)
        + rect(40, 120, 320, 210, mix(WOOD, INK, 0.1), 14)
        + rect(54, 190, 292, 126, "#f6f3ec", 12)
        + rect(72, 152, 120, 66, pillow, 24)
        + rect(208, 152, 120, 66, pillow, 24)
        + shape("M46 222q154-22 308 0v92q0 12-12 12H58q-12 0-12-12z", cover)
        + pattern
        + shape("M46 222q154-22 308 0v24q-154-22-308 0z", fold)
        + line("M120 262q8 30-4 58M232 258q-12 34 4 66M300 262q6 30-2 56", mix(cover, INK, 0.25), 3, opacity=0.5)
        + rect(40, 316, 16, 26, WOOD, 3)
        + rect(344, 316, 16, 26, WOOD, 3)
    )


@draws("bed-linen")
def made_bed(p: Subject) -> str:
    return bed(p.main, p.light, mix(p.main, "#ffffff", 0.6))


@draws("bed-linen", "bedspread")
def quilted_bed(p: Subject) -> str:
    diamonds = line(
        "M60 320l96-96M130 324l104-104M210 324l100-98M290 324l62-60M340 320l-96-96M270 324L166 220M190 324L90 226M110 324l-62-60",
        p.light,
        2.5,
        opacity=0.7,
    )
    return bed(p.main, p.dark, p.light, diamonds)


@draws("bed-linen", "flannel")
def checked_bed(p: Subject) -> str:
    checks = "".join(rect(56 + i * 36, 240, 16, 84, "#fff", opacity=0.22) for i in range(8)) + "".join(
        rect(48, 256 + i * 28, 304, 12, "#fff", opacity=0.22) for i in range(3)
    )
    return bed("#a34d4a", "#c98a84", "#ecdcd2", checks)


@draws("bed-linen", "pillow")
def pillow(p: Subject) -> str:
    colour = p.main if p.colours else "#d8c7a3"
    cushion = (
        "M70 150q130-30 260 0q22 4 18 26q-14 64 0 118q4 22-18 26q-130 22-260 0q-22-4-18-26q14-54 0-118q-4-22 18-26z"
    )
    inner = line("M96 172q104-20 208 0q-8 60 0 126q-104 14-208 0q8-66 0-126z", mix(colour, INK, 0.2), 3, opacity=0.6)
    hulls = ""
    if "buckwheat" in p.slug:
        hulls = "".join(oval(120 + i * 26, 340 - (i * 7) % 12, 9, 6, "#5a4030") for i in range(8))
    return (
        shadow(200, 150, 334)
        + shape(cushion, colour)
        + shade("M300 146q30 4 30 4q22 4 18 26q-14 64 0 118q4 22-18 26q-20 4-44 6q30-90 14-180z", 0.1)
        + inner
        + hulls
    )


@draws("bed-linen", "blanket", "sheet", "duvet-cover")
def folded_linen(p: Subject) -> str:
    tones = [p.main, p.second, mix(p.main, "#ffffff", 0.5)]
    if not p.colours:
        tones = ["#f4f1ea", mix(p.main, "#ffffff", 0.62), "#e6e9ea"]
    layers = ""
    for i, tone in enumerate(tones):
        y = 268 - i * 66
        layers += rect(72 + i * 6, y, 256 - i * 12, 62, tone, 28) + rect(
            96 + i * 6, y + 28, 232 - i * 12, 6, mix(tone, INK, 0.2), 3
        )
        layers += shade(f"M{290 - i * 6} {y}h10q28 0 28 31t-28 31h-10z", 0.08)
    weave = ""
    if "waffle" in p.slug:
        weave = "".join(
            rect(112 + i * 26, 146 + j * 26, 14, 12, mix(tones[2], INK, 0.12), 2) for i in range(7) for j in (0, 1)
        )
    ribbon = rect(186, 136, 28, 194, mix(p.main, INK, 0.15), 2) + rect(170, 214, 60, 38, "#f7f2e8", 4)
    return (
        shadow(200, 150, 334)
        + layers
        + (weave or ribbon + words(200, 239, "lino" if "linen" in p.slug else "puro", 18, INK))
    )


def flame(x: float, y: float, size: float = 1) -> str:
    tongue = shape("M0 0q-20-20-2-58q24 34 2 58z", "#f0a83c") + shape("M0-4q-9-12 0-30q10 18 0 30z", "#fff2c0")
    return (
        line(f"M{x} {y + 14}v-14", "#4b4340", 4)
        + dot(x, y - 22, 46 * size, GLOW, opacity=0.45)
        + move(x, y, tongue, size)
    )


@draws("candles")
def jar_candle(p: Subject) -> str:
    holder = p.main if p.colours else mix(p.main, "#ffffff", 0.25)
    name = p.title.split()[0]
    return (
        shadow(200, 90)
        + flame(200, 140)
        + turned(200, [(158, 80), (330, 74)], holder)
        + oval(200, 158, 80, 16, mix(holder, "#ffffff", 0.5))
        + oval(200, 160, 68, 12, "#f5ecd6")
        + rect(150, 212, 100, 76, "#f7f2e8", 4)
        + words(200, 248, name, 20, INK)
        + line("M174 264h52", holder, 3)
        + shine(132, 196, 9, 96)
    )


@draws("candles", "twisted")
def twisted_candles(p: Subject) -> str:
    tones = (*p.colours, p.colours[0])
    one = ""
    for i, tone in enumerate(tones[:4]):
        x = 104 + i * 64
        twist = line("".join(f"M{x - 11} {158 + k * 22}l22 14" for k in range(7)), mix(tone, INK, 0.25), 4)
        one += flame(x, 128, 0.6) + rect(x - 13, 140, 26, 186, tone, 8) + twist
    return shadow(200, 140) + one


@draws("candles", "pillar", "lantern")
def pillars(p: Subject) -> str:
    wax = "#dba64a" if "beeswax" in p.slug else "#efe6d2"
    drawing = shadow(200, 120)
    for x, top, half in ((128, 216, 40), (212, 150, 46), (296, 242, 36)):
        drawing += flame(x, top - 18, 0.8) + turned(x, [(top, half), (330, half)], wax)
        drawing += oval(x, top, half, 9, mix(wax, "#ffffff", 0.45))
    return drawing


@draws("candles", "tea-lights")
def tea_lights(p: Subject) -> str:
    drawing = ""
    for x, y in ((148, 226), (252, 226), (92, 300), (200, 300), (308, 300)):
        drawing += flame(x, y - 16, 0.7)
        drawing += rect(x - 38, y - 8, 76, 34, GLASS, 8, opacity=0.9) + rect(x - 33, y - 2, 66, 20, "#f8f1df", 6)
    return drawing


@draws("candles", "ring")
def candle_ring(p: Subject) -> str:
    tapers = ""
    for x, y in ((96, 262), (164, 284), (236, 284), (304, 262)):
        tapers += flame(x, y - 148, 0.6) + rect(x - 10, y - 136, 20, 138, "#f4eee0", 4) + oval(x, y + 2, 18, 7, p.dark)
    ring = oval(200, 268, 144, 44, p.main) + oval(200, 262, 96, 22, "#f3ece1")
    moss = "".join(dot(130 + i * 20, 262 - (i % 3) * 5, 10, LEAF) for i in range(8))
    return shadow(200, 150, 308) + ring + moss + tapers


@draws("candles", "tin-candle")
def tin_candle(p: Subject) -> str:
    leaf = line("M200 296v-44M200 280q-22-4-24-26q22 2 24 22M200 270q22-4 24-26q-22 2-24 22", "#5f7f5b", 5)
    return (
        shadow(180, 100)
        + flame(170, 178)
        + turn(-14, oval(316, 282, 26, 62, "#c9cdd0") + oval(312, 282, 18, 50, "#e2e5e6"), 316, 290)
        + turned(170, [(200, 92), (330, 92)], "#c9cdd0")
        + oval(170, 200, 92, 18, "#e2e5e6")
        + oval(170, 202, 80, 14, "#f5ecd6")
        + rect(96, 236, 150, 68, "#eef1e6", 4)
        + move(-30, 0, leaf)
    )


def dial(x: float, y: float, r: float, face: str, marks: str, *, bars: int = 12) -> str:
    strokes = ""
    for i in range(bars):
        a = i * 2 * pi / bars
        far, near = r * 0.86, r * (0.66 if i % 3 == 0 else 0.76)
        strokes += f"M{x + near * sin(a):.0f} {y - near * cos(a):.0f}L{x + far * sin(a):.0f} {y - far * cos(a):.0f}"
    return (
        dot(x, y, r, face)
        + line(strokes, marks, r * 0.055)
        + line(f"M{x} {y}L{x - r * 0.4:.0f} {y - r * 0.24:.0f}", marks, r * 0.08)
        + line(f"M{x} {y}L{x + r * 0.32:.0f} {y - r * 0.58:.0f}", marks, r * 0.06)
        + line(f"M{x} {y}L{x + r * 0.1:.0f} {y + r * 0.7:.0f}", "#c0453f", r * 0.025)
        + dot(x, y, r * 0.07, marks)
    )


@draws("clocks")
def wall_clock(p: Subject) -> str:
    frame = p.main if p.colours else INK
    return shadow(206, 110, 346) + dot(200, 200, 138, frame) + dial(200, 200, 122, "#fbf9f4", INK)


@draws("clocks", "walnut-ring")
def ring_clock(p: Subject) -> str:
    ring = dot(200, 200, 118, "none", stroke="#7d5738", stroke_width=34)
    hands = line("M200 200l-42-30M200 200l26-72", INK, 7) + dot(200, 200, 9, BRASS)
    return (
        dot(206, 210, 118, "none", stroke="#1d2230", stroke_width=34, opacity=0.12)
        + ring
        + line("M112 130q40-52 98-50M290 260q-30 50-86 58", "#93694a", 4)
        + hands
    )


@draws("clocks", "stoneware")
def plate_clock(p: Subject) -> str:
    prints = "".join(
        oval(200 + 100 * sin(i * pi / 6), 200 - 100 * cos(i * pi / 6), 11, 14, mix(p.main, INK, 0.22))
        for i in range(12)
    )
    hands = line("M200 200l-44-26M200 200l30-66", INK, 8) + dot(200, 200, 9, BRASS)
    return (
        shadow(206, 100, 346)
        + dot(200, 200, 136, p.main)
        + dot(200, 200, 122, mix(p.main, "#ffffff", 0.25))
        + prints
        + hands
    )


@draws("clocks", "split-flap")
def split_flap(p: Subject) -> str:
    card = ""
    for x, digits in ((72, "10"), (206, "24")):
        card += rect(x, 148, 122, 134, INK, 10) + words(x + 61, 248, digits, 92, "#f3efe6")
        card += rect(x, 213, 122, 4, "#11151b")
    return (
        shadow(200, 160, 334)
        + rect(44, 118, 312, 196, p.main, 34)
        + shade("M300 118h22q34 0 34 34v128q0 34-34 34h-22z")
        + card
        + rect(92, 312, 40, 18, p.dark, 6)
        + rect(268, 312, 40, 18, p.dark, 6)
    )


@draws("clocks", "travertine", "calendar")
def mantel_clock(p: Subject) -> str:
    if "calendar" in p.slug:
        drums = "".join(
            rect(84 + i * 80, 236, 72, 60, BRASS, 8) + words(120 + i * 80, 276, t, 28, INK)
            for i, t in enumerate(("TUE", "14", "MAY"))
        )
        return (
            shadow(200, 150)
            + rect(60, 216, 280, 114, WOOD, 10)
            + drums
            + rect(130, 84, 140, 140, WOOD, 70)
            + dial(200, 154, 56, "#fbf6e6", INK)
        )
    pores = "".join(oval(90 + p.number(220, f"p{i}"), 130 + p.number(190, f"q{i}"), 7, 3, "#b39c7a") for i in range(18))
    return (
        shadow(200, 130)
        + rect(80, 116, 240, 214, "#d9c7a8", 10)
        + pores
        + dot(200, 216, 84, BRASS)
        + dial(200, 216, 74, "#fbf6e6", INK)
    )


@draws("clocks", "kitchen")
def kitchen_clock(p: Subject) -> str:
    timer = (
        dot(200, 286, 30, "#fbf9f4")
        + line("M200 286l14-16", INK, 5)
        + "".join(dot(200 + 23 * cos(i * pi / 4), 286 + 23 * sin(i * pi / 4), 2, INK) for i in range(8))
    )
    return (
        shadow(200, 100, 346)
        + rect(92, 60, 216, 280, p.main, 70)
        + shade("M250 60q58 6 58 70v140q0 66-58 70z", 0.07)
        + dial(200, 158, 82, "#fbf9f4", INK)
        + timer
    )


@draws("clocks", "learn")
def animal_clock(p: Subject) -> str:
    numbers = "".join(
        words(200 + 106 * sin(i * pi / 6), 209 - 106 * cos(i * pi / 6), str(i or 12), 26, INK) for i in range(12)
    )
    fox = shape("M150 150l-6-28 22 12 22-12-6 28-16 20z", "#dd7b3a") + dot(158, 148, 3, INK) + dot(174, 148, 3, INK)
    hare = shape("M238 130q-12-52 4-52t4 40q4-42 18-36t-4 48q10 28-12 28t-10-28z", "#a58f78")
    return (
        shadow(206, 110, 350)
        + dot(200, 200, 140, PALE_WOOD)
        + dot(200, 200, 128, "#fdf9ee")
        + dot(200, 200, 84, "#dfeadb")
        + numbers
        + line("M200 200L168 166", "#dd7b3a", 8)
        + line("M200 200l40-66", "#a58f78", 7)
        + fox
        + hare
        + dot(200, 200, 9, INK)
    )


@draws("clocks", "sunrise")
def sunrise_clock(p: Subject) -> str:
    return (
        dot(200, 200, 176, "#ffd58a", opacity=0.45)
        + shadow(200, 110)
        + dot(200, 206, 126, "#f4b25c")
        + dot(200, 222, 100, "#ffe3a6")
        + shape("M78 238q122 40 244 0q-12 92-122 92T78 238z", p.main)
        + words(200, 304, "6:30", 38, mix(p.main, INK, 0.75))
        + rect(190, 70, 20, 14, p.dark, 5)
    )


@draws("clocks", "travel")
def travel_clock(p: Subject) -> str:
    return (
        shadow(200, 120)
        + shape("M84 330l36-40h196l-20 40z", p.dark)
        + rect(100, 110, 200, 196, p.main, 26)
        + rect(120, 130, 160, 156, "#fbf9f4", 16)
        + dial(200, 208, 70, "#fbf9f4", INK)
        + rect(168, 92, 64, 20, p.dark, 8)
    )


def leaves(x: float, y: float, kind: int) -> str:
    if kind == 0:  # rubber plant
        return line(f"M{x} {y}v-130", "#5a7a48", 7) + "".join(
            turn(a, oval(x + 36, y - h, 42, 19, mix(LEAF, "#2f5a3c", i % 2 * 0.4)), x, y - h)
            for i, (h, a) in enumerate(((20, -30), (44, 205), (70, -35), (98, 215), (118, -80)))
        )
    if kind == 1:  # snake plant
        return "".join(
            shape(
                f"M{x + dx} {y}q{-18 + lean} -70 {lean} -{h}q{24} 60 {20 - lean / 4} {h}z",
                mix("#5d8a63", "#a9bf70", i % 2 * 0.5),
            )
            for i, (dx, lean, h) in enumerate(((-48, -24, 110), (-22, -8, 150), (2, 10, 172), (22, 30, 128)))
        )
    return "".join(  # herbs
        dot(x + dx, y - dy, r, mix("#7fa05f", "#4f7a4a", i % 3 * 0.4))
        for i, (dx, dy, r) in enumerate(
            ((-52, 24, 26), (-22, 58, 30), (18, 66, 30), (50, 26, 27), (0, 24, 30), (-40, 60, 16), (46, 62, 17))
        )
    )


def planter(p: Subject, colour: str, top: float, half: float, foot: float) -> str:
    return (
        turned(200, [(top, half), (330, foot)], colour)
        + rect(200 - half - 6, top - 12, 2 * half + 12, 28, mix(colour, INK, 0.12), 6)
        + shine(200 - half + 16, top + 34, 10, (330 - top) * 0.45)
    )


@draws("plant-pots")
def plant_pot(p: Subject) -> str:
    colour = "#c06a48" if "terracotta" in p.slug else BRASS if "brass" in p.slug else p.main
    saucer = rect(122, 322, 156, 16, mix(colour, INK, 0.15), 8) if "saucer" in p.slug else ""
    return shadow(200, 100, 336) + leaves(200, 222, p.number(2)) + planter(p, colour, 222, 78, 58) + saucer


@draws("plant-pots", "brass-rim")
def cachepot(p: Subject) -> str:
    return (
        shadow()
        + leaves(200, 210, 1)
        + turned(200, [(206, 88), (330, 88)], "#4d6a5d")
        + line("M110 206h180", BRASS, 12)
    )


@draws("plant-pots", "herb")
def herb_pot(p: Subject) -> str:
    inner = turned(200, [(186, 62), (240, 58)], CORK)
    return (
        shadow()
        + leaves(200, 186, 2)
        + inner
        + turned(200, [(224, 86), (310, 86), (330, 74)], p.main)
        + line("M150 274q12-10 25 0t25 0t25 0t25 0", mix(p.main, "#4a78a8", 0.6), 5)
    )


@draws("plant-pots", "hanging")
def hanging_pot(p: Subject) -> str:
    trails = "".join(
        line(f"M{x} 252q{dx} 40 {dx * 0.4:.0f} {h}", "#5f8553", 4)
        + "".join(dot(x + dx * 0.4, 252 + h * k / 3, 9, LEAF) for k in (1, 2, 3))
        for x, dx, h in ((128, -30, 110), (160, -10, 70), (270, 34, 96), (244, 12, 60))
    )
    return (
        line("M200 30L104 240M200 30v200M200 30L296 240", CORK, 4)
        + dot(200, 26, 12, "none", stroke=BRASS, stroke_width=6)
        + leaves(200, 240, 2)
        + shape("M96 236h208q-6 84-104 84T96 236z", p.main)
        + shade("M256 236h48q-4 70-72 82q24-30 24-82z")
        + trails
    )


@draws("plant-pots", "footed")
def footed_pot(p: Subject) -> str:
    feet = "".join(shape(f"M{x} 296h30l-9 44h-12z", p.dark) for x in (126, 185, 244))
    return shadow(200, 100, 340) + leaves(200, 200, 0) + feet + turned(200, [(200, 96), (280, 92), (314, 70)], p.main)


@draws("plant-pots", "bonsai")
def bonsai(p: Subject) -> str:
    crown = "".join(
        oval(x, y, rx, ry, c)
        for x, y, rx, ry, c in (
            (120, 176, 62, 28, "#5f8553"),
            (230, 118, 72, 32, "#6f9660"),
            (284, 196, 52, 24, "#557a4c"),
        )
    )
    trunk = line("M196 290q-34-40 4-76q34-34 20-84M190 240q-40-20-64-56M214 214q44 6 66-14", "#6b4a31", 14)
    return (
        shadow(200, 140, 338)
        + trunk
        + crown
        + oval(200, 290, 110, 12, "#5a4636")
        + shape("M70 288h260l-16 34q-4 8-14 8H100q-10 0-14-8z", "#8a5140")
        + rect(106, 328, 36, 10, "#6f3f31")
        + rect(258, 328, 36, 10, "#6f3f31")
    )


@draws("plant-pots", "cactus")
def cactus_trio(p: Subject) -> str:
    spines = "".join(
        line(f"M{x} {y}l-5-6M{x} {y}l5-6", "#f4f1da", 2)
        for x, y in ((110, 200), (110, 226), (200, 170), (200, 200), (200, 228), (292, 222))
    )
    drawing = (
        rect(97, 170, 28, 84, "#5f8f63", 14)
        + rect(176, 134, 48, 120, "#6fa06a", 24)
        + oval(292, 230, 36, 30, "#557f58")
    )
    drawing += line("M222 196h20v-30", "#6fa06a", 15) + dot(292, 198, 9, "#e08aa0") + spines
    pots = "".join(
        turned(x, [(246, 36), (314, 27)], p.main) + rect(x - 40, 240, 80, 18, p.dark, 4) for x in (110, 200, 292)
    )
    return shadow(200, 150, 338) + drawing + pots + rect(56, 312, 288, 18, p.second, 9)


@draws("plant-pots", "orchid")
def orchid_pot(p: Subject) -> str:
    petals = "".join(
        move(
            x,
            y,
            "".join(turn(a, oval(0, -16, 12, 16, "#e6b4cf"), 0, 0) for a in (0, 72, 144, 216, 288))
            + dot(0, 0, 8, "#a8466f"),
        )
        for x, y in ((250, 74), (290, 116), (216, 108))
    )
    slits = "".join(rect(140 + i * 26, 252, 10, 48, "#8b8f86", 5) for i in range(5))
    return (
        shadow()
        + line("M196 232q-10-110 40-146t66 40", "#5f8553", 6)
        + turn(-24, oval(150, 214, 58, 15, LEAF))
        + turn(20, oval(250, 212, 58, 15, "#557f58"))
        + petals
        + turned(200, [(224, 78), (330, 58)], "#f1eee7")
        + slits
    )


@draws("plant-pots", "propagation")
def propagation_vase(p: Subject) -> str:
    roots = line("M200 232q-16 30-8 60M202 232q20 26 12 62M200 232v54", "#e7dcc0", 3)
    return (
        shadow(200, 80)
        + line("M200 240q4-70-8-140", "#5f8553", 6)
        + turn(-38, oval(206, 96, 52, 22, LEAF), 192, 110)
        + turn(30, oval(238, 142, 46, 18, "#557f58"), 200, 150)
        + turned(200, [(190, 28), (218, 30), (290, 86), (330, 56)], GLASS, opacity=0.8)
        + turned(200, [(256, 74), (290, 84), (328, 56)], "#9cc7d3", opacity=0.8)
        + roots
        + rect(160, 178, 80, 18, "#f6f3ec", 9)
    )


@draws("plant-pots", "rail")
def rail_planter(p: Subject) -> str:
    flowers = "".join(
        line(f"M{x} 236v-{h}", "#5f8553", 4) + dot(x, 236 - h, 15, c) + dot(x, 236 - h, 5, "#f6d96b")
        for x, h, c in (
            (92, 60, "#c0453f"),
            (134, 92, "#e08aa0"),
            (178, 66, "#f2efe9"),
            (222, 98, "#c0453f"),
            (266, 64, "#e08aa0"),
            (308, 86, "#f2efe9"),
        )
    )
    bars = "".join(rect(x, 316, 8, 84, "#7a8087") for x in range(40, 370, 44))
    return (
        bars
        + rect(0, 300, 400, 18, "#7a8087")
        + leaves(130, 236, 2)
        + leaves(270, 236, 2)
        + flowers
        + shape("M50 232h300l-16 96q-2 10-12 10H78q-10 0-12-10z", p.main)
        + shade("M284 232h66l-16 96q-2 10-12 10h-50z")
    )
