"""Sections of docstrings; a section with a wrong form stays text."""

from inspect import cleandoc

from bundles.apidocs.docstrings import Docstring


def parsed(text: str) -> Docstring:
    return Docstring.parse(cleandoc(text))


def test_docstring_with_all_sections_is_read() -> None:
    found = parsed(
        """Rename a task.

        It may be *done*.

        Args:
            id: which one,
                by its number.
            *names (str): others.

        Returns:
            The task.

        Raises:
            NotFoundException: there is none.
            a.ConflictException, GoneException: it was renamed.
            ForbiddenException

        Responses:
            202: later.

        Response headers:
            X-Count: how many.

        The end.
        """
    )

    assert (found.summary, found.description) == (
        "Rename a task.",
        "It may be *done*.\n\nThe end.",
    )
    assert found.parameters == {"id": "which one, by its number.", "names": "others."}
    assert found.returns == "The task."
    assert found.raises == {
        "NotFoundException": "there is none.",
        "a.ConflictException": "it was renamed.",
        "GoneException": "it was renamed.",
        "ForbiddenException": "",
    }
    assert found.responses == {202: "later."}
    assert found.headers == {"X-Count": "how many."}


def test_docstring_summary_is_the_first_paragraph() -> None:
    found = parsed(
        """Rename a task, and
        all that it has.
        Args:
            id: which one.

        More.
        """
    )

    assert found.summary == "Rename a task, and all that it has."
    assert found.parameters == {"id": "which one."}
    assert found.description == "More."


def test_docstring_that_begins_with_a_section_has_no_summary() -> None:
    found = parsed(
        """
        Args:
            id: which one.
        """
    )

    assert (found.summary, found.description) == ("", "")
    assert found.parameters == {"id": "which one."}


def test_docstring_missing_is_empty() -> None:
    assert Docstring.parse(None) == Docstring.parse("") == Docstring()


def test_docstring_sections_that_are_text_stay_in_the_description() -> None:
    found = parsed(
        """Do it.

        Raises: what it wants.

        Raises:
            this is a sentence, no list of names

        Responses:
            many: none of them is a status

        Args:
        """
    )

    assert "Raises: what it wants." in found.description
    assert "this is a sentence, no list of names" in found.description
    assert "many: none of them is a status" in found.description
    assert "Args:" in found.description
    assert (found.raises, found.responses, found.parameters) == ({}, {}, {})
