"""Generated values of config: what people write, and what nobody does."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from canary_release.model.contract import CanaryReleaseArgs
from canary_release.text.spelling import camel
from stack.arguments import STACK_KEYS

KEYS = sorted({*map(camel, CanaryReleaseArgs.__annotations__), *STACK_KEYS})

texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["v0.2", "v0.3", "app.yaml", "1", "true", "{}", "[", "sha256:ab", "dev", "a/b/dev", "http://p"]),
)
numbers = st.one_of(st.integers(-3, 1200), st.integers(), st.floats())
scalars: st.SearchStrategy[Any] = st.one_of(texts, numbers, st.booleans(), st.none(), st.dates(date(1, 1, 1)))
patches = st.fixed_dictionaries(
    {"kind": st.sampled_from(["Deployment", "Service", "deployment", ""])},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"name": texts, "labels": st.dictionaries(texts, scalars)}),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "replicas": scalars,
                "template": st.fixed_dictionaries(
                    {"spec": st.fixed_dictionaries({"containers": st.lists(st.dictionaries(texts, scalars))})}
                ),
                "ports": st.lists(st.dictionaries(st.sampled_from(["port", "nodePort", "name"]), scalars), max_size=2),
            },
        ),
    },
)
values: st.SearchStrategy[Any] = st.one_of(
    scalars,
    patches,
    st.lists(patches, max_size=2),
    st.recursive(
        scalars, lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(texts, below, max_size=3))
    ),
)
