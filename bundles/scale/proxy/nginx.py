"""The configuration of nginx."""

from bundles.scale.proxy.plan import Plan

_TEXT = """\
# nginx in front of %(place)s. Put it into /etc/nginx/sites-enabled.
map $http_upgrade $%(name)s_connection {
    default upgrade;
    "" "";
}

upstream %(name)s {
    least_conn;
%(servers)s
    keepalive 64;
    keepalive_timeout %(keepalive_timeout)ds;
}
%(sticky_upstream)s
server {
    listen %(listen)s;
    server_name %(hosts)s;
%(tls)s
    client_max_body_size %(body_limit)d;
    client_header_timeout %(header_timeout)ds;
    client_body_timeout %(body_timeout)ds;

    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $%(name)s_connection;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_request_buffering off;
    proxy_connect_timeout 2s;
    proxy_read_timeout %(read_timeout)ds;
    proxy_send_timeout %(read_timeout)ds;
    # A request that a process did not accept is sent to another one, unless it took long.
    proxy_next_upstream error timeout;
    proxy_next_upstream_timeout 5s;
%(hidden)s
    location / {
        proxy_pass http://%(name)s;
    }
%(sticky_location)s}
"""

_STICKY_UPSTREAM = """
# All requests of a session of Socket.IO must reach one process; the client's address selects it.
upstream %(name)s_sockets {
    hash $remote_addr consistent;
%(servers)s
    keepalive 64;
    keepalive_timeout %(keepalive_timeout)ds;
}
"""

_STICKY_LOCATION = """
    location %(socket_path)s {
        proxy_pass http://%(name)s_sockets;
    }
"""

_TLS = """\
    ssl_certificate "%(certificate)s";
    ssl_certificate_key "%(key)s";
"""

_HIDDEN = """
    location = %(health_path)shealthz { return 404; }
    location = %(health_path)sreadyz { return 404; }
"""


def nginx_text(plan: Plan) -> str:
    """Return a file for the context ``http`` of nginx 1.18 or newer.

    Its health checks are passive: a process that refuses a connection gets no requests for 5
    seconds.
    """
    facts = {
        "place": plan.place,
        "name": plan.name,
        "servers": "\n".join(
            f"    server {server} max_fails=1 fail_timeout=5s;" for server in plan.servers
        ),
        "listen": plan.listen if plan.certificate is None else f"{plan.listen} ssl",
        "certificate": plan.certificate,
        "key": plan.key,
        "hosts": " ".join(plan.hosts) or "_",
        "socket_path": plan.socket_path,
        "health_path": plan.health_path,
        "header_timeout": plan.header_timeout,
        "body_timeout": plan.body_timeout,
        "read_timeout": plan.read_timeout,
        "keepalive_timeout": plan.keepalive_timeout,
        "body_limit": plan.body_limit,
    }
    is_sticky = plan.socket_path is not None
    parts = {
        "tls": "" if plan.certificate is None else _TLS % facts,
        "sticky_upstream": _STICKY_UPSTREAM % facts if is_sticky else "",
        "sticky_location": _STICKY_LOCATION % facts if is_sticky else "",
        "hidden": "" if plan.health_path is None else _HIDDEN % facts,
    }
    return _TEXT % {**facts, **parts}
