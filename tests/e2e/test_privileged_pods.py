"""The sandbox's API server takes what other clusters take."""

from collections.abc import Callable


def test_a_privileged_pod_is_accepted(cluster: Callable[..., str]):
    image = "arisu1000/simple-container-app:v0.1"
    asked = ["run", "privileged", f"--image={image}", "--privileged", "--dry-run=server", "--output=name"]
    assert cluster(*asked).strip() == "pod/privileged"
