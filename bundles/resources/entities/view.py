"""`View`: an action whose type says that it returns entities, and that sends their views."""

from types import GenericAlias, NoneType
from typing import Any, Union, get_args, get_origin

import attrs

from rxkernel import ReturnMarker
from rxkernel.routing.annotations import UNIONS


@attrs.frozen
class View(ReturnMarker):
    """``-> Annotated[Article, View(ArticleView)]`` sends the same as ``-> ArticleView``, but for a
    type checker the action returns an `Article`.

    In a list, a `Slice` or an optional type it replaces the class of the items:
    ``Annotated[list[Article], View(ArticleView)]`` sends a list of views.
    """

    type: Any

    def sent_type(self, declared: Any) -> Any:
        origin, parts = get_origin(declared), get_args(declared)
        if not parts:
            return declared if declared in (None, NoneType) else self.type
        if origin in UNIONS:
            return Union[tuple(map(self.sent_type, parts))]  # noqa: UP007 - of a variable
        return GenericAlias(origin, (*parts[:-1], self.sent_type(parts[-1])))
