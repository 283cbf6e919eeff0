"""Times fitting Koopman operators to the real MNIST record, beside other ways to do it.

    make bench

Trains the report's network (seed 0), records 1,876 snapshots of 16,750 weights, and runs every
case in a process of its own, one after the other. A time is the median of repeats after a first
run that compiles; results are awaited. Memory is the highest resident size during one fit beyond
that before it. What is compared is divided within this run. Prints the table, and stores it
beside this file as operators.json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import koopnb
from koopnb.experiments import environment, mnist
from koopnb.operators import spectrum

RANK, WINDOW, SHIFT = 8, 187, 1876
STORE = Path(__file__).with_suffix(".json")


def record(path: Path) -> None:
    """The snapshots of the report's run, layer after layer, as one .npz."""
    snapshots = mnist.train(mnist.protocol(), further=False).snapshots
    arrays = {}
    for number, layer in enumerate(snapshots.layers):
        arrays[f"{number}.weight"], arrays[f"{number}.bias"] = layer.weight, layer.bias
    np.savez(path, **arrays)


def tree(path: Path) -> dict[str, dict[str, jax.Array]]:
    """The recorded weights as a nested dict, {layer: {"weight", "bias"}}."""
    layers: dict[str, dict[str, jax.Array]] = {}
    with np.load(path) as arrays:
        for name in arrays:
            number, kind = name.split(".")
            layers.setdefault(number, {})[kind] = jnp.asarray(arrays[name])
    return layers


def matrix(snapshots: Any) -> np.ndarray:
    """All weights as columns of one array, (n, m)."""
    leaves = [np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(snapshots)]
    return np.concatenate(leaves, axis=1)


def first_layer(snapshots: Any) -> dict[str, jax.Array]:
    return {"0": snapshots["0"]}


def gram_eigs(x: np.ndarray, rank: int) -> np.ndarray:
    """NumPy's method of snapshots: the eigenvalues of the truncated operator."""
    gram = x @ x.T
    values, vectors = np.linalg.eigh(gram[:-1, :-1])
    v, s = vectors[:, ::-1][:, :rank], np.sqrt(values[::-1][:rank])
    return np.linalg.eigvals((v / s).T @ gram[:-1, 1:] @ (v / s))


def pydmd(x: np.ndarray, rank: int) -> np.ndarray:
    import warnings

    from pydmd import DMD

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DMD(svd_rank=rank).fit(x.T).eigs


def explicit(x: np.ndarray) -> np.ndarray:
    f = x[:-1].T
    return x[1:].T @ np.linalg.pinv(f, rcond=10 * max(f.shape) * np.finfo(x.dtype).eps)


def blocks_svd(snapshots: Any) -> jax.Array:
    """The same node operators by a batched SVD, in JAX."""
    rows, _ = node_rows(snapshots)

    @jax.jit
    def reduced(rows: jax.Array) -> jax.Array:
        v, s, ut = jnp.linalg.svd(rows[:, :-1], full_matrices=False)
        keep = s > 10 * rows.shape[1] * jnp.finfo(rows.dtype).eps * s[:, :1]
        inverse = jnp.where(keep, 1 / jnp.where(keep, s, 1), 0)
        return jnp.einsum("bir,bim,bsm->brs", v * inverse[:, None], rows[:, 1:], ut)

    return reduced(rows)


def node_rows(snapshots: Any) -> tuple[jax.Array, jax.Array]:
    """The first-layer nodes, (nodes, time, weights), and those of them that move."""
    layer = snapshots["0"]
    rows = jnp.concatenate([layer["weight"], layer["bias"][..., None]], axis=2).swapaxes(0, 1)
    return rows, rows[jnp.any(rows != rows[:, -1:], axis=(1, 2))]


def grams(rows: jax.Array) -> Callable[[], jax.Array]:
    product = jax.jit(lambda row: row[:-1].astype(jnp.float64).T @ row[:-1].astype(jnp.float64))

    def run() -> jax.Array:
        with jax.enable_x64(True):
            return jnp.stack([product(row) for row in rows])

    return run


def eighs(rows: jax.Array) -> Callable[[], list[Any]]:
    products: list[jax.Array] = []

    def run() -> list[Any]:
        products.extend([] if products else grams(rows)())
        with jax.enable_x64(True):
            return [jnp.linalg.eigh(product) for product in products]

    return run


def cases(snapshots: Any) -> dict[str, Callable[[], Any]]:
    """Every timed case, prepared outside the clock."""
    x = matrix(snapshots)
    leaves = jax.tree.leaves(snapshots)
    layer = np.concatenate([np.asarray(a).reshape(len(a), -1) for a in leaves[:2]], axis=1)
    whole = jnp.asarray(x)
    read = jax.jit(lambda a: jnp.sum(a))
    means = jax.tree.map(
        lambda a: a[-(len(a) // WINDOW) * WINDOW :].reshape(-1, WINDOW, *a.shape[1:]).mean(1),
        snapshots,
    )
    square = jnp.ones((2048, 2048), jnp.float32)
    rows_of_nodes, moving = node_rows(snapshots)

    @jax.jit
    def jump(means: Any) -> Any:
        return koopnb.fit(means, rank=RANK, max_modulus=1.0).predict(10)

    fitted: dict[str, Any] = {}

    def predict(**how: Any) -> Callable[[], Any]:
        def run() -> Any:
            key = str(how)
            if key not in fitted:
                fitted[key] = koopnb.fit(snapshots, **how)
            return fitted[key].predict(SHIFT)

        return run

    def dense_step() -> Callable[[], Any]:
        def run() -> Any:
            if "dense" not in fitted:
                fitted["dense"] = explicit(layer)
            return fitted["dense"] @ layer[-1]

        return run

    return {
        "read the snapshots once": lambda: read(whole),
        "multiply 2048 x 2048": lambda: square @ square,
        "koopnb network, rank 8": lambda: koopnb.fit(snapshots, rank=RANK),
        "koopnb network, full rank": lambda: koopnb.fit(snapshots, rcond=2e-5, dtype="float32"),
        "koopnb network, default cutoff": lambda: koopnb.fit(snapshots),
        "numpy Gram float32, rank 8": lambda: gram_eigs(x, RANK),
        "numpy Gram float64, rank 8": lambda: gram_eigs(x.astype(np.float64), RANK),
        "PyDMD network, rank 8": lambda: pydmd(x, RANK),
        "PyDMD network, full rank": lambda: pydmd(x, -1),
        "koopnb first-layer nodes, default cutoff": lambda: koopnb.fit(
            first_layer(snapshots), partition="node"
        ),
        "koopnb first-layer nodes, full rank": lambda: koopnb.fit(
            first_layer(snapshots), partition="node", rcond=1e-5
        ),
        "batched SVD, first-layer nodes": lambda: blocks_svd(snapshots),
        "NumPy batched SVD, first-layer nodes": lambda: np.linalg.svd(
            np.asarray(rows_of_nodes)[:, :-1], full_matrices=False
        ),
        "floor: float64 Gram matrices of moving nodes": grams(moving),
        "floor: their eigendecompositions": eighs(moving),
        "koopnb 10 window means, rank 8, fit + predict": lambda: jump(means),
        "koopnb a step, network rank 8": predict(rank=RANK),
        "koopnb a step, network default cutoff": predict(),
        "koopnb a step, nodes": predict(partition="node"),
        "explicit first-layer operator, built": lambda: explicit(layer),
        "explicit first-layer operator, a step": dense_step(),
        **{
            f"koopnb {name}": lambda name=name: koopnb.fit(
                snapshots, partition=name, q=10 if name == "quasi-node" else None
            )
            for name in ("weight", "quasi-node", "node", "layer")
        },
    }


def scaling(snapshots: Any) -> dict[str, list[list[float]]]:
    """Seconds of a fit against the weights m (16 snapshots, rank 4) and the snapshots n."""
    against_m, against_n = [], []
    rng = np.random.default_rng(0)
    for m in (10**4, 10**5, 10**6, 10**7, 10**8):
        modes = rng.standard_normal((4, m), np.float32)
        curves = np.exp(-np.outer(np.arange(16), [0, 0.1, 0.3, 0.9])).astype(np.float32)
        x = {"weights": jnp.asarray(curves @ modes)}
        del modes
        against_m.append([m, timed(lambda x=x: koopnb.fit(x, rank=4), 0.5)[0]])
    for n in (118, 235, 469, 938, 1876):
        some = jax.tree.map(lambda leaf, n=n: leaf[-n:], snapshots)
        for rank in (RANK, None):
            seconds = timed(lambda some=some, rank=rank: koopnb.fit(some, rank=rank), 0.5)[0]
            against_n.append([n, rank or 0, seconds])
    return {"m": against_m, "n": against_n}


def timed(run: Callable[[], Any], budget: float = 3.0) -> tuple[float, int]:
    """Median seconds of as many runs as fit the budget (1 to 50), the first one left out."""
    started = time.perf_counter()
    jax.block_until_ready(jax.tree.leaves(run()))
    first = time.perf_counter() - started
    count = int(np.clip(budget / max(first, 1e-4), 1, 50)) if first < 30 else 1
    seconds = []
    for _ in range(max(count, 3 if first < 5 else 1)):
        started = time.perf_counter()
        jax.block_until_ready(jax.tree.leaves(run()))
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)), len(seconds)


def resident(field: str) -> int:
    """VmRSS (now) or VmHWM (highest) of this process, in bytes; Linux only."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def one(name: str, path: Path) -> dict[str, Any]:
    """Runs one case in this process."""
    run = cases(tree(path))[name]
    seconds, repeats = timed(run)
    found: dict[str, Any] = {"seconds": seconds, "repeats": repeats}
    if Path("/proc/self/clear_refs").exists():
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        result = run()
        jax.block_until_ready(jax.tree.leaves(result))
        found["megabytes"] = (resident("VmHWM") - before) / 2**20
    else:
        result = run()
    eigs = getattr(result, "eigs", result if isinstance(result, np.ndarray) else None)
    if "rank 8" in name and eigs is not None and np.iscomplexobj(eigs):
        exact = gram_eigs(matrix(tree(path)).astype(np.float64), RANK)
        found["eigs_error"] = float(spectrum.distance(np.asarray(eigs).ravel()[:RANK], exact))
    return found


def requirements(rows: dict[str, Any], slope: float, snapshots_mb: float) -> list[list[Any]]:
    """The figures asked for: what, found, wanted, met."""

    def seconds(name: str) -> float:
        return rows[name]["seconds"]

    rank8, floor = rows["koopnb network, rank 8"], seconds("read the snapshots once")
    memory = 1 + rank8.get("megabytes", float("nan")) / snapshots_mb
    steps = [row["seconds"] for name, row in rows.items() if name.startswith("koopnb a step")]
    found = [
        ["network rank 8: times faster than PyDMD",
         seconds("PyDMD network, rank 8") / rank8["seconds"], ">=", 60],
        ["network rank 8: times the floor", rank8["seconds"] / floor, "<=", 40],
        ["network rank 8: error of the eigenvalues", rank8["eigs_error"], "<=", 1e-3],
        ["network rank 8: memory over the snapshots'", memory, "<=", 1.5],
        ["network full rank: times faster than PyDMD",
         seconds("PyDMD network, full rank") / seconds("koopnb network, full rank"), ">=", 10],
        ["first-layer nodes, full rank: times faster than batched SVD",
         seconds("batched SVD, first-layer nodes")
         / seconds("koopnb first-layer nodes, full rank"), ">=", 7],
        ["10 window means, rank 8: fit + predict [ms]",
         seconds("koopnb 10 window means, rank 8, fit + predict") * 1e3, "<=", 1],
        ["a step at a horizon of 1,876 [ms], the slowest", max(steps) * 1e3, "<=", 1],
        ["cost against m: slope, distance from 1", abs(slope - 1), "<=", 0.1],
    ]  # fmt: skip
    return [
        [what, value, sign, wanted, bool(value >= wanted if sign == ">=" else value <= wanted)]
        for what, value, sign, wanted in found
    ]


def child(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--scaling", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(one(arguments.case, arguments.record)))
        return
    if arguments.scaling:
        print(json.dumps(scaling(tree(arguments.record))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.npz"
        record(path)
        snapshots = tree(path)
        x = matrix(snapshots)
        rows = {}
        for name in cases(snapshots):
            rows[name] = child("--case", name, "--record", str(path))
            row = rows[name]
            print(f"{name:50} {row['seconds'] * 1e3:12.3f} ms {row.get('megabytes', 0):9.0f} MB",
                  flush=True)  # fmt: skip
        scale = child("--scaling", "--record", str(path))
    m, seconds = np.array(scale["m"]).T
    slope = float(np.polyfit(np.log(m[1:]), np.log(seconds[1:]), 1)[0])
    gflops = 2 * 2048**3 / rows["multiply 2048 x 2048"]["seconds"] / 1e9
    bandwidth = x.nbytes / rows["read the snapshots once"]["seconds"] / 1e9
    table = requirements(rows, slope, x.nbytes / 2**20)
    print(f"\nSnapshots {x.shape}, {x.nbytes / 2**20:.0f} MB; read {bandwidth:.0f} GB/s; "
          f"float32 products {gflops:.0f} GFLOP/s")  # fmt: skip
    for what, value, sign, wanted, met in table:
        print(f"{'met   ' if met else 'MISSED'} {what:62} {value:10.4g} {sign} {wanted:g}")
    print("seconds against m:", scale["m"], "\nseconds against n (n, rank or 0):", scale["n"])
    stored = {
        "environment": environment.stamp(),
        "snapshots": list(x.shape),
        "gigabytes_per_second": bandwidth,
        "gigaflops": gflops,
        "cases": rows,
        "scaling": scale | {"slope_in_m": slope},
        "requirements": table,
    }
    STORE.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
