"""Coffee, tea and chocolate: bags, tins, bars and boxes with their labels."""

# ruff: noqa: E501 - a path is one word, however long

from .shapes import (
    BRASS,
    GLASS,
    INK,
    PAPER,
    STEEL,
    Subject,
    caption,
    dot,
    draws,
    line,
    lines_of,
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

COCOA = "#4e3021"


def bean(x: float, y: float, tone: str = "#5b3822") -> str:
    return turn(
        (x * 7 + y * 3) % 180,
        oval(x, y, 15, 11, tone) + line(f"M{x - 13} {y}q13-6 26 0", mix(tone, "#000000", 0.4), 3),
        x,
        y,
    )


def bag(p: Subject, paper: str, ink: str, emblem: str) -> str:
    """A side-fold bag with its valve and a label."""
    title = p.title.split(",")[0]
    return (
        shadow(200, 100, 346)
        + shape("M120 92h160l14 20-6 22 8 196q0 14-14 14H118q-14 0-14-14l8-196-6-22z", paper)
        + shade("M252 92h28l14 20-6 22 8 196q0 14-14 14h-34z", 0.1)
        + rect(112, 74, 176, 34, mix(paper, INK, 0.16), 4)
        + line("M124 91h152", mix(paper, "#ffffff", 0.4), 3, stroke_dasharray="6 6")
        + rect(130, 154, 136, 164, ink, 6)
        + caption(198, 182, title, 18, INK, 11)
        + emblem
    )


@draws("coffee-beans")
def coffee_bag(p: Subject) -> str:
    paper = ("#3f4a44", "#7a3f34", "#33506a", "#8a6a3f", "#5d4a63", "#3f6660")[p.number(6)]
    row = 242 if len(lines_of(p.title.split(",")[0], 11)) < 3 else 256
    emblem = bean(170, row) + bean(200, row + 12) + bean(230, row) + words(198, 308, "HALTE VINGT", 13, INK)
    spilt = bean(84, 338) + bean(318, 342) + bean(344, 332)
    return bag(p, paper, "#f3ead8", emblem) + dot(200, 128, 7, mix(paper, "#ffffff", 0.3)) + spilt


@draws("coffee-beans", "green-beans")
def sack(p: Subject) -> str:
    weave = line("M110 200q90 14 180 0M104 240q96 16 192 0M104 280q96 16 192 0M120 316q80 12 160 0", "#b08f5e", 3)
    beans = "".join(
        bean(x, y, "#9aa878")
        for x, y in ((140, 122), (172, 112), (206, 108), (240, 114), (264, 126), (190, 128), (226, 130))
    )
    return (
        shadow(200, 120, 346)
        + beans
        + shape("M116 128q84 26 168 0q30 90 18 180q-6 34-40 34H138q-34 0-40-34q-12-90 18-180z", "#cbad7c")
        + weave
        + line("M116 128q84 26 168 0", "#a5824f", 11)
        + words(200, 250, "HUILA", 44, "#6b4f2c")
        + words(200, 284, "crudo · 2026", 20, "#6b4f2c")
    )


@draws("coffee-beans", "drip-bags")
def drip_bags(p: Subject) -> str:
    cup = turned(270, [(250, 62), (318, 56), (334, 40)], "#e9e0cd") + oval(270, 250, 62, 11, "#4b2f20")
    filter_bag = (
        shape("M232 176h76l-6 74h-64z", "#f7f2e8")
        + line("M232 186l-22 52M308 186l22 52", "#d8cdb8", 9)
        + shape("M238 214h64l-3 34h-58z", "#6d4a2f")
    )
    box = (
        rect(56, 130, 132, 206, "#33506a", 6)
        + rect(68, 170, 108, 96, "#f3ead8", 4)
        + words(122, 210, "10", 42, INK)
        + words(122, 240, "drip bags", 19, INK)
        + bean(122, 296)
    )
    return shadow(200, 150, 340) + box + cup + filter_bag


LEAVES = {
    "earl": "#8a6a2f",
    "darjeeling": "#a87a3f",
    "genmaicha": "#6f8f5b",
    "lapsang": "#5a4634",
    "oolong": "#5f9e86",
    "azores": "#6f9a8a",
}


@draws("tea")
def tea_tin(p: Subject) -> str:
    tone = next((colour for word, colour in LEAVES.items() if word in p.slug), p.main)
    sprig = line("M200 296v-44M200 284q-24-2-28-24q24 0 28 24M200 272q24-2 28-24q-24 0-28 24", mix(tone, INK, 0.3), 4)
    title = p.title.replace(" with Real Bergamot", "")
    return (
        shadow(200, 100, 344)
        + rect(112, 116, 176, 222, tone, 14)
        + shade("M250 116h24q14 0 14 14v194q0 14-14 14h-24z", 0.12)
        + rect(106, 92, 188, 44, mix(tone, INK, 0.22), 10)
        + rect(128, 156, 144, 156, PAPER, 72)
        + caption(200, 206 if len(title) > 11 else 222, title, 18, INK, 11)
        + move(0, 6, sprig)
        + shine(122, 150, 8, 130)
    )


@draws("tea", "chamomile", "verbena", "nettle")
def herb_tea(p: Subject) -> str:
    flower = "chamomile" in p.slug
    tone = "#e6c56b" if flower else ("#8fae7d" if "verbena" in p.slug else "#6f9a86")
    petals = "".join(turn(i * 45, oval(0, -17, 7, 12, "#ffffff"), 0, 0) for i in range(8)) + dot(0, 0, 9, "#e3a13f")
    twig = line("M0 40V-40", "#4f7a4a", 4) + "".join(
        turn(a, oval(20, y, 20, 8, "#5f8f58"), 0, y)
        for y, a in ((20, -30), (20, 210), (-6, -35), (-6, 215), (-30, -60))
    )
    picture = move(166, 272, petals) + move(226, 282, petals) if flower else move(198, 278, twig, 0.7)
    return bag(p, tone, PAPER, picture)


@draws("tea", "breakfast")
def tea_cup(p: Subject) -> str:
    box = (
        rect(62, 116, 150, 216, "#34496b", 6)
        + rect(76, 140, 122, 96, PAPER, 4)
        + words(137, 178, "Mill", 34, INK)
        + words(137, 210, "breakfast", 22, INK)
        + words(137, 296, "80", 42, "#e3b53f")
    )
    cup = (
        line("M330 250q40-6 34 34t-44 34", "#c9c2b4", 11)
        + turned(266, [(236, 70), (306, 56), (332, 40)], "#f2efe9")
        + oval(266, 236, 70, 12, "#a4612c")
    )
    return (
        shadow(210, 150, 338)
        + box
        + cup
        + line("M250 214c-10-14 10-24 0-40M284 214c-10-14 10-24 0-40", "#9aa3ab", 5, opacity=0.5)
    )


@draws("chocolate")
def bar(p: Subject) -> str:
    chocolate = "#efdfbd" if "white" in p.slug else "#8a5a38" if "milk" in p.slug else COCOA
    wrap = ("#7c4a66", "#3f6650", "#c06a48", "#34496b", "#a8323a")[p.number(5)]
    percent = next((word for word in p.title.split() if word.isdigit()), "34" if "white" in p.slug else "50")
    squares = "".join(
        rect(136 + i % 3 * 44, 62 + i // 3 * 44, 40, 40, mix(chocolate, "#ffffff", 0.1), 5) for i in range(6)
    )
    return (
        shadow(200, 90, 356)
        + rect(126, 52, 148, 200, chocolate, 6)
        + squares
        + shape(
            "M118 148l12 10 14-10 14 10 14-10 14 10 14-10 14 10 14-10 14 10 14-10 14 10 14-10v200q0 6-6 6H124q-6 0-6-6z",
            wrap,
        )
        + rect(136, 190, 128, 132, PAPER, 4)
        + words(200, 252, f"{percent}%", 46, INK)
        + caption(
            200,
            284,
            p.title.split("%")[-1].replace("Milk Bar with ", "").replace("White Bar with ", "").strip(),
            16,
            INK,
            14,
        )
    )


@draws("chocolate", "praline", "slate")
def praline_box(p: Subject) -> str:
    tones = (COCOA, "#8a5a38", "#efdfbd", "#6d4327")
    drawing = ""
    for i in range(9):
        x, y, tone = 110 + i % 3 * 66, 136 + i // 3 * 62, tones[(i * 5 + i // 3) % 4]
        drawing += rect(x, y, 50, 46, tone, 22 if i % 2 else 8)
        drawing += line(f"M{x + 12} {y + 24}q13-14 26 0", mix(tone, "#ffffff" if tone != "#efdfbd" else COCOA, 0.4), 4)
    if "slate" in p.slug:
        pencil = turn(-60, rect(282, 200, 110, 12, "#e9e6e0", 6), 330, 206)
        return shadow(200, 150, 344) + rect(60, 104, 280, 232, "#4a525a", 4) + drawing + pencil
    return (
        shadow(200, 150, 344)
        + rect(60, 64, 280, 70, "#7a2f3c", 8)
        + rect(182, 64, 36, 70, BRASS)
        + rect(76, 110, 248, 226, "#7a2f3c", 10)
        + rect(90, 122, 220, 202, "#f3e6cf", 6)
        + drawing
    )


@draws("chocolate", "gianduja")
def fingers(p: Subject) -> str:
    one = (
        shape("M0 0h54v30l-6 6 6 6v140l-6 6 6 6v20H0v-20l6-6-6-6V42l6-6-6-6z", BRASS)
        + rect(8, 64, 38, 80, "#7d5738", 3)
        + shine(8, 12, 7, 190, 0.4)
    )
    nuts = "".join(
        oval(x, y, 20, 17, "#a8713f") + oval(x, y - 9, 12, 6, "#d9b98a")
        for x, y in ((110, 340), (160, 352), (292, 346))
    )
    return (
        shadow(200, 140, 350)
        + "".join(move(78 + i * 64, 90 + i % 2 * 16, turn((i - 1.5) * 5, one, 27, 100)) for i in range(4))
        + nuts
    )


@draws("chocolate", "drinking")
def drinking_chocolate(p: Subject) -> str:
    flakes = "".join(
        turn(i * 53, rect(100 + i * 24, 336 - i % 3 * 6, 18, 5, COCOA, 2), 108 + i * 24, 338) for i in range(9)
    )
    return (
        shadow(200, 100, 344)
        + turned(200, [(120, 84), (330, 84)], "#8a4a3a")
        + oval(200, 330, 84, 14, "#8a4a3a")
        + rect(116, 176, 168, 112, PAPER)
        + words(200, 226, "Chocolat", 32, COCOA)
        + words(200, 262, "à boire · 70%", 21, COCOA)
        + oval(200, 120, 90, 17, STEEL)
        + rect(110, 104, 180, 20, STEEL, 4)
        + oval(200, 104, 90, 16, "#d5dadd")
        + flakes
    )


@draws("chocolate", "orange")
def candied_orange(p: Subject) -> str:
    strips = "".join(
        turn(
            -34 + i * 17,
            rect(186, 92, 28, 92, "#e8953a", 12) + rect(184, 160, 32, 150, COCOA, 13) + shine(190, 180, 5, 100, 0.2),
            200,
            360,
        )
        for i in range(5)
    )
    slice_ = (
        dot(306, 300, 46, "#e8953a")
        + dot(306, 300, 37, "#f6cf8f")
        + line("M306 264v72M270 300h72M281 275l50 50M331 275l-50 50", "#e8953a", 5)
    )
    return shadow(200, 130, 350) + strips + slice_


@draws("chocolate", "couverture")
def buttons(p: Subject) -> str:
    heap = "".join(
        oval(x, y, 27, 15, mix(COCOA, "#8a5a38", i % 3 * 0.3)) + oval(x - 5, y - 4, 12, 5, "#fff", opacity=0.16)
        for i, (x, y) in enumerate(
            (
                (120, 300),
                (170, 308),
                (222, 306),
                (276, 300),
                (146, 278),
                (198, 280),
                (250, 278),
                (172, 256),
                (226, 256),
                (200, 236),
            )
        )
    )
    bowl = shape("M74 296h252q-6 50-66 50H140q-60 0-66-50z", GLASS) + shine(96, 306, 9, 26, 0.6)
    melted = shape("M196 60q30 0 30 40v40q-6 40-26 84q-20-44-26-84v-40q0-40 22-40z", COCOA) + line(
        "M200 40v40", STEEL, 13
    )
    return shadow(200, 130, 350) + melted + heap + bowl
