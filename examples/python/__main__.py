"""Two releases in one namespace. Each has a manifest of its own; other stacks find them by the outputs."""

import pulumi

from canary_release import CanaryRelease, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()
shop = CanaryRelease(
    "shop",
    {
        "manifest": "shop.yaml",
        "namespace": config.require("namespace"),
        "stable_version": config.require("shopStable"),
        "canary_version": config.require("shopCanary"),
        "canary_replicas": config.require_int("shopCanaryReplicas"),
    },
)
search = CanaryRelease(
    "search",
    {
        "manifest": "search.yaml",
        "namespace": config.require("namespace"),
        "stable_version": config.require("searchStable"),
    },
)
for name, release in (("shop", shop), ("search", search)):
    pulumi.export(
        name, {"namespace": release.namespace, "service": release.service_names[0], "share": release.canary_share}
    )
