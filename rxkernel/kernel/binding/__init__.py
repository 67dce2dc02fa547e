"""Typed actions: from a request to arguments, and from a returned value to its declared type.

- `arguments`, `body_arguments` and `late_arguments` read the arguments of a request.
- `validator` converts one raw value; `validation_errors` collects the errors of a request.
- `schema_reader` reads a type at boot, with the help of `constructors` for its classes, into a
  `schema`: a `scalar`, one of the `containers`, a `model` or a `union`.
- `class_errors` decides what a client gets of an exception of a class; `attrs_validators` reads
  the rules of attrs.
- `response_shape` converts what an action returns to its annotation (`return_types`), without
  `extra_attributes`; `completion` finishes the instances that msgspec made.
"""
