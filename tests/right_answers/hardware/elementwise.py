"""Right answers in other styles: CuPy's elementwise and reduction kernels."""

from __future__ import annotations

Parts = dict[str, str]


def leaky_relu__if() -> Parts:
    return {"in_params": "T x, T slope", "out_params": "T y", "operation": "if (x > 0) { y = x; } else { y = slope * x; }"}


def leaky_relu__both_parts() -> Parts:
    return {"in_params": "A values, A factor", "out_params": "A result", "operation": "result = max(values, A(0)) + factor * min(values, A(0));"}


def leaky_relu__with_a_function() -> Parts:
    return {
        "in_params": "T x, T slope",
        "out_params": "T y",
        "operation": "y = leak(x, slope)",
        "preamble": "template <typename T> __device__ T leak(T x, T slope) { return x < 0 ? slope * x : x; }",
    }


def gelu__root() -> Parts:
    return {"in_params": "T x", "out_params": "T y", "operation": "y = x * (1 + erf(x / sqrt((T) 2))) / 2"}


def gelu__normal_distribution() -> Parts:
    return {"in_params": "X x", "out_params": "X y", "operation": "y = x * normcdf(x);"}


def gelu__double_inside() -> Parts:
    return {"in_params": "T x", "out_params": "T y", "operation": "double d = x;\n y = (T) (0.5 * d * (1.0 + erf(d * 0.70710678118654752440)));"}


def gelu__complement() -> Parts:
    return {"in_params": "T x", "out_params": "T y", "operation": "y = T(.5) * x * erfc(-x * T(0.7071067811865476))"}


def momentum_update__several_lines() -> Parts:
    return {
        "in_params": "T w, T v, T g, T lr, T beta",
        "out_params": "T next_w, T next_v",
        "operation": """
            const T velocity = fma(beta, v, g);
            next_v = velocity;
            next_w = w - lr * velocity;
        """,
    }


def momentum_update__expanded() -> Parts:
    return {
        "in_params": "T weight, T velocity, T gradient, T rate, T keep",
        "out_params": "T a, T b",
        "operation": "a = weight - rate * keep * velocity - rate * gradient; b = gradient + keep * velocity",
    }


def momentum_update__numbers_of_their_own_type() -> Parts:
    return {
        "in_params": "T w, T v, T g, float64 lr, float64 beta",
        "out_params": "T new_w, T new_v",
        "operation": "new_v = T(beta) * v + g; new_w = w - T(lr) * new_v",
    }


def squared_distance__power() -> Parts:
    return {
        "in_params": "T x, T y",
        "out_params": "T z",
        "map_expr": "pow(x - y, T(2))",
        "reduce_expr": "b + a",
        "post_map_expr": "z = a;",
        "identity": "0",
    }


def squared_distance__function() -> Parts:
    return {
        "in_params": "T first, T second",
        "out_params": "T out",
        "map_expr": "square(second - first)",
        "reduce_expr": "a + b",
        "post_map_expr": "out = a",
        "identity": "0.0",
        "preamble": "template <typename T> __device__ T square(T x) { return x * x; }",
    }


def squared_distance__in_double() -> Parts:
    return {
        "in_params": "T x, T y",
        "out_params": "T z",
        "map_expr": "double(x) * x - 2.0 * x * y + double(y) * y",
        "reduce_expr": "a + b",
        "post_map_expr": "z = T(a)",
        "identity": "0",
        "reduce_type": "double",
    }


def log_sum_exp__the_larger_one_stays() -> Parts:
    return {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": """
            struct Pair { float m, s; };
            __device__ Pair join(const Pair& a, const Pair& b) {
                if (a.m > b.m) return Pair{a.m, a.s + b.s * expf(b.m - a.m)};
                return Pair{b.m, b.s + a.s * expf(a.m - b.m)};
            }""",
        "reduce_type": "Pair",
        "map_expr": "(Pair{x, 1.0f})",
        "reduce_expr": "join(a, b)",
        "post_map_expr": "y = log(a.s) + a.m",
        "identity": "Pair{-1e38f, 0.0f}",
    }


def log_sum_exp__adds_logarithms() -> Parts:
    """log(exp(a) + exp(b)) from a and b, so that one number is enough."""
    return {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": "__device__ double add(double a, double b) { return max(a, b) + log1p(exp(-fabs(a - b))); }",
        "reduce_type": "double",
        "map_expr": "x",
        "reduce_expr": "add(a, b)",
        "post_map_expr": "y = a",
        "identity": "-1e300",
    }


def log_sum_exp__double_and_method() -> Parts:
    return {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": """
            struct State {
                double largest, sum;
                __device__ double at(double m) const { return sum * exp(largest - m); }
            };
            __device__ State join(State a, State b) {
                State c;
                c.largest = a.largest < b.largest ? b.largest : a.largest;
                c.sum = a.at(c.largest) + b.at(c.largest);
                return c;
            }
            __device__ State of(float x) { State s; s.largest = x; s.sum = 1; return s; }
        """,
        "reduce_type": "State",
        "map_expr": "of(x)",
        "reduce_expr": "join(a, b)",
        "post_map_expr": "y = float(a.largest + log(a.sum));",
        "identity": "State{-1e300, 0}",
    }


def heat_step__row_and_column() -> Parts:
    return {
        "in_params": "raw T u, T rate, int32 columns",
        "out_params": "T next",
        "operation": """
            const int rows = u.size() / columns;
            const int row = i / columns, column = i - row * columns;
            T change = 0;
            if (row > 0) change += u[i - columns] - u[i];
            if (row + 1 < rows) change += u[i + columns] - u[i];
            if (column > 0) change += u[i - 1] - u[i];
            if (column + 1 < columns) change += u[i + 1] - u[i];
            next = u[i] + rate * change;
        """,
    }


def heat_step__nearest_cell() -> Parts:
    return {
        "in_params": "raw T u, T rate, int32 columns",
        "out_params": "T next",
        "operation": """
            int rows = _ind.size() / columns, r = i / columns, c = i % columns;
            T sum = u[max(r - 1, 0) * columns + c] + u[min(r + 1, rows - 1) * columns + c];
            sum += u[r * columns + max(c - 1, 0)] + u[r * columns + min(c + 1, columns - 1)];
            next = (1 - 4 * rate) * u[i] + rate * sum
        """,
    }


def heat_step__one_index_per_axis() -> Parts:
    return {
        "in_params": "raw T u, T rate, int32 columns",
        "out_params": "T next",
        "operation": """
            T sum = 0;
            for (int side = 0; side < 4; ++side) {
                ptrdiff_t row = i / columns + (side == 0) - (side == 1), column = i % columns + (side == 2) - (side == 3);
                bool inside = row >= 0 && column >= 0 && column < columns && row * columns < u.size();
                sum += inside ? u[row * columns + column] : u[i];
            }
            next = u[i] + rate * (sum - 4 * u[i]);
        """,
    }


def log_sum_exp__constructors() -> Parts:
    return {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": """
            struct State {
                float m, s;
                __device__ State() : m(-3.4e38f), s(0) {}
                __device__ State(float m, float s) : m(m), s(s) {}
            };
            __device__ State join(State a, State b) {
                float m = fmaxf(a.m, b.m);
                return State(m, a.s * expf(a.m - m) + b.s * expf(b.m - m));
            }
        """,
        "reduce_type": "State",
        "map_expr": "State(x, 1)",
        "reduce_expr": "join(a, b)",
        "post_map_expr": "y = a.m + logf(a.s)",
        "identity": "State()",
    }
