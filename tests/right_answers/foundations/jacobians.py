"""Right answers in other styles: Jacobians."""

import functools

import numpy as np

# ---- to_layout -------------------------------------------------------------------------------------------------------


def to_layout__loops(derivative, source, target):
    rows, columns = derivative.shape
    if source == target:
        return np.array([[derivative[i, j] for j in range(columns)] for i in range(rows)])
    out = np.empty((columns, rows), derivative.dtype)
    for i in range(rows):
        for j in range(columns):
            out[j, i] = derivative[i, j]
    return out


def to_layout__over_numerator(derivative, source, target):
    if source == "denominator":
        derivative = np.swapaxes(derivative, 0, 1)
    if target == "denominator":
        derivative = np.swapaxes(derivative, 0, 1)
    return derivative


def to_layout__einsum(derivative, source, target):
    return np.einsum("ij->ij" if source == target else "ij->ji", derivative).copy()


# ---- jacobian --------------------------------------------------------------------------------------------------------


def jacobian__filled(f, x, eps=1e-5):
    J = np.zeros((f(x).shape[0], x.shape[0]))
    for j in range(x.shape[0]):
        ahead, behind = x.copy(), x.copy()
        ahead[j] += eps
        behind[j] -= eps
        J[:, j] = (f(ahead) - f(behind)) / (2 * eps)
    return J


def jacobian__rows_of_outputs(f, x, eps=1e-5):
    def gradient(i):
        return [(f(x + eps * e)[i] - f(x - eps * e)[i]) / (2 * eps) for e in np.eye(len(x))]

    return np.array([gradient(i) for i in range(len(f(x)))])


def jacobian__transposed_at_the_end(f, x, eps=1e-5):
    steps = np.diag(np.full(x.size, eps))
    ahead, behind = (np.array([f(x + sign * step) for step in steps]) for sign in (1, -1))
    return (ahead - behind).T / 2 / eps


# ---- jacobian_table --------------------------------------------------------------------------------------------------


def jacobian_table__broadcast(name, x, A):
    if name == "c":
        return 0 * A[:, :1] * x
    eye = np.eye(len(x))
    return {
        "x": lambda: eye,
        "A x": lambda: A * np.ones(len(x)),
        "xᵀ A": lambda: np.transpose(A),
        "-3 u": lambda: -3 * np.cos(x) * eye,
        "A u": lambda: A * np.cos(x),
        "u + v": lambda: eye * (np.cos(x) + 2 * x),
    }[name]()


def jacobian_table__entry_by_entry(name, x, A):
    n = len(x)
    m = {"c": A.shape[0], "A x": A.shape[0], "A u": A.shape[0], "xᵀ A": A.shape[1]}.get(name, n)
    J = np.zeros((m, n))
    for i in range(m):
        for j in range(n):
            if name == "A x":
                J[i, j] = A[i, j]
            elif name == "xᵀ A":
                J[i, j] = A[j, i]
            elif name == "A u":
                J[i, j] = A[i, j] * np.cos(x[j])
            elif i == j and name != "c":
                J[i, j] = {"x": 1, "-3 u": -3 * np.cos(x[j]), "u + v": np.cos(x[j]) + 2 * x[j]}[name]
    return J


def jacobian_table__complex_step(name, x, A):
    def y(z):
        if name == "c":
            return np.zeros(len(A), complex)
        u, v = np.sin(z), z * z
        values = {"x": lambda: z, "A x": lambda: A @ z, "xᵀ A": lambda: z @ A, "-3 u": lambda: -3 * u, "A u": lambda: A @ u, "u + v": lambda: u + v}
        return values[name]()

    return np.stack([y(x + 1e-30j * e).imag / 1e-30 for e in np.eye(len(x))], axis=-1)


# ---- derivative_shape ------------------------------------------------------------------------------------------------


def derivative_shape__sum(y_shape, x_shape):
    return y_shape + x_shape


def derivative_shape__outer_product(y_shape, x_shape):
    return np.multiply.outer(np.zeros(y_shape), np.zeros(x_shape)).shape


def derivative_shape__list(y_shape, x_shape):
    sizes = list(y_shape)
    for size in x_shape:
        sizes.append(size)
    return sizes


# ---- matmul_jacobian -------------------------------------------------------------------------------------------------


def matmul_jacobian__einsum(A, X):
    return np.einsum("ip,jq->ijpq", A, np.eye(X.shape[1]))


def matmul_jacobian__one_entry_moves(A, X):
    """Y is linear in X: move one entry by 1, exactly."""
    out = np.zeros((len(A), X.shape[1], *X.shape))
    for p, q in np.ndindex(X.shape):
        one = np.zeros(X.shape)
        one[p, q] = 1
        out[:, :, p, q] = A @ one
    return out


def matmul_jacobian__kronecker(A, X):
    k = X.shape[1]
    return np.kron(A, np.eye(k)).reshape(len(A), k, A.shape[1], k)


def matmul_jacobian__loops(A, X):
    (m, n), k = A.shape, X.shape[1]
    return np.array([[[[A[i, p] if j == q else 0.0 for q in range(k)] for p in range(n)] for j in range(k)] for i in range(m)])


# ---- chain -----------------------------------------------------------------------------------------------------------


def chain__reduce(derivatives, layout="numerator"):
    return functools.reduce(np.matmul, derivatives[::-1] if layout == "numerator" else derivatives)


def chain__from_the_output(derivatives, layout="numerator"):
    if layout == "denominator":
        return chain__from_the_output([d.T for d in derivatives]).T
    result = np.eye(derivatives[-1].shape[0])
    for d in derivatives[::-1]:
        result = np.einsum("ij,jk->ik", result, d)
    return result


def chain__recursion(derivatives, layout="numerator"):
    if len(derivatives) == 1:
        return derivatives[0]
    half = len(derivatives) // 2
    first, second = chain__recursion(derivatives[:half], layout), chain__recursion(derivatives[half:], layout)
    return np.dot(second, first) if layout == "numerator" else np.dot(first, second)


# ---- vjp_chain -------------------------------------------------------------------------------------------------------


def vjp_chain__columns(jacobians, v):
    """The same as a column times transposed Jacobians."""
    column, count = v.T, 0
    for k in range(len(jacobians) - 1, -1, -1):
        rows, columns = jacobians[k].shape
        column = jacobians[k].T @ column
        count = count + rows * columns
    return column.T, count


def vjp_chain__loops(jacobians, v):
    row, count = [float(a) for a in v[0]], 0
    for J in jacobians[::-1]:
        new = [0.0] * J.shape[1]
        for i in range(J.shape[0]):
            for j in range(J.shape[1]):
                new[j] += row[i] * J[i, j]
                count += 1
        row = new
    return np.array([row]), count


def vjp_chain__recursion(jacobians, v):
    if not jacobians:
        return v, 0
    row, count = vjp_chain__recursion(jacobians[:-1], np.einsum("oi,ij->oj", v, jacobians[-1]))
    return row, count + np.prod(jacobians[-1].shape)
