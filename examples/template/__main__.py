"""One release: app.yaml says what the application is, the stack file says which versions run."""

import pulumi

from canary_release import CanaryRelease, CanaryReleaseArgs, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()
args: CanaryReleaseArgs = {
    "manifest": "app.yaml",
    "namespace": config.require("namespace"),
    "stable_version": config.require("stableVersion"),
    "stable_replicas": config.require_int("stableReplicas"),
}
if canary_version := config.get("canaryVersion"):
    args["canary_version"] = canary_version
    args["canary_replicas"] = config.require_int("canaryReplicas")
release = CanaryRelease("release", args)
pulumi.export("canaryShare", release.canary_share)
