"""Strategies for the texts and moments that a hostile user chooses."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.properties.fields import PERSON_FIELDS, TEXTS, Field

HOSTILE = (
    "",
    'O\'Neil & Söhne "GmbH"',
    "<b>bold</b><script>1</script>",
    "=1+1;'--",
    "😀🎈 Grüße",
    "שלום עולם",
    " leading",
    "trailing ",
    "%_[a]#?&=+/\\",
    "null",
    "ß",
)

ALPHABET = st.sampled_from("aAbZ09 'é<&😀ש%")


def texts(
    fields: tuple[Field, ...] = TEXTS,
) -> st.SearchStrategy[tuple[str, str]]:
    """Draw a text field's BC name and a value that may fill the longer side."""
    field = st.sampled_from(fields)
    value = st.one_of(
        st.sampled_from(HOSTILE),
        st.text(ALPHABET, max_size=12),
        st.builds(
            lambda letter, size: letter * size,
            st.sampled_from("x😀é"),
            st.integers(20, 260),
        ),
    )
    return st.tuples(field, value).map(lambda drawn: (drawn[0].bc, drawn[1]))


def person_texts() -> st.SearchStrategy[tuple[str, str]]:
    """Draw the same for a person; nobody is without a surname."""
    return texts(PERSON_FIELDS).filter(
        lambda drawn: drawn[0] != "surname" or bool(drawn[1].strip())
    )


PAUSES = st.sampled_from((0.0, 0.0, 0.4, 1.0, 90.0))
SKEWS = st.sampled_from((0, 0, 300, -300, 17))
