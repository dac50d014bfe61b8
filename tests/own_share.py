"""What the program makes of a stack's config, without the engine: prints the manifests, and the seconds it took."""

import json
import time

# What every program imports is no share of this one.
import pulumi_kubernetes.apps.v1
import pulumi_kubernetes.core.v1  # noqa: F401
from pulumi.runtime import settings as runtime

runtime.configure(runtime.Settings(project="canary", stack="dev"))
began = time.perf_counter()

import settings  # noqa: E402
from components import checks, claims  # noqa: E402
from components.objects import manifests  # noqa: E402
from components.problems import config_keys  # noqa: E402
from components.release import Release  # noqa: E402

imported = time.perf_counter()
args = settings.read_settings().release
assert not checks.problems(args)
release = Release.of(args)
claims.claim("release", release, None, config_keys("dev"))
release.inputs()
made = manifests(release)
seconds = {"import of its modules": imported - began, "config, checks and objects": time.perf_counter() - imported}
versions = {"Deployment": "apps/v1", "Service": "v1"}
items = [{"apiVersion": versions[kind], "kind": kind, **manifest} for (kind, _), manifest in made.items()]
print(json.dumps({"seconds": seconds, "items": items}))
