"""Two releases in one namespace. Each has a name and an app of its own; other stacks find them by the outputs."""

import pulumi
from canary_release import CanaryRelease, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()
shop = CanaryRelease(
    "shop",
    {
        "app": "shop",
        "name": "shop",
        "namespace": config.require("namespace"),
        "image": "arisu1000/simple-container-app",
        "stable_version": config.require("shopStable"),
        "canary_version": config.require("shopCanary"),
        "canary_replicas": config.require_int("shopCanaryReplicas"),
    },
)
search = CanaryRelease(
    "search",
    {
        "app": "search",
        "name": "search",
        "namespace": config.require("namespace"),
        "image": "arisu1000/simple-container-app",
        "stable_version": config.require("searchStable"),
    },
)
for name, release in (("shop", shop), ("search", search)):
    pulumi.export(
        name, {"namespace": release.namespace, "service": release.service_name, "share": release.canary_share}
    )
