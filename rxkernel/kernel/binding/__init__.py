"""Typed actions: from a request to arguments, and from what an action returns to what it declares.

`arguments` and `body_arguments` find the raw values; `validation` turns each into its type, in C
where all is well (`defaults` and `words` do what msgspec does not). Why one does not fit is told
by `nodes` and `class_nodes`, made once per type by `node_reader` with what `constructors` take,
as `misfits`. `shaping` goes the other way: by `returns`, and without `strays`; what is `passing`
leaves as it is.
"""
