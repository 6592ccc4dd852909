from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from test_two_stage import PLAN, SIDE, torchvisions
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import (
    maskrcnn_loss,
    paste_masks_in_image,
    project_masks_on_boxes,
)
from torchvision.ops import MultiScaleRoIAlign

from midrib.backbones import create_backbone
from midrib.errors import UsageError
from midrib.pasting import MaskPasting, paste
from midrib.postprocessing import Suppression, matched, suppressed
from midrib.records import Found, Size
from midrib.run_lengths import decode_runs
from midrib.tasks.algorithms import algorithm_for
from midrib.tasks.detection import Target
from midrib.tasks.detection.mask_rcnn import MASK_CELLS, MaskRcnn, _objects, masks_within
from midrib.tasks.detection.proposals import Counts
from midrib.tasks.detection.two_stage import Sample

RULE = MaskPasting(cells=MASK_CELLS)
CANVAS = Size(96, 128)


@pytest.fixture(scope="module")
def model() -> MaskRcnn:
    torch.manual_seed(0)
    backbone = create_backbone("torchvision:resnet18", weights="none", size=SIDE)
    return MaskRcnn(backbone, 3, PLAN, box_loss="smooth-l1").eval()


@st.composite
def blobs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """An ellipse, bool, in a picture, and a box about it that is a little beside it."""
    middle = [draw(st.floats(30, side - 30)) for side in CANVAS]
    radii = [draw(st.floats(7, 25)) for _ in CANVAS]
    rows, columns = (np.arange(side) + 0.5 for side in CANVAS)
    away = ((rows - middle[0]) / radii[0])[:, None] ** 2 + ((columns - middle[1]) / radii[1]) ** 2
    beside = [draw(st.floats(-1.5, 1.5)) for _ in range(4)]
    box = [middle[1] - radii[1], middle[0] - radii[0], middle[1] + radii[1], middle[0] + radii[0]]
    return away <= 1, (np.array(box) + beside).astype(np.float32)


def target_of(mask: np.ndarray, box: np.ndarray) -> Target:
    boxes = torch.from_numpy(box)[None]
    masks = torch.from_numpy(mask)[None]
    return Target(boxes, torch.tensor([0]), torch.zeros(0, 4), masks)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@given(blobs())
def test_masks_are_pasted_as_torchvision_pastes_them(given_: tuple[np.ndarray, ...]) -> None:
    """Both draw the same but for the outline, and there by a pixel; ours is nearer to the truth.

    torchvision cuts the box to whole pixels and draws one more; and where it makes masks to learn
    from, it takes the index of a pixel for its centre.
    """
    mask, box = given_
    target = target_of(mask, box)
    places = torch.zeros(1, dtype=torch.int64)
    within = masks_within(target.boxes, places, target)
    [rle] = paste(within.numpy(), box[None], CANVAS, RULE)
    ours = decode_runs(rle)
    theirs = paste_masks_in_image(within[:, None], target.boxes, CANVAS)[0, 0].numpy() >= 0.5
    around = np.ones((3, 3), np.bool_)
    assert not (ours & ~ndimage.binary_dilation(theirs, around)).any()
    assert not (theirs & ~ndimage.binary_dilation(ours, around)).any()
    left, top, right, bottom = box
    rows, columns = (np.arange(side) + 0.5 for side in CANVAS)
    cut = mask & ((rows > top) & (rows < bottom))[:, None] & (columns > left) & (columns < right)
    learnt = project_masks_on_boxes(target.masks, target.boxes, places, MASK_CELLS)
    whole = paste_masks_in_image(learnt[:, None], target.boxes, CANVAS)[0, 0].numpy() >= 0.5
    assert iou(ours, cut) > 0.94
    assert iou(ours, cut) > iou(whole, cut) - 0.02


def test_what_is_learnt_is_what_is_pasted() -> None:
    """Through 28 × 28 and back small ellipses are themselves; by torchvision's way they are not."""
    random = np.random.default_rng(0)
    rows, columns = (np.arange(side) + 0.5 for side in CANVAS)
    places = torch.zeros(1, dtype=torch.int64)
    reached = []
    for _ in range(40):
        (y, x), (down, across) = random.uniform(30, 66, 2), random.uniform(5, 14, 2)
        mask = ((rows - y) / down)[:, None] ** 2 + ((columns - x) / across) ** 2 <= 1
        box = np.array([x - across, y - down, x + across, y + down], np.float32)
        target = target_of(mask, box)
        [rle] = paste(masks_within(target.boxes, places, target).numpy(), box[None], CANVAS, RULE)
        learnt = project_masks_on_boxes(target.masks, target.boxes, places, MASK_CELLS)
        theirs = paste_masks_in_image(learnt[:, None], target.boxes, CANVAS)[0, 0].numpy() >= 0.5
        reached.append((iou(decode_runs(rle), mask), iou(theirs, mask)))
    ours, others = np.mean(reached, axis=0)
    assert ours > 0.99
    assert others < 0.95


@given(blobs())
def test_masks_are_learnt_as_torchvision_learns_them(given_: tuple[np.ndarray, ...]) -> None:
    """The truth of a region is torchvision's for one half a pixel beside it: its loss is ours."""
    target = target_of(*given_)
    places = torch.zeros(1, dtype=torch.int64)
    within = masks_within(target.boxes, places, target)
    moved = target.boxes - 0.5
    expected = project_masks_on_boxes(target.masks, moved, places, MASK_CELLS)
    torch.testing.assert_close(within, expected, rtol=1e-4, atol=1e-4)
    logits = torch.randn(1, 3, MASK_CELLS, MASK_CELLS)
    theirs = maskrcnn_loss(logits, [moved], [target.masks], [target.classes], [places])
    ours = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], within)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_the_loss_is_of_regions_whose_masks_are_known(model: MaskRcnn) -> None:
    """It is the mean over cells of what is drawn of the own class; without masks it is nothing."""
    torch.manual_seed(1)
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[0, 20:60, 30:90] = True
    box = torch.tensor([[30.0, 20, 90, 60]])
    known = Target(box, torch.tensor([2]), torch.zeros(0, 4), mask)
    unknown = known._replace(masks=None)
    sample = Sample(torch.cat([box, box + 5]), torch.tensor([0, -1]))
    maps, _ = model.maps(torch.randint(0, 256, (2, SIDE, SIDE, 3), dtype=torch.uint8))
    losses = model._region_losses(maps, [sample, sample], [known, unknown])
    logits = model.draw([each[:1] for each in maps], [box], torch.tensor([2]))
    truth = masks_within(box, torch.tensor([0]), known)
    own = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    torch.testing.assert_close(losses["masks"], own, rtol=1e-4, atol=1e-5)
    assert model._region_losses(maps, [sample] * 2, [unknown] * 2)["masks"] == 0


def test_regions_are_read_as_torchvision_reads_them(model: MaskRcnn) -> None:
    """Each from its own level, as MultiScaleRoIAlign, which does not export, reads it."""
    torch.manual_seed(0)
    maps, _ = model.maps(torch.randint(0, 256, (2, SIDE, SIDE, 3), dtype=torch.uint8))
    low = torch.rand(2, 20, 2) * SIDE / 2
    regions = torch.cat([low, low + 4 + torch.rand(2, 20, 2) * SIDE], dim=2)
    pool = MultiScaleRoIAlign([str(place) for place in range(len(maps))], 14, 2)
    pool.scales, pool.map_levels = [1 / stride for stride in PLAN.strides], model._levels
    expected = pool({str(at): each for at, each in enumerate(maps)}, list(regions), [])
    torch.testing.assert_close(model._read(maps, list(regions)), expected, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.3]), st.sampled_from([3, 100]))
def test_objects_in_the_graph_are_those_outside(seed: int, least: float, most: int) -> None:
    """What the graph chooses is what suppression chooses, and it leaves all of that as it is."""
    random = np.random.default_rng(seed)
    low = random.random((60, 2), np.float32) * 60
    boxes = np.concatenate([low, low + 5 + random.random((60, 2), np.float32) * 30], axis=1)
    scores = np.eye(3, dtype=np.float32)[random.integers(0, 3, 60)]
    scores *= random.permutation(60).astype(np.float32)[:, None] / 60
    recipe = Suppression(least_score=least, most_objects=most)
    chosen = [each.numpy() for each in _objects(*map(torch.from_numpy, (boxes, scores)), recipe)]
    # Scores of 0 are those of the other classes, which are no candidates of theirs.
    outside = recipe.model_copy(update={"least_score": max(least, 1e-6)})
    expected, _ = suppressed(boxes, scores, outside)
    found, places = suppressed(*chosen, outside)
    np.testing.assert_array_equal(places, np.arange(len(found.scores)))
    for one, other in zip(found[:3], expected[:3], strict=True):
        np.testing.assert_array_equal(one, other)


def torchvisions_masks(ours: MaskRcnn, kept: int) -> MaskRCNN:
    """The Mask R-CNN of torchvision on ResNet-18, with the weights of ``ours``."""
    faster = torchvisions(ours, kept)
    channels, classes = PLAN.channels, ours.classes + 1
    roi_heads = faster.roi_heads
    roi_heads.mask_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2)
    roi_heads.mask_head = MaskRCNNHeads(channels, (channels,) * 4, 1)
    roi_heads.mask_head.load_state_dict(ours.mask_head[0].state_dict())
    roi_heads.mask_predictor = MaskRCNNPredictor(channels, channels, classes)
    own = ours.mask_head[1].state_dict()
    # Theirs has a mask of background too, which is never looked at.
    for name in ("mask_fcn_logits.weight", "mask_fcn_logits.bias"):
        own[name] = torch.cat([torch.zeros_like(own[name][:1]), own[name]])
    roi_heads.mask_predictor.load_state_dict(own)
    return faster.eval()


def test_masks_are_those_of_torchvisions_own(model: MaskRcnn) -> None:
    """With the same weights torchvision's Mask R-CNN draws the same objects, cell by cell."""
    torch.manual_seed(0)
    model.proposals.answering = Counts(1000, 50)
    pictures = torch.randint(0, 256, (2, SIDE, SIDE, 3), dtype=torch.uint8)
    theirs = torchvisions_masks(model, 50)
    with torch.inference_mode():
        seen = model(pictures)
        expected = theirs(list(pictures.permute(0, 3, 1, 2).float() / 255))
    assert seen.masks is not None
    for boxes, scores, masks, promised in zip(
        *(each.numpy() for each in (seen.boxes, seen.scores, seen.masks)), expected, strict=True
    ):
        found, places = suppressed(boxes, scores, Suppression())
        told = Found(*(promised[name].numpy() for name in ("boxes", "scores", "labels")))
        again = matched(told._replace(classes=told.classes - 1), found, least=0.999)
        assert len(again) > 10
        assert (again >= 0).all()
        own = torch.from_numpy(masks[places[again]])[:, None]
        drawn = paste_masks_in_image(own, promised["boxes"], (SIDE, SIDE))
        torch.testing.assert_close(drawn, promised["masks"], rtol=1e-3, atol=1e-3)


def test_instances_are_a_task_by_name() -> None:
    """It is asked for as instances or as detection; a detector of boxes is no answer to it."""
    assert algorithm_for("instances", None) == "mask-rcnn"
    assert algorithm_for("inst", "mask-rcnn") == "mask-rcnn"
    assert algorithm_for("detect", "mask-rcnn") == "mask-rcnn"
    with pytest.raises(UsageError, match="ssd is for detection, and the task is instances"):
        algorithm_for("instances", "ssd")
