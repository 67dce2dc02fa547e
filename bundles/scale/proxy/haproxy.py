"""The configuration of HAProxy."""

from collections.abc import Iterator

from bundles.scale.proxy.plan import Plan

_CHECK = "check inter 1s fall 2 rise 1"
"""Every second; a process gets no new requests after two failures, and gets them again after one
success."""


def haproxy_text(plan: Plan) -> str:
    """Return a file for HAProxy 2.4 or newer; another file must have the section ``global``.

    Its health checks request ``/readyz`` if the setting ``health`` is true, else they only
    connect.
    """
    return "\n".join([*_defaults(plan), "", *_frontend(plan), "", *_backends(plan), ""])


def _defaults(plan: Plan) -> Iterator[str]:
    yield f"# HAProxy in front of {plan.place}."
    yield f"defaults {plan.name}_defaults"
    yield "    mode http"
    yield "    timeout connect 2s"
    yield "    timeout queue 5s"
    yield f"    timeout http-request {plan.header_timeout}s"
    yield f"    timeout http-keep-alive {plan.read_timeout}s"
    yield f"    timeout client {plan.read_timeout}s"
    yield f"    timeout server {plan.read_timeout}s"
    yield "    # For WebSockets: a lost peer does not send a pong within this time."
    yield f"    timeout tunnel {plan.read_timeout}s"
    yield "    # A request that a process did not accept is sent to another one."
    yield "    option redispatch 1"
    yield "    retries 3"


def _frontend(plan: Plan) -> Iterator[str]:
    address = plan.listen if ":" in plan.listen else f":{plan.listen}"
    yield f"frontend {plan.name}_front"
    tls = "" if plan.certificate is None else f' ssl crt "{plan.certificate}"'
    yield f"    bind {address}{tls}"
    if plan.health_path is not None:
        paths = f"{plan.health_path}healthz {plan.health_path}readyz"
        yield f"    http-request deny deny_status 404 if {{ path,url_dec {paths} }}"
    yield "    option forwardfor"
    yield "    http-request set-header X-Forwarded-Host %[req.hdr(Host)]"
    yield "    http-request set-header X-Forwarded-Proto https if { ssl_fc }"
    yield "    http-request set-header X-Forwarded-Proto http unless { ssl_fc }"
    if plan.socket_path is not None:
        condition = f"{{ path,url_dec -m beg {plan.socket_path} }}"
        yield f"    use_backend {plan.name}_sockets if {condition}"
    yield f"    default_backend {plan.name}"


def _backends(plan: Plan) -> Iterator[str]:
    yield f"backend {plan.name}"
    yield "    balance leastconn"
    yield from _check(plan)
    yield f"    default-server {_CHECK}"
    for number, server in enumerate(plan.servers, 1):
        yield f"    server {plan.name}{number} {server}"
    if plan.socket_path is None:
        return
    yield ""
    yield "# All requests of a session of Socket.IO must reach one process. The cookie selects it;"
    yield "# for clients that do not send cookies, their address does."
    yield f"backend {plan.name}_sockets"
    yield "    balance source"
    yield "    hash-type consistent"
    yield f"    cookie {plan.name}_process insert indirect nocache httponly"
    for number, server in enumerate(plan.servers, 1):
        tracked = f"{plan.name}{number}"
        yield f"    server {tracked} {server} track {plan.name}/{tracked} cookie {tracked}"


def _check(plan: Plan) -> Iterator[str]:
    if plan.health_path is None:
        return
    yield "    option httpchk"
    yield (
        f"    http-check send meth GET uri {plan.health_path}readyz ver HTTP/1.1 "
        f"hdr Host {plan.health_host}"
    )
    yield "    http-check expect status 200"
