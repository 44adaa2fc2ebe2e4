"""A task as it travels to a node: as code, for the node may have no Sightserve, and can say so."""

from collections.abc import Callable, Iterator
from typing import Any


def classifying() -> Callable[..., Iterator[Any]]:
    """Return what classifies a shard on a node; a function inside another is what Ray sends whole."""

    def work(version: str, token: str, kit: list[Any], packed: bytes) -> Iterator[Any]:
        import platform  # noqa: PLC0415

        import ray  # noqa: PLC0415

        try:
            import sightserve  # noqa: PLC0415
            from sightserve.batch import on_node  # noqa: PLC0415
        except ImportError as exc:
            yield {
                "failed": f"{platform.node()}, a node of the cluster, lacks Sightserve or its extras backend and batch: {exc}"
            }
            return
        if sightserve.__version__ != version:
            has = sightserve.__version__
            yield {"failed": f"{platform.node()}, a node of the cluster, has Sightserve {has}, and this is {version}"}
            return
        yield {"node": ray.get_runtime_context().get_node_id()}
        yield from on_node.classify(token, lambda: ray.get(kit[0]), packed)

    return work


def last_of(work: Callable[..., Iterator[Any]]) -> Callable[..., Any]:
    """Return the same as a task that has one answer."""

    def last(*words: Any) -> Any:  # noqa: ANN401
        return list(work(*words))[-1]

    return last
