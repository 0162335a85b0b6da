"""Tops, knitwear, rainwear, socks and shoes."""

# ruff: noqa: E501 - a path is one word, however long

from .shapes import (
    BRASS,
    COLOURS,
    CORK,
    INK,
    PALE_WOOD,
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
)

SHORT = "M148 84q52 34 104 0l62 30q24 12 36 62l-52 20l-14-30q-4 60 2 164H114q6-104 2-164l-14 30l-52-20q12-50 36-62z"
LONG = "M150 80q50 32 100 0l58 26q22 12 30 60l28 140l-46 12l-32-108q-4 60 2 122H110q6-62 2-122L80 318l-46-12l28-140q8-48 30-60z"


def neck(colour: str) -> str:
    return line("M150 84q50 40 100 0", colour, 9)


def creases(colour: str) -> str:
    return line("M104 196q10-20 12-40M296 196q-10-20-12-40", colour, 3, opacity=0.5)


def tee(p: Subject, pattern: str = "") -> str:
    fabric = mix(p.main, "#ffffff", 0.06)
    return (
        shadow(200, 100, 340)
        + shape(SHORT, fabric, stroke=mix(fabric, INK, 0.12), stroke_width=2)
        + shade("M252 84l62 30q24 12 36 62l-52 20l-14-30q-4 60 2 164h-42q20-120 8-246z", 0.07)
        + pattern
        + creases(p.dark)
        + neck(p.dark)
    )


@draws("t-shirts")
def plain_tee(p: Subject) -> str:
    return tee(p)


@draws("t-shirts", "pocket")
def pocket_tee(p: Subject) -> str:
    return tee(p, shape("M220 160h48v44l-24 14l-24-14z", p.dark, opacity=0.55) + line("M220 172h48", p.light, 3))


@draws("t-shirts", "trail")
def trail_tee(p: Subject) -> str:
    return tee(p, line("M118 262l54-56l34 34l32-46l46 62", "#fff", 6, opacity=0.8))


@draws("t-shirts", "orchard")
def orchard_tee(p: Subject) -> str:
    branch = line("M150 250q40-40 100-66", "#7a5a3a", 5) + "".join(
        turn(a, oval(x, y, 22, 9, "#6f8f5b"), x, y)
        for x, y, a in ((170, 212, -50), (226, 220, 30), (246, 176, -60), (152, 240, 10))
    )
    return tee(p, branch + dot(190, 246, 18, "#e08a34") + dot(228, 192, 17, "#e79a3c") + dot(214, 250, 15, "#dd7b3a"))


@draws("t-shirts", "bridge-map")
def map_tee(p: Subject) -> str:
    rings = "".join(
        dot(200 + 13 * r * x / 10, 162 + 13 * r * y / 10, 2.6, "#dbe7ee")
        for r in (2, 3.2, 4.4, 5.6)
        for x, y in ((-10, 0), (-8, 6), (-5, 9), (0, 10), (5, 9), (8, 6), (10, 0))
    )
    return tee(Subject(p.slug, p.title, p.brand, ("#2f4463",)), rings + dot(200, 162, 4, "#dd7b3a"))


@draws("t-shirts", "fox")
def fox_tee(p: Subject) -> str:
    fox = (
        oval(200, 232, 58, 34, "#dd7b3a")
        + shape("M252 240q38-6 34-46q-20 10-44 14z", "#dd7b3a")
        + shape("M288 194q-14 6-18 14q14 4 18-14z", "#fff")
        + shape("M142 216l-8-34 24 14 24-14-6 40-18 18z", "#e88f4f")
        + line("M148 214q5 5 10 0M164 214q5 5 10 0", INK, 3)
        + dot(158, 234, 4, INK)
    )
    return tee(Subject(p.slug, p.title, p.brand, ("#cfe0d4",)), fox)


@draws("t-shirts", "tank")
def tank_top(p: Subject) -> str:
    ribs = line("".join(f"M{126 + i * 16} 190v138" for i in range(10)), p.dark, 2, opacity=0.35)
    d = "M134 70h28q4 70 38 70t38-70h28q-2 70 26 96q-6 80 0 164H108q6-84 0-164q28-26 26-96z"
    return shadow(200, 100, 340) + shape(d, p.main, stroke=mix(p.main, INK, 0.15), stroke_width=3) + ribs


@draws("t-shirts", "long-sleeve")
def striped(p: Subject) -> str:
    stripes = line("".join(f"M116 {150 + i * 24}h168" for i in range(8)), p.main, 9)
    sleeves = line("M70 190l44 12M62 226l44 12M54 262l44 12M330 190l-44 12M338 226l-44 12M346 262l-44 12", p.main, 9)
    return (
        shadow(200, 110, 340)
        + shape(LONG, "#f6f2e8", stroke="#d9d2c2", stroke_width=2)
        + stripes
        + sleeves
        + neck(p.main)
    )


def cable(x: float, top: float, length: int, colour: str) -> str:
    d = "".join(f"M{x - 9} {top + i * 26}q18 13 0 26M{x + 9} {top + i * 26}q-18 13 0 26" for i in range(length))
    return line(d, colour, 4)


def jumper(p: Subject, pattern: str, collar: str = "") -> str:
    hem = rect(110, 314, 180, 26, p.dark, 6, opacity=0.75)
    cuffs = line("M38 300l40 12M362 300l-40 12", p.dark, 20, opacity=0.75)
    return (
        shadow(200, 120, 346)
        + shape(LONG, p.main)
        + shade("M250 80l58 26q22 12 30 60l28 140l-46 12l-32-108q-4 60 2 122h-42q20-130 2-252z", 0.07)
        + pattern
        + hem
        + cuffs
        + (collar or neck(p.dark))
    )


@draws("knitwear")
def plain_jumper(p: Subject) -> str:
    flecks = "".join(
        dot(
            116 + p.number(168, f"f{i}"),
            130 + p.number(170, f"g{i}"),
            3,
            ("#c0453f", "#cc9a3d", "#4a78a8", "#f2efe9")[i % 4],
        )
        for i in range(26)
    )
    return jumper(p, flecks)


@draws("knitwear", "aran")
def aran(p: Subject) -> str:
    tone = mix(p.main, INK, 0.22)
    return jumper(p, cable(160, 124, 7, tone) + cable(200, 124, 7, tone) + cable(240, 124, 7, tone))


@draws("knitwear", "yoke")
def yoke(p: Subject) -> str:
    ring = "".join(
        dot(200 + x, 108 + y, 5, "#f2efe9")
        for x, y in ((-84, 20), (-62, 42), (-34, 58), (0, 64), (34, 58), (62, 42), (84, 20))
    )
    spruce = line("M128 150l12 20M160 176l8 20M200 186v22M240 176l-8 20M272 150l-12 20", p.second, 7)
    return jumper(p, line("M104 104q96 100 192 0", p.second, 5) + ring + spruce)


@draws("knitwear", "roll-neck")
def roll_neck(p: Subject) -> str:
    collar = rect(154, 52, 92, 44, p.main, 14) + line("M158 74h84", p.light, 3, opacity=0.6)
    return jumper(p, creases(p.light), collar)


@draws("knitwear", "cardigan")
def cardigan(p: Subject) -> str:
    buttons = "".join(dot(200, 176 + i * 32, 6, BRASS) for i in range(5))
    holes = (
        "".join(dot(130 + (i % 3) * 22, 190 + i // 3 * 34, 3, p.dark) for i in range(9))
        if "pointelle" in p.slug
        else ""
    )
    pockets = (
        "" if holes else rect(124, 256, 50, 44, p.dark, 4, opacity=0.4) + rect(226, 256, 50, 44, p.dark, 4, opacity=0.4)
    )
    front = shape("M152 84L200 168L248 84q-48 20-96 0z", mix(p.main, "#f4efe4", 0.8)) + line(
        "M152 84L200 168V338M248 84L200 168", p.dark, 8
    )
    return jumper(p, pockets + holes + mirrored(holes), front) + buttons


def mirrored(drawing: str) -> str:
    return f'<g transform="matrix(-1 0 0 1 400 0)">{drawing}</g>' if drawing else ""


@draws("knitwear", "slipover")
def slipover(p: Subject) -> str:
    rows = ""
    for i, tone in enumerate(("#7a5f48", "#efe4cf", "#a68a68", "#efe4cf", "#5d4a3a")):
        zigzag = "l11-10l11 10" * 8
        rows += line(f"M112 {206 + i * 24}{zigzag}", tone, 6)
    d = "M140 74h26l34 76l34-76h26q2 60 32 84q-6 90 0 178H108q6-88 0-178q30-24 32-84z"
    return (
        shadow(200, 105, 344)
        + shape(d, "#cdb491")
        + rows
        + line("M166 76l34 76l34-76", "#5d4a3a", 9)
        + rect(108, 318, 184, 22, "#5d4a3a", 6)
    )


@draws("knitwear", "beanie")
def beanie(p: Subject) -> str:
    ribs = line("".join(f"M{100 + i * 20} 266v52" for i in range(11)), p.dark, 4)
    return (
        shadow(200, 120)
        + shape("M96 270Q90 84 200 84t104 186z", p.main)
        + shade("M230 88q78 20 74 182h-44q10-120-30-182z", 0.08)
        + cable(200, 100, 6, p.dark)
        + cable(144, 152, 4, p.dark)
        + cable(256, 152, 4, p.dark)
        + rect(82, 258, 236, 68, mix(p.main, INK, 0.12), 22)
        + ribs
    )


@draws("knitwear", "scarf")
def scarf(p: Subject) -> str:
    fringe = line(
        "".join(f"M{134 + i * 14} 318l-3 24" for i in range(6))
        + "".join(f"M{214 + i * 14} 340l3 22" for i in range(5)),
        p.dark,
        5,
    )
    rows = line("M140 236h58M138 262h60M136 288h62M216 250h56M218 278h56M220 306h56", p.dark, 4, opacity=0.5)
    return (
        shadow(200, 110, 362)
        + shape("M132 150q0-72 68-72t68 72q0 30-68 30t-68-30z", p.dark)
        + shape("M140 180h62l-4 140h-70z", p.main)
        + shape("M206 190h62l12 152h-66z", mix(p.main, INK, 0.1))
        + shape("M110 150q90 66 180 0q14 52-14 66q-76 24-152 0q-28-14-14-66z", p.main)
        + rows
        + fringe
    )


@draws("knitwear", "mitts")
def mitts(p: Subject) -> str:
    one = (
        shape("M0 60Q0 20 34 20h36q30 0 30 40v120H4z", p.main)
        + shape("M98 96q30-40 44-26q10 12-44 82z", p.main)
        + rect(-4, 174, 108, 62, p.dark, 12)
        + line("M14 182v46M34 182v46M54 182v46M74 182v46M92 182v46", p.main, 4)
        + line("M10 26q42-14 84 0", p.dark, 9)
        + cable(50, 52, 4, p.dark)
    )
    return shadow(200, 150, 336) + move(44, 96, one) + mirrored(move(44, 96, one))


RAIN = "M144 108q56 30 112 0l56 28q20 12 28 60l20 112l-46 10l-26-92q-2 62 4 118H108q6-56 4-118l-26 92l-46-10l20-112q8-48 28-60z"


def coat(p: Subject, extra: str, d: str = RAIN) -> str:
    hood = shape("M136 112q-14-70 64-74q78 4 64 74q-64 42-128 0z", p.main) + shape(
        "M158 114q-8-48 42-50q50 2 42 50q-42 26-84 0z", p.dark
    )
    return (
        shadow(200, 120, 348)
        + shape(d, p.main)
        + (
            shade("M256 108l56 28q20 12 28 60l20 112l-46 10l-26-92q-2 62 4 118h-46q26-130 10-236z", 0.08)
            if d == RAIN
            else ""
        )
        + hood
        + extra
        + line("M110 206q8-24 4-44M290 206q-8-24-4-44", p.dark, 3, opacity=0.5)
    )


ZIP = "M200 128V342"


@draws("rain-jackets")
def rain_jacket(p: Subject) -> str:
    pockets = line("M132 268l36-24M268 268l-36-24", p.second if len(p.colours) > 1 else p.light, 6)
    drops = line("M60 90v16M100 56v14M322 70v16M348 120v14M44 150v14", "#8fb3c6", 5)
    return coat(p, line(ZIP, p.light, 6) + pockets + drops)


@draws("rain-jackets", "raincoat", "parka")
def long_coat(p: Subject) -> str:
    flap = rect(188, 132, 24, 204, p.dark, 4, opacity=0.6) + "".join(
        dot(200, 154 + i * 36, 5, "#f2e9d4") for i in range(5)
    )
    pockets = rect(124, 250, 48, 40, p.dark, 5, opacity=0.45) + rect(228, 250, 48, 40, p.dark, 5, opacity=0.45)
    tail = shape("M108 330h184l8 40H100z", p.main)
    return tail + coat(p, flap + pockets)


@draws("rain-jackets", "wind")
def wind_shell(p: Subject) -> str:
    gusts = line("M20 120h70q20 0 20-16M14 154h40M330 300h50M316 330h44q16 0 16 14", "#9fb6c0", 6)
    return coat(p, line(ZIP, p.light, 5) + line("M118 216h164", p.second, 12)) + gusts


@draws("rain-jackets", "anorak")
def anorak(p: Subject) -> str:
    return coat(
        p,
        line("M200 128v70", BRASS, 6)
        + rect(132, 204, 136, 74, p.dark, 8, opacity=0.6)
        + line("M132 226h136", p.light, 4)
        + dot(200, 240, 6, BRASS),
    )


@draws("rain-jackets", "insulated")
def quilted_jacket(p: Subject) -> str:
    quilting = line(
        "M114 176q86 22 172 0M112 214q88 22 176 0M112 252q88 22 176 0M110 290q90 22 180 0", p.dark, 4, opacity=0.6
    )
    return coat(p, quilting + line(ZIP, p.light, 6))


@draws("rain-jackets", "poncho", "cape")
def cape(p: Subject) -> str:
    tweed = ""
    if "tweed" in p.slug:
        tweed = "".join(
            dot(
                110 + p.number(180, f"t{i}"),
                150 + p.number(170, f"w{i}"),
                2.4,
                ("#e3b53f", "#c0453f", "#f2efe9")[i % 3],
            )
            for i in range(24)
        )
    hood = shape("M138 112q-14-70 62-74q76 4 62 74q-62 36-124 0z", p.main) + shape(
        "M160 112q-8-46 40-48q48 2 40 48q-40 22-80 0z", p.dark
    )
    return (
        shadow(200, 150, 346)
        + shape("M146 104q54 20 108 0q70 60 108 214q-80 40-162 24q-82 16-162-24Q76 164 146 104z", p.main)
        + shade("M254 104q70 60 108 214q-50 24-102 28q30-130-6-242z", 0.08)
        + hood
        + tweed
        + line("M200 128V200", p.light, 5)
        + line("M126 214q10 40 2 70M274 214q-10 40-2 70", p.dark, 6)
    )


@draws("rain-jackets", "trousers")
def trousers(p: Subject) -> str:
    d = "M128 60h144l22 276h-66l-26-176h-4l-26 176h-66z"
    return (
        shadow(200, 110, 344)
        + shape(d, p.main)
        + shade("M220 60h52l22 276h-30z", 0.12)
        + rect(126, 54, 148, 24, p.dark, 6)
        + line("M140 96l-18 220M260 96l18 220", "#cfd6da", 4)
        + line("M200 80v62", p.light, 4)
    )


@draws("rain-jackets", "puddle")
def puddle_suit(p: Subject) -> str:
    q = Subject(p.slug, p.title, p.brand, ("#e3b53f",))
    legs = (
        shape("M112 260h176l8 92h-74l-14-50h-16l-14 50h-74z", q.main)
        + rect(100, 340, 80, 20, INK, 8)
        + rect(220, 340, 80, 20, INK, 8)
    )
    knees = rect(112, 298, 50, 30, q.dark, 8, opacity=0.5) + rect(238, 298, 50, 30, q.dark, 8, opacity=0.5)
    body = "M144 108q56 30 112 0l52 28q20 12 28 50l12 64l-44 10l-16-44v74H112v-74l-16 44l-44-10l12-64q8-38 28-50z"
    return coat(q, line("M200 128v140", "#c0453f", 7) + legs + knees, body)


def sock(p: Subject, leg: float, pattern: str, x: float, tone: str) -> str:
    top = 250 - leg
    d = f"M0 {top}h76v{leg - 34}q4 26 34 40l40 18q22 12 14 38q-4 18-28 18H54Q-6 {326} 0 {262}z"
    heel = shape("M0 256q30 4 36 30t-6 34q-34-14-30-64z", mix(tone, INK, 0.28))
    toe = shape("M138 268l12 6q22 12 14 38q-4 18-28 18h-10q-14-36 12-62z", mix(tone, INK, 0.28))
    cuff = rect(-4, top - 6, 84, 34, mix(tone, INK, 0.16), 8)
    return move(x, 0, shape(d, tone) + pattern + heel + toe + cuff)


@draws("socks")
def pair(p: Subject) -> str:
    leg = 190 if any(word in p.slug for word in ("welly", "ski")) else 40 if "no-show" in p.slug else 130
    pattern = ""
    if "tile" in p.slug:
        pattern = "".join(
            shape(f"M{20 + 36 * (i % 2)} {156 + i // 2 * 36}l14 14l-14 14l-14-14z", p.second) for i in range(6)
        )
    elif "reflective" in p.slug:
        pattern = rect(0, 190, 76, 18, "#eef3f4")
    elif any(word in p.slug for word in ("hill", "fine-rib", "welly", "ski")):
        pattern = line("".join(f"M{12 + i * 13} {284 - leg}v{leg - 50}" for i in range(5)), p.dark, 3, opacity=0.5)
    back = mix(p.main, "#ffffff", 0.18)
    return shadow(200, 150, 336) + sock(p, leg, pattern, 176, back) + sock(p, leg, pattern, 80, p.main)


@draws("socks", "five-day")
def sock_box(p: Subject) -> str:
    rolls = "".join(
        rect(84 + i * 48, 168, 40, 132, "#4a4d52", 14)
        + rect(84 + i * 48, 250, 40, 30, tone)
        + line(f"M{92 + i * 48} 186h24", "#6b7077", 4)
        for i, tone in enumerate(("#c0453f", "#cc9a3d", "#5f9e96", "#4a78a8", "#7c4a66"))
    )
    return (
        shadow(200, 160, 338)
        + rect(60, 130, 280, 200, PALE_WOOD, 8)
        + rect(74, 146, 252, 168, mix(WOOD, INK, 0.2), 6)
        + rolls
    )


@draws("socks", "mohair")
def bed_socks(p: Subject) -> str:
    fluff = line("".join(f"M{(i * 37) % 76} {136 + i * 9}l-5-6m5 6l6-5" for i in range(14)), p.light, 3)
    return shadow(200, 150, 336) + sock(p, 130, fluff, 176, p.second) + sock(p, 130, fluff, 80, p.main)


UPPER = "M52 196q8-40 40-34l34 12q14 22 44 10l28-20q44 46 106 58q46 8 50 50v24H52z"


def shoe(p: Subject, sole: str, upper: str, extra: str, thick: float = 30) -> str:
    base = rect(46, 290, 312, thick, sole, thick / 2)
    return (
        shadow(200, 160, 290 + thick)
        + base
        + shape(upper, p.main)
        + shade("M52 240q60 30 302 20v36H52z", 0.07)
        + extra
        + line("M56 292h296", mix(sole, INK, 0.2), 4)
    )


LACES = "M190 186l26-18M208 202l26-18M228 216l24-18M250 226l22-18"


@draws("sneakers")
def sneaker(p: Subject) -> str:
    toe = shape("M292 252q56 0 62 44h-74q-8-30 12-44z", p.light)
    heel = shape("M52 206q30 6 34 90H52z", p.dark)
    sole = "#d9c7a0" if p.main == COLOURS["White"] else "#efe7d8"
    return shoe(
        p,
        sole,
        UPPER,
        toe
        + heel
        + line("M120 268q50-4 92-60", p.dark, 8)
        + line(LACES, "#b9b19f" if p.main == COLOURS["White"] else "#fff", 7),
    )


@draws("sneakers", "runner", "trainer")
def runner(p: Subject) -> str:
    swoosh = line("M104 274q70-8 110-56M140 282q70-8 104-50", p.light, 9)
    lugs = (
        line(
            "M70 318v10M100 318v10M130 318v10M160 318v10M190 318v10M220 318v10M250 318v10M280 318v10M310 318v10M336 318v10",
            INK,
            9,
        )
        if "trail" in p.slug
        else ""
    )
    wedge = shape("M46 284q160 26 312 6v24q-6 14-24 14H70q-22 0-24-20z", "#f3eee3")
    return shoe(
        p, "#c9a27a" if "suede" in p.slug else "#4a4d52", UPPER, swoosh + wedge + line(LACES, p.second, 7) + lugs
    )


@draws("sneakers", "cork")
def cork_shoe(p: Subject) -> str:
    grains = "".join(dot(60 + i * 17, 304 + (i * 7) % 14, 2.5, WOOD) for i in range(17))
    return shoe(p, CORK, UPPER, line(LACES, "#fff", 7) + shape("M52 206q30 6 34 90H52z", p.dark), 32) + grains


@draws("sneakers", "plimsoll")
def plimsoll(p: Subject) -> str:
    toe = shape("M286 250q62 0 68 44h-84q-6-28 16-44z", "#f2efe9")
    holes = "".join(dot(x, y, 4, "#f2efe9") for x, y in ((186, 194), (206, 210), (228, 224), (252, 234)))
    return shoe(p, "#f2efe9", UPPER, toe + line(LACES, "#f2efe9", 6) + holes) + line("M56 306h290", "#c0453f", 4)


@draws("sneakers", "high-top")
def high_top(p: Subject) -> str:
    high = "M70 96q0-12 14-12h82q14 0 16 14l10 66q44 46 106 58q46 8 50 50v24H56q14-100 14-200z"
    toe = shape("M286 250q58 0 64 44h-80q-6-28 16-44z", "#f2efe9")
    laces = line("M150 112h34M152 138h36M158 164h36M186 186l26-16M210 206l24-16M234 222l22-16", "#f2efe9", 7)
    return shoe(p, "#f2efe9", high, toe + laces + dot(108, 166, 26, "#f2efe9") + dot(108, 166, 18, p.dark))


@draws("sneakers", "slip-on", "espadrille")
def slip_on(p: Subject) -> str:
    low = "M52 206q8-24 34-20q60 40 118 0q50 36 96 42q48 8 54 46v20H52z"
    if "espadrille" in p.slug:
        plait = line("M56 306" + "q9-12 18 0" * 16, "#a67f49", 4)
        return shoe(p, "#d3ae74", low, line("M66 208q60 36 130 2", p.light, 6)) + plait
    gore = shape("M150 212l52-16l16 50l-50 6z", p.dark) + line("M160 218l44-14M166 234l46-10", p.main, 3)
    return shoe(p, "#f1ece2", low, gore)


@draws("sneakers", "velcro")
def velcro(p: Subject) -> str:
    straps = "".join(
        turn(-34, rect(x, y, 84, 26, p.dark, 8), x + 40, y + 12)
        + turn(-34, rect(x + 54, y + 5, 24, 16, "#fff", 5), x + 40, y + 12)
        for x, y in ((150, 196), (190, 226))
    )
    return shoe(p, "#f2efe9", UPPER, straps + shape("M286 250q62 0 68 46h-86q-4-30 18-46z", "#f2efe9")) + shine(
        80, 222, 9, 40
    )
