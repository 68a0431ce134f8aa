"""Commands that list what there is: models, cache, doctor."""

from typing import TYPE_CHECKING, Any

from keras_cxr._support.quiet import import_keras_quietly
from keras_cxr.cli.common import AsJson, print_notes, print_result, print_text

if TYPE_CHECKING:
    from keras_cxr.data.caching.cache import CacheInfo


def models(*, as_json: AsJson = False) -> None:
    """List the models with their sizes.

    Example: `keras-cxr models`

    Args:
        as_json: Print the list as JSON.
    """
    import_keras_quietly()
    from keras_cxr.errors import InvalidArgumentError
    from keras_cxr.models import list_models, model_info

    rows: list[dict[str, Any]] = []
    for name in list_models():
        try:
            row = model_info(name)
        except InvalidArgumentError as error:  # somebody else's package is broken
            print_notes([str(error)])
            continue
        rows.append(
            {
                "name": row.name,
                "parameters": row.parameters,
                "input_shape": row.input_shape,
                "smallest_size": row.smallest_size,
                "reference": row.reference,
            }
        )
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'name':{width}} {'parameters':>11}  {'input':15} {'smallest':9} reference"]
    for found in rows:
        count, size = found["parameters"], found["smallest_size"]
        parameters = "-" if count is None else f"{count:,}"
        smallest = "-" if size is None else f"{size} x {size}"
        shape = " x ".join(map(str, found["input_shape"]))
        lines.append(
            f"{found['name']:{width}} {parameters:>11}  {shape:15} {smallest:9} "
            f"{found['reference']}".rstrip()
        )
    print_result({"models": rows}, as_json, "\n".join(lines))


def doctor(*, as_json: AsJson = False) -> int:
    """Tell what is installed, whether it works, and what the hardware gives.

    Exits with 1 where something that is needed is missing or broken.

    Example: `keras-cxr doctor`

    Args:
        as_json: Print it as JSON.
    """
    from keras_cxr.installation.describe import describe_installation

    found = describe_installation()
    print_result(found.to_dict(), as_json, str(found))
    return 0 if found.works else 1


def list_cache() -> None:
    """List the caches of decoded images with their sizes."""
    from keras_cxr.data.caching.cache import default_cache_dir, list_caches

    caches = list_caches()
    for cache in caches:
        height, width = cache.image_size
        size = f"{height} x {width}, {_megabytes(cache):,.0f} MB"
        print_text(f"{cache.num_images:>9,} images, {size}: {cache.source}")
    print_text(f"{_count(caches)} in {default_cache_dir()}")


def clear_cache() -> None:
    """Delete every cache of decoded images; they are made again when needed."""
    from keras_cxr.data.caching.cache import clear_caches

    deleted = clear_caches()
    print(f"Deleted {_count(deleted)} ({sum(map(_megabytes, deleted)):,.0f} MB).")


def _megabytes(cache: "CacheInfo") -> float:
    return cache.num_bytes / 1e6


def _count(caches: "list[CacheInfo]") -> str:
    return f"{len(caches)} cache" + ("" if len(caches) == 1 else "s")
