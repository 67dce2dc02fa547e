"""Typed actions: from a request to arguments, and from a returned value to its declared type.

- `arguments`, `body_arguments` and `late_arguments` read the arguments of a request.
- `form_body` reads a form as a body; `nested_form` reads names that are paths (`form_names`);
  `json_values` reads the values of JSON parts.
- `validator` converts one raw value; `validation_errors` collects the errors of a request.
- `schema_reader` converts a type at boot to a `schema`: a `scalar`, one of the `containers`, a
  `model` or a `union`; with rules of `validated_by`, a `validated` one. `constructors` reads the
  parameters of its classes.
- `class_errors` converts exceptions of classes to errors for the client; `attrs_validators` reads
  the rules of attrs.
- `response_shape` converts the return value of an action to its annotation (`return_types`),
  without `extra_attributes`; `completion` completes instances that msgspec has created.
"""
