"""A plot of time over size as SVG: both axes logarithmic, one line, one dot a measurement."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 30, 30, 50


def decades(values):
    """The powers of ten around some numbers."""
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


def svg(points):
    """The plot of pairs of stacks and seconds."""
    across, up = decades([stacks for stacks, _ in points]), decades([took for _, took in points])
    place = lambda value, of: (math.log10(value) - of[0]) / max(of[-1] - of[0], 1)
    x = lambda stacks: LEFT + place(stacks, across) * (WIDTH - LEFT - RIGHT)
    y = lambda took: HEIGHT - BOTTOM - place(took, up) * (HEIGHT - TOP - BOTTOM)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2:.0f}" y="18" text-anchor="middle">cold build without a store: seconds over stacks</text>',
    ]
    for power in across:
        at = x(10**power)
        lines.append(f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        lines.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in up:
        at = y(10**power)
        lines.append(f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g} s</text>')
    path = " ".join(f"{x(stacks):.1f},{y(took):.1f}" for stacks, took in points)
    lines.append(f'<polyline points="{path}" fill="none" stroke="#246" stroke-width="2"/>')
    for stacks, took in points:
        lines.append(f'<circle cx="{x(stacks):.1f}" cy="{y(took):.1f}" r="3" fill="#246"/>')
        lines.append(f'<text x="{x(stacks) - 6:.1f}" y="{y(took) - 8:.1f}" text-anchor="end">{took:.2f} s</text>')
    return "\n".join([*lines, "</svg>", ""])
