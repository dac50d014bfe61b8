"""A stack that reads where another stack's releases are, and writes it where its own pods read it."""

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

config = pulumi.Config()
shops = pulumi.StackReference(config.require("shops"))
shop = shops.require_output("shop")
address = pulumi.Output.concat("http://", shop["service"], ".", shop["namespace"], ":8080")
ConfigMap(
    "addresses",
    metadata={"name": "addresses", "namespace": config.require("namespace")},
    data={"shop": address},
)
pulumi.export("shop", address)
