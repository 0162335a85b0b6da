"""Books, notebooks and pens."""

from .shapes import (
    BRASS,
    GLASS,
    INK,
    PALE_WOOD,
    PAPER,
    STEEL,
    WOOD,
    Subject,
    caption,
    dot,
    dots,
    draws,
    line,
    mix,
    move,
    oval,
    rect,
    shadow,
    shape,
    shine,
    turn,
    turned,
    words,
)


def book(p: Subject, cover: str, ink: str, emblem: str) -> str:
    title = p.title.split(":")[0]
    return (
        shadow(206, 116, 358)
        + rect(100, 52, 212, 304, "#efe8d8", 4)
        + line("M306 60v288", "#cfc5b0", 3)
        + rect(92, 46, 210, 304, cover, 6)
        + rect(92, 46, 20, 304, mix(cover, INK, 0.25), 4)
        + caption(208, 88, title, 25, ink, 12)
        + emblem
        + words(208, 332, p.brand, 15, ink)
    )


@draws("books")
def novel(p: Subject) -> str:
    envelope = (
        rect(146, 210, 124, 84, PAPER, 4)
        + line("M146 212l62 46l62-46", "#b9ad97", 4)
        + rect(240, 218, 20, 24, "#c0453f")
    )
    return book(p, "#4f6f7f", "#f6edd8", envelope)


@draws("books", "typography")
def type_book(p: Subject) -> str:
    return book(p, "#e3b53f", "#2f3640", words(208, 288, "&", 150, "#c0453f"))


@draws("books", "semmering")
def railway_book(p: Subject) -> str:
    arches = "".join(shape(f"M{116 + i * 46} 300v-34a20 20 0 0 1 40 0v34z", "#5d7a56") for i in range(4))
    hills = shape("M112 240q50-60 100-10q40-50 90 6v62H112z", "#5d7a56") + rect(112, 232, 190, 68, "#e6dcc4")
    return book(
        p,
        "#7f3b3b",
        "#f6edd8",
        hills
        + arches
        + rect(126, 212, 60, 20, INK, 4)
        + rect(192, 216, 40, 16, "#cc9a3d", 3)
        + line("M150 206v-14", INK, 7),
    )


@draws("books", "ferry")
def poems(p: Subject) -> str:
    ship = (
        shape("M142 252h132l-20 32h-96z", "#f2efe9")
        + rect(170, 222, 70, 30, "#c0453f", 3)
        + dot(262, 186, 19, "#f6e6a8")
    )
    waves = line("M116 294q12-10 24 0t24 0t24 0t24 0t24 0t24 0t24 0", "#8fb3c6", 5)
    return book(p, "#2f4463", "#e9eef2", ship + waves)


@draws("books", "beekeeper")
def crime_book(p: Subject) -> str:
    cells = "".join(
        shape(f"M{150 + x} {222 + y}l22-13l22 13v26l-22 13l-22-13z", tone)
        for x, y, tone in ((0, 0, "#e3b53f"), (48, 0, "#cc9a3d"), (24, 41, "#f0cf72"), (72, 41, "#e3b53f"))
    )
    return book(p, "#33363b", "#f0cf72", cells)


@draws("books", "one-pot")
def cook_book(p: Subject) -> str:
    dish = (
        rect(140, 236, 136, 62, "#a8323a", 16)
        + rect(130, 222, 156, 18, "#7d2530", 8)
        + rect(196, 206, 24, 16, BRASS, 6)
        + line("M180 196q-10-14 0-26M236 196q-10-14 0-26", "#b9a88a", 5)
    )
    return book(p, "#f1e6d0", "#7d2530", dish)


@draws("books", "sharpening")
def sharpening_book(p: Subject) -> str:
    stone = rect(140, 262, 136, 26, "#8f9aa3", 3) + turn(
        -20, shape("M134 226h100v20h-76q-20 0-24-20z", "#3a4148") + rect(232, 224, 50, 22, WOOD, 6), 208, 240
    )
    return book(p, "#dfe3e1", "#2f3640", stone)


@draws("books", "owl")
def picture_book(p: Subject) -> str:
    owl = (
        oval(208, 238, 54, 62, "#8a6546")
        + dot(186, 214, 21, "#fff")
        + dot(230, 214, 21, "#fff")
        + dot(188, 216, 9, INK)
        + dot(228, 216, 9, INK)
    )
    key = dot(208, 276, 12, "none", stroke=BRASS, stroke_width=7) + line("M208 288v30l10 0", BRASS, 7)
    return book(p, "#3f6650", "#f6edd8", move(52, 66, owl + shape("M200 232h16l-8 16z", "#e3a13f") + key, 0.75))


@draws("books", "cardboard")
def craft_book(p: Subject) -> str:
    box = shape("M140 236l68-26l68 26v56l-68 24l-68-24z", "#c79f6f") + line(
        "M140 236l68 24l68-24M208 260v56", "#8f6b42", 4
    )
    return book(p, "#5f9e96", "#fdf8ea", box + dot(176, 282, 10, "#5f9e96"))


@draws("books", "huts")
def hut_book(p: Subject) -> str:
    hut = (
        rect(164, 246, 90, 50, "#7d5738")
        + shape("M148 250l61-48l61 48z", "#c0453f")
        + rect(198, 262, 22, 34, "#f6d98a")
        + line("M240 216v-26", INK, 9)
    )
    firs = "".join(shape(f"M{x} 296l20-60l20 60z", "#3f6650") for x in (116, 262))
    return book(p, "#cfdfe6", "#2f4463", firs + hut)


def cover(p: Subject, colour: str, x: float = 96, y: float = 56, w: float = 204, h: float = 288) -> str:
    return (
        shadow(x + w / 2 + 6, w * 0.56, y + h + 10)
        + rect(x + 8, y + 6, w, h, "#efe8d8", 10)
        + rect(x, y, w, h, colour, 10)
        + rect(x, y, 24, h, mix(colour, INK, 0.22), 8)
    )


@draws("notebooks")
def notebook(p: Subject) -> str:
    plate = rect(150, 112, 112, 58, PAPER, 4) + line("M166 134h80M166 150h56", "#b9ad97", 4)
    band = rect(268, 56, 11, 288, p.dark) if "sewn" in p.slug else ""
    ribbons = shape("M186 344v40l8-9l8 9v-40z", "#c0453f") if band or "journal" in p.slug else ""
    return ribbons + cover(p, p.main) + plate + band


@draws("notebooks", "pocket")
def three_pack(p: Subject) -> str:
    tones = ("#c79f6f", "#5f9e96", "#c06a48")
    return "".join(
        turn(
            (i - 1) * 11,
            rect(120 + (i - 1) * 40, 100, 150, 218, tone, 8)
            + rect(120 + (i - 1) * 40, 100, 12, 218, mix(tone, INK, 0.2), 4)
            + rect(156 + (i - 1) * 40, 146, 82, 40, PAPER, 3),
            200,
            330,
        )
        for i, tone in enumerate(tones)
    ) + shadow(200, 120, 344)


@draws("notebooks", "sketchbook")
def sketchbook(p: Subject) -> str:
    wash = (
        oval(150, 214, 62, 34, "#8fb3c6", opacity=0.7)
        + shape("M92 250q60-50 120-10t130-16v62H92z", "#9ab58a", opacity=0.8)
        + dot(280, 158, 24, "#e8b85a", opacity=0.8)
    )
    brush = turn(
        -38,
        rect(230, 292, 130, 12, "#c0453f", 6)
        + rect(212, 291, 22, 14, STEEL)
        + shape("M212 291q-30 2-40 7q14 8 40 7z", "#5a3a28"),
        280,
        298,
    )
    rings = line("".join(f"M{96 + i * 26} 92v24" for i in range(9)), "#7a8087", 6)
    return (
        shadow(200, 150, 330)
        + rect(60, 104, 280, 220, "#d8cdb8", 6)
        + rect(70, 112, 260, 204, "#fdfaf2", 4)
        + wash
        + rings
        + brush
    )


@draws("notebooks", "planner", "manuscript")
def open_book(p: Subject) -> str:
    left, right = "M200 122Q130 92 44 112v200q86-18 156 10z", "M200 122q70-30 156-10v200q-86-18-156 10z"
    if "manuscript" in p.slug:
        staves = line(
            "".join(
                f"M64 {136 + i * 9 + i // 5 * 16}q66-8 122 8M214 {144 + i * 9 + i // 5 * 16}q60-16 122-8"
                for i in range(15)
            ),
            "#9aa0a6",
            2,
        )
        notes = "".join(
            oval(x, y, 9, 7, INK) + line(f"M{x + 8} {y}v-34", INK, 4)
            for x, y in ((96, 160), (140, 148), (238, 226), (282, 210), (318, 222))
        )
        page = staves + notes
    else:
        page = (
            line("".join(f"M64 {152 + i * 24}q66-8 122 8" for i in range(7)), p.light, 4)
            + line("M64 128q30-4 52-2", p.main, 9)
            + dots(226, 156, 6, 8, 18, 4, "#b9b0a0")
        )
    return (
        shadow(200, 160, 334)
        + shape("M34 112q88-20 166 14q78-34 166-14v214q-86-22-166 8q-80-30-166-8z", p.main)
        + shape(left, "#fdfaf2")
        + shape(right, "#f6f0e2")
        + page
        + line("M200 124v196", "#d3c8b4", 3)
    )


@draws("notebooks", "reporter")
def reporter_pad(p: Subject) -> str:
    rings = line("".join(f"M{126 + i * 21} 66v28" for i in range(8)), "#7a8087", 7)
    return (
        shadow(200, 100, 352)
        + rect(108, 80, 184, 268, "#c79f6f", 8)
        + rect(114, 84, 172, 252, "#fdfaf2", 4)
        + line("".join(f"M130 {132 + i * 24}h140" for i in range(8)), "#c5d3dc", 3)
        + line("M132 128q20-14 34 0t40-4M132 152q26-12 44 0t56-2", INK, 4)
        + rings
    )


@draws("notebooks", "recipe")
def recipe_book(p: Subject) -> str:
    spoon = oval(176, 190, 22, 30, PAPER) + line("M176 216v80", PAPER, 11)
    fork = line("M222 162v34M236 162v34M250 162v34M236 196v100M222 196q14 16 28 0", PAPER, 8)
    return cover(p, p.main) + spoon + fork + words(212, 128, "recipes", 30, PAPER)


@draws("notebooks", "correspondence")
def letters(p: Subject) -> str:
    sheet = turn(
        -7,
        rect(96, 70, 180, 220, "#fdfaf2", 3)
        + line("".join(f"M118 {118 + i * 24}h{136 - i % 3 * 22}" for i in range(6)), "#a9b3bd", 4),
    )
    envelope = (
        rect(104, 186, 232, 150, p.main, 6)
        + line("M104 190l116 84l116-84", p.dark, 5)
        + dot(220, 272, 19, "#a8323a")
        + words(220, 279, "L", 20, "#f2dcd6")
    )
    return shadow(210, 140, 344) + sheet + envelope


@draws("notebooks", "field")
def field_book(p: Subject) -> str:
    drops = "".join(
        shape(f"M{x} {y}q12 20 0 26q-12-6 0-26z", "#7fb0c4")
        for x, y in ((150, 250), (232, 268), (196, 210), (254, 214))
    )
    return (
        cover(p, p.main)
        + line("M140 190l34-50l24 28l30-52l40 74z", PAPER, 6)
        + drops
        + rect(284, 76, 12, 250, "#e3b53f", 4)
        + shape("M284 326h12l-6 18z", PALE_WOOD)
    )


def stick(barrel: str, cap: str, tip: str, length: float = 250) -> str:
    """A pen lying across the sheet, its tip to the lower left."""
    return turn(
        -42,
        rect(76 + 250 - length, 184, length * 0.55, 32, barrel, 8)
        + rect(70 + 250 - length + length * 0.52, 180, length * 0.5, 40, cap, 12)
        + line(f"M{96 + 250 - length * 0.4} 178h{length * 0.3}", BRASS, 7)
        + tip
        + shine(96 + 250 - length, 190, length * 0.42, 6),
    )


NIB = shape("M80 186L24 200l56 14z", BRASS) + line("M34 200h34", "#7a5a1c", 2.5) + dot(66, 200, 4, "#7a5a1c")


@draws("pens")
def fountain_pen(p: Subject) -> str:
    scribble = line("M60 330q30-36 50-4t52-10t46 8", p.dark, 4, opacity=0.7)
    return scribble + stick(p.main, p.dark, NIB)


@draws("pens", "pocket-pen", "rollerball")
def ball_pen(p: Subject) -> str:
    tip = shape("M78 188L40 197v6l38 9z", STEEL)
    if "brass" in p.slug:
        tip = move(40, 0, tip)
        return (
            line("M96 322q30-30 54 0t54-6", INK, 4, opacity=0.6)
            + stick(BRASS, mix(BRASS, INK, 0.15), tip, 210)
            + shadow(220, 90, 346)
        )
    return line("M60 332q30-30 54 0t54-6", INK, 4, opacity=0.6) + stick("#7d5738", "#5f412a", tip)


@draws("pens", "pencil")
def pencil(p: Subject) -> str:
    if "clutch" in p.slug:
        leads = "".join(
            rect(236 + i * 22, 258 - i * 6, 12, 90, tone, 5)
            for i, tone in enumerate(("#3a3f45", "#3a3f45", "#c0453f", "#4a78a8"))
        )
        return leads + turn(
            -42,
            rect(90, 176, 190, 48, WOOD, 18)
            + rect(56, 182, 44, 36, BRASS, 8)
            + rect(26, 193, 34, 14, "#3a3f45", 5)
            + rect(276, 184, 30, 32, BRASS, 8),
        )
    knurl = line("".join(f"M{104 + i * 9} 188v24" for i in range(7)), p.light, 2.5)
    return line("M66 330l40-44l30 30l44-52", "#6b7077", 3) + turn(
        -42,
        shape("M78 186l-34 12v4l34 12z", STEEL)
        + line("M30 200h18", INK, 4)
        + rect(76, 184, 240, 32, p.main, 8)
        + rect(96, 186, 72, 28, p.dark, 3)
        + knurl
        + line("M250 180h60", STEEL, 6)
        + rect(312, 190, 20, 20, STEEL, 4),
    )


@draws("pens", "graphite", "fineliner")
def bundle(p: Subject) -> str:
    drawing = shadow(200, 120, 346)
    for i in range(6 if "graphite" in p.slug else 5):
        x = 98 + i * (36 if "graphite" in p.slug else 44)
        if "graphite" in p.slug:
            drawing += (
                rect(x, 120, 26, 200, mix("#c9824f", "#8f5230", i / 6), 2)
                + shape(f"M{x} 120l13-48l13 48z", PALE_WOOD)
                + shape(f"M{x + 8} 92l5-20l5 20z", "#33363b")
            )
        else:
            drawing += (
                rect(x, 140, 30, 180, p.main, 8)
                + rect(x, 92, 30, 80, p.dark, 8)
                + line(f"M{x + 15} 92v-{6 + i * 3}", INK, 2 + i * 1.6)
                + words(x + 15, 250, str(i + 1), 20, PAPER)
            )
    tin = (
        rect(78, 236, 244, 106, "#c9cdd0", 12) + rect(94, 256, 212, 66, PAPER, 6) + words(200, 299, "Lindner", 32, INK)
    )
    return drawing + (tin if "graphite" in p.slug else rect(78, 288, 244, 54, "#dfe3e4", 10))


@draws("pens", "ink")
def ink_bottle(p: Subject) -> str:
    blot = oval(300, 336, 44, 9, p.main) + dot(350, 330, 5, p.main)
    return (
        shadow(190, 110)
        + blot
        + shape("M100 190h180l20 120q2 20-20 20H100q-22 0-20-20z", GLASS)
        + shape("M92 236h196l10 74q2 16-16 16H98q-18 0-16-16z", p.main)
        + rect(132, 236, 116, 60, PAPER, 4)
        + words(190, 274, "50 ml", 26, INK)
        + rect(142, 158, 96, 34, GLASS, 4)
        + rect(132, 112, 116, 54, INK, 10)
        + shine(106, 210, 9, 60, 0.5)
    )


@draws("pens", "calligraphy")
def dip_pens(p: Subject) -> str:
    letter = words(130, 190, "Aa", 100, INK, font_style="italic") + line("M60 222h160M60 140h160", "#c9bda6", 2)
    pen = (
        shape("M80 190L28 200l52 10z", STEEL)
        + rect(78, 188, 26, 24, BRASS, 4)
        + shape("M104 188q120-12 240 8v8q-120 20-240 8z", "#5f412a")
    )
    pot = turned(96, [(268, 24), (280, 28), (300, 50), (332, 46)], INK) + rect(66, 252, 60, 20, BRASS, 5)
    return rect(44, 66, 240, 180, "#fbf5e4", 3) + letter + pot + move(40, 40, turn(-46, pen)) + shadow(110, 60, 336)
