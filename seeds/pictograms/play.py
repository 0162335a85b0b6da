"""Wooden toys, games and puzzles."""

from .shapes import (
    BRASS,
    INK,
    LEAF,
    PALE_WOOD,
    PAPER,
    WOOD,
    Subject,
    caption,
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
    turn,
    turned,
    words,
)

CRAYONS = ("#c0453f", "#dd7b3a", "#e3b53f", "#6f8f5b", "#5f9e96", "#4a78a8", "#7c4a66")


@draws("wooden-toys")
def blocks(p: Subject) -> str:
    arch = shape("M84 250h140v80h-30a40 40 0 0 0-80 0H84z", PALE_WOOD)
    return (
        shadow(200, 150, 336)
        + arch
        + rect(236, 250, 80, 80, "#5f9e96", 4)
        + rect(84, 190, 60, 60, "#e3b53f", 4)
        + rect(164, 190, 60, 60, PALE_WOOD, 4)
        + rect(236, 200, 80, 50, "#d7b58a", 4)
        + shape("M98 190h120l-60-70z", "#c0453f")
        + turned(276, [(130, 22), (200, 22)], "#4a78a8")
        + shape("M248 132h56l-28-50z", "#cc9a3d")
        + line("M246 266h60M172 206h44M244 214h60", mix(WOOD, INK, 0.1), 2.5, opacity=0.5)
    )


@draws("wooden-toys", "rainbow")
def rainbow(p: Subject) -> str:
    arches = "".join(
        line(f"M{200 - r} 320v-4a{r} {r} 0 0 1 {2 * r} 0v4", tone, 20, stroke_linecap="butt")
        for r, tone in zip(range(146, 20, -20), CRAYONS, strict=False)
    )
    return shadow(200, 160, 332) + arches.replace(' stroke-linecap="round"', "")


@draws("wooden-toys", "duck")
def duck(p: Subject) -> str:
    wheel = "".join(dot(x, 308, 27, "#c0453f") + dot(x, 308, 9, PALE_WOOD) for x in (150, 262))
    return (
        shadow(200, 130, 338)
        + line("M92 290q-30 0-50 20t-30 26", "#c9b38f", 4)
        + shape("M112 292q-40-90 40-96q40 0 60-24q-14-80 50-86q60 4 52 66q-8 30-20 44q40 70-40 96z", p.main)
        + shade("M294 196q40 70-40 96h-60q90-20 100-96z")
        + shape("M312 130l46 14q-4 22-48 18z", "#dd7b3a")
        + dot(278, 124, 8, INK)
        + shape("M146 230q60-10 76 30q-50 30-86 0z", p.dark)
        + rect(106, 282, 196, 18, PALE_WOOD, 9)
        + wheel
    )


@draws("wooden-toys", "railway")
def railway(p: Subject) -> str:
    wheels = "".join(
        dot(x, 292, r, INK) + dot(x, 292, r * 0.4, PALE_WOOD)
        for x, r in ((74, 20), (130, 20), (196, 20), (250, 20), (300, 26), (348, 20))
    )
    track = rect(20, 314, 360, 18, PALE_WOOD, 4) + line("M24 320h352M24 326h352", WOOD, 2)
    engine = (
        rect(272, 206, 96, 74, "#c0453f", 12)
        + rect(266, 172, 52, 108, "#a8323a", 8)
        + rect(276, 186, 32, 34, "#dfe8ea", 4)
        + rect(334, 168, 20, 42, INK, 5)
        + dot(358, 148, 13, "#fff")
        + dot(380, 122, 18, "#fff")
    )
    return (
        track
        + rect(46, 214, 110, 66, "#4a78a8", 8)
        + rect(54, 188, 94, 36, PALE_WOOD, 8)
        + rect(170, 236, 100, 44, "#e3b53f", 8)
        + dot(196, 228, 18, "#7d5738")
        + dot(232, 228, 18, "#7d5738")
        + rect(154, 262, 20, 8, INK)
        + engine
        + wheels
    )


@draws("wooden-toys", "marble")
def marble_run(p: Subject) -> str:
    ramps = line("M84 110l190 40M316 186L126 226M84 262l190 40", PALE_WOOD, 20) + line(
        "M84 104l190 40M316 180L126 220M84 256l190 40", WOOD, 3
    )
    balls = "".join(
        dot(x, y, 14, c) + dot(x - 4, y - 5, 4, "#fff", opacity=0.7)
        for x, y, c in ((130, 98, "#4a78a8"), (262, 174, "#c0453f"), (178, 262, "#6f8f5b"), (330, 318, "#e3b53f"))
    )
    return (
        shadow(200, 160, 338)
        + rect(62, 80, 24, 252, WOOD, 4)
        + rect(314, 110, 24, 222, WOOD, 4)
        + ramps
        + rect(56, 322, 300, 14, PALE_WOOD, 6)
        + balls
    )


@draws("wooden-toys", "vegetables")
def vegetables(p: Subject) -> str:
    carrot = (
        shape("M40 250q90-44 110-6q-10 40-110 6z", "#dd7b3a")
        + shape("M160 212q50-10 60 26q-20 30-62 8q-14-20 2-34z", "#e08a4a")
        + "".join(turn(a, oval(250, 226, 38, 8, LEAF), 216, 228) for a in (-26, 0, 26))
    )
    aubergine = shape("M226 118q60-30 96 10q20 40-30 50q-50 6-66-60z", "#5b3f66") + shape(
        "M222 112l-24-20 40-4 6 28z", LEAF
    )
    leek = turn(
        -18,
        rect(80, 120, 60, 34, "#f2efe0", 14)
        + rect(132, 120, 60, 34, "#a9c98a", 4)
        + shape("M190 120l50-20-8 36 10 30-52-12z", "#6f9a5b"),
        140,
        140,
    )
    knife = rect(230, 276, 70, 24, WOOD, 10) + shape("M232 272H130q-30 10-10 32h112z", PALE_WOOD)
    return (
        shadow(200, 150, 330)
        + rect(44, 262, 320, 66, "#e6cfa5", 14)
        + leek
        + aubergine
        + move(10, 16, carrot)
        + move(30, 6, knife)
    )


@draws("wooden-toys", "balance")
def balance_board(p: Subject) -> str:
    child = (
        dot(200, 96, 27, "#f0cfae")
        + shape("M172 92q0-36 28-36t28 36q-28-16-56 0z", "#7a5238")
        + shape("M176 126h48l10 84h-68z", "#4a78a8")
        + line("M180 140l-60 30M220 140l60-30", "#f0cfae", 13)
        + line("M186 206l-16 70M214 206l22 66", "#565c63", 18)
    )
    return (
        shadow(200, 120, 344)
        + child
        + turn(-6, line("M60 226q140 150 280 0", PALE_WOOD, 26) + line("M62 232q138 146 276 0", WOOD, 4))
    )


@draws("wooden-toys", "sorter")
def sorter(p: Subject) -> str:
    holes = (
        dot(146, 236, 22, "#5a4030")
        + rect(182, 214, 42, 42, "#5a4030")
        + shape("M240 256l24-44 24 44z", "#5a4030")
        + shape("M126 306l20-24 20 24-20 18z", "#5a4030")
    )
    return (
        shadow(200, 130, 342)
        + rect(100, 186, 200, 150, PALE_WOOD, 6)
        + shade("M250 186h50v150h-50z", 0.08)
        + shape("M78 190l122-96 122 96z", "#c0453f")
        + holes
        + rect(186, 270, 36, 66, "#5f9e96", 4)
        + dot(214, 304, 4, BRASS)
        + dot(346, 318, 22, "#e3b53f")
        + rect(42, 296, 40, 40, "#4a78a8", 3)
        + rect(256, 108, 26, 44, "#a8323a")
    )


@draws("wooden-toys", "animals")
def animals(p: Subject) -> str:
    fox = shape("M40 320q-8-60 40-64l10-30 14 20 22-10-6 40q10 20 4 44h-16l-6-24h-30l-6 24z", "#dd7b3a")
    deer = shape(
        "M170 320l4-70q-14-40 10-60l-6-34 18 24q20 0 22 20l-8 20q50 6 56 30l4 70h-16l-8-44h-46l-12 44z", "#a9713f"
    ) + line("M196 170q-10-40-30-50M196 170q4-44 24-54M180 138l-20 4M208 140l20 0", "#7d5738", 6)
    hedgehog = (
        shape("M286 320q-4-60 46-60t48 60z", "#7d5738")
        + line("M300 276l-8-14M320 264l-2-16M342 264l6-14M362 280l12-10", "#5a4030", 6)
        + shape("M290 320q-26-4-24-18q20-16 32-10z", PALE_WOOD)
        + dot(286, 300, 4, INK)
    )
    owl = move(
        226,
        40,
        oval(60, 60, 34, 42, "#8a6f56")
        + dot(48, 46, 13, "#fff")
        + dot(72, 46, 13, "#fff")
        + dot(48, 47, 6, INK)
        + dot(72, 47, 6, INK)
        + shape("M55 58h10l-5 10z", BRASS),
    ) + line("M226 146h130", WOOD, 11)
    return shadow(200, 170, 326) + fox + deer + hedgehog + owl + dot(84, 262, 4, INK) + dot(192, 206, 4, INK)


@draws("wooden-toys", "tops")
def tops(p: Subject) -> str:
    def top(x: float, y: float, size: float, tone: str, ring: str) -> str:
        body = turned(0, [(-70, 7), (-24, 8), (-20, 14), (0, 62), (14, 58), (62, 4)], tone) + line(
            "M-58 2h116", ring, 9
        )
        return oval(x, y + 66 * size, 40 * size, 6, "#1d2230", opacity=0.14) + move(
            x, y, turn(x / 12 - 16, body, 0, 60), size
        )

    return (
        top(116, 246, 1, "#d9b78a", "#c0453f")
        + top(268, 216, 1.25, "#7d5738", "#e3b53f")
        + top(210, 318, 0.7, "#9a5a4a", "#5f9e96")
    )


def game_box(p: Subject, tone: str, emblem: str, title: str = "") -> str:
    return (
        shadow(200, 150, 350)
        + rect(58, 88, 284, 252, mix(tone, INK, 0.35), 6)
        + rect(52, 74, 284, 252, tone, 6)
        + rect(64, 86, 260, 228, "none", 3, stroke=mix(tone, "#ffffff", 0.5), stroke_width=3)
        + caption(194, 126, title or p.title, 27, PAPER, 17)
        + emblem
    )


@draws("board-games")
def lanterns_game(p: Subject) -> str:
    lamps = "".join(
        line(f"M{x} 220v-20", INK, 5)
        + shape(f"M{x - 18} 222h36l8 44h-52z", "#ffdf8a")
        + rect(x - 24, 262, 48, 12, INK, 4)
        + dot(x, 246, 40, "#ffe9a8", opacity=0.3)
        for x in (122, 194, 266)
    )
    roofs = shape("M64 314v-24l30-26 30 26 34-40 36 40 30-28 36 28 28-22 36 22v24z", "#1f2a40")
    return game_box(p, "#34496b", lamps + roofs)


@draws("board-games", "mushroom")
def mushroom_cards(p: Subject) -> str:
    def card(x: float, y: float, a: float, cap: str, spots: bool) -> str:
        art = shape("M50 150q-4-40 8-52h24q12 12 8 52z", "#f2e6cd") + shape(
            "M18 104q0-66 52-66t52 66q-52 16-104 0z", cap
        )
        art += (dot(50, 78, 8, "#fff") + dot(80, 64, 7, "#fff") + dot(98, 88, 6, "#fff")) if spots else ""
        return move(
            x,
            y,
            turn(
                a,
                rect(0, 0, 140, 200, PAPER, 12, stroke="#d3c8b4", stroke_width=3)
                + art
                + words(70, 184, "2" if spots else "5", 22, INK),
                70,
                200,
            ),
        )

    return (
        shadow(200, 140, 346)
        + card(60, 110, -16, "#8a6546", False)
        + card(200, 110, 16, "#cc9a3d", False)
        + card(130, 96, 0, "#c0453f", True)
    )


@draws("board-games", "timetable")
def timetable_game(p: Subject) -> str:
    net = line("M84 280L150 200L230 200L304 160M150 200L200 280L300 280M230 200L200 280", PAPER, 8) + "".join(
        dot(x, y, 11, c, stroke=PAPER, stroke_width=5)
        for x, y, c in (
            (84, 280, "#c0453f"),
            (150, 200, "#e3b53f"),
            (230, 200, "#4a78a8"),
            (304, 160, "#c0453f"),
            (200, 280, "#5f9e96"),
            (300, 280, "#e3b53f"),
        )
    )
    return game_box(p, "#3f6650", net)


@draws("board-games", "hare")
def hare_game(p: Subject) -> str:
    hare = (
        oval(130, 262, 40, 28, "#c9b08f")
        + dot(168, 236, 21, "#c9b08f")
        + line("M164 218L150 172M176 216l-2-48", "#c9b08f", 13)
        + dot(174, 232, 4, INK)
        + dot(92, 258, 11, "#fff")
    )
    tortoise = (
        shape("M214 288a46 44 0 0 1 92 0z", "#6f8f5b")
        + dot(316, 276, 15, "#a9bf8f")
        + dot(320, 272, 3, INK)
        + line("M230 290v12M288 290v12", "#a9bf8f", 13)
    )
    return game_box(p, "#d98a4a", hare + tortoise + line("M76 308h236", PAPER, 4, stroke_dasharray="12 10"))


@draws("board-games", "chess")
def chess(p: Subject) -> str:
    squares = "".join(
        rect(72 + i % 4 * 64 + (32 if i // 4 % 2 else 0), 268 + i // 4 * 27, 32, 27, "#7d5738") for i in range(8)
    )
    pawn = [(0, 4), (14, 22), (42, 10), (50, 24), (96, 28), (118, 34)]
    queen = [(0, 5), (14, 26), (50, 15), (58, 28), (66, 15), (136, 40), (156, 40)]

    def piece(x: float, y: float, profile: list[tuple[float, float]], tone: str) -> str:
        return turned(x, [(y + dy, w) for dy, w in profile], tone)

    return (
        shadow(200, 160, 336)
        + rect(64, 260, 272, 68, WOOD, 6)
        + rect(72, 268, 256, 54, PALE_WOOD)
        + squares
        + piece(120, 172, pawn, "#6b4a31")
        + piece(206, 134, queen, "#e2c79c")
        + piece(286, 176, pawn, "#e2c79c")
    )


@draws("board-games", "morris")
def morris(p: Subject) -> str:
    board = line(
        "M96 96h208v208H96zM130 130h140v140H130zM164 164h72v72h-72zM200 96v68M200 236v68M96 200h68M236 200h68",
        "#6b4a2b",
        6,
    )
    stones = "".join(
        oval(x, y, 16, 14, c) + oval(x - 4, y - 4, 6, 4, "#fff", opacity=0.3)
        for x, y, c in (
            (96, 96, "#e9e4d8"),
            (200, 130, "#4a525a"),
            (304, 200, "#e9e4d8"),
            (130, 270, "#4a525a"),
            (236, 236, "#e9e4d8"),
            (200, 304, "#4a525a"),
            (164, 200, "#e9e4d8"),
        )
    )
    return (
        shadow(204, 150, 352)
        + rect(60, 60, 280, 284, WOOD, 14)
        + rect(60, 60, 280, 276, PALE_WOOD, 14)
        + board
        + stones
    )


KNOB = "c14 0 6-22 20-22s6 22 20 22"


def piece(x: float, y: float, tone: str) -> str:
    return move(
        x, y, shape(f"M0 0h28{KNOB}h28v30c0 14 22 6 22 20s-22 6-22 20v30H68c-14 0-6-22-20-22s-6 22-20 22H0z", tone)
    )


@draws("board-games", "puzzle")
def puzzle(p: Subject) -> str:
    tones = (
        ("#34496b", "#5b4a7a", "#cc9a3d", "#7c4a66")
        if "night" in p.slug
        else ("#8fb3c6", "#6f8f5b", "#f2efe9", "#b58657")
    )
    star = shape("M150 150l5 12 13 1-10 8 3 13-11-7-11 7 3-13-10-8 13-1z", "#f6e6a8") if "night" in p.slug else ""
    count = p.title.split("-")[0]
    return (
        shadow(200, 140, 340)
        + piece(96, 108, tones[0])
        + piece(208, 108, tones[1])
        + piece(96, 216, tones[2])
        + turn(14, piece(222, 234, tones[3]), 270, 280)
        + star
        + words(152, 276, "1000" if count == "Thousand" else "500", 27, INK)
    )


@draws("board-games", "word")
def word_game(p: Subject) -> str:
    drawing = ""
    for i, (x, y, letter) in enumerate(
        (
            (200, 96, "P"),
            (268, 136, "L"),
            (268, 214, "U"),
            (200, 254, "M"),
            (132, 214, "A"),
            (132, 136, "R"),
            (200, 175, "E"),
        )
    ):
        tone = ("#e6cfa5", "#d9b78a")[i % 2]
        hexagon = f"M{x - 42} {y}l21-36h42l21 36-21 36h-42z"
        drawing += (
            move(3, 6, shape(hexagon, mix(tone, INK, 0.35))) + shape(hexagon, tone) + words(x, y + 14, letter, 40, INK)
        )
    return shadow(200, 130, 340) + drawing


@draws("board-games", "dice")
def dice(p: Subject) -> str:
    def die(x: float, y: float, a: float, pips: str) -> str:
        spots = {"1": (5,), "3": (1, 5, 9), "5": (1, 3, 5, 7, 9), "6": (1, 3, 4, 6, 7, 9)}[pips]
        return move(
            x,
            y,
            turn(
                a,
                rect(0, 0, 58, 58, "#ead9b0", 11)
                + "".join(dot(13 + (s - 1) % 3 * 16, 13 + (s - 1) // 3 * 16, 5, INK) for s in spots),
                29,
                29,
            ),
        )

    cup = (
        turned(0, [(-100, 62), (92, 78), (104, 72)], p.main)
        + oval(0, -100, 62, 14, p.dark)
        + line("M-64-70h128M-74 76h148", p.light, 3, stroke_dasharray="8 7")
    )
    return (
        shadow(200, 150, 344)
        + move(150, 206, turn(-22, cup, 0, 0))
        + die(232, 250, 12, "5")
        + die(296, 216, -14, "3")
        + die(300, 282, 24, "6")
        + die(180, 288, -8, "1")
    )
