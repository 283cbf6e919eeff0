"""What each partition sees and costs: the built couplings, and a short run on digits."""

import jax
import numpy as np
import pytest

from koopnb.experiments import partitions, series, store
from koopnb.operators.koopman import fit


@pytest.mark.parametrize("where", partitions.COUPLINGS)
def test_a_pair_turns_and_everything_else_decays(where):
    tree = partitions.coupled(where, 30)
    rows = {
        name: np.concatenate([layer["weight"], layer["bias"][..., None]], axis=-1)
        for name, layer in tree.items()
    }
    pair = np.stack(
        [rows[name][:, row, column] for name, row, column in partitions.COUPLINGS[where]]
    )
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    np.testing.assert_allclose(pair[:, 1:], turn @ pair[:, :-1], atol=1e-12)
    for name, row, column in partitions.COUPLINGS[where]:
        rows[name][:, row, column] = 0
    rest = np.concatenate([x.reshape(30, -1) for x in rows.values()], axis=1)
    rest = rest[:, np.any(rest, axis=0)]
    ratios = rest[1:] / rest[:-1]
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], ratios.shape), rtol=1e-10)


def test_every_partition_sees_one_coupling_more():
    """Against the numbering of blocks itself: seen is what lies in one block."""
    for where, pair in partitions.COUPLINGS.items():
        for name, q in partitions.ARMS.items():
            marked = jax.tree.map(np.zeros_like, partitions.coupled(where, 2))
            for layer, row, column in pair:
                leaf = marked[layer]
                target = leaf["bias"] if column == leaf["weight"].shape[-1] else leaf["weight"]
                target[(slice(None), row, *([column] if target.ndim == 3 else []))] = 1
            part = fit(partitions.coupled(where, 5), partition=name, q=q).partition
            together = max(
                float(sum(piece[0].sum(-1) for piece in pieces).max())
                for pieces in part.split(marked)
            )
            assert (together == 2) == (partitions.unseen(where, name) < 1e-6), (where, name)


def test_a_run_leaves_a_record(tmp_path):
    config = partitions.PartitionsConfig(
        "digits", 1, horizon_epochs=(1,), widths=(8, 16), repeats=1
    )
    found = partitions.run(config, tmp_path)
    stored = store.load(partitions.SERIES[bool(config.repeats)].path(config, tmp_path))
    assert stored.metrics == found.metrics
    arms = found.metrics["partitions"]
    assert list(arms) == list(partitions.ARMS)
    assert list(found.metrics["widths"]) == ["8", "16", "65"]
    weights = found.metrics["weights"]
    assert arms["weight"]["blocks"] == arms["weight"]["entries"] == weights
    assert arms["network"]["entries"] == weights**2
    assert arms["node"]["widest"] == 65
    assert all(arm["seconds_to_fit"] > 0 for arm in arms.values())
    assert arms["node"] == found.metrics["widths"]["65"]
    assert found.metrics["couplings"]["across layers"]["layer"] == pytest.approx(
        partitions.unseen("across layers", "layer", seed=1)
    )


def test_a_seed_draws_other_decays_of_the_same_kind():
    first, second = (partitions.coupled("across layers", 5, seed=seed) for seed in (0, 1))
    assert not np.allclose(first["first"]["weight"][0], second["first"]["weight"][0])
    for tree in (first, second):
        decay = tree["first"]["weight"][1:, 3] / tree["first"]["weight"][:-1, 3]
        np.testing.assert_allclose(decay, np.broadcast_to(decay[0], decay.shape))


def test_only_the_timed_series_holds_times():
    (plain,), (timed,) = (series.jobs(name, [3], "digits") for name in ("partitions", "fits"))
    assert (plain.config.repeats, timed.config.repeats > 0) == (0, True)
    assert max(plain.config.widths) < 65  # a row of digits' first layer
    assert series.jobs("partitions")[0].config.widths == partitions.WIDTHS["mnist"]
