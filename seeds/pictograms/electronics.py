"""Headphones, speakers and keyboards."""

from .shapes import (
    BRASS,
    CORK,
    INK,
    PALE_WOOD,
    STEEL,
    WOOD,
    Subject,
    dot,
    dots,
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


def cans(p: Subject, shell: str, cushion: str, extra: str = "") -> str:
    return (
        shadow(200, 130, 334)
        + line("M92 214q-4-148 108-148t108 148", mix(shell, INK, 0.25), 22)
        + line("M122 124q26-44 78-44t78 44", mix(shell, "#ffffff", 0.3), 8)
        + rect(120, 190, 48, 124, cushion, 24)
        + rect(232, 190, 48, 124, cushion, 24)
        + rect(74, 186, 66, 134, shell, 32)
        + rect(260, 186, 66, 134, shell, 32)
        + shine(86, 212, 9, 62)
        + extra
    )


@draws("headphones")
def over_ear(p: Subject) -> str:
    return cans(p, p.main, mix(p.main, INK, 0.5), dot(293, 296, 4, "#9fe0c4"))


@draws("headphones", "studio", "open-back")
def studio(p: Subject) -> str:
    shell = "#3d4147" if "studio" in p.slug else "#6b5140"
    coil = "M106 320q-10 30 30 30" + "q8-14 16 0" * 10
    grille = (
        "".join(line(f"M{x + 16} {208 + i * 16}h34", "#cfc4b4", 4) for x in (74, 260) for i in range(6))
        if "open" in p.slug
        else ""
    )
    return cans(p, shell, "#23262b" if not grille else "#a89a86", line(coil, INK, 5) + grille)


@draws("headphones", "childrens")
def small_cans(p: Subject) -> str:
    stars = "".join(shape(f"M{x} 228l6 16 17 1-13 11 4 17-14-9-14 9 4-17-13-11 17-1z", "#fff") for x in (107, 293))
    return cans(p, p.main, p.second, stars)


@draws("headphones", "folding", "headset")
def on_ear(p: Subject) -> str:
    shell = p.main if p.colours else "#3d4147"
    boom = ""
    if "headset" in p.slug:
        boom = line("M106 296q10 64 90 54", INK, 7) + rect(188, 336, 44, 26, INK, 12)
    return (
        shadow(200, 130, 350)
        + line("M104 240q-10-166 96-166t96 166", mix(shell, INK, 0.2), 13)
        + oval(108, 262, 46, 54, mix(shell, INK, 0.45))
        + oval(292, 262, 46, 54, mix(shell, INK, 0.45))
        + oval(100, 262, 38, 48, shell)
        + oval(300, 262, 38, 48, shell)
        + dot(100, 262, 14, mix(shell, "#ffffff", 0.35))
        + dot(300, 262, 14, mix(shell, "#ffffff", 0.35))
        + boom
    )


@draws("headphones", "buds")
def buds(p: Subject) -> str:
    tone = p.main if p.colours else "#8a93a8"
    one = (
        line("M0 34v58", tone, 22)
        + dot(0, 20, 34, tone)
        + oval(-24, 22, 15, 20, mix(tone, INK, 0.45))
        + shine(8, 2, 7, 26)
    )
    stemless = dot(0, 30, 38, tone) + oval(-20, 30, 17, 22, mix(tone, INK, 0.45))
    bud = stemless if "sleep" in p.slug else one
    case = (
        rect(92, 220, 216, 112, mix(tone, "#ffffff", 0.2), 52)
        + line("M96 262h208", mix(tone, INK, 0.2), 4)
        + dot(200, 288, 5, "#78b892")
    )
    return (
        shadow(200, 110, 338)
        + case
        + f'<g transform="translate(152 90) rotate(12)">{bud}</g><g transform="matrix(-1 .2 .2 1 248 90)">{bud}</g>'
    )


@draws("headphones", "wired")
def earphones(p: Subject) -> str:
    cable = line("M132 130q10 110 64 130q50-20 66-130M196 260v66q0 24 30 24h56", p.dark, 5)
    ear = "".join(
        dot(x, 108, 30, p.main) + dot(x + d, 102, 17, INK) + rect(x - 8, 126, 16, 34, p.dark, 8)
        for x, d in ((130, -12), (264, 12))
    )
    return (
        shadow(200, 100, 366)
        + cable
        + ear
        + rect(280, 340, 40, 20, p.main, 6)
        + rect(318, 345, 20, 10, STEEL, 4)
        + rect(250, 170, 14, 46, p.dark, 7)
    )


@draws("headphones", "bone")
def bone_band(p: Subject) -> str:
    return (
        shadow(200, 120)
        + line("M96 180q-30 130 104 130t104-130", p.main, 15)
        + line("M96 180q6-48 46-38M304 180q-6-48-46-38", p.main, 15)
        + rect(128, 124, 52, 44, p.dark, 18)
        + rect(220, 124, 52, 44, p.dark, 18)
        + rect(80, 190, 30, 52, p.dark, 12)
        + rect(290, 190, 30, 52, p.dark, 12)
    )


def cone(x: float, y: float, r: float, tone: str = "#2f3338") -> str:
    return (
        dot(x, y, r, tone)
        + dot(x, y, r * 0.8, mix(tone, "#ffffff", 0.14))
        + dot(x, y, r * 0.34, mix(tone, "#000000", 0.3))
        + oval(x - r * 0.3, y - r * 0.36, r * 0.24, r * 0.14, "#fff", opacity=0.2)
    )


def box(x: float, y: float, w: float, h: float, tone: str) -> str:
    return rect(x, y, w, h, tone, 12) + shade(
        f"M{x + w * 0.8} {y}h{w * 0.2 - 12}q12 0 12 12v{h - 24}q0 12-12 12h-{w * 0.2 - 12}z", 0.1
    )


@draws("speakers", "bookshelf", "desk-monitors")
def pair(p: Subject) -> str:
    top, width = (86, 128) if "bookshelf" in p.slug else (140, 116)
    drawing = shadow(200, 160)
    for x in (62 if width == 128 else 70, 210 if width == 128 else 214):
        middle = x + width / 2
        drawing += (
            box(x, top, width, 330 - top, p.main)
            + cone(middle, 270, 44)
            + dot(middle, top + 48, 24, "#2f3338")
            + dot(middle, top + 48, 12, "#c9ced2")
        )
    return drawing


@draws("speakers")
def radio(p: Subject) -> str:
    mesh = dots(96, 186, 9, 6, 18, 8, mix(p.main, INK, 0.6))
    return (
        shadow(200, 150)
        + line("M130 140q70-60 140 0", WOOD, 9)
        + box(62, 140, 276, 180, p.main)
        + mesh
        + dot(292, 196, 30, "#f3ece1")
        + line("M292 196l10-20", INK, 5)
        + "".join(rect(262 + i * 17, 256, 12, 26, BRASS, 3) for i in range(4))
        + rect(82, 318, 30, 14, INK, 3)
        + rect(288, 318, 30, 14, INK, 3)
    )


@draws("speakers", "pocket", "shower")
def round_speaker(p: Subject) -> str:
    half = (2, 3, 4, 4, 4, 3, 2)
    mesh = "".join(dots(200 - w * 18, 162 + i * 18, w * 2 + 1, 1, 18, 8, p.dark) for i, w in enumerate(half))
    top = line("M200 110q-34-54 4-66q34 10 0 66", p.second, 9)
    if "shower" in p.slug:
        top = line("M62 60v14M100 40v14M300 40v14M338 60v14M320 100v12M80 100v12", "#8fb3c6", 7) + rect(
            176, 76, 48, 26, p.dark, 8
        )
    return (
        shadow(200, 100)
        + top
        + dot(200, 216, 116, p.main)
        + dot(200, 216, 92, mix(p.main, INK, 0.12))
        + mesh
        + dot(200, 216, 14, p.light)
    )


@draws("speakers", "lantern")
def lantern(p: Subject) -> str:
    weave = line("".join(f"M128 {232 + i * 16}h144" for i in range(6)), p.dark, 4, opacity=0.5)
    return (
        shadow(200, 90)
        + line("M130 130q70-120 140 0", CORK, 9)
        + rect(122, 126, 156, 70, "#ffe6a3", 20)
        + dot(200, 160, 80, "#ffe9a8", opacity=0.45)
        + rect(114, 110, 172, 28, p.dark, 14)
        + rect(118, 196, 164, 134, p.main, 26)
        + weave
    )


@draws("speakers", "soundbar")
def soundbar(p: Subject) -> str:
    tv = (
        rect(66, 84, 268, 158, INK, 8)
        + rect(76, 94, 248, 138, "#54728c", 4)
        + shape("M76 232l70-70l50 44l44-60l84 86z", "#7fa08c")
    )
    return (
        shadow(200, 170, 322)
        + tv
        + rect(180, 242, 40, 26, INK)
        + rect(34, 268, 332, 50, "#43474d", 22)
        + "".join(dot(64 + i * 16, 293, 3.5, "#7c828a") for i in range(17))
        + dot(346, 293, 4, "#9fe0c4")
    )


@draws("speakers", "subwoofer")
def subwoofer(p: Subject) -> str:
    return (
        shadow(200, 140)
        + box(78, 90, 244, 232, p.main)
        + cone(200, 206, 92)
        + rect(92, 318, 28, 14, INK, 3)
        + rect(280, 318, 28, 14, INK, 3)
    )


@draws("speakers", "record-player")
def record_player(p: Subject) -> str:
    grooves = "".join(oval(172, 214, rx, rx * 0.36, "none", stroke="#4b5057", stroke_width=2) for rx in (84, 66, 48))
    return (
        shadow(200, 160)
        + shape("M82 196L52 268h296l-30-72z", mix(p.main, "#ffffff", 0.2))
        + oval(172, 230, 106, 32, INK)
        + f'<g transform="translate(0 16)">{grooves}</g>'
        + oval(172, 230, 30, 10, "#c0453f")
        + dot(172, 229, 3, "#fff")
        + line("M306 196v20L232 240", STEEL, 6)
        + dot(306, 198, 12, STEEL)
        + rect(52, 266, 296, 54, p.main, 6)
        + rect(64, 318, 36, 14, INK, 4)
        + rect(300, 318, 36, 14, INK, 4)
        + dot(320, 292, 10, BRASS)
        + line("M52 268l20-170h256l20 170", "#b9d0d8", 4, opacity=0.8)
    )


@draws("speakers", "story-box")
def story_box(p: Subject) -> str:
    fox = (
        shape("M176 132q-14-40 24-52q38 12 24 52z", "#dd7b3a")
        + shape("M180 92l-4-28 18 14h12l18-14-4 28z", "#dd7b3a")
        + dot(192, 100, 4, INK)
        + dot(208, 100, 4, INK)
        + oval(200, 120, 12, 10, "#fff")
    )
    ears = dot(98, 148, 24, p.dark) + dot(302, 148, 24, p.dark)
    return (
        shadow(200, 120)
        + ears
        + rect(88, 140, 224, 190, p.main, 40)
        + shade("M262 140q50 0 50 40v110q0 40-50 40z", 0.08)
        + rect(160, 126, 80, 20, PALE_WOOD, 10)
        + fox
        + "".join(dot(158 + i % 4 * 28, 230 + i // 4 * 24, 6, p.dark) for i in range(12))
    )


def keys(x: float, y: float, rows: tuple[int, ...], size: float, tone: str, accent: str) -> str:
    d = "".join(f"M{x + 1:g} {y + j * size + 10:g}h{count * size - 4:g}" for j, count in enumerate(rows))
    caps = f'<path d="{d}" stroke="{tone}" stroke-width="19" stroke-dasharray="20 {size - 20:g}"/>'
    escape, enter = (x + 1, y), (x + 1 + (rows[2] - 1) * size, y + 2 * size)
    return caps + "".join(rect(*place, 20, 20, accent, 2) for place in (escape, enter))


def board(p: Subject, x: float, w: float, rows: tuple[int, ...], case: str, tone: str) -> str:
    height = len(rows) * 24 + 48
    y = 220 - height / 2
    space = rect(x + w * 0.3, y + len(rows) * 24 + 14, w * 0.4, 20, tone, 4)
    edge = rect(x + 14, y + len(rows) * 24 + 14, w * 0.24, 20, tone, 4) + rect(
        x + w * 0.74, y + len(rows) * 24 + 14, w * 0.26 - 14, 20, tone, 4
    )
    return (
        shadow(x + w / 2, w * 0.5, y + height + 10)
        + rect(x, y, w, height + 8, mix(case, INK, 0.3), 14)
        + rect(x, y, w, height, case, 14)
        + keys(x + 14, y + 14, rows, 24, tone, "#dd7b3a")
        + space
        + edge
    )


@draws("keyboards")
def keyboard(p: Subject) -> str:
    case = p.main if p.colours else ("#565c63", "#d8d3c8", "#4f6070")[p.number(3)]
    tone = "#f4efe4" if sum(int(case[i : i + 2], 16) for i in (1, 3, 5)) < 480 else "#6b7580"
    columns = 14 if "office" in p.slug else 13
    width = columns * 24 + 24
    return board(p, 200 - width / 2, width, (columns,) * (3 if "compact" in p.slug else 4), case, tone)


@draws("keyboards", "split")
def split_board(p: Subject) -> str:
    return turn(-9, board(p, 24, 168, (6, 6, 6), "#3d4450", "#dfe4e6"), 108, 220) + turn(
        9, board(p, 208, 168, (6, 6, 6), "#3d4450", "#dfe4e6"), 292, 220
    )


@draws("keyboards", "pad")
def pad(p: Subject) -> str:
    case, tone = (p.main, "#6b7580") if p.colours else ("#43474d", "#e7e2d6")
    rows = "".join(
        rect(110 + i % 3 * 62, 150 + i // 3 * 56, 54, 48, "#dd7b3a" if i == 2 else tone, 9) for i in range(9)
    )
    legends = (
        "".join(words(137 + i % 3 * 62, 183 + i // 3 * 56, t, 24, case) for i, t in enumerate("789456123"))
        if "number" in p.slug
        else ""
    )
    knob = (
        dot(270, 112, 25, BRASS)
        + line("M270 112l10-16", INK, 4)
        + (dot(137, 112, 25, BRASS) if "macro" in p.slug else "")
    )
    return (
        shadow(200, 120, 340)
        + rect(88, 72, 224, 264, mix(case, INK, 0.3), 22)
        + rect(88, 66, 224, 262, case, 22)
        + rows
        + legends
        + knob
    )


@draws("keyboards", "keycap")
def keycaps(p: Subject) -> str:
    tones = (*p.colours, "#dd7b3a")
    drawing = ""
    for i, letter in enumerate("ESTOR↵"):
        x, y, tone = 72 + i % 3 * 90, 120 + i // 3 * 106, tones[i % len(tones)]
        ink = "#f7f2e8" if tone != "#eadfc6" else INK
        drawing += shape(f"M{x} {y + 84}l10-76h60l10 76q0 8-8 8H{x + 8}q-8 0-8-8z", mix(tone, INK, 0.22)) + rect(
            x + 12, y, 56, 60, tone, 10
        )
        drawing += words(x + 40, y + 40, letter, 30, ink)
    return shadow(200, 150, 330) + drawing


@draws("keyboards", "tester")
def tester(p: Subject) -> str:
    stems = ("#c0453f", "#4a78a8", "#7d5738", "#f2efe9", "#e3b53f", "#6f8f5b")
    drawing = ""
    for i in range(12):
        x, y = 82 + i % 4 * 62, 134 + i // 4 * 62
        drawing += (
            rect(x, y, 50, 50, "#dfe8ea", 8)
            + rect(x + 19, y + 12, 12, 26, stems[i * 5 % 6], 2)
            + rect(x + 12, y + 19, 26, 12, stems[i * 5 % 6], 2)
        )
    return shadow(200, 150, 336) + rect(64, 116, 272, 216, "#43474d", 18) + drawing


@draws("keyboards", "wrist", "desk-mat")
def accessory(p: Subject) -> str:
    if "wrist" in p.slug:
        grain = line("M60 246q80-14 140 0t140-4M60 266q90 12 160-2t120 4", "#5f412a", 3)
        return (
            shadow(200, 160, 296)
            + rect(36, 262, 328, 30, CORK, 8)
            + shape("M36 226q164-20 328 0v46q0 10-10 10H46q-10 0-10-10z", "#7d5738")
            + grain
        )
    mat = shape("M70 110h260l44 206H26z", "#9a9c9e") + line(
        "M78 120h244l38 186H40z", "#b9bbbc", 3, stroke_dasharray="9 7"
    )
    mouse = rect(282, 206, 44, 64, "#f2efe9", 22) + line("M304 208v24", "#b9bbbc", 3)
    return (
        shadow(200, 170, 322)
        + mat
        + rect(96, 196, 160, 60, INK, 8)
        + "".join(rect(104 + i % 8 * 18, 204 + i // 8 * 16, 14, 11, "#d9d4c9", 2) for i in range(24))
        + mouse
    )
