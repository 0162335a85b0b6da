"""Tents, bottles and things for the bicycle."""

# ruff: noqa: E501 - a path is one word, however long

from .shapes import (
    BRASS,
    COPPER,
    CORK,
    GLASS,
    INK,
    LEAF,
    PALE_WOOD,
    PAPER,
    STEEL,
    WOOD,
    Subject,
    dot,
    dots,
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


def fir(x: float, base: float, height: float) -> str:
    w = height * 0.26
    return rect(x - 5, base - 14, 10, 16, "#6b4a31") + "".join(
        shape(
            f"M{x - w * k:.0f} {base - 10 - height * a:.0f}L{x} {base - height * b:.0f}L{x + w * k:.0f} {base - 10 - height * a:.0f}z",
            "#6b8f73",
        )
        for k, a, b in ((1, 0, 0.5), (0.8, 0.28, 0.76), (0.55, 0.54, 1))
    )


def meadow(y: float = 318) -> str:
    return shape(f"M42 {y}q158-24 316 0q-30 40-158 40T42 {y}z", "#a9bf8f")


@draws("tents")
def tunnel_tent(p: Subject) -> str:
    big = 24 if "suo-3" in p.slug else 0
    return (
        fir(76, 300, 150)
        + fir(330, 296, 120)
        + meadow()
        + shape(f"M70 322q10-{120 + big} 96-{136 + big}q130-10 170 136z", p.main)
        + shape(f"M70 322q10-{120 + big} 96-{136 + big}q24 40 12 136z", p.dark)
        + shape("M104 322q6-70 44-88q18 30 10 88z", mix(p.dark, INK, 0.45))
        + line(f"M166 {186 - big}q26 40 12 136M250 {200 - big}q34 40 28 122", p.light, 5)
        + line("M336 322l34 14M70 322l-36 12", "#6b6558", 3)
    )


@draws("tents", "geodesic")
def dome_tent(p: Subject) -> str:
    tone = "#cc7a3d"
    snow = "".join(dot(40 + i * 31, 50 + (i * 47) % 120, 5, "#fff") for i in range(11))
    return (
        shape("M20 330l90-170 60 70 70-120 140 220z", "#cdd9df")
        + shape("M220 142l20-32 24 38-18-4z", "#fff")
        + shape("M96 186l14-26 18 20z", "#fff")
        + snow
        + shape("M36 326q164-30 328 0q-40 34-164 34T36 326z", "#f4f7f8")
        + shape("M78 326q14-150 122-150t122 150z", tone)
        + shade("M226 178q86 16 96 148h-60q0-90-36-148z")
        + shape("M160 326q4-76 40-94q36 18 40 94z", mix(tone, INK, 0.5))
        + line("M78 326q80-30 150-148M322 326q-80-30-150-148M108 232q92 40 184 0", mix(tone, "#ffffff", 0.5), 5)
    )


@draws("tents", "trekking-pole")
def pole_tent(p: Subject) -> str:
    return (
        fir(70, 306, 120)
        + meadow()
        + shape("M200 116L58 326h284z", p.main)
        + shade("M200 116l142 210h-90z")
        + shape("M200 150l-44 176h88z", mix(p.dark, INK, 0.45))
        + line("M200 326V104", STEEL, 6)
        + dot(200, 100, 8, INK)
        + shape("M200 150l-44 176h18z", p.light)
        + line("M58 326l-26 12M342 326l26 12", "#6b6558", 3)
    )


@draws("tents", "bell")
def bell_tent(p: Subject) -> str:
    canvas = "#eadfc8"
    bunting = "".join(
        shape(f"M{96 + i * 26} {250 - abs(4 - i) * 3}l10 20 10-20z", tone)
        for i, tone in enumerate(("#c06a48", "#5f9e96", "#cc9a3d") * 3)
    )
    return (
        fir(56, 300, 140)
        + meadow(322)
        + shape("M200 70L54 250l10 76h272l10-76z", canvas)
        + shade("M200 70l146 180-10 76h-80z", 0.09)
        + shape("M200 120l-40 206h80z", "#8a7658")
        + shape("M200 120l-40 206h18z", "#f6efdf")
        + line("M54 250h292M200 70v20", "#bda981", 4)
        + line("M54 250L20 322M346 250l34 72", "#a5946f", 3)
        + dot(200, 66, 7, WOOD)
        + bunting
    )


@draws("tents", "laavu")
def tarp(p: Subject) -> str:
    fire = shape("M250 322q-20-24 4-52q4 16 16 22q-4-24 10-36q34 34 12 66z", "#e59338") + line(
        "M236 324l64-8M240 314l58 14", "#6b4a31", 9
    )
    return (
        fir(60, 310, 190)
        + fir(344, 306, 170)
        + meadow()
        + line("M96 322V120M330 322V150", WOOD, 9)
        + shape("M84 118l250 30-24 36L60 322z", p.main)
        + shade("M84 118l250 30-24 36z")
        + rect(96, 296, 90, 18, "#6b4a31", 9)
        + fire
    )


@draws("tents", "hammock")
def hammock(p: Subject) -> str:
    trunks = rect(30, 40, 30, 300, "#7a5a40", 6) + rect(340, 40, 30, 300, "#7a5a40", 6)
    net = shape("M84 204q116-90 232 0q-116 50-232 0z", "#ffffff", opacity=0.6) + line(
        "M84 204q116-90 232 0", "#c9cfc6", 3
    )
    leaf = "".join(
        dot(x, y, r, LEAF, opacity=0.8) for x, y, r in ((40, 40, 46), (90, 26, 30), (350, 36, 48), (300, 22, 28))
    )
    return (
        meadow(338)
        + trunks
        + leaf
        + net
        + line("M60 150L90 206M340 150l-30 56M60 140q140 30 280 0", "#6b6558", 4)
        + shape("M84 200q116 70 232 0q-30 90-116 90T84 200z", p.main)
        + shade("M220 250q60-14 96-50q-30 90-116 90q20-16 20-40z")
    )


@draws("tents", "beach")
def beach_shelter(p: Subject) -> str:
    ball = (
        dot(322, 312, 24, "#f2efe9")
        + shape("M322 288a24 24 0 0 1 21 36l-21-12z", "#c0453f")
        + shape("M322 336a24 24 0 0 1-21-36l21 12z", "#4a78a8")
    )
    return (
        dot(310, 96, 34, "#f3c969")
        + shape("M0 250q100-12 200 0t200 0v60H0z", "#9cc7d3")
        + shape("M0 300q200-30 400 0v100H0z", "#ecd9ad")
        + shape("M60 322q20-150 140-158q96 6 120 158z", p.main)
        + shape("M96 322q20-104 104-112q70 8 86 112z", mix(p.dark, INK, 0.3))
        + shape("M200 164q-60 40-72 64l40-14q20-8 32-50z", p.light)
        + ball
    )


@draws("tents", "footprint")
def groundsheet(p: Subject) -> str:
    pegs = "".join(
        line(f"M{x} {y}v24M{x - 8} {y}h16", STEEL, 6) for x, y in ((60, 280), (340, 280), (104, 140), (296, 140))
    )
    return (
        shape("M104 150h192l50 140H54z", "#5d7a68")
        + shape("M118 162h164l38 112H80z", "none", stroke="#8fae9a", stroke_width=4, stroke_dasharray="10 8")
        + pegs
        + shape("M296 150l50 140-60-10q30-60 10-130z", "#3f5648")
        + words(200, 232, "SUO", 46, "#8fae9a")
    )


@draws("tents", "pegs")
def pegs(p: Subject) -> str:
    one = (
        shape("M0 0h30v150l-15 40-15-40z", "#b9c0c6")
        + shade("M16 0h14v150l-14 40z")
        + dots(15, 24, 1, 5, 26, 9, "#7d858c")
        + line("M15 8q-34-30 6-38", "#dd7b3a", 5)
    )
    return shadow(200, 150, 326) + "".join(move(62 + i * 48, 106 + i % 2 * 14, one) for i in range(6))


def bottle(p: Subject, tone: str, cap: str, profile: list[tuple[float, float]], extra: str = "") -> str:
    top, neck_width = profile[0]
    return (
        shadow(200, profile[-1][1] + 22)
        + turned(200, profile, tone)
        + rect(200 - neck_width - 6, top - 42, 2 * neck_width + 12, 48, cap, 8)
        + extra
    )


@draws("bottles")
def steel_bottle(p: Subject) -> str:
    tone = p.main if p.colours else STEEL
    mark = line("M176 244l24-34l24 34z", mix(tone, "#ffffff", 0.7), 6)
    loop = line("M176 66q24-42 48 0", INK, 9)
    return bottle(
        p, tone, INK, [(112, 30), (126, 32), (172, 58), (322, 58), (330, 50)], mark + loop + shine(152, 186, 10, 110)
    )


@draws("bottles", "food-flask", "jug")
def food_flask(p: Subject) -> str:
    if "jug" in p.slug:
        grip = line("M262 150q76-14 70 70t-66 64", INK, 17)
        return grip + bottle(
            p,
            p.main,
            INK,
            [(130, 42), (170, 66), (320, 74), (330, 66)],
            shape("M160 130l-30-22 28-6z", INK) + shine(140, 190, 11, 100),
        )
    return bottle(
        p,
        p.main,
        p.dark,
        [(148, 66), (160, 72), (320, 72), (330, 62)],
        line("M134 300h132", STEEL, 8) + shine(140, 178, 11, 100),
    ) + turn(24, oval(318, 282, 18, 42, STEEL) + line("M318 322v-150", STEEL, 9), 318, 282)


@draws("bottles", "soft-flask")
def soft_flask(p: Subject) -> str:
    level = shape("M150 236q50-16 100 0l-6 74q-4 18-44 18t-44-18z", "#7fb0d0", opacity=0.8)
    return (
        shadow(200, 66)
        + rect(178, 92, 44, 40, "#4a78a8", 10)
        + rect(188, 64, 24, 32, "#dfe8ea", 10)
        + shape(
            "M172 130h56q40 30 30 90q-10 50-14 92q-4 18-44 18t-44-18q-4-42-14-92q-10-60 30-90z", "#cfe0ea", opacity=0.9
        )
        + level
        + line("M226 196h16M224 226h16M222 256h16", "#4a78a8", 4)
        + shine(160, 176, 9, 80, 0.6)
    )


@draws("bottles", "filter")
def filter_bottle(p: Subject) -> str:
    fibre = rect(182, 130, 36, 100, "#e9edf0", 8) + line("M190 140v80M200 140v80M210 140v80", "#a9b6bf", 3)
    water = turned(200, [(200, 56), (322, 56), (328, 50)], "#8cc0d6", opacity=0.8)
    return bottle(
        p, GLASS, "#4a78a8", [(112, 40), (150, 58), (322, 58), (330, 50)], water + fibre + shine(150, 170, 9, 110, 0.6)
    ) + shape("M120 336q-30 4-60-4", "none", stroke="#8cc0d6", stroke_width=8)


@draws("bottles", "cycling")
def cycling_bottle(p: Subject) -> str:
    strip = rect(236, 170, 12, 140, mix(p.main, "#ffffff", 0.6), 6)
    return bottle(
        p,
        p.main,
        INK,
        [(126, 50), (150, 62), (190, 62), (206, 54), (224, 62), (322, 62), (330, 54)],
        rect(184, 56, 32, 32, "#dfe3e4", 9) + strip + words(190, 282, "AMS", 34, PAPER),
    )


@draws("bottles", "straw")
def straw_bottle(p: Subject) -> str:
    fox = (
        shape("M164 232l-8-44 30 16h28l30-16-8 44-36 30z", "#dd7b3a")
        + shape("M180 238l20 24 20-24-20-8z", "#fff")
        + dot(184, 226, 6, INK)
        + dot(216, 226, 6, INK)
        + dot(200, 256, 6, INK)
    )
    return bottle(
        p,
        "#9ccbb5",
        "#dd7b3a",
        [(138, 54), (150, 62), (322, 62), (330, 54)],
        fox + line("M200 96V62l40-18", "#f2efe9", 13),
    )


@draws("bottles", "carafe")
def carafe(p: Subject) -> str:
    water = turned(200, [(236, 66), (290, 84), (330, 66)], "#9ccadb", opacity=0.75)
    lemon = dot(188, 278, 22, "#f0d45c") + dot(188, 278, 16, "#f8eaa0") + line("M188 262v32M172 278h32", "#f0d45c", 3)
    return (
        shadow(200, 90)
        + turned(200, [(110, 34), (180, 28), (290, 86), (330, 68)], GLASS, opacity=0.8)
        + water
        + lemon
        + dot(200, 92, 30, "#f1eee7")
        + shine(136, 240, 9, 56, 0.7)
    )


@draws("bottles", "swing-top")
def swing_top(p: Subject) -> str:
    wire = line("M180 128q-26 10-20 40l20 6M220 128q26 10 20 40l-20 6", "#7a8087", 4)
    label = rect(152, 226, 96, 70, PAPER, 4) + words(200, 258, "Limonade", 20, INK) + line("M170 274h60", "#c0453f", 3)
    return (
        shadow(200, 76)
        + turned(200, [(126, 18), (170, 22), (220, 58), (330, 58)], "#b9d6c4", opacity=0.9)
        + turned(200, [(206, 52), (326, 56)], "#e6cf7a", opacity=0.6)
        + rect(180, 96, 40, 26, "#f1eee7", 10)
        + rect(178, 120, 44, 9, "#c0453f", 4)
        + wire
        + label
        + shine(150, 226, 8, 80, 0.6)
    )


@draws("bike-accessories")
def headlight(p: Subject) -> str:
    return (
        shape("M196 150L20 76v260l176-76z", "#ffe9a8", opacity=0.6)
        + line("M262 250v60h66", STEEL, 15)
        + shape("M190 140h80q60 10 60 64t-60 64h-80z", INK)
        + oval(192, 204, 26, 66, "#fff3c4")
        + oval(192, 204, 15, 44, "#ffe08a")
        + rect(250, 152, 50, 9, "#565c63", 4)
        + dot(262, 312, 13, "#565c63")
    )


@draws("bike-accessories", "light-set")
def light_set(p: Subject) -> str:
    def one(x: float, lens: str, glow: str) -> str:
        return (
            dot(x, 190, 96, glow, opacity=0.4)
            + rect(x - 46, 120, 92, 170, "#33363b", 30)
            + dot(x, 180, 36, lens)
            + dot(x, 180, 20, mix(lens, "#ffffff", 0.6))
            + rect(x - 14, 246, 28, 12, "#6b7077", 6)
            + line(f"M{x - 46} 270q-20 44 46 44t46-44", "#565c63", 13)
        )

    return shadow(200, 130, 342) + one(122, "#fff3c4", "#ffe9a8") + one(278, "#d8433c", "#f2a29c")


@draws("bike-accessories", "folding-lock")
def folding_lock(p: Subject) -> str:
    links = "".join(
        turn(
            a,
            rect(x, y, 132, 34, p.main if i % 2 else p.dark, 17)
            + dot(x + 17, y + 17, 8, STEEL)
            + dot(x + 115, y + 17, 8, STEEL),
            x + 66,
            y + 17,
        )
        for i, (x, y, a) in enumerate(((60, 112, -62), (124, 76, 24), (220, 110, 68), (208, 218, 118), (110, 260, 8)))
    )
    return (
        shadow(200, 120, 348)
        + links
        + rect(50, 176, 76, 110, INK, 18)
        + dot(88, 220, 14, BRASS)
        + line("M88 220v24", BRASS, 9)
    )


@draws("bike-accessories", "ring-lock")
def ring_lock(p: Subject) -> str:
    key = dot(312, 258, 22, INK) + line("M312 236v-46l-14 0M312 206h-12", STEEL, 9)
    return (
        shadow(180, 110, 344)
        + line("M112 314a98 98 0 1 1 140 0", "#33363b", 36)
        + line("M118 120a96 96 0 0 1 128 0", STEEL, 11)
        + rect(212, 206, 66, 92, "#33363b", 14)
        + dot(246, 244, 14, BRASS)
        + key
    )


@draws("bike-accessories", "bell")
def bell(p: Subject) -> str:
    return (
        shadow(200, 100, 346)
        + rect(60, 292, 280, 26, STEEL, 13)
        + rect(168, 280, 64, 52, INK, 8)
        + shape("M88 270q0-130 112-130t112 130z", p.main)
        + shade("M236 146q76 22 76 124h-56q6-70-20-124z")
        + rect(80, 262, 240, 18, p.dark, 9)
        + dot(200, 138, 13, p.dark)
        + line("M296 290q40 0 44-40", INK, 10)
        + shine(122, 190, 11, 56, 0.5)
        + line("M70 130q16-30 40-44M330 130q-16-30-40-44", "#b9b0a0", 5)
    )


@draws("bike-accessories", "carrier")
def carrier(p: Subject) -> str:
    slats = "".join(rect(70, 208 + i * 22, 260, 14, PALE_WOOD, 3) for i in range(3))
    loaf = (
        "".join(oval(x, 176, 46, 26, c) for x, c in ((130, "#c58b4a"), (196, "#b77c3c")))
        + turn(18, rect(250, 90, 24, 110, "#3f6650", 10), 262, 150)
        + rect(255, 84, 14, 24, CORK, 4)
    )
    return (
        shadow(200, 140, 348)
        + loaf
        + slats
        + line("M60 190h280v86H60zM90 276l70 66M310 276l-70 66M160 342h80", INK, 10)
    )


@draws("bike-accessories", "saddle")
def saddle(p: Subject) -> str:
    return (
        shadow(190, 110, 346)
        + line("M120 216q40 70 150 24M130 226q50 74 190 0", STEEL, 9)
        + rect(196, 256, 26, 86, STEEL, 4)
        + shape(
            "M66 178q-6-52 46-48q50 6 100 26q70 26 128 20q18 4 10 20q-40 26-120 24q-40 2-70 18q-40 22-70 10q-22-20-24-70z",
            p.main,
        )
        + shade("M70 206q60 20 130 2t154-18q-40 30-124 30q-40 2-70 18q-40 22-70 10q-14-14-20-42z")
        + "".join(dot(x, y, 5, COPPER) for x, y in ((84, 156), (100, 146), (86, 176), (334, 188)))
        + line("M150 160q70 30 150 30", p.light, 3, stroke_dasharray="8 7")
    )


@draws("bike-accessories", "puncture")
def puncture_kit(p: Subject) -> str:
    patches = (
        dot(118, 300, 28, "#33363b")
        + dot(118, 300, 20, "#c06a48")
        + dot(178, 320, 21, "#33363b")
        + dot(178, 320, 14, "#c06a48")
    )
    tube = turn(
        -28,
        rect(230, 282, 96, 34, "#e9e6e0", 6) + rect(326, 290, 22, 18, "#c0453f", 4) + line("M250 290v18", "#c0453f", 9),
        280,
        300,
    )
    return (
        shadow(200, 130, 350)
        + rect(76, 110, 248, 130, "#4a6f8a", 18)
        + rect(70, 98, 260, 48, "#5d86a3", 16)
        + rect(106, 158, 188, 62, PAPER, 6)
        + words(200, 200, "Reparatie", 36, INK)
        + patches
        + tube
    )


@draws("bike-accessories", "pump")
def pump(p: Subject) -> str:
    gauge = dot(200, 286, 31, "#fbf9f4", stroke=INK, stroke_width=7) + line("M200 286l15-14", "#c0453f", 5)
    return (
        shadow(200, 110, 350)
        + line("M216 320q120 10 110-90t-40-150", INK, 9)
        + line("M200 130V70", STEEL, 11)
        + rect(118, 48, 164, 28, WOOD, 14)
        + rect(178, 126, 44, 206, p.main, 6)
        + shade("M206 126h16v206h-16z")
        + rect(112, 328, 176, 18, INK, 8)
        + gauge
        + rect(276, 66, 20, 30, INK, 5)
    )


@draws("bike-accessories", "helmet")
def helmet(p: Subject) -> str:
    vents = line("M150 190q40-40 100-34M136 226q70-50 150-36", p.dark, 13)
    return (
        shadow(200, 130, 334)
        + line("M120 264q20 60 84 66q50-10 60-66", INK, 7)
        + shape("M64 262q0-152 146-152q136 8 136 140q0 16-18 16H82q-18 0-18-4z", p.main)
        + shade("M270 124q76 36 76 126q0 16-18 16h-70q44-60 12-142z")
        + vents
        + shape("M64 262q-30 0-34 16q40 14 110-12z", p.dark)
        + rect(322, 214, 20, 28, "#d8433c", 6)
    )
