"""Templates of handler directories: Jinja2, and the notation of Impress, which is compiled to
it."""

from bundles.web.templates.template_error import TemplateError
from bundles.web.templates.template_file import TemplateFile
from bundles.web.templates.templates import Templates

__all__ = ["TemplateError", "TemplateFile", "Templates"]
