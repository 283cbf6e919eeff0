"""Data sets: what is read, and what bad input gets."""

import gzip
import hashlib
import os
import re
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import koopnb
from koopnb import data

FILES = list(data._MNIST_FILES.values())


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An empty cache and no way out, as on a train."""
    monkeypatch.delenv("KOOPNB_DATA_DIR", raising=False)
    monkeypatch.setattr(data, "cache_dir", lambda: tmp_path / "cache" / "mnist")
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return tmp_path / "cache" / "mnist"


def test_digits_are_scaled_split_and_read_only():
    digits = koopnb.load_dataset("digits")
    assert digits.name == "digits"
    assert digits.x_train.shape == (1437, 64)
    assert digits.x_test.shape == (360, 64)
    assert digits.x_train.dtype == np.float32
    assert digits.y_train.dtype == digits.y_test.dtype == np.int32
    assert digits.x_train.min() == -1
    assert digits.x_train.max() == 1
    assert np.bincount(digits.y_test).min() >= 34
    with pytest.raises(ValueError, match="read-only"):
        digits.x_train[0, 0] = 0


def test_digits_split_keeps_every_sample_once():
    from sklearn.datasets import load_digits

    digits = koopnb.load_dataset("digits")
    ours = np.sort(np.concatenate([digits.x_train, digits.x_test]).sum(1))
    theirs = np.sort((load_digits().data.astype(np.float32) / 8 - 1).sum(1))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_mnist_equals_a_plain_reading_of_its_files(mnist_dir):
    mnist = koopnb.load_dataset("mnist")
    with gzip.open(Path(mnist_dir) / FILES[0]) as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(60000, 784)
    with gzip.open(Path(mnist_dir) / FILES[3]) as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    np.testing.assert_allclose(mnist.x_train, (pixels / 255 - 0.5) / 0.5, atol=1e-6)
    np.testing.assert_array_equal(mnist.y_test, labels)
    assert mnist.x_train.dtype == np.float32
    assert mnist.y_train.dtype == np.int32
    assert mnist.x_test.shape == (10000, 784)


def test_data_dir_goes_before_the_environment(mnist_dir, monkeypatch, tmp_path):
    monkeypatch.setenv("KOOPNB_DATA_DIR", str(tmp_path))
    assert koopnb.load_dataset("mnist", mnist_dir).x_train.shape == (60000, 784)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        koopnb.load_dataset("mnist")


@pytest.mark.parametrize("name", ["minst", "MNIST", ""])
def test_unknown_name_lists_the_known(name):
    with pytest.raises(ValueError, match=r"no data set .* 'mnist', 'digits'"):
        koopnb.load_dataset(name)


@pytest.mark.parametrize("damage", ["truncated", "altered"])
@pytest.mark.parametrize("file", FILES[1:])
def test_damaged_file_is_refused_by_name(mnist_dir, tmp_path, damage, file):
    for name in FILES:
        if name != file:
            os.symlink(Path(mnist_dir).resolve() / name, tmp_path / name)
    content = (Path(mnist_dir) / file).read_bytes()
    content = content[:-1] if damage == "truncated" else content[:-1] + bytes([content[-1] ^ 1])
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} is truncated or altered.*Delete the file"):
        koopnb.load_dataset("mnist", tmp_path)


def test_incomplete_folder_names_what_it_lacks(tmp_path):
    (tmp_path / FILES[0]).touch()
    with pytest.raises(FileNotFoundError, match=f"lacks {FILES[1]}, {FILES[2]}, {FILES[3]}"):
        koopnb.load_dataset("mnist", tmp_path)


def test_no_network_says_so_within_five_seconds(offline):
    began = time.perf_counter()
    with pytest.raises(ConnectionError, match=r"KOOPNB_DATA_DIR.*network.*digits"):
        koopnb.load_dataset("mnist")
    assert time.perf_counter() - began < 5
    assert list(offline.iterdir()) == [], "nothing half-written stays"


def test_a_network_that_never_answers_is_given_up_too(offline, monkeypatch):
    import requests

    monkeypatch.setattr(data, "REACH_SECONDS", 0.3)
    answer = threading.Event()

    def late(*_, **__):
        answer.wait(5)
        raise requests.Timeout

    monkeypatch.setattr(requests, "head", late)
    began = time.perf_counter()
    with pytest.raises(ConnectionError, match="no answer"):
        koopnb.load_dataset("mnist")
    assert time.perf_counter() - began < 2
    answer.set()


def test_unwritable_cache_names_the_folder(offline):
    offline.parent.mkdir()
    offline.write_text("a file where the folder should be")
    with pytest.raises(
        OSError, match=re.escape(str(offline)) + ".*cannot be written.*KOOPNB_DATA_DIR"
    ):
        koopnb.load_dataset("mnist")


def test_download_fills_the_cache_once(offline, mnist_dir, monkeypatch, tmp_path):
    import tensorflow_datasets as tfds

    asked, there = [], tmp_path / "server"
    shutil.copytree(mnist_dir, there)
    manager = tfds.download.DownloadManager

    def real_manager(**kwargs):
        asked.append(kwargs["dataset_name"])
        return manager(manual_dir=there, **kwargs)

    monkeypatch.setattr(data, "_check_reachable", lambda url: None)
    monkeypatch.setattr(tfds.download, "DownloadManager", real_manager)
    first = koopnb.load_dataset("mnist")
    began = time.process_time()  # tests run side by side: time of this process alone
    second = koopnb.load_dataset("mnist")
    assert time.process_time() - began < 2, "a cached MNIST loads in under 2 s"
    assert len(asked) == 1
    assert sorted(path.name for path in offline.iterdir()) == sorted(FILES)
    np.testing.assert_array_equal(first.x_test, second.x_test)


def test_registered_checksums_are_those_of_the_files(mnist_dir):
    _, checksums = data._registered()
    for file in FILES:
        found = hashlib.sha256((Path(mnist_dir) / file).read_bytes()).hexdigest()
        assert checksums[file] == found
