"""How commands reach the server as a client, and the client's failures as Segue's own errors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from analytics.failures import ExportFailed
from backend.domain.errors import SegueError, Unauthenticated, Unavailable
from backend.settings import Settings
from client.channel import InsecureChannel, connect
from client.errors import AccessRefused, QueryFailed, ServerDown
from client.settings import NotConfigured, read


def environment(settings: Settings) -> dict[str, str]:
    """The variables of this process with the settings written over them: what `client.settings.read` looks at."""
    variables = dict(os.environ, SEGUE_HOME=str(settings.home), SEGUE_SERVER_ADDRESS=settings.server_address)
    if settings.token is not None:
        variables["SEGUE_TOKEN"] = settings.token.get_secret_value()
    if settings.tls_certificate is not None:
        variables["SEGUE_TLS_CERTIFICATE"] = str(settings.tls_certificate)
    return variables


@contextmanager
def channel(settings: Settings) -> Iterator[grpc.Channel]:
    """A channel to the server, with its token and certificate; failures inside come as Segue's own errors."""
    with failures_as_segue_errors():
        found = read(environment=environment(settings))
        with connect(found.address, found.token, certificate=found.certificate) as opened:
            yield opened


@contextmanager
def failures_as_segue_errors() -> Iterator[None]:
    """Raise what analytics raises as the SegueError that the command line knows how to tell."""
    try:
        yield
    except ServerDown as error:
        raise Unavailable(str(error)) from error
    except NotConfigured as error:
        raise Unauthenticated(str(error)) from error
    except AccessRefused as error:
        raise Unauthenticated(f"{error} {error.details}".rstrip()) from error
    except QueryFailed as error:
        raise SegueError(f"{error} {error.details}".rstrip()) from error
    except (ExportFailed, InsecureChannel) as error:
        raise SegueError(str(error)) from error
