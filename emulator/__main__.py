"""`python -m emulator --port P --management-port M --account-id A --access-key-id K …`.

Prints one line `ready` when it answers; ends cleanly on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import functools
import logging
import signal
import sys
import threading
import time
from pathlib import Path

from emulator import gateway, management
from emulator.choices import Choices
from emulator.cloud import Cloud
from emulator.fc.runtime import FunctionCompute
from emulator.server import Server

_LOOK_SECONDS = 0.2  # under load another thread may take the signal, and then nothing wakes us


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line: the contract with every client of the emulator."""
    parser = argparse.ArgumentParser(prog="emulator", description="A local Alibaba Cloud.")
    parser.add_argument("--port", type=int, required=True, help="port of all products; 0: any")
    parser.add_argument("--management-port", type=int, required=True, help="0: any")
    parser.add_argument("--account-id", required=True, help="16 digits")
    parser.add_argument("--access-key-id", required=True, help="the administrator's")
    parser.add_argument("--access-key-secret", required=True)
    parser.add_argument("--region", default="cn-hangzhou")
    parser.add_argument("--calm", action="store_true", help="no propagation delay, no throttling")
    parser.add_argument("--functions", type=Path, help="an s.yaml whose functions are run")
    parser.add_argument("--ca-file", type=Path,
                        help="where to write the CA certificate of HTTPS through the proxy")
    parser.add_argument("--choice", action="append", default=[], metavar="NAME=VALUE",
                        help="where the documentation is silent: emulator/choices.py")  # fmt: skip
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal ends it; 2 if it cannot start, with one line that says why."""
    options = arguments(argv)
    logging.basicConfig(level=logging.WARNING, format="emulator: %(message)s")
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ended.append(number))
    try:
        cloud = Cloud(
            options.account_id, options.access_key_id, options.access_key_secret,
            region=options.region, choices=chosen(options),
        )  # fmt: skip
        products = Server(options.port, functools.partial(gateway.handle, cloud),
                          authority=cloud.authority)  # fmt: skip
        control = Server(options.management_port, functools.partial(management.handle, cloud))
        if options.ca_file:
            options.ca_file.write_text(cloud.authority.pem, encoding="utf-8")
        if options.functions:
            cloud.fc = FunctionCompute(cloud, options.functions, products.port)
    except (OSError, ValueError, OverflowError) as err:
        print(f"emulator: {err}", file=sys.stderr)
        return 2
    for server in (products, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if 0 in (options.port, options.management_port):
        print(f"port {products.port} management {control.port}")
    print("ready", flush=True)
    while not ended:  # an Event is not safe to set in the thread that waits for it
        time.sleep(_LOOK_SECONDS)
    for server in (products, control):  # first: new calls would only delay the end
        server.shutdown()
        server.server_close()
    if cloud.fc:
        cloud.fc.stop()
    return 0


def chosen(options: argparse.Namespace) -> Choices:
    """The choices of the command line; ValueError for one that does not exist."""
    choices = Choices()
    if options.calm:
        choices.calm()
    for choice in options.choice:
        name, _, value = choice.partition("=")
        try:
            choices.set(name, value)
        except KeyError:
            raise ValueError(f"there is no choice {name}") from None
    return choices


if __name__ == "__main__":
    sys.exit(main())
