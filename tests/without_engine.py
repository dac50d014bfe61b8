"""What the program makes of stack dev without the engine: prints the objects, and the seconds of
processor time.

The config is in the environment, as a language host hands it over; the files are in the working folder.
"""

import json
import time

# What every program imports is no share of this one.
from pulumi.runtime import settings as runtime

runtime.configure(runtime.Settings(project="canary", stack="dev", organization="organization"))
began = time.process_time()

from canary_release.hooks.claims import claim  # noqa: E402
from canary_release.model.objects import manifests  # noqa: E402
from canary_release.model.release import Release  # noqa: E402
from canary_release.text.announcement import announcement  # noqa: E402
from canary_release.text.spelling import config_keys  # noqa: E402
from canary_release.update.rules import broken_rules  # noqa: E402
from canary_release.update.update import Update  # noqa: E402
from stack.settings import read_settings  # noqa: E402

imported = time.process_time()
release = read_settings().parsed.release
claim("release", release, None, config_keys("dev"))
old = Release.of_inputs(release.inputs())
assert broken_rules(old, release) == []
announcement(Update(old, release))
made = list(manifests(release).values())
seconds = {"import of its modules": imported - began, "config, checks, rules, objects": time.process_time() - imported}
print(json.dumps({"seconds": seconds, "items": made}))
