"""Draws times and memory against the length of the text, both axes logarithmic, as SVG."""

import math

COLOURS = ["#8a8a8a", "#1f6fb4", "#d9741a", "#2a9249", "#8d4fb0", "#b83232"]
WIDTH, HEIGHT, LEFT, TOP, GAP = 420, 320, 70, 40, 110


def exponent(points):
    """The slope of the least-squares line through (log x, log y): k where y grows as x^k."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys))
    return covariance / sum((x - x_mean) ** 2 for x in xs)


def panel(left, title, series, spell):
    """One chart: `series` maps names to [(x, y)]; `spell` writes a value of the y axis."""
    points = [point for line in series.values() for point in line]
    x_low, x_high = (f(math.log2(x) for x, _ in points) for f in (min, max))
    y_low = math.floor(min(math.log10(y) for _, y in points))
    y_high = math.ceil(max(math.log10(y) for _, y in points))
    y_high = max(y_high, y_low + 1)

    def place(x, y):
        return (left + (math.log2(x) - x_low) / max(x_high - x_low, 1) * WIDTH,
                TOP + (y_high - math.log10(y)) / (y_high - y_low) * HEIGHT)

    parts = [f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{title}</text>']
    for power in range(y_low, y_high + 1):
        y = place(2 ** x_low, 10.0 ** power)[1]
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}" '
                     f'stroke="#ddd"/><text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">'
                     f'{spell(10.0 ** power)}</text>')
    for power in range(math.ceil(x_low), math.floor(x_high) + 1):
        x = place(2 ** power, 10.0 ** y_low)[0]
        name = f"{2 ** power // 1024}k" if power >= 10 else str(2 ** power)
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">'
                     f'{name}</text>')
    for colour, (name, line) in zip(COLOURS, series.items()):
        spots = [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
    return parts


def svg(scaling):
    """`scaling`: by variant and length, {"seconds": …, "tokenSeconds": …, "bytes": …}."""
    times = {name: [(size, row["seconds"]) for size, row in rows.items()]
             for name, rows in scaling.items()}
    rooms = {name: [(size, row["bytes"] / 1e6) for size, row in rows.items()]
             for name, rows in scaling.items()}

    tokens = {name: [(size, row["tokenSeconds"] * 1e3) for size, row in rows.items()]
              for name, rows in scaling.items()}

    def seconds(value):
        return f"{value:g} s"

    def milliseconds(value):
        return f"{value:g} ms"

    def megabytes(value):
        return f"{value:g} MB"

    parts = panel(LEFT, "Seconds to read a prompt, by its tokens", times, seconds)
    parts += panel(LEFT + WIDTH + GAP, "Milliseconds to write a token behind it", tokens,
                   milliseconds)
    parts += panel(LEFT + 2 * (WIDTH + GAP), "Memory beyond the weights", rooms, megabytes)
    for index, (colour, name) in enumerate(zip(COLOURS, scaling)):
        x, y = LEFT + index * 150, TOP + HEIGHT + 48
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
                     f'<text x="{x + 18}" y="{y}">{name}</text>')
    width, height = LEFT + 3 * WIDTH + 2 * GAP + 30, TOP + HEIGHT + 70
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12" fill="#222">'
            f'<rect width="{width}" height="{height}" fill="white"/>')
    return "\n".join([head, *parts, "</svg>"]) + "\n"
