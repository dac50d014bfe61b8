"""The canary release of one stack: its config becomes the release, the release's figures become stack outputs."""

import pulumi

from canary_release import CanaryRelease, end_quietly_on_interrupt
from canary_release.model.share import percentage
from canary_release.text.spelling import config_keys
from stack.settings import read_settings

end_quietly_on_interrupt()

settings = read_settings()

# The Pulumi name is a constant. The names of the children contain it: if the Deployment's name changes, the release
# sees a change of its own, and not another release.
release = CanaryRelease(
    "release",
    settings.arguments,
    pulumi.ResourceOptions(protect=settings.protect),
    spelling=config_keys(pulumi.get_stack(), pulumi.get_project()),
    parsed=settings.parsed,
)

pulumi.export("stableVersion", release.stable_version)
pulumi.export("stableReplicas", release.stable_replicas)
pulumi.export("canaryVersion", release.canary_version)
pulumi.export("canaryReplicas", release.canary_replicas)
pulumi.export("canaryShare", release.canary_share.apply(percentage))
pulumi.export("totalPods", release.total_pods)
pulumi.export("namespace", release.namespace)
pulumi.export("serviceNames", release.service_names)
pulumi.export("nodePort", release.node_port)
pulumi.export("selector", release.selector)
