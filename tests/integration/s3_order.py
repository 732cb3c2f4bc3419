# SPDX-License-Identifier: MIT
"""The elements of S3's answers, in the order of the API's model. s3_order.tsv holds those of the newest model that was looked at (the first
line says which): operation, path below the root, elements in their order, `*` after one that comes many times. `python3 s3_order.py` writes it
anew from the newest botocore on PyPI."""
import os
import sys

from s3_model import newest_model

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "s3_order.tsv")


def stored():
    """(what the table was made from, {(operation, path): [element or element*]})."""
    with open(STORED) as file:
        title, *rows = file.read().splitlines()
    return title.lstrip("# "), {tuple(cells[:2]): cells[2].split(",") for cells in (row.split("\t") for row in rows)}


def elements(model, shape):
    """(name, shape, whether it is a list without an element of its own) of each member that is an element."""
    for member, about in shape["members"].items():
        if "location" in about or about.get("xmlAttribute"):
            continue
        inner = model["shapes"][about["shape"]]
        yield about.get("locationName", member), inner, inner["type"] == "list" and (about.get("flattened") or inner.get("flattened", False))


def walk(model, operation, path, shape, rows):
    names = []
    for name, inner, is_flat in elements(model, shape):
        below = f"{path}/{name}".lstrip("./")
        names.append(name + "*" * is_flat)
        if inner["type"] == "list":
            item = model["shapes"][inner["member"]["shape"]]
            if not is_flat:
                rows[operation, below] = [inner["member"].get("locationName", "member") + "*"]
                below += "/" + inner["member"].get("locationName", "member")
            inner = item
        if inner["type"] == "structure" and inner.get("members") and (operation, below) not in rows and below.count("/") < 8:
            walk(model, operation, below, inner, rows)
    if names:
        rows[operation, path] = names


def of_model(model):
    rows = {}
    for operation, about in sorted(model["operations"].items()):
        shape = model["shapes"].get(about.get("output", {}).get("shape"))
        if shape is None:
            continue
        if "payload" in shape:
            shape = model["shapes"][shape["members"][shape["payload"]]["shape"]]
        if shape["type"] == "structure" and not shape.get("eventstream"):
            walk(model, operation, ".", shape, rows)
    return rows


if __name__ == "__main__":
    source, newest = newest_model()
    if newest is None:
        sys.exit(source)
    with open(STORED, "w") as out:
        out.write(f"# {source}\n" + "".join("\t".join((*where, ",".join(names))) + "\n" for where, names in sorted(of_model(newest).items())))
