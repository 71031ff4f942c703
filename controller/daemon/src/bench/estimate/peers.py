"""The observers' filter in numpy (a batch) and filterpy (an object per GPU), timed and told to the last bit.

Usage: peers.py FOLDER; FOLDER has case.json and inputs.f64 (ticks x GPUs x power, coolant, die, memory, little endian).
Prints one JSON object: ns per GPU and step of each peer, and states and covariances of the first GPUs.
"""
import json
import sys
import time

import numpy as np

folder = sys.argv[1]
case = json.load(open(folder + "/case.json"))
s, gpus, ticks, rounds = case["figures"], case["gpus"], case["ticks"], case["rounds"]
inputs = np.fromfile(folder + "/inputs.f64", dtype="<f8").reshape(ticks, gpus, 4)
x0, p0 = np.array(case["x"]), np.array(case["p"])
most = np.array([np.inf, s["most1"], s["most2"], s["most3"]])
q = np.array([s["q0"], s["q1"], s["q2"], s["q3"]])


def numpy_batch():
    x = np.repeat(x0[None, :, None], gpus, axis=0)
    p = np.repeat(p0[None, :, :], gpus, axis=0)
    fast_w = np.zeros(gpus)
    f = np.repeat(np.eye(4)[None, :, :], gpus, axis=0)
    f[:, 0, 0], f[:, 0, 3] = 1 - s["a"], s["a"]
    h = np.zeros((gpus, 2, 4))
    h[:, :, 0], h[:, 1, 1] = 1, 1
    r = np.zeros((gpus, 2, 2))
    diagonal = np.arange(4)
    start = time.perf_counter()
    for _ in range(rounds):
        for u in inputs:
            power = u[:, 0]
            f[:, 0, 2] = s["a"] * (1 - s["fast"]) * power
            x = f @ x
            x[:, 0, 0] += s["a"] * u[:, 1]
            p = f @ p @ f.transpose(0, 2, 1)
            d = p[:, diagonal, diagonal]
            p[:, diagonal, diagonal] = d + q * np.maximum(1 - d / most, 0)
            fast_w += s["a_fast"] * (power - fast_w)
            h[:, 0, 2], h[:, 1, 2] = s["fast"] * fast_w, s["memory"] * fast_w
            moving = s["moving"] * (power - fast_w) * x[:, 2, 0]
            r[:, 0, 0] = s["r0"] + (moving * s["fast"]) ** 2
            r[:, 1, 1] = s["r1"] + (moving * s["memory"]) ** 2
            pht = p @ h.transpose(0, 2, 1)
            k = pht @ np.linalg.inv(h @ pht + r)
            x = x + k @ (u[:, 2:, None] - h @ x)
            p = p - k @ h @ p
    return (time.perf_counter() - start) / (rounds * ticks * gpus) * 1e9, x[:, :, 0], p


def filterpy_objects(count):
    from filterpy.kalman import KalmanFilter

    filters = []
    for _ in range(count):
        kf = KalmanFilter(dim_x=4, dim_z=2, dim_u=1)
        kf.x, kf.P = x0.reshape(4, 1).copy(), p0.copy()
        kf.B = np.array([[s["a"]], [0.0], [0.0], [0.0]])
        filters.append([kf, 0.0])
    start = time.perf_counter()
    for u in inputs:
        for g, state in enumerate(filters):
            kf, fast_w = state
            power, coolant, die, memory = u[g]
            f = np.eye(4)
            f[0] = [1 - s["a"], 0, s["a"] * (1 - s["fast"]) * power, s["a"]]
            d = np.diag(f @ kf.P @ f.T)
            kf.predict(u=np.array([[coolant]]), F=f, Q=np.diag(q * np.maximum(1 - d / most, 0)))
            fast_w += s["a_fast"] * (power - fast_w)
            state[1] = fast_w
            moving = s["moving"] * (power - fast_w) * kf.x[2, 0]
            r = np.diag([s["r0"] + (moving * s["fast"]) ** 2, s["r1"] + (moving * s["memory"]) ** 2])
            h = np.array([[1, 0, s["fast"] * fast_w, 0], [1, 1, s["memory"] * fast_w, 0]])
            kf.update(np.array([[die], [memory]]), R=r, H=h)
    ns = (time.perf_counter() - start) / (ticks * count) * 1e9
    return ns, np.array([kf.x[:, 0] for kf, _ in filters]), np.array([kf.P for kf, _ in filters])


ns, x, p = numpy_batch()
told = {"numpy": {"version": np.__version__, "ns": ns, "rounds": rounds, "x": x[:8].tolist(), "p": p[:8].tolist()}}
try:
    import filterpy

    ns, x, p = filterpy_objects(8)
    told["filterpy"] = {"version": filterpy.__version__, "ns": ns, "rounds": 1, "x": x.tolist(), "p": p.tolist()}
except ImportError:
    pass
print(json.dumps(told))
