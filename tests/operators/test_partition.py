"""Every weight is in exactly one block, the blocks are the ones named, and merging undoes it."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from koopnb.operators.partition import PARTITIONS, make_partition

DTYPES = (np.float32, np.float16, ml_dtypes.bfloat16)
LAYERED = {"node": None, "quasi-node": 3, "weight": None, "layer": None, "network": None}


def numbered(tree):
    """The tree with every weight replaced by a number of its own."""
    leaves, treedef = jax.tree.flatten(tree)
    at, out = 0, []
    for leaf in leaves:
        out.append(jnp.arange(at, at + leaf.size, dtype=jnp.float32).reshape(leaf.shape))
        at += leaf.size
    return treedef.unflatten(out)


def blocks(tree, name, q=None):
    """The blocks as sets of numbers, group after group, in order."""
    groups = make_partition(tree, name, q).split(tree)
    return [
        np.concatenate([np.asarray(piece[i]) for piece in pieces]).tolist()
        for pieces in groups
        for i in range(pieces[0].shape[0])
    ]


def assert_same(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.dtype == e.dtype
        np.testing.assert_array_equal(np.asarray(a), np.asarray(e))


@st.composite
def arrays(draw, shape):
    dtype = draw(st.sampled_from(DTYPES))
    seed = draw(st.integers(0, 2**31))
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@st.composite
def layers(draw, lead):
    """A weight matrix or convolution kernel with or without a bias, equinox's layout."""
    rows = draw(st.integers(1, 4))
    inner = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    layer = {"weight": draw(arrays((*lead, rows, *inner)))}
    bias = draw(st.sampled_from([None, (rows,), (rows, *[1] * (len(inner) - 1))]))
    layer["bias"] = None if bias is None else draw(arrays((*lead, *bias)))
    return layer


@st.composite
def layered_trees(draw, lead):
    found = draw(st.lists(layers(lead), min_size=1, max_size=4))
    shape = draw(st.sampled_from(["list", "tuple", "dict", "nested"]))
    if shape == "list":
        return found
    if shape == "tuple":
        return tuple(found)
    if shape == "dict":
        return {f"layer{i}": layer for i, layer in enumerate(found)}
    return {"first": found[0], "rest": (found[1:], None)}


def any_trees(lead):
    leaf = st.lists(st.integers(0, 3), max_size=3).flatmap(lambda s: arrays((*lead, *s)))
    return st.recursive(
        leaf | st.none(),
        lambda inner: (
            st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
        ),
        max_leaves=6,
    )


def single(tree, lead):
    return jax.tree.map(lambda x: x[(0,) * len(lead)], tree)


@pytest.mark.parametrize("name", PARTITIONS)
@settings(max_examples=8)
@given(data=st.data(), lead=st.sampled_from([(), (2,), (3, 2)]), q=st.integers(1, 40))
def test_layers_come_back_exactly_from_every_partition(name, data, lead, q):
    tree = data.draw(layered_trees(lead))
    part = make_partition(single(tree, lead), name, q if name == "quasi-node" else None)
    # Leaves of one dtype: a block holds several of them.
    same = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), tree)
    assert_same(part.merge(part.split(same)), same)


@settings(max_examples=40)
@given(data=st.data(), lead=st.sampled_from([(), (2,)]), dtype=st.sampled_from(DTYPES))
def test_any_tree_comes_back_exactly_where_no_output_axis_is_needed(data, lead, dtype):
    tree = data.draw(any_trees(lead))
    tree = jax.tree.map(lambda x: jnp.asarray(x.astype(dtype)), tree)
    if sum(x.size for x in jax.tree.leaves(single(tree, lead))) == 0:
        with pytest.raises(ValueError, match="holds no weights"):
            make_partition(tree, "weight")
        return
    for name in ("weight", "layer", "network"):
        part = make_partition(single(tree, lead), name)
        assert_same(part.merge(part.split(tree)), tree)


@pytest.mark.parametrize("name", PARTITIONS)
@settings(max_examples=8)
@given(data=st.data(), q=st.integers(1, 40))
def test_every_weight_is_in_exactly_one_block(name, data, q):
    tree = numbered(data.draw(layered_trees(())))
    q = q if name == "quasi-node" else None
    found = blocks(tree, name, q)
    total = sum(leaf.size for leaf in jax.tree.leaves(tree))
    assert sorted(itertools.chain(*found)) == list(range(total))
    part = make_partition(tree, name, q)
    assert len(part.labels) == len(set(part.labels)) == len(found)
    sizes = zip(part.widths, part.group_sizes, strict=True)
    assert [width for width, count in sizes for _ in range(count)] == [len(b) for b in found]


def test_a_node_is_a_row_with_its_bias_appended(key):
    net = numbered(eqx.filter(eqx.nn.MLP(3, 2, 4, 1, key=key), eqx.is_array))
    first, second = net.layers
    rows = [[*first.weight[i].tolist(), float(first.bias[i])] for i in range(4)] + [
        [*second.weight[i].tolist(), float(second.bias[i])] for i in range(2)
    ]
    assert sorted(blocks(net, "node")) == sorted(rows)
    assert blocks({"bias": jnp.array([9.0]), "weight": jnp.array([[1.0, 2.0]])}, "node") == [
        [1.0, 2.0, 9.0]
    ]
    assert blocks({"bias": jnp.array([9.0]), "weight": jnp.array([[1.0]])}, "node") == [[1.0, 9.0]]


@pytest.mark.parametrize(("dims", "kind"), [(1, eqx.nn.Conv1d), (2, eqx.nn.Conv2d)])
def test_a_convolution_s_node_is_an_output_channel_with_its_bias(dims, kind, key):
    layer = numbered(eqx.filter(kind(2, 3, 2, key=key), eqx.is_array))
    channels = [[*layer.weight[i].ravel().tolist(), layer.bias[i].item()] for i in range(3)]
    assert blocks(layer, "node") == channels
    assert layer.bias.ndim == dims + 1


@pytest.mark.parametrize("q", [1, 2, 3, 4, 5, 7, 8, 100])
def test_quasi_nodes_are_chunks_of_a_row_and_one_shorter_leftover(q):
    tree = numbered({"weight": np.zeros((3, 6)), "bias": np.zeros(3)})
    rows = np.concatenate([tree["weight"], tree["bias"][:, None]], axis=1).tolist()
    chunks = [row[i : i + q] for row in rows for i in range(0, 7, q)]
    assert sorted(blocks(tree, "quasi-node", q)) == sorted(chunks)


def test_the_limits_of_quasi_nodes_are_weights_and_nodes():
    tree = numbered([{"weight": np.zeros((3, 6)), "bias": np.zeros(3)}] * 2)
    assert blocks(tree, "quasi-node", 7) == blocks(tree, "node")
    assert sorted(blocks(tree, "quasi-node", 1)) == sorted(blocks(tree, "weight"))


def test_a_layer_is_what_shares_a_parent_and_a_network_is_everything(key):
    net = numbered(eqx.filter(eqx.nn.MLP(3, 2, 4, 1, key=key), eqx.is_array))
    expected = [[*layer.weight.ravel().tolist(), *layer.bias.tolist()] for layer in net.layers]
    assert blocks(net, "layer") == expected
    assert blocks(net, "network") == [sorted(itertools.chain(*expected))]


def test_blocks_of_one_shape_are_one_batch(key):
    net = eqx.filter(eqx.nn.MLP(784, 10, 20, 3, key=key), eqx.is_array)
    assert make_partition(net, "node").group_sizes == (20, 50)
    assert make_partition(net, "layer").group_sizes == (1, 2, 1)
    assert make_partition(net, "quasi-node", 10).group_sizes == (1660, 20, 50)
    assert make_partition(net, "weight").group_sizes == (16750,)


def test_nodes_of_input_by_output_matrices():
    """Neither layer is square, so their biases show where outputs are."""
    tree = numbered([(np.zeros((4, 3)), np.zeros(3)), (np.zeros((3, 2)), np.zeros(2))])
    rows = [[*w[:, i].tolist(), b[i].item()] for w, b in tree for i in range(w.shape[1])]
    assert sorted(blocks(tree, "node")) == sorted(rows)


def test_a_square_matrix_follows_the_other_layers():
    tree = numbered([(np.zeros((4, 3)), np.zeros(3)), (np.zeros((3, 3)), np.zeros(3))])
    rows = [[*w[:, i].tolist(), b[i].item()] for w, b in tree for i in range(3)]
    assert sorted(blocks(tree, "node")) == sorted(rows)
    alone = tree[1:]
    assert blocks(alone, "node")[0] == [*alone[0][0][0].tolist(), alone[0][1][0].item()]


def test_a_kernel_has_its_outputs_last():
    tree = numbered({"dense": {"kernel": np.zeros((3, 3)), "bias": np.zeros(3)}})
    kernel, bias = tree["dense"]["kernel"], tree["dense"]["bias"]
    assert blocks(tree, "node") == [[*kernel[:, i].tolist(), bias[i].item()] for i in range(3)]
    part = make_partition(tree, "node")
    assert_same(part.merge(part.split(tree)), tree)


def test_recurrent_and_normalized_layers_have_nodes_too(key):
    lstm = numbered(eqx.filter(eqx.nn.LSTMCell(2, 3, key=key), eqx.is_array))
    row = [*lstm.weight_ih[5].tolist(), *lstm.weight_hh[5].tolist(), lstm.bias[5].item()]
    assert row in blocks(lstm, "node")
    norm = numbered(eqx.filter(eqx.nn.LayerNorm(3), eqx.is_array))
    assert blocks(norm, "node") == [[norm.weight[i].item(), norm.bias[i].item()] for i in range(3)]


def test_none_and_static_fields_survive(key):
    net = eqx.filter(eqx.nn.MLP(3, 2, 4, 1, use_bias=False, key=key), eqx.is_array)
    part = make_partition(net, "node")
    merged = part.merge(part.split(net))
    assert merged.layers[0].bias is None
    assert merged.layers[0].out_features == 4
    assert_same(merged, net)


def test_equal_trees_make_equal_hashable_partitions():
    tree = {"weight": np.zeros((3, 6)), "bias": np.zeros(3)}
    assert make_partition(tree, "node") == make_partition(tree, "node")
    assert len({make_partition(tree, "node"), make_partition(tree, "node")}) == 1
    assert make_partition(tree, "node") != make_partition(tree, "layer")


def test_labels_name_the_blocks_in_order():
    tree = {"out": {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}}
    assert make_partition(tree, "quasi-node", 3).labels == (
        "['out'] row 0 columns 0:3",
        "['out'] row 1 columns 0:3",
        "['out'] row 0 columns 3:4",
        "['out'] row 1 columns 3:4",
    )
    assert make_partition(tree, "layer").labels == ("['out']",)
    assert make_partition(np.zeros(2), "weight").labels == ("tree weight 0", "tree weight 1")


GOOD = {"a": {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}}


@pytest.mark.parametrize(
    ("tree", "name", "q", "message"),
    [
        (GOOD, "nodes", None, r"partition='nodes': must be one of weight.*Did you mean 'node'\?"),
        (GOOD, "Layer", None, r"partition='Layer': must be one of.*Did you mean 'layer'\?"),
        (GOOD, "quasi-node", None, "q=None: partition='quasi-node' needs q"),
        (GOOD, "quasi-node", 0, "q=0: must be at least 1"),
        (GOOD, "quasi-node", 2.0, "q=2.0: partition='quasi-node' needs q.*an integer"),
        (GOOD, "quasi-node", True, "q=True: partition='quasi-node' needs q.*an integer"),
        (GOOD, "node", 2, "q=2 with partition='node': q belongs to partition='quasi-node'"),
        ({}, "network", None, "holds no weights"),
        ({"a": np.zeros((0, 3))}, "network", None, "holds no weights"),
        ({**GOOD, "scale": np.zeros(())}, "node", None, r"leaf \['scale'\] is a scalar"),
        (
            {"a": {"weight": np.zeros((2, 3)), "bias": np.zeros(5)}},
            "node",
            None,
            r"leaf \['a'\]\['bias'\] has shape \(5,\), which shares no output axis with "
            r"\['a'\]\['weight'\]",
        ),
    ],
)
def test_bad_input_is_named(tree, name, q, message):
    with pytest.raises(ValueError, match=message):
        make_partition(tree, name, q)
    for valid, size in LAYERED.items():
        make_partition(GOOD, valid, size)
    make_partition(GOOD, "quasi-node", np.int32(2))


def test_a_tree_of_another_structure_is_refused():
    part = make_partition(GOOD, "layer")
    with pytest.raises(ValueError, match="pass a tree of the same structure"):
        part.split({"a": GOOD["a"], "b": None, "c": np.zeros(1)})
    part.split(GOOD)
