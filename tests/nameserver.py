# SPDX-License-Identifier: Apache-2.0
"""A real DNS server on the loopback, over UDP and TCP, that answers what it is told to, and lies on demand."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Lie = Callable[[dns.message.Message, dns.message.Message], bytes | None]


@dataclass(slots=True)
class Zone:
    """What the server knows: the records by name, and how it answers for it."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    rcodes: dict[str, dns.rcode.Rcode] = field(default_factory=dict)
    lies: dict[str, Lie] = field(default_factory=dict)
    delay: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)


class DnsServer:
    """Start it, tell it what to say, ask it by any resolver."""

    def __init__(self) -> None:
        self.zone = Zone()
        self._tcp = _Tcp(("127.0.0.1", 0), _TcpHandler)
        self.port: int = self._tcp.server_address[1]
        self._udp = _Udp(("127.0.0.1", self.port), _UdpHandler)
        for server in (self._tcp, self._udp):
            server.zone = self.zone
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def server(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def publish(self, name: str, *values: str) -> None:
        """The TXT records at *name*; a value is written as it stands in a zone file, quotes and all."""
        self.zone.texts[name] = [value if value.startswith('"') else f'"{value}"' for value in values]

    def forget(self, name: str) -> None:
        for known in (self.zone.texts, self.zone.aliases, self.zone.rcodes, self.zone.lies):
            known.pop(name, None)

    def stop(self) -> None:
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    zone: Zone


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65535
    zone: Zone


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire, sock = self.request
        answer = _answer(self.server.zone, wire, "udp")  # type: ignore[attr-defined]
        if answer is not None:
            sock.sendto(answer, self.client_address)


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        head = _read(self.request, 2)
        answer = _answer(
            self.server.zone,  # type: ignore[attr-defined]
            _read(self.request, struct.unpack("!H", head)[0]),
            "tcp",
        )
        if answer is not None:
            self.request.sendall(struct.pack("!H", len(answer)) + answer)


def _read(sock: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        part = sock.recv(count - len(read))
        if not part:
            break
        read += part
    return read


def _answer(zone: Zone, wire: bytes, road: str) -> bytes | None:
    question = dns.message.from_wire(wire)
    name = question.question[0].name.to_text(omit_final_dot=True)
    zone.asked.append((name, road))
    if zone.delay:
        time.sleep(zone.delay)
    answer = dns.message.make_response(question, recursion_available=True)
    lie = zone.lies.get(name)
    _fill(zone, answer, name)
    if lie is not None:
        return lie(question, answer)
    whole = answer.to_wire(max_size=65535)
    if road == "udp" and len(whole) > 1232:
        answer.answer = []
        answer.flags |= dns.flags.TC
        whole = answer.to_wire(max_size=65535)
    return whole


def _fill(zone: Zone, answer: dns.message.Message, name: str) -> None:
    if name in zone.rcodes:
        answer.set_rcode(zone.rcodes[name])
        return
    seen: list[str] = []
    while name in zone.aliases and name not in seen:
        seen.append(name)
        answer.answer.append(_rrset(name, "CNAME", [zone.aliases[name] + "."]))
        name = zone.aliases[name]
    if name in zone.texts:
        answer.answer.append(_rrset(name, "TXT", zone.texts[name]))
    elif not seen:
        answer.set_rcode(dns.rcode.NXDOMAIN)


def _rrset(name: str, kind: str, values: Sequence[str]) -> Any:
    return dns.rrset.from_text_list(name + ".", 60, "IN", kind, list(values))
