"""The published data sets: their files, where to find them, and their checksums.

Sources. KMNIST: its makers' list of files (github.com/rois-codh/kmnist) and the MD5 sums of torchvision
(torchvision/datasets/mnist.py); nobody publishes a SHA-256 of them, and MD5 guards against damage but
not against malice. Fashion-MNIST: the files of its README (github.com/zalandoresearch/fashion-mnist),
SHA-256 from Keras (keras/src/datasets/fashion_mnist.py). MNIST: the mirrors of torchvision and
TensorFlow, SHA-256 of the files with torchvision's MD5 sums; mnist.npz: Keras
(keras/src/datasets/mnist.py). The content of MNIST is that of the files with the MD5
sums of its unpacked files; that of Fashion-MNIST is of Debian's package dataset-fashion-mnist, whose files differ from
the published in names and times in the gzip headers alone: with those put back, they have the published checksums.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpcsweep.errors import UsageError, nearest
from hpcsweep.machine import zip_equal

DIGITS = tuple("0123456789")
IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@dataclass(frozen=True)
class DataFile:
    """One published file: its name, its checksum (`sha256:...` or `md5:...`), its mirrors, best first.

    `content` is the SHA-256 of what is in it, unpacked, whatever packed it; empty where nobody knows it.
    """

    name: str
    checksum: str
    urls: tuple[str, ...]
    content: str = ""


@dataclass(frozen=True)
class Published:
    """28x28 grey images in four IDX.gz files: training images and labels, test images and labels.

    `torchvision` is the folder in which torchvision keeps it.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    files: tuple[DataFile, ...]
    megabytes: int
    torchvision: str
    licence: str


def _files(
    mirrors: tuple[str, ...], checksums: tuple[str, ...], contents: tuple[str, ...] = ("",) * 4
) -> tuple[DataFile, ...]:
    return tuple(
        DataFile(name, checksum, tuple(mirror + name for mirror in mirrors), content)
        for name, checksum, content in zip_equal(IDX_NAMES, checksums, contents)
    )


MNIST = Published(
    name="mnist",
    title="MNIST: handwritten digits, 60,000 + 10,000",
    classes=DIGITS,
    files=_files(
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        (
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    megabytes=12,
    torchvision="MNIST",
    licence="CC BY-SA 3.0",
)

KMNIST = Published(
    name="kmnist",
    title="Kuzushiji-MNIST: cursive Japanese characters, 60,000 + 10,000",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    files=_files(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "md5:bdb82020997e1d708af4cf47b453dcf7",
            "md5:e144d726b3acfaa3e44228e80efcd344",
            "md5:5c965bf0a639b31b8f53240b1b52f4d7",
            "md5:7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    megabytes=21,
    torchvision="KMNIST",
    licence="CC BY-SA 4.0",
)

FASHION_MNIST = Published(
    name="fashion-mnist",
    title="Fashion-MNIST: articles of clothing, 60,000 + 10,000",
    classes=(
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    files=_files(
        (
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        (
            "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    megabytes=31,
    torchvision="FashionMNIST",
    licence="MIT",
)

CATALOGUE = {published.name: published for published in (MNIST, KMNIST, FASHION_MNIST)}

# Files of other makers that a data folder may hold instead, if their checksum is published
OTHER_CHECKSUMS = {"mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"}


def published(name: str) -> Published:
    """Return the published data set called `name`; raises UsageError with the nearest known name."""
    if name not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise UsageError(f"{name}: no published data set of that name{nearest(name, CATALOGUE)}; known: {known}")
    return CATALOGUE[name]
