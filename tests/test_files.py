"""Names of files."""

from casgan_jax.files import unique_names


def test_names_never_meet():
    assert unique_names(["a", "b", "a", "a_1"]) == ["a_2", "b", "a_3", "a_1"]
