from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter
from sklearn.datasets import load_digits, load_sample_images

from midrib.datasets import Dataset, HealthReport, Item, Problem, check_dataset, read_dataset
from midrib.datasets.annotations import Annotation, Rle
from midrib.datasets.health import CHECKS, Finding, Gravity
from midrib.datasets.health.neighbours import COUNT, find_neighbours
from midrib.datasets.measures import measure
from midrib.errors import DatasetError, UnknownNameError

Classes = Draw = Callable[..., Path]
PHOTO = Image.fromarray(load_sample_images().images[1])


def checked(root: Path) -> HealthReport:
    return check_dataset(read_dataset(root))


def names(report: HealthReport, kind: str) -> set[str]:
    return {path.name for path in report.pictures(kind)}


def test_a_healthy_dataset_has_no_findings(classes: Classes) -> None:
    """Good pictures are described, and nothing is found in them."""
    report = checked(classes(cat=3, dog=4))
    assert report.findings == {}
    assert report.warnings == []
    assert report.counts == {"unsplit": {"cat": 3, "dog": 4}}
    assert report.lines()[-2:] == [
        "formats: PNG 7; channels: RGB 7",
        f"width 24; height 16 pixels; {report.bytes} bytes a file",
    ]


def test_formats_channels_and_sizes_are_counted(classes: Classes, draw: Draw) -> None:
    """Formats and channels are counted, sizes given as least, median and greatest."""
    root = classes(cat=3, dog=3)
    draw(root / "cat" / "wide.jpg", size=(400, 100), mode="L")
    report = checked(root)
    assert report.formats == {"PNG": 6, "JPEG": 1}
    assert report.modes == {"RGB": 6, "L": 1}
    assert report.width.as_record() == {"min": 24, "median": 24, "max": 400}
    assert report.height.as_record() == {"min": 16, "median": 16, "max": 100}
    assert "width 24 to 400, median 24" in "\n".join(report.lines())


def test_files_left_out_are_told_by_kind(classes: Classes, draw: Draw) -> None:
    """Unreadable files, files cut off and others that are left out are told apart."""
    root = classes(cat=3, dog=3)
    (root / "cat" / "a.jpg").write_text("words")
    half = draw(root / "cat" / "half.jpg", size=(200, 200))
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (root / "dog" / "away.png").symlink_to(draw(root.parent / "elsewhere" / "x.png"))
    report = checked(root)
    assert names(report, "unreadable") == {"a.jpg"}
    assert names(report, "truncated") == {"half.jpg"}
    assert names(report, "left-out") == {"away.png"}
    assert len(report.warnings) == 3
    assert any("a.jpg (not a picture" in line for line in report.warnings)


def test_copies_and_label_conflicts_are_found(classes: Classes) -> None:
    """Copies in one class are copies; copies in two classes contradict each other instead."""
    root = classes(cat=3, dog=3)
    shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
    shutil.copy(root / "dog" / "1.png", root / "cat" / "or-dog.png")
    report = checked(root)
    assert report.leaks == ()
    assert list(report.findings) == ["label-conflict", "exact-copy"]
    (copy,) = report.findings["exact-copy"]
    assert (copy.pictures, copy.kept) == ((root / "cat/again.png",), (root / "cat/0.png",))
    assert names(report, "label-conflict") == {"or-dog.png", "1.png"}
    assert report.warnings[1] == "exact copies (exact-copy: 1): again.png = 0.png"


def photo(path: Path, part: int, *, quality: int = 92, side: int = 200) -> Path:
    """One of twelve parts of a real photograph, saved as JPEG."""
    x, y = 150 * (part % 4), 140 * (part // 4)
    path.parent.mkdir(parents=True, exist_ok=True)
    cut = PHOTO.crop((x, y, x + 150, y + 140)).resize((side, side), Image.Resampling.LANCZOS)
    cut.save(path, quality=quality)
    return path


def test_near_copies_conflicts_and_leaks_among_them_are_found(tmp_path: Path) -> None:
    """Pictures saved again and scaled count as copies, also under other labels and splits."""
    for part in range(12):
        split, label = ("test" if part > 7 else "train"), ("dog" if part % 2 else "cat")
        photo(tmp_path / split / label / f"{part}.jpg", part)
    kinds = {"exact-copy", "near-copy", "label-conflict", "leak"}
    assert kinds.isdisjoint(checked(tmp_path).findings)
    photo(tmp_path / "train/cat/0-small.jpg", 0, quality=75, side=160)
    photo(tmp_path / "train/cat/3-as-cat.jpg", 3, quality=75)
    photo(tmp_path / "train/dog/9-learnt.jpg", 9, quality=75)
    report = checked(tmp_path)
    assert kinds & set(report.findings) == {"label-conflict", "leak", "near-copy"}
    (near,) = report.findings["near-copy"]
    assert near.pictures == (tmp_path / "train/cat/0-small.jpg",)
    assert near.kept == (tmp_path / "train/cat/0.jpg",)
    assert names(report, "label-conflict") == {"3.jpg", "3-as-cat.jpg"}
    (leak,) = report.leaks
    assert leak.pictures == (tmp_path / "train/dog/9-learnt.jpg",)
    assert leak.kept == (tmp_path / "test/dog/9.jpg",)


def test_copies_across_given_splits_are_leaks(tmp_path: Path, draw: Draw) -> None:
    """A test picture that training has seen is the first warning; quarantine spares the test."""
    for split in ("train", "test"):
        for label in ("cat", "dog"):
            draw(tmp_path / split / label / "a.png")
    shutil.copy(tmp_path / "train/cat/a.png", tmp_path / "test/cat/seen.png")
    report = checked(tmp_path)
    (leak,) = report.leaks
    assert leak.pictures == (tmp_path / "train/cat/a.png",)
    assert leak.kept == (tmp_path / "test/cat/seen.png",)
    assert report.warnings[0].startswith("copies in several splits")


def test_imbalance_and_empty_splits_are_warned_of(tmp_path: Path, draw: Draw) -> None:
    """A class that is ten times another, or absent from a split, is worth a look."""
    for number in range(20):
        draw(tmp_path / "train" / "cat" / f"{number}.png")
    draw(tmp_path / "train" / "dog" / "0.png")
    draw(tmp_path / "test" / "cat" / "0.png")
    report = checked(tmp_path)
    told = {name: found[0].text for name, found in report.findings.items()}
    assert told == {
        "class-imbalance": "train: cat has 20 times the pictures of dog",
        "class-missing": "test has no picture of dog",
    }


def test_a_wrong_extension_is_noted(classes: Classes, draw: Draw) -> None:
    """A PNG that is called .jpg is used, and noted."""
    root = classes(cat=3, dog=3)
    shutil.copy(draw(root.parent / "x.png"), root / "cat" / "no.jpg")
    report = checked(root)
    assert report.notes == {"wrong-extension": 1}
    assert report.warnings == []
    assert "to note: wrong-extension 1" in report.lines()
    assert names(report, "wrong-extension") == {"no.jpg"}


def test_odd_sizes_and_channels_are_noted_while_they_are_few(classes: Classes, draw: Draw) -> None:
    """One panorama and one grey picture among many are odd; a second usual kind is not."""
    root = classes(cat=20, dog=20)
    draw(root / "cat" / "panorama.png", size=(240, 16))
    draw(root / "cat" / "grey.png", mode="L")
    report = checked(root)
    assert names(report, "odd-size") == {"panorama.png"}
    assert names(report, "odd-channels") == {"grey.png"}
    for number in range(10):
        draw(root / "dog" / f"panorama-{number}.png", size=(240, 16), mode="L")
    assert checked(root).findings == {}


def test_pictures_that_exif_turns_are_noted(classes: Classes, draw: Draw) -> None:
    """EXIF's orientation is told where it is not upright."""
    root = classes(cat=3, dog=3)
    exif = Image.Exif()
    exif[0x0112] = 8
    draw(root / "cat" / "held.jpg", exif=exif)
    assert names(checked(root), "exif-rotation") == {"held.jpg"}


@pytest.fixture
def scenes(tmp_path: Path, draw: Draw) -> Path:
    """Class folders of 12 pictures with some structure at every scale."""
    for number in range(12):
        noise = draw(tmp_path / "raw" / f"{number}.png", size=(8, 8))
        coarse = Image.open(noise).resize((96, 96), Image.Resampling.NEAREST)
        fine = Image.open(draw(tmp_path / "raw" / f"fine-{number}.png", size=(96, 96)))
        path = tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.blend(coarse, fine, 0.3).save(path)
    return tmp_path / "photos"


def _blank(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, (90, 90, 90))


def _dark(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(0.1)


def _bright(image: Image.Image) -> Image.Image:
    return Image.blend(image, Image.new("RGB", image.size, "white"), 0.92)


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(8))


@pytest.mark.parametrize("spoil", [_blank, _dark, _bright, _blurred])
def test_pictures_that_show_too_little_are_found(
    spoil: Callable[[Image.Image], Image.Image], scenes: Path
) -> None:
    """One spoilt picture among good ones is found, as what it is and as nothing else."""
    assert checked(scenes).findings == {}
    with Image.open(scenes / "cat" / "1.png") as image:
        spoil(image).save(scenes / "cat" / "1.png")
    report = checked(scenes)
    assert set(report.findings) == {spoil.__name__.strip("_")}
    assert names(report, spoil.__name__.strip("_")) == {"1.png"}


def boxed(*xyxy: tuple[float, float, float, float], **said: object) -> Annotation:
    (box,) = xyxy
    return Annotation(str(said.pop("label", "tree")), box, **said)


def pictures(*groups: tuple[Annotation, ...], problems: tuple[Problem, ...] = ()) -> Dataset:
    """A dataset of pictures of 200 × 100 with these objects in them."""
    items = tuple(
        Item(Path(f"/{n}.png"), (), f"{n:064x}", 9, None, 200, 100, "RGB", "PNG", group)
        for n, group in enumerate(groups)
    )
    return Dataset(Path("/"), items, ("tree",), problems)


GOOD = (boxed((10, 10, 60, 50)), boxed((30, 20, 90, 80)))


@pytest.mark.parametrize(
    ("kind", "objects"),
    [
        ("box-out-of-frame", (boxed((150, 10, 220, 60)),)),
        ("box-tiny", (boxed((10, 10, 12, 60)),)),
        ("box-duplicate", (boxed((10, 10, 60, 50)), boxed((10, 10, 60, 50.5), label="bush"))),
        ("box-absurd", (boxed((0, 10, 199, 16)),)),
        ("mask-size", (boxed((1, 1, 9, 9), mask=Rle(200, 100, "")),)),
        ("missing-label", ()),
    ],
)
def test_bad_annotations_are_found(kind: str, objects: tuple[Annotation, ...]) -> None:
    """One picture with a bad object among good ones is found, as what it is and as nothing else."""
    assert check_dataset(pictures(GOOD, GOOD)).findings == {}
    report = check_dataset(pictures(GOOD, objects, GOOD))
    assert set(report.findings) == {kind}
    (finding,) = report.findings[kind]
    assert finding.pictures == (Path("/1.png"),)
    assert set(finding.boxes) <= {each.xyxy for each in objects}


def test_a_box_unlike_its_class_is_absurd() -> None:
    """A box many times smaller than its class usually is stands out once the class is known."""
    usual = [(boxed((10, 10, 110, 90)),) for _ in range(30)]
    report = check_dataset(pictures(*usual, (boxed((10, 10, 18, 18)),)))
    assert names(report, "box-absurd") == {"30.png"}


def test_crowds_and_outlines_of_two_objects_are_no_duplicates() -> None:
    """A crowd over an object, and two outlines that span one box, are meant."""
    box = (10.0, 10.0, 60.0, 50.0)
    two = (
        boxed(box, polygons=((10.0, 10.0, 60.0, 10.0, 60.0, 50.0),)),
        boxed(box, polygons=((10.0, 10.0, 10.0, 50.0, 60.0, 50.0),)),
    )
    crowd = (boxed(box), boxed(box, crowd=True))
    assert check_dataset(pictures(GOOD, two, crowd)).findings == {}


@given(
    st.lists(
        st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(1, 30)] * 2), min_size=1, max_size=12
    )
)
def test_duplicate_boxes_are_those_of_a_comparison_of_all_pairs(
    corners: list[tuple[int, int, int, int]],
) -> None:
    """The sweep finds exactly the pairs that comparing every box with every other finds."""
    boxes = [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in corners]
    pairs = sum(overlap(one, two) >= 0.95 for i, one in enumerate(boxes) for two in boxes[i + 1 :])
    found = check_dataset(pictures(tuple(boxed(box) for box in boxes))).findings
    told = found.get("box-duplicate", (Finding("0 drawn twice"),))
    assert told[0].text.split()[0] == str(pairs)


def overlap(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """Intersection over union, on a grid of quarter pixels."""
    grid = np.zeros((2, 61, 61), bool)
    for place, (left, top, right, bottom) in enumerate((one, two)):
        grid[place, int(top) : int(bottom), int(left) : int(right)] = True
    return float(grid.all(axis=0).sum() / grid.any(axis=0).sum())


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("bad box", "box-empty"),
        ("beyond the picture", "box-out-of-frame"),
        ("bad mask", "bad-mask"),
        ("unknown class", "unknown-class"),
        ("another size", "mask-size"),
        ("no class", "missing-label"),
        ("no annotation", "missing-label"),
        ("missing", "orphan-label"),
        ("no picture", "orphan-label"),
        ("something new", "left-out"),
    ],
)
def test_what_reading_left_out_is_told_by_its_check(kind: str, check: str) -> None:
    """Each kind of problem is told by one check, and one that no check knows as left out."""
    problem = Problem(Path("/labels.xml"), kind, "line 3: why")
    report = check_dataset(pictures(GOOD, problems=(problem,)))
    assert set(report.findings) == {check}
    assert "line 3: why" in report.findings[check][0].text


def splits(brightness: float, *, one_class: bool = False) -> Dataset:
    """60 pictures of train and 40 of test, which are so much brighter and perhaps all trees."""
    random = np.random.default_rng(0)
    items = []
    for number in range(100):
        held = number >= 60
        noise = random.normal(90 + (brightness if held else 0), 40, (32, 32, 3)).clip(0, 255)
        items.append(
            Item(
                Path(f"/{number}.png"),
                ("tree" if held and one_class else ("tree", "bush")[number % 2],),
                f"{number:064x}",
                split="test" if held else "train",
                width=32,
                height=32,
                measures=measure(noise.astype(np.uint8)),
            )
        )
    return Dataset(Path("/"), tuple(items), ("bush", "tree"))


def test_splits_that_differ_are_found_and_equal_ones_are_not() -> None:
    """Brighter test pictures are drift, told with both medians; the same distribution is none."""
    assert check_dataset(splits(0)).findings == {}
    report = check_dataset(splits(70))
    assert set(report.findings) == {"drift"}
    assert "test: brightness" in " ".join(each.text for each in report.findings["drift"])
    assert all(int(path.stem) >= 60 for path in report.pictures("drift"))


def test_other_shares_of_classes_are_found() -> None:
    """A test split of one class where train has two alike is told."""
    report = check_dataset(splits(0, one_class=True))
    assert set(report.findings) == {"class-drift", "class-missing"}


@pytest.fixture(scope="module")
def digits() -> tuple[Dataset, np.ndarray]:
    """Real handwritten digits: 600 pictures whose 64 pixels serve as embeddings."""
    found = load_digits()
    items = tuple(
        Item(
            Path(f"/{n}.png"), (str(found.target[n]),), f"{n * 7919 % 600:064x}", width=8, height=8
        )
        for n in range(600)
    )
    return Dataset(Path("/"), items, tuple("0123456789")), found.images[:600].reshape(600, 64)


def test_without_embeddings_nothing_is_said_of_neighbours(
    digits: tuple[Dataset, np.ndarray],
) -> None:
    """What needs embeddings is not looked for without them."""
    assert check_dataset(digits[0]).findings == {}


def test_wrong_labels_are_suspected(digits: tuple[Dataset, np.ndarray]) -> None:
    """Of ten digits given a wrong label at least eight are suspected, and few that are right."""
    dataset, pixels = digits
    wrong = set(range(0, 600, 60))
    items = tuple(
        Item(i.path, (str((int(i.label) + 1) % 10),), i.sha256, width=8, height=8)
        if n in wrong
        else i
        for n, i in enumerate(dataset.items)
    )
    report = check_dataset(
        Dataset(dataset.source, items, dataset.labels), embeddings=pixels.astype(np.float32)
    )
    suspected = {int(path.stem) for path in report.pictures("mislabelled")}
    assert len(suspected & wrong) >= 8
    assert len(suspected - wrong) <= 8
    first = report.findings["mislabelled"][0]
    assert int(first.pictures[0].stem) in wrong
    assert len(first.kept) == 3


def test_what_has_no_neighbours_or_too_near_ones_is_noted(
    digits: tuple[Dataset, np.ndarray],
) -> None:
    """A picture unlike all others is an outlier; one that is nearly another is a look-alike."""
    dataset, pixels = digits
    changed = pixels.astype(np.float32).copy()
    changed[5] = -changed[5]
    changed[11] = changed[12] * 1.001
    changed[11, 3] += 0.05
    report = check_dataset(dataset, embeddings=changed)
    assert names(report, "outlier") == {"5.png"}
    assert [path.name for path in report.pictures("near-embedding")] == ["12.png"]


def test_splits_of_other_digits_drift(digits: tuple[Dataset, np.ndarray]) -> None:
    """A split by digit drifts in its embeddings; a split by chance does not."""
    dataset, pixels = digits
    for by_digit in (True, False):
        items = tuple(
            Item(i.path, ("x",), i.sha256, split="test" if held else "train", width=8, height=8)
            for n, i in enumerate(dataset.items)
            for held in [int(i.label) > 5 if by_digit else n % 3 == 0]
        )
        report = check_dataset(
            Dataset(dataset.source, items, ("x",)), embeddings=pixels.astype(np.float32)
        )
        assert ("embedding-drift" in report.findings) == by_digit


def test_neighbours_are_those_of_a_comparison_of_all() -> None:
    """The nearest are those by cosine, copies of the same content left out."""
    random = np.random.default_rng(3)
    embeddings = random.normal(size=(60, 5)).astype(np.float32)
    contents = [f"{n // 2:03}" for n in range(60)]
    found = find_neighbours(embeddings, contents)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    for n in range(60):
        cosine[n, [n, n ^ 1]] = -2
    assert (found.places == np.argsort(-cosine, axis=1)[:, :COUNT]).all()


def test_embeddings_are_compared_with_a_bounded_number() -> None:
    """However many pictures there are, each is compared with the same bounded references."""
    embeddings = np.random.default_rng(4).normal(size=(500, 4)).astype(np.float32)
    found = find_neighbours(embeddings, [f"{n:03}" for n in range(500)], most_references=50)
    assert set(found.places.ravel()) <= set(range(50))


def test_embeddings_of_another_dataset_are_refused() -> None:
    """Embeddings have to be one row a picture."""
    with pytest.raises(DatasetError, match=r"\(3, 8\) for 2 pictures"):
        check_dataset(pictures(GOOD, GOOD), embeddings=np.zeros((3, 8), np.float32))


def test_every_kind_is_explained() -> None:
    """Each check says in sentences what it means and what to do, and has a name to type."""
    for name in CHECKS:
        check = CHECKS.get(name)
        assert check.name == name
        assert check.meaning.endswith(".")
        assert check.todo.endswith(".")
        assert check.gravity in Gravity
    with pytest.raises(UnknownNameError, match="did you mean 'blurred'"):
        check_dataset(pictures(GOOD)).pictures("blured")


def test_the_record_is_json(classes: Classes) -> None:
    """The whole report can be written as JSON, findings by kind with their explanation."""
    root = classes(cat=3, dog=3)
    shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
    record = json.loads(json.dumps(checked(root).as_record()))
    copies = record["findings"]["exact-copy"]
    assert copies["found"][0]["pictures"] == [str(root / "cat/again.png")]
    assert copies["remedy"] == "quarantine"
    assert {"source", "version", "counts", "formats", "warnings"} <= record.keys()
