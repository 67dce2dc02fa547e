from injector import Binder, singleton

from bundles.gateway.cluster.transporter import Transporter


def _none() -> Transporter:
    raise RuntimeError


def bind_transporter(binder: Binder) -> None:
    binder.bind(Transporter, to=_none, scope=singleton)
