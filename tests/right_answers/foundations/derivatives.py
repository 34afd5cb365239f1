"""Right answers in other styles: derivatives."""

import cmath
import math

import numpy as np

# ---- derivative ------------------------------------------------------------------------------------------------------


def derivative__two_functions(expression, x):
    def value(e):
        if e == "x":
            return x
        if isinstance(e, int | float):
            return e
        match e:
            case ("+", u, v):
                return value(u) + value(v)
            case ("*", u, v):
                return value(u) * value(v)
            case ("power", u, n):
                return value(u) ** n
            case (name, u):
                return {"exp": np.exp, "log": np.log, "sin": np.sin}[name](value(u))

    if expression == "x":
        return 1
    if isinstance(expression, int | float):
        return 0
    match expression:
        case ("+", u, v):
            return derivative__two_functions(u, x) + derivative__two_functions(v, x)
        case ("*", u, v):
            return derivative__two_functions(u, x) * value(v) + derivative__two_functions(v, x) * value(u)
        case ("power", u, n):
            return n * value(u) ** (n - 1) * derivative__two_functions(u, x)
        case ("exp", u):
            return np.exp(value(u)) * derivative__two_functions(u, x)
        case ("log", u):
            return derivative__two_functions(u, x) / value(u)
        case ("sin", u):
            return np.cos(value(u)) * derivative__two_functions(u, x)


def derivative__complex_step(expression, x):
    def value(e, z):
        if isinstance(e, str):
            return z
        if not isinstance(e, tuple):
            return e
        parts = [value(part, z) for part in e[1:]]
        return {
            "+": lambda u, v: u + v,
            "*": lambda u, v: u * v,
            "power": lambda u, n: u**n,
            "exp": cmath.exp,
            "log": cmath.log,
            "sin": cmath.sin,
        }[e[0]](*parts)

    return complex(value(expression, complex(x, 1e-30))).imag / 1e-30


def derivative__sum_over_appearances(expression, x):
    """Backwards: what each x in the expression contributes."""

    def value(e):
        if not isinstance(e, tuple):
            return x if e == "x" else e
        a = [value(part) for part in e[1:]]
        if e[0] == "+":
            return a[0] + a[1]
        if e[0] == "*":
            return a[0] * a[1]
        if e[0] == "power":
            return a[0] ** a[1]
        return getattr(math, e[0])(a[0])

    total, waiting = 0.0, [(expression, 1.0)]
    while waiting:
        e, weight = waiting.pop()
        if e == "x":
            total += weight
        elif isinstance(e, tuple):
            u = value(e[1])
            if e[0] == "+":
                waiting += [(e[1], weight), (e[2], weight)]
            elif e[0] == "*":
                waiting += [(e[1], weight * value(e[2])), (e[2], weight * u)]
            elif e[0] == "power":
                waiting.append((e[1], weight * e[2] * u ** (e[2] - 1)))
            elif e[0] == "exp":
                waiting.append((e[1], weight * math.exp(u)))
            elif e[0] == "log":
                waiting.append((e[1], weight / u))
            else:
                waiting.append((e[1], weight * math.cos(u)))
    return total


# ---- observed_order --------------------------------------------------------------------------------------------------


def observed_order__polyfit(steps, errors):
    return np.polyfit(np.log10(steps), np.log10(errors), 1)[0]


def observed_order__lstsq(steps, errors):
    a = np.stack([np.log2(steps), np.ones_like(steps)], axis=1)
    (p, _), *_ = np.linalg.lstsq(a, np.log2(errors), rcond=None)
    return p


def observed_order__loops(steps, errors):
    a, b = [math.log(s) for s in steps], [math.log(e) for e in errors]
    n = len(a)
    return (n * sum(p * q for p, q in zip(a, b, strict=True)) - sum(a) * sum(b)) / (n * sum(p * p for p in a) - sum(a) ** 2)


def observed_order__covariance(steps, errors):
    covariance = np.cov(np.log(steps), np.log(errors))
    return covariance[0, 1] / covariance[0, 0]


# ---- best_step -------------------------------------------------------------------------------------------------------


def best_step__cbrt(value, third_derivative, unit_roundoff):
    return np.cbrt(3 * unit_roundoff * np.abs(value / third_derivative))


def best_step__bisection(value, third_derivative, unit_roundoff):
    """Where the derivative of the bound changes its sign."""
    low, high = 1e-12, 1e6
    for _ in range(200):
        middle = math.sqrt(low * high)
        slope = middle * abs(third_derivative) / 3 - unit_roundoff * abs(value) / middle**2
        low, high = (low, middle) if slope > 0 else (middle, high)
    return low


def best_step__roots(value, third_derivative, unit_roundoff):
    roots = np.roots([abs(third_derivative) / 3, 0, 0, -unit_roundoff * abs(value)])
    return roots[np.abs(roots.imag) < 1e-12 * np.abs(roots)].real.max()


def best_step__golden_section(value, third_derivative, unit_roundoff):
    def bound(log_step):
        step = math.exp(log_step)
        return step**2 * abs(third_derivative) / 6 + unit_roundoff * abs(value) / step

    low, high = math.log(1e-9), math.log(10.0)
    for _ in range(300):
        third = (high - low) / 3
        a, b = low + third, high - third
        low, high = (low, b) if bound(a) < bound(b) else (a, high)
        if high - low < 1e-6:
            break
    middle, h = (low + high) / 2, 1e-3
    left, here, right = bound(middle - h), bound(middle), bound(middle + h)
    return math.exp(middle - h * (right - left) / (2 * (right - 2 * here + left)))


# ---- subgradient_interval --------------------------------------------------------------------------------------------


def subgradient_interval__loops(name, x):
    low, high = np.zeros(len(x)), np.zeros(len(x))
    for i, number in enumerate(x):
        if name == "huber":
            low[i] = high[i] = number if abs(number) <= 1 else math.copysign(1, number)
        elif number > 0:
            low[i] = high[i] = 1
        elif number < 0:
            low[i] = high[i] = -1 if name == "abs" else 0
        else:
            low[i], high[i] = -1 if name == "abs" else 0, 1
    return low, high


def subgradient_interval__heaviside(name, x):
    if name == "huber":
        slope = np.maximum(-1.0, np.minimum(1.0, x))
        return slope, slope
    below, above = np.heaviside(x, 0.0), np.heaviside(x, 1.0)
    return (2 * below - 1, 2 * above - 1) if name == "abs" else (below, above)


def subgradient_interval__signs(name, x):
    x = x + 0.0
    if name == "huber":
        return [np.where(np.abs(x) < 1, x, np.sign(x))] * 2
    kink = (x == 0).astype(x.dtype)
    if name == "abs":
        return np.sign(x) - kink, np.sign(x) + kink
    return (np.sign(x) + 1 - kink) / 2, (np.sign(x) + 1 + kink) / 2


# ---- relu_subgrad ----------------------------------------------------------------------------------------------------


def relu_subgrad__heaviside(x, at_zero):
    return np.heaviside(x, at_zero)


def relu_subgrad__loops(x, at_zero):
    out = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        out[i] = 1 if x[i] > 0 else at_zero if x[i] == 0 else 0
    return out


def relu_subgrad__sum_of_masks(x, at_zero):
    return (x > 0).astype(float) + at_zero * (x == 0)


def relu_subgrad__select(x, at_zero):
    return np.select([x > 0, x < 0], [1.0, 0.0], default=at_zero)


# ---- gradient_table --------------------------------------------------------------------------------------------------


def gradient_table__rows(name, x):
    row = 1.0 * x.reshape(1, -1)
    u, v = row.sum(), (row**2).sum()
    du, dv = np.ones(row.shape), 2 * row
    if name == "constant":
        return np.zeros(row.shape)
    if name == "sum":
        return du
    if name == "squared norm":
        return dv
    if name == "norm":
        return dv / (2 * np.sqrt(v)) if v else np.zeros(row.shape)
    if name == "sum + squared norm":
        return du + dv
    if name == "sum * squared norm":
        return du * v + dv * u
    return np.sin(row) @ np.diag(2.0 * x) + row**2 @ np.diag(np.cos(x))


def gradient_table__entry_by_entry(name, x):
    out = np.zeros((1, len(x)))
    total, squares = sum(float(a) for a in x), sum(float(a) ** 2 for a in x)
    for i, a in enumerate(x.tolist()):
        out[0, i] = {
            "constant": lambda a: 0,
            "sum": lambda a: 1,
            "squared norm": lambda a: 2 * a,
            "norm": lambda a: a / math.sqrt(squares) if squares else 0,
            "sum + squared norm": lambda a: 1 + 2 * a,
            "sum * squared norm": lambda a: squares + 2 * a * total,
            "<sin x, x²>": lambda a: a * (a * math.cos(a) + 2 * math.sin(a)),
        }[name](a)
    return out


def gradient_table__complex_step(name, x):
    def f(z):
        u, v = z.sum(), (z * z).sum()
        values = {"constant": 0 * u, "sum": u, "squared norm": v, "norm": np.sqrt(v), "sum + squared norm": u + v, "sum * squared norm": u * v}
        return values[name] if name in values else (np.sin(z) * z * z).sum()

    if not x.any() and name == "norm":
        return np.zeros((1, x.size))
    return np.array([[f(x + 1e-30j * e).imag / 1e-30 for e in np.eye(len(x))]])


# ---- wrong_gradients -------------------------------------------------------------------------------------------------


def wrong_gradients__whole_gradients(functions, x, claims):
    def slopes(f, eps=1e-6):
        return np.array([[(f(x + eps * e) - f(x - eps * e)) / (2 * eps) for e in np.eye(x.size)]])

    return [name for name in claims if not np.allclose(slopes(functions[name]), claims[name], rtol=0, atol=1e-4)]


def wrong_gradients__forward_difference(functions, x, claims):
    wrong = set()
    for name, f in functions.items():
        for i in range(len(x)):
            y = x.copy()
            y[i] += 1e-7
            if abs((f(y) - f(x)) / 1e-7 - claims[name][0][i]) > 5e-3:
                wrong.add(name)
    return wrong


def wrong_gradients__extrapolated(functions, x, claims):
    def slope(f, i, h):
        y, z = x.copy(), x.copy()
        y[i], z[i] = x[i] + h, x[i] - h
        return (f(y) - f(z)) / (2 * h)

    def off(name):
        f, claim = functions[name], claims[name].ravel()
        return max(abs((4 * slope(f, i, 5e-4) - slope(f, i, 1e-3)) / 3 - claim[i]) for i in range(len(claim)))

    return tuple(sorted((name for name in claims if off(name) > 1e-5), reverse=True))


def wrong_gradients__library_tolerance(functions, x, claims):
    wrong = []
    for name, claim in claims.items():
        g = np.zeros_like(claim)
        for i in range(x.shape[0]):
            step = np.zeros(x.shape)
            step[i] = 1e-4
            g[0, i] = (functions[name](x + step) - functions[name](x - step)) / 2e-4
        if not np.allclose(g, claim, atol=1e-5):
            wrong.append(name)
    return wrong
