"""The examples in Python: two releases in one namespace, and a stack that reads where they are."""

from collections.abc import Callable
from pathlib import Path

from project import Stack

from tests.package import install


def test_a_consumer_reads_the_outputs_of_a_stack_with_two_releases(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        shops = Stack.example(tmp_path, name, "python")
        shops.environment["PYTHONPATH"] = str(install(tmp_path / "package"))
        shops.up()
        assert shops.outputs() == {
            "shop": {"namespace": name, "service": "shop", "share": 33.3},
            "search": {"namespace": name, "service": "search", "share": 0},
        }
        assert len(shops.endpoints("shop")) == 3
        assert len(shops.endpoints("search")) == 2

        consumer = shops.elsewhere(shops.folder.parent / "python-consumer")
        consumer.good("pulumi", "stack", "init", "dev", "--no-select")
        consumer.configure(namespace=name)
        consumer.up()
        assert consumer.get("configmap", "addresses")["data"] == {"shop": f"http://shop.{name}:8080"}
        answer = shops.kubectl("get", "--raw", f"/api/v1/namespaces/{name}/services/shop:8080/proxy/")
        assert answer.split()[0] in ("v0.1", "v0.2")
