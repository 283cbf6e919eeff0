"""The two data sets: MNIST, read from its four original files, and scikit-learn's digits."""

import functools
import gzip
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from koopnb.checks import Refusal

REACH_SECONDS = 4.0

_MNIST_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


class Dataset(NamedTuple):
    """Inputs scaled to [-1, 1] and integer classes, as read-only NumPy arrays."""

    x_train: Float32[np.ndarray, "n_train d"]
    y_train: Int32[np.ndarray, " n_train"]
    x_test: Float32[np.ndarray, "n_test d"]
    y_test: Int32[np.ndarray, " n_test"]
    name: str


def load_dataset(name: str, data_dir: str | os.PathLike | None = None) -> Dataset:
    """Loads MNIST or scikit-learn's digits.

    Pixels p are scaled as the report does, (p / p_max - 0.5) / 0.5.

    ``"mnist"``: 60,000 training and 10,000 test images of 784 pixels (LeCun, Cortes, Burges).
    The four gzipped IDX files are taken from ``data_dir``, else from the folder that the
    environment variable ``KOOPNB_DATA_DIR`` names, else from a cache that the first call
    fills with tensorflow-datasets' ``DownloadManager``. Each file's SHA-256 must be the one
    that tensorflow-datasets has registered.

    ``"digits"``: 1,437 training and 360 test images of 64 pixels, a fixed stratified split;
    it ships with scikit-learn and needs no network and no files.

    Args:
        name: ``"mnist"`` or ``"digits"``.
        data_dir: folder that holds MNIST's four files. Ignored for digits.

    Raises:
        Refusal: an unknown name, or a file whose checksum is wrong.
        FileNotFoundError: ``data_dir`` or ``KOOPNB_DATA_DIR`` lacks a file.
        ConnectionError: nothing cached and no network; known within 5 seconds.
        OSError: the cache folder cannot be written.

    >>> import koopnb
    >>> koopnb.load_dataset("digits").x_train.shape
    (1437, 64)
    """
    if name not in _LOADERS:
        raise Refusal(
            f"There is no data set {name!r}. Choose one of: "
            + ", ".join(repr(known) for known in _LOADERS)
            + "."
        )
    x_train, y_train, x_test, y_test = _LOADERS[name](data_dir)
    for array in (x_train, y_train, x_test, y_test):
        array.flags.writeable = False
    return Dataset(x_train, y_train, x_test, y_test, name)


def cache_dir() -> Path:
    """The folder that keeps the downloaded MNIST files."""
    import platformdirs

    return platformdirs.user_cache_path("koopnb") / "mnist"


def _digits(_data_dir: Any) -> tuple[np.ndarray, ...]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    x = ((pixels / 16 - 0.5) / 0.5).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        x, labels.astype(np.int32), test_size=360, random_state=0, stratify=labels
    )
    return x_train, y_train, x_test, y_test


def _mnist(data_dir: str | os.PathLike | None) -> tuple[np.ndarray, ...]:
    folder = data_dir or os.environ.get("KOOPNB_DATA_DIR") or None
    if folder is not None:
        folder = Path(folder).expanduser()
        missing = _missing(folder)
        if missing:
            raise FileNotFoundError(
                f"The folder {folder} lacks {', '.join(missing)}. Put MNIST's four original "
                "gzipped files there, or unset KOOPNB_DATA_DIR and pass no data_dir to "
                "download them."
            )
    else:
        folder = cache_dir()
        if _missing(folder):
            _download(folder)
    raw = {field: _read_idx(folder / file) for field, file in _MNIST_FILES.items()}
    scaled = ((np.arange(256, dtype=np.float32) / 255 - 0.5) / 0.5).astype(np.float32)
    return tuple(
        scaled[values].reshape(len(values), -1) if values.ndim == 3 else values.astype(np.int32)
        for values in raw.values()
    )


def _missing(folder: Path) -> list[str]:
    return [file for file in _MNIST_FILES.values() if not (folder / file).is_file()]


@functools.cache
def _registered() -> tuple[str, dict[str, str]]:
    """tensorflow-datasets' address of MNIST and the SHA-256 it registered for each file."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_cls("mnist")
    return builder.URL, {
        url.rsplit("/", 1)[-1]: info.checksum
        for url, info in builder.url_infos.items()
        if url.startswith(builder.URL)
    }


def _read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """Reads a gzipped IDX file: two zero bytes, 8 for uint8, the rank, the sizes, the values."""
    content = path.read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), _registered()[1][path.name]
    if found != expected:
        raise Refusal(
            f"{path} is truncated or altered: its SHA-256 is {found}, registered is {expected}. "
            "Delete the file and fetch it again."
        )
    values = gzip.decompress(content)
    rank = values[3]
    shape = np.frombuffer(values, ">i4", count=rank, offset=4)
    return np.frombuffer(values, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _download(folder: Path) -> None:
    """Fills the cache; a file appears under its name only when it is whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix="download-")
    except OSError as error:
        raise type(error)(
            f"The cache folder {folder} cannot be written ({error.strerror}). Make it writable, "
            "or set KOOPNB_DATA_DIR to a folder that holds MNIST's four files."
        ) from error
    with scratch as download_dir:
        url, _ = _registered()
        _check_reachable(url + _MNIST_FILES["y_test"])
        import tensorflow_datasets as tfds

        manager = tfds.download.DownloadManager(
            download_dir=download_dir, dataset_name="mnist", force_checksums_validation=True
        )
        paths = manager.download({file: url + file for file in _MNIST_FILES.values()})
        for file, path in paths.items():
            os.replace(path, folder / file)


def _check_reachable(url: str) -> None:
    # The downloader retries for more than three minutes, and a name look-up alone can
    # outlast any socket timeout: a thread bounds both.
    problem: list[str] = ["no answer"]

    def ask() -> None:
        import requests

        try:
            requests.head(url, timeout=REACH_SECONDS, allow_redirects=True).raise_for_status()
            problem.clear()
        except requests.RequestException as error:
            problem[0] = (
                f"{type(error).__name__}: {error}"
                if error.response is not None
                else type(error).__name__
            )

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(REACH_SECONDS)
    if problem:
        raise ConnectionError(
            f"MNIST is not cached in {cache_dir()} and {url} cannot be reached ({problem[0]}). "
            "Three ways out: set KOOPNB_DATA_DIR to a folder that holds the four files "
            f"{', '.join(_MNIST_FILES.values())}; run again when there is a network, and the "
            'download happens then; or use load_dataset("digits"), which needs neither.'
        )


_LOADERS: dict[str, Callable[[Any], tuple[np.ndarray, ...]]] = {"mnist": _mnist, "digits": _digits}
