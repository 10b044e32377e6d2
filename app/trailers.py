"""Trailers are no headers."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WithoutTrailers(HttpToolsProtocol):
    """uvicorn's connection, which leaves out what comes after a chunked body. The parser reports it like the headers,
    and uvicorn adds it to the list that the application is handed: an API key there would come after what it lets in
    (RFC 9110, 6.5.1).
    """

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = []  # the request's own list is the scope's
