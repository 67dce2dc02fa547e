"""Names of header fields, as `istr`: a multi-dict does not fold their case at each look-up."""

from multidict import istr

ACCEPT = istr("Accept")
ACCEPT_ENCODING = istr("Accept-Encoding")
CACHE_CONTROL = istr("Cache-Control")
CONNECTION = istr("Connection")
CONTENT_DISPOSITION = istr("Content-Disposition")
CONTENT_ENCODING = istr("Content-Encoding")
CONTENT_LANGUAGE = istr("Content-Language")
CONTENT_LENGTH = istr("Content-Length")
CONTENT_RANGE = istr("Content-Range")
CONTENT_TYPE = istr("Content-Type")
DATE = istr("Date")
ETAG = istr("ETag")
EXPECT = istr("Expect")
LAST_MODIFIED = istr("Last-Modified")
ORIGIN = istr("Origin")
SERVER = istr("Server")
TRANSFER_ENCODING = istr("Transfer-Encoding")
