"""The canary release of one stack: its config becomes the release, the release's figures become stack outputs."""

import pulumi

from components import CanaryRelease, end_quietly_on_interrupt
from components.exposure import percentage
from components.problems import config_keys
from preflight import preflight
from proof import proof
from settings import read_settings

end_quietly_on_interrupt()

settings, spelling = read_settings(), config_keys(pulumi.get_stack())
hooks = pulumi.ResourceHookBinding.merge(proof(settings.proven_in, spelling), preflight(spelling))
options = pulumi.ResourceOptions(protect=settings.protect, hooks=hooks)

# A constant: child names hang on it, so that a changed `name` is a change of the release and not another one.
release = CanaryRelease(
    "release",
    settings.release,
    options,
    spelling=spelling,
    gates=settings.gates,
    evidence_folder=settings.evidence_folder,
)

pulumi.export("stableVersion", release.stable_version)
pulumi.export("stableReplicas", release.stable_replicas)
pulumi.export("canaryVersion", release.canary_version)
pulumi.export("canaryReplicas", release.canary_replicas)
pulumi.export("canaryShare", release.canary_share.apply(percentage))
pulumi.export("totalPods", release.total_pods)
pulumi.export("namespace", release.namespace)
pulumi.export("serviceName", release.service_name)
pulumi.export("nodePort", release.node_port)
pulumi.export("selector", release.selector)
