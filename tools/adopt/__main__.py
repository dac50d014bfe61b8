"""Makes a release of a Deployment that runs: writes manifest and stack file, and tells what changes.

GO=yes carries it out; without it nothing changes in the cluster. What was interrupted goes on by the same command.
"""

import argparse
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from canary_release.hooks.cluster import Cluster
from canary_release.hooks.kubectl import KubectlError, kubectl
from canary_release.model.parsing import Parsed
from canary_release.model.tree import Object
from canary_release.text.report import report
from canary_release.text.spelling import config_keys
from canary_release.update.live import controller
from stack.context import CONTEXT, KUBECONFIG, context_problems
from stack.files import project_name, read_config, stack_file
from stack.settings import deployable
from stack.siblings import declared_in
from tools.hold import only_one
from tools.pulumi import Pulumi, PulumiError

from .adoption import Adoption
from .files import manifest_text, stack_text, write
from .live import application_of, deployment_of, is_in_place, refusals, selecting
from .namespace import AdoptionError, Namespace
from .told import adopting, told


def adopt(name: str, namespace: str, stack: str, go: bool) -> None:
    """Does what the module says. Raises `ValueError` where it cannot go on."""
    file = stack_file(stack)
    if not (was_there := file.exists()):
        write_files(name, namespace, stack)
    cluster, parsed = declared_by(stack)
    release = parsed.release
    if release.name != name:
        raise AdoptionError(f"{file} declares {release.name}, and not {name}: name another stack, STACK=<name>")
    if namespace not in ("", release.namespace):
        raise AdoptionError(f"{file} declares it in namespace {release.namespace}, and not in {namespace}")
    if was_there:
        print(f"{file} is there and is taken as it is; delete it to have it written anew")
    there, command = Namespace(cluster, release.namespace), f"make adopt NAME={name} STACK={stack} GO=yes"
    if go:
        with under_way(stack) as is_resumed:
            adoption = Adoption(there, release, lambda: update(Pulumi(stack), is_resumed), time.sleep)
            for step in adoption.run():
                print(step, flush=True)
        return
    if marker(stack).exists():
        raise AdoptionError(f"its adoption has not ended; to go on: {command}")
    deployment = deployment_of(there, name)
    print(told(parsed, adopting(there, release, deployment), is_in_place(release, deployment)))
    if reason := next(refusals(there, deployment), None):
        raise AdoptionError(reason)
    print(f"to do it: {command}")


def write_files(name: str, namespace: str, stack: str) -> None:
    """Writes the manifest of what runs, and the stack file of a release that runs it."""
    try:
        context = kubectl("config", "current-context").strip()
    except KubectlError as error:
        raise AdoptionError(f"{error}; in the sandbox: `. .sandbox/env`") from None
    if not namespace:
        namespace = kubectl("config", "view", "--minify", "--output", "jsonpath={..namespace}") or "default"
    there = Namespace(Cluster(None, context), namespace)
    deployment = deployment_of(there, name)
    application = application_of(there, deployment, own_services(there, deployment))
    manifest = manifest_text([application.deployment, *application.services])
    # Stacks that run the same share one file.
    shared, own = Path(f"{name}.yaml"), Path(f"{name}-{stack}.yaml")
    path = shared if says(shared, manifest) else own
    config = stack_text(project_name(), there, application, path)
    print(write(path, manifest))
    print(write(stack_file(stack), config))


def own_services(there: Namespace, deployment: Object) -> list[Object]:
    """The Services that become the release's. Raises `AdoptionError` if another stack has the Deployment."""
    name = deployment["metadata"]["name"]
    services = selecting(there, deployment)
    titles = [("Deployment", name), *(("Service", each["metadata"]["name"]) for each in services)]
    others = declared_in(titles, there.name, there.cluster.context)
    keepers = {title: config.file for config, same in others for title in same}
    if file := keepers.get(f"Deployment {name}"):
        raise AdoptionError(f"{file} declares it: use its stack, or delete that file, if the stack is gone")
    found: list[Object] = []
    for each in services:
        title = f"Service {each['metadata']['name']}"
        owner = controller(each)
        if keeper := keepers.get(title) or (owner and f"{owner['kind']} {owner['name']}"):
            print(f"{title} stays that of {keeper}")
        else:
            found.append(each)
    return found


def says(path: Path, text: str) -> bool:
    """Whether the file does not exist, or holds this text."""
    return not path.exists() or path.read_text(encoding="utf-8") == text


def marker(stack: str) -> Path:
    """The file that exists from the beginning of an adoption to its end."""
    return Path(f".adopting-{stack}")


@contextmanager
def under_way(stack: str) -> Generator[bool]:
    """Holds the stack during an adoption. Yields whether one was killed: its lock may be left."""
    with only_one(stack):
        is_resumed = marker(stack).exists() and not marker(stack).read_text()
        marker(stack).write_text("")
        try:
            yield is_resumed
        except PulumiError:  # The engine has ended by itself: what is locked now is not ours.
            marker(stack).write_text("no update runs")
            raise
        marker(stack).unlink()


def update(pulumi: Pulumi, is_resumed: bool) -> None:
    """Updates the stack. `is_resumed`: an update was killed. Then its lock is dropped, and its objects are found."""
    pulumi.attempt("stack", "init", "--no-select")
    if is_resumed:
        pulumi.attempt("cancel", "--yes")
        pulumi.run("refresh", "--clear-pending-creates", "--yes", "--skip-preview")
    pulumi.run("up", "--yes", "--skip-preview")


def declared_by(stack: str) -> tuple[Cluster, Parsed]:
    """Cluster and release of a stack file. Raises `ValueError` with all that is wrong with it."""
    config = read_config(stack)
    settings = deployable(config)
    problems = [*(settings if isinstance(settings, list) else ()), *context_problems(config)]
    if problems or isinstance(settings, list):
        raise AdoptionError(report(f"{config.file} is invalid", problems, config_keys(stack, config.project)))
    return Cluster(config.values.get(KUBECONFIG), config.values[CONTEXT]), settings.parsed


def main() -> None:
    """Adopts. Exits with 1 if that is not possible, or not further."""
    parser = argparse.ArgumentParser(prog="make adopt", description=__doc__)
    parser.add_argument("name", help="NAME: the Deployment")
    parser.add_argument("--namespace", default="", help="NAMESPACE (default: that of kubectl's context)")
    parser.add_argument("--stack", default="dev", help="STACK: the stack whose file is written (default: %(default)s)")
    parser.add_argument("--go", action="store_true", help="GO=yes: carry it out")
    asked = parser.parse_args()
    if not asked.name:
        parser.error("which Deployment? NAME=<name>")
    try:
        adopt(asked.name, asked.namespace, asked.stack, asked.go)
    except ValueError as error:
        sys.exit(f"error: Deployment {asked.name} is not adopted: {error}")
    except KeyboardInterrupt:
        sys.exit("\ninterrupted: run the same command again, it continues from here")


if __name__ == "__main__":
    main()
