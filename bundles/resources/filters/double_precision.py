"""A column of single precision, as MariaDB compares it."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DoublePrecision(FunctionElement[float]):
    """``DoublePrecision(column)``: a FLOAT with all its digits.

    MariaDB returns six digits of a FLOAT, but compares it with more, so a row could come after a
    cursor that was made of it. The other databases have no FLOAT of single precision.
    """

    name = "double_precision"
    inherit_cache = True
    type = Double()


@compiles(DoublePrecision)
def _column(element: DoublePrecision, compiler: Any, **arguments: Any) -> str:
    text: str = compiler.process(element.clauses, **arguments)
    return text


@compiles(DoublePrecision, "mysql", "mariadb")
def _cast(element: DoublePrecision, compiler: Any, **arguments: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **arguments)} AS DOUBLE)"
