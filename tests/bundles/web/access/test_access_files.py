"""Access files: their names, their types, and how those of a tree are merged."""

import pytest

from bundles.web.access.directory_access import DirectoryAccess
from tests.bundles.web.access.access_files import access_file, problems_of, tree_of


def test_access_file_values_are_read_with_lines() -> None:
    file = access_file("guests = False\n\ngroups = ['admin']\nauth = 'ada:secret'\n")

    assert file.values == {"guests": False, "groups": ["admin"], "auth": "ada:secret"}
    assert file.lines["groups"] == 3


def test_access_file_with_an_imported_value_uses_it() -> None:
    assert problems_of("from stat import ST_MODE as guests\n") != []


def test_access_file_constants_private_names_and_functions_are_ignored() -> None:
    text = "_x = 1\nLIMIT = 2\ndef make(): ...\nfrom os import environ\nhttp = False\n"

    assert access_file(text).values == {"http": False}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("guest = True\n", "guest is not known; did you mean guests?"),
        ("\nlogined = True\n", "logined is not known; did you mean logged?"),
        ("roles = []\n", "roles is not known; did you mean groups?"),
        ("qqq = 1\n", "qqq is not known; an access file may set guests, logged, http, https,"),
        ("guests = 'no'\n", "guests is 'no'; write True or False"),
        ("https = 1\n", "https is 1; write True or False"),
        ("def index(): ...\n", "index is <function index"),
        ("groups = 'admin'\n", "groups is 'admin'; write a list of roles"),
        ("groups = ['']\n", "groups has ''; write the name of a role, or 'local'"),
        ("groups = [7]\n", "groups has 7; write the name"),
        ("groups = ['Local']\n", "groups has 'Local'; did you mean 'local'?"),
        ("realm = ''\n", "realm is ''; write a text of ASCII"),
        ("realm = 'a\"b'\n", "realm is 'a\"b'; write a text"),
        ("realm = 'a\\nb'\n", "realm is 'a\\nb'; write a text"),
        ("realm = 'é'\n", "realm is 'é'; write a text"),
    ],
)
def test_access_file_unknown_name_or_type_is_a_problem(text: str, problem: str) -> None:
    (found,) = problems_of(text)

    assert found.startswith(problem)


@pytest.mark.parametrize("auth", ["'hunter2'", "':hunter2'", "'hunter2:'", "b'a:hunter2'"])
def test_access_file_wrong_auth_is_a_problem_without_the_password(auth: str) -> None:
    (text,) = problems_of(f"auth = {auth}\n")

    assert text.startswith("auth must be a text 'user:password'")
    assert "hunter2" not in text


def test_access_file_auth_with_line_break_is_a_problem() -> None:
    assert problems_of("auth = 'a:b\\nc'\n") != []


def test_access_password_is_in_no_representation() -> None:
    tree = tree_of({"": "auth = 'ada:hunter2'\n"})

    assert "hunter2" not in repr(access_file("auth = 'ada:hunter2'\n"))
    assert "hunter2" not in repr(tree)
    assert "hunter2" not in repr(tree.of_path("a"))


def test_access_tree_without_files_is_open() -> None:
    assert tree_of({}).of_path("a/b.txt") == DirectoryAccess()


def test_access_tree_nearest_value_is_used_for_each_key() -> None:
    tree = tree_of(
        {
            "": "guests = False\nindex = True\nrealm = 'all'\n",
            "a": "guests = True\n",
            "a/b/c": "https = False\n",
        }
    )

    assert tree.of_directory(()) == DirectoryAccess(guests=False, index=True, realm="all")
    assert tree.of_directory(("a", "b")) == DirectoryAccess(index=True, realm="all")
    deep = DirectoryAccess(index=True, realm="all", https=False)
    assert tree.of_directory(("a", "b", "c", "d")) == deep
    assert tree.of_path("a/b/c/x.txt") == deep
    assert tree.of_path("ab/x.txt") == tree.of_directory(())


def test_access_tree_groups_below_are_one_more_condition() -> None:
    """A child's list of groups must not admit roles that the parent refuses."""
    tree = tree_of({"": "groups = ['admin']\n", "a": "groups = ['editor', 'admin']\n"})

    both = (frozenset({"admin"}), frozenset({"editor", "admin"}))
    assert tree.of_directory(("a",)).groups == both
    assert tree.of_directory(("a",)).roles == {"admin", "editor"}


def test_access_tree_same_groups_below_are_one_condition() -> None:
    tree = tree_of({"": "groups = ['admin']\n", "a": "groups = ('admin',)\n"})

    assert tree.of_directory(("a",)).groups == (frozenset({"admin"}),)


def test_access_tree_empty_groups_below_remove_those_above() -> None:
    tree = tree_of({"": "groups = ['admin']\n", "a": "groups = []\n"})

    assert tree.of_directory(("a",)).groups == ()


def test_access_tree_auth_none_below_removes_password() -> None:
    tree = tree_of({"": "auth = 'a:b'\n", "open": "auth = None\n"})

    assert tree.of_path("open/x").auth is None
    assert tree.of_path("x").auth == "a:b"


def test_access_tree_path_in_other_case_has_the_same_access() -> None:
    """On a file system that ignores case, both are the same file."""
    tree = tree_of({"admin": "guests = False\n"})

    assert not tree.of_path("ADMIN/a.txt").guests


@pytest.mark.parametrize("path", ["/admin/y", "admin//y", "//admin//y", "admin/../y"])
def test_access_tree_path_with_dots_and_empty_parts_keeps_its_access(path: str) -> None:
    tree = tree_of({"admin": "guests = False\n"})

    assert not tree.of_path(path).guests


def test_access_tree_directories_that_differ_in_case_have_their_own_access() -> None:
    tree = tree_of({"a": "guests = False\n", "A": "index = True\n"})

    assert tree.of_path("A/x") == DirectoryAccess(index=True)
    assert tree.of_path("a/x") == DirectoryAccess(guests=False)


@pytest.mark.parametrize(
    ("files", "directory", "problem"),
    [
        ({"": "guests = False\nlogged = False\n"}, (), "guests and logged are False"),
        ({"": "guests = False\n", "a": "logged = False\n"}, ("a",), "guests and logged are False"),
        ({"a": "http = False\nhttps = False\n"}, ("a",), "http and https are False"),
        ({"": "logged = False\ngroups = ['x']\n"}, (), "logged is False, but only users have"),
    ],
)
def test_access_tree_directory_for_no_client_is_a_problem(
    files: dict[str, str], directory: tuple[str, ...], problem: str
) -> None:
    (found,) = tree_of(files).problems

    assert found.directory == directory
    assert found.text.startswith(problem)


def test_access_tree_role_outside_of_hierarchy_is_a_problem() -> None:
    tree = tree_of({"a": "\ngroups = ['local', 'admim', 'x']\n"}, roles=("admin", "editor"))

    first, second = tree.problems
    assert (first.directory, first.line) == (("a",), 2)
    assert first.text == (
        "groups has 'admim', which is not one of security.roles (admin, editor); did you mean "
        "'admin'?"
    )
    assert second.text.endswith("; add it there")
