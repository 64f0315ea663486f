# SPDX-License-Identifier: GPL-2.0-only
"""Frame times as a picture for a browser or a README: one strip for each scheduler, one bar for each
frame, on one scale that begins at zero. It must never leave out a frame: a missed one is what the
picture is for."""

from xml.sax.saxutils import escape

WIDTH, STRIP, LEFT, TOP, GAP = 880, 120, 64, 64, 46
# Readable for people who do not see red and green apart, and on paper. src/sim/html.c has the same.
GOOD, BAD, INK, FAINT, PAPER = "#4477aa", "#cc3311", "#222222", "#666666", "#ffffff"
STYLE = f"""<style>
text {{ font: 13px sans-serif; fill: {INK} }}
.title {{ font-size: 16px; font-weight: bold }}
.name {{ font-weight: bold }}
.scale {{ fill: {FAINT}; text-anchor: end }}
</style>"""


def nice_top(value):
    """The end of the scale, in us: a round number of ms."""
    for step in (20, 25, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400, 500, 750, 1000):
        if value <= step * 1000:
            return step * 1000
    return value


def strip(y, name, samples, missed, top, period):
    """A scheduler's frames, in the order they came."""
    width = (WIDTH - LEFT - 16) / len(samples)
    parts = [f'<text class="name" x="{LEFT}" y="{y - 8}">{escape(name)}: '
             f'{missed:g} frames missed</text>']
    for value, label in ((top, f"{top / 1000:g} ms"), (0, "0")):
        parts.append(f'<text class="scale" x="{LEFT - 8}" '
                     f'y="{y + STRIP - STRIP * value / top + 4:.1f}">{label}</text>')
    for colour, late in ((GOOD, False), (BAD, True)):
        # One path for all of a colour: a run has thousands of frames.
        path = "".join(
            f"M{LEFT + i * width:.1f} {y + STRIP}v{-STRIP * sample / top:.1f}h{width:.1f}V{y + STRIP}z"
            for i, sample in enumerate(samples) if (sample > period) == late)
        if path:
            parts.append(f'<path fill="{colour}" d="{path}"/>')
    due = y + STRIP - STRIP * period / top
    parts.append(f'<path stroke="{INK}" stroke-dasharray="4 3" d="M{LEFT} {due:.1f}H{WIDTH - 16}"/>')
    parts.append(f'<text class="scale" x="{LEFT - 8}" y="{due + 4:.1f}">{period / 1000:.1f} ms</text>')
    return parts


def draw(title, notes, runs, period):
    """An SVG document. notes: lines below; runs: (name, frame times in us, missed frames) of each scheduler; period: of
    the frames, in us."""
    top = nice_top(max([period * 1.2] + [max(samples) for _, samples, _ in runs]))
    foot = TOP + len(runs) * (STRIP + GAP) - 14
    height = foot + 20 * len(notes)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'role="img" aria-label="{escape(title)}">', STYLE,
             f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
             f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>']
    for i, (name, samples, missed) in enumerate(runs):
        parts += strip(TOP + i * (STRIP + GAP), name, samples, missed, top, period)
    for i, note in enumerate(notes):
        parts.append(f'<text x="{LEFT}" y="{foot + 20 * i}">{escape(note)}</text>')
    parts += ["</svg>", ""]
    return "\n".join(parts)
