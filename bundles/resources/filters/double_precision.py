"""Reads a column of single precision with all digits, in MariaDB."""

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DoublePrecision(FunctionElement[float]):
    """``DoublePrecision(column)``: a FLOAT with all its digits.

    MariaDB returns six digits of a FLOAT, but compares it with more. So a row could come after the
    cursor that was made from it. In the other databases, a FLOAT has double precision.
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
