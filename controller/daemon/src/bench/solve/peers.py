"""The same problems in PIQP, OSQP and DAQP, as far as they are installed.

Usage: peers.py FOLDER; FOLDER has case.json (H and G as triplets, the same for all problems) and problems.f64 (for each problem g, l,
h and the best first move, little endian). Prints a JSON list: name, version, ns and iterations of each solve, distance of the
first move of each that succeeded, and how many failed. Solves of PIQP are timed three times with their updates, the others once, in time
of the thread, and the shortest counts.

PIQP and OSQP get the sparse problem, PIQP with simple bounds told apart. DAQP is a dense method: it gets the problem with the states
eliminated, which is not counted, and only the first problems, since it is slow at this size.
"""
import json
import sys
import time

import numpy as np
from scipy import sparse

folder = sys.argv[1]
case = json.load(open(folder + "/case.json"))
columns, count, m = case["columns"], case["rows"], case["inputs"]
data = np.fromfile(folder + "/problems.f64", dtype="<f8").reshape(case["problems"], columns + 2 * count + m)
hi, hj, hv = case["hessian"]
H = sparse.csc_matrix((hv, (hi, hj)), shape=(columns, columns))
gi, gj, gv = case["matrix"]
G = sparse.csr_matrix((gv, (gi, gj)), shape=(count, columns))
problems = [(d[:columns], d[columns : columns + count], d[columns + count : columns + 2 * count], d[-m:]) for d in data]
equal = problems[0][1] == problems[0][2]
simple = ~equal & (np.diff(G.indptr) == 1)
general = ~equal & ~simple
at = G[simple].tocoo().col  # G has ones there
told = []


def note(name, version, solves, wanted, first=lambda z: z[:m]):
    """solves: (ns, iterations, z, solved) of each."""
    told.append({
        "name": name, "version": version, "ns": [s[0] for s in solves], "iterations": [s[1] for s in solves],
        "errors": [float(np.abs(first(s[2]) - w[3]).max()) for s, w in zip(solves, wanted) if s[3]],
        "failed": sum(not s[3] for s in solves),
    })


def shortest(solve, repeats=3):
    """solve: gives a result; the time of the quickest of some."""
    ns = []
    for _ in range(repeats):
        start = time.thread_time_ns()
        result = solve()
        ns.append(time.thread_time_ns() - start)
    return min(ns), result


def boxes(low, high):
    lower, upper = np.full(columns, -np.inf), np.full(columns, np.inf)
    np.maximum.at(lower, at, low[simple])
    np.minimum.at(upper, at, high[simple])
    return lower, upper


def piqp_multistage():
    import piqp

    solver = piqp.SparseSolver()
    s = solver.settings
    s.kkt_solver = piqp.KKTSolver.sparse_multistage
    s.eps_abs = s.eps_rel = s.eps_duality_gap_abs = s.eps_duality_gap_rel = 1e-6
    A, C = sparse.csc_matrix(G[equal]), sparse.csc_matrix(G[general])
    solves = []
    for g, low, high, _ in problems:
        lower, upper = boxes(low, high)
        if not solves:
            solver.setup(H, g, A, low[equal], C, low[general], high[general], lower, upper)

        def solve():
            solver.update(c=g, b=low[equal], h_l=low[general], h_u=high[general], x_l=lower, x_u=upper)
            return solver.solve()

        ns, status = shortest(solve)
        result = solver.result
        solves.append((ns, result.info.iter, np.array(result.x), status == piqp.PIQP_SOLVED))
    note("piqp multistage", piqp.__version__, solves, problems)


def osqp_sparse(eps, warm):
    import osqp

    solver = osqp.OSQP()
    upper = sparse.triu(H, format="csc")
    solves = []
    for g, low, high, _ in problems:
        if not solves:
            solver.setup(upper, g, sparse.csc_matrix(G), low, high, verbose=False, eps_abs=eps, eps_rel=eps, max_iter=20000)
        z, y = (solves[-1][2], solves[-1][4]) if warm and solves else (np.zeros(columns), np.zeros(count))

        def solve():
            solver.update(q=g, l=low, u=high)
            solver.warm_start(x=z, y=y)
            return solver.solve()

        ns, result = shortest(solve, 1)
        solves.append((ns, result.info.iter, np.array(result.x), result.info.status_val == 1, np.array(result.y)))
    note(f"osqp {eps:.0e} {'warm' if warm else 'cold'}", osqp.__version__, solves, problems)


def daqp_condensed(few=5):
    import daqp
    from importlib.metadata import version

    # x = X w + x0(b) by the equalities; w are inputs and slacks.
    is_state = np.zeros(columns, bool)
    stage = m + case["outputs"] + case["states"]
    for k in range(case["stages"]):
        is_state[k * stage + m + case["outputs"] : (k + 1) * stage] = True
    A = sparse.csc_matrix(G[equal])
    lu = sparse.linalg.splu(A[:, is_state])
    full = np.zeros((columns, (~is_state).sum()))
    full[~is_state] = np.eye((~is_state).sum())
    full[is_state] = -lu.solve(A[:, ~is_state].toarray())
    dense_H = full.T @ (H @ full)
    slack = np.diff(H.indptr)[~is_state] == 0
    dense_H[slack, slack] += 1e-8
    rows = np.ascontiguousarray(G[general] @ full)
    solves = []
    for g, low, high, _ in problems[:few]:
        offset = np.zeros(columns)
        offset[is_state] = lu.solve(low[equal])
        f = full.T @ (g + H @ offset)
        lower, upper = boxes(low, high)
        moved = G[general] @ offset
        b_low = np.concatenate([lower[~is_state], low[general] - moved]).clip(-1e30, 1e30)
        b_high = np.concatenate([upper[~is_state], high[general] - moved]).clip(-1e30, 1e30)
        sense = np.zeros(b_high.size, dtype=np.int32)

        def solve():
            return daqp.solve(dense_H, f, rows, b_high, b_low, sense, iter_limit=10000)

        ns, (w, _, flag, info) = shortest(solve, 1)
        solves.append((ns, info["iterations"], w, flag == 1))
    note("daqp condensed", version("daqp"), solves, problems)


def attempt(solver, *args):
    try:
        solver(*args)
    except ImportError:
        pass


attempt(piqp_multistage)
attempt(osqp_sparse, 1e-5, False)
attempt(osqp_sparse, 1e-5, True)
attempt(daqp_condensed)
if not told:
    sys.exit("none of piqp, osqp and daqp is installed")
print(json.dumps(told))
