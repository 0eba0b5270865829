"""COCO instances: one annotation for each segment and plane, its mask in COCO's own RLE.

COCO's RLE is not DICOM's: it counts pixels down the columns, and its counts are text. pycocotools makes it.
Ids are made of what they name, so that a case that is added twice is there once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from SegRLEExportLib.errors import MissingLibraryError, UnusableCocoFileError
from SegRLEExportLib.files.strict_json import ChangedJsonError, read_json
from SegRLEExportLib.model.segmentation import Segment, Segmentation
from SegRLEExportLib.model.terminology import Code
from SegRLEExportLib.planes.sampling import SampledLayer

_KEYS = {"images": ("id",), "annotations": ("image_id", "category_id"), "categories": ("id",)}
"""The lists of a file, and what each entry names others by, or is named by."""

_ID_BITS = 52
"""JSON numbers are exact up to 53 bits in every program."""

_CASE = "series_instance_uid"


@dataclass(frozen=True)
class CocoImage:
    """One image plane of the series."""

    sop_instance_uid: str
    frame_number: int | None
    """Of an instance with several frames, from 1."""
    file_name: str
    rows: int
    columns: int
    is_there: bool = True
    """Whether that file is known to be there, and not only called after the image's UID."""


@dataclass(frozen=True)
class Replaced:
    """What a case took the place of, without what it brings again."""

    images: tuple[str, ...]
    """File names of the images whose annotations are gone."""
    annotations: int
    categories: tuple[str, ...]
    """Names of the categories that went with them: ours, and used by nothing else."""


def read_coco(path: Path) -> dict[str, Any]:
    """Return the instances of a file, or none if it is not there; raise `UnusableCocoFileError`."""
    if not path.exists():
        return {"info": {"description": "DICOM segmentations"}, **{name: [] for name in _KEYS}}
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except ChangedJsonError as error:
        raise UnusableCocoFileError(path, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise UnusableCocoFileError(path, "it is not JSON") from error
    if not isinstance(content, dict):
        raise UnusableCocoFileError(
            path, "it is JSON, but not a COCO file, which has lists of images, annotations and categories"
        )
    missing = [name for name in _KEYS if not isinstance(content.get(name), list)]
    if missing:
        lists = "list" if len(missing) == 1 else "lists"
        raise UnusableCocoFileError(path, f"it has no {lists} of {', '.join(missing)}, which a COCO file needs")
    for name, keys in _KEYS.items():
        for number, one in enumerate(content[name], start=1):
            known = one if isinstance(one, dict) else {}
            lacking = next((key for key in keys if not isinstance(known.get(key), (int, str))), "")
            if lacking:
                raise UnusableCocoFileError(path, f"entry {number} of its list {name} has no {lacking}")
    return content


def with_case(
    content: Mapping[str, Any],
    segmentation: Segmentation,
    layers: Sequence[SampledLayer],
    images: Sequence[CocoImage],
    series_instance_uid: str,
) -> tuple[dict[str, Any], Replaced]:
    """Return the instances with those of one more case, and what it replaced: what was there of the same series.

    `layers` are those of the segmentation on the planes of `images`.
    """
    entries = [_image(image, series_instance_uid) for image in images]
    _keep_names(entries, images, content)
    gone = {one["id"] for one in content["images"] if one.get(_CASE) == series_instance_uid}
    gone |= {entry["id"] for entry in entries}
    own = [_category(segment) for segment in segmentation.segments]
    added = list(_annotations(segmentation, layers, images, entries, [category["id"] for category in own]))
    annotations = [*(one for one in content["annotations"] if one["image_id"] not in gone), *added]
    categories = {one["id"]: one for one in [*content["categories"], *own]}
    unused = _unused(content, gone, {one["category_id"] for one in annotations} | {one["id"] for one in own})
    with_new = {
        **content,
        "images": [*(one for one in content["images"] if one["id"] not in gone), *entries],
        "annotations": annotations,
        "categories": [one for one in categories.values() if one["id"] not in unused],
    }
    return with_new, _replaced(content, gone, added, tuple(categories[one]["name"] for one in unused))


def _keep_names(entries: Sequence[dict[str, Any]], images: Sequence[CocoImage], content: Mapping[str, Any]) -> None:
    """Let images whose files are not known this time be named as the file named them before."""
    before = {one["id"]: one.get("file_name") for one in content["images"]}
    for entry, image in zip(entries, images):
        if not image.is_there and before.get(entry["id"]):
            entry["file_name"] = before[entry["id"]]


def _unused(content: Mapping[str, Any], gone: Collection[int], used: Collection[int]) -> list[int]:
    """Return the ids of the categories that annotations of the images in `gone` alone had, and that we made.

    Whether a category is ours its id tells, which is made of its name and codes: what somebody put in by hand stays.
    """
    left = {one["category_id"] for one in content["annotations"] if one["image_id"] in gone} - set(used)
    return [
        one["id"]
        for one in content["categories"]
        if one["id"] in left and one["id"] == _category_id(str(one.get("name", "")), one.get("codes", {}))
    ]


def _replaced(
    content: Mapping[str, Any], gone: Collection[int], added: Sequence[Mapping[str, Any]], categories: tuple[str, ...]
) -> Replaced:
    again = {_mask_key(one) for one in added}
    lost = [one for one in content["annotations"] if one["image_id"] in gone and _mask_key(one) not in again]
    names = {one["id"]: str(one.get("file_name", one["id"])) for one in content["images"]}
    images = dict.fromkeys(names.get(one["image_id"], str(one["image_id"])) for one in lost)
    return Replaced(tuple(images), len(lost), categories)


def _mask_key(annotation: Mapping[str, Any]) -> str:
    """Return what tells annotations apart that show another image, category or mask."""
    return json.dumps([annotation.get(key) for key in ("image_id", "category_id", "segmentation")], sort_keys=True)


def _image(image: CocoImage, series_instance_uid: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": _id("image", image.sop_instance_uid, str(image.frame_number or "")),
        "file_name": image.file_name,
        "width": image.columns,
        "height": image.rows,
        "sop_instance_uid": image.sop_instance_uid,
        _CASE: series_instance_uid,
    }
    if image.frame_number is not None:
        entry["frame_number"] = image.frame_number
    return entry


def _category(segment: Segment) -> dict[str, Any]:
    """Return the category of a segment; segments of other cases that are called and coded the same have it too."""
    meant = segment.terminology
    codes = {"category": _code(meant.category), "type": _code(meant.type)} if meant else {}
    if meant and meant.type_modifier:
        codes["modifier"] = _code(meant.type_modifier)
    return {
        "id": _category_id(segment.name, codes),
        "name": segment.name,
        "supercategory": meant.category.meaning if meant else "",
        "color": [round(255 * part) for part in segment.color_rgb],
        **({"codes": codes} if codes else {}),
    }


def _category_id(name: str, codes: Any) -> int:
    return _id("category", name, json.dumps(codes, sort_keys=True))


def _code(code: Code) -> dict[str, str]:
    return {"scheme": code.scheme, "value": code.value, "meaning": code.meaning}


def _annotations(
    segmentation: Segmentation,
    layers: Sequence[SampledLayer],
    images: Sequence[CocoImage],
    entries: Sequence[Mapping[str, Any]],
    category_ids: Sequence[int],
) -> Iterator[dict[str, Any]]:
    mask_tools = _mask_tools()
    for plane, (image, entry) in enumerate(zip(images, entries)):
        for position, segment in enumerate(segmentation.segments):
            region = layers[segment.layer_index].region(plane)
            if region is None:
                continue
            part = region.labels == segment.layer_value
            if not part.any():
                continue
            mask = np.zeros((image.rows, image.columns), np.uint8, order="F")
            rows, columns = part.shape
            mask[region.first_row :, region.first_column :][:rows, :columns] = part
            encoded = mask_tools.encode(mask)
            yield {
                "id": _id("annotation", str(entry["id"]), segment.id, str(position)),
                "image_id": entry["id"],
                "category_id": category_ids[position],
                "segmentation": {"size": [image.rows, image.columns], "counts": encoded["counts"].decode("ascii")},
                "area": int(mask_tools.area(encoded)),
                "bbox": [float(value) for value in mask_tools.toBbox(encoded)],
                "iscrowd": 0,
            }


def masks_in(content: Mapping[str, Any], image: CocoImage) -> Iterator[tuple[int, Any]]:
    """Yield the category and the mask (rows, columns) of each annotation of an image, as pycocotools decodes it."""
    mask_tools = _mask_tools()
    image_id = _id("image", image.sop_instance_uid, str(image.frame_number or ""))
    for one in content["annotations"]:
        if one["image_id"] == image_id:
            yield one["category_id"], mask_tools.decode(one["segmentation"])


def category_id_of(segment: Segment) -> int:
    """Return the id of the category of a segment."""
    return int(_category(segment)["id"])


def _id(*words: str) -> int:
    digest = hashlib.sha256("\0".join(words).encode("utf-8", errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _ID_BITS)


def _mask_tools() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingLibraryError("pycocotools", "write COCO files", "Install it: pip install pycocotools.") from error
    return mask
