#!/usr/bin/env python3
"""Writes the seeds of the header fuzzers: make_seeds.py [OUT], by default the corpus folder beside this file.

Each seed is a legal message or one that is wrong in a single place, so that the fuzzer starts on both sides of each
check.  The files are committed; run this again when a target's input changes."""

import struct
import sys
from pathlib import Path


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(options=b"", payload=b"", **change):
    field = {"version": 4, "ihl": 5 + len(options) // 4, "tos": 0, "total": 20 + len(options) + len(payload),
             "id": 0x1234, "fragment": 0x4000, "ttl": 64, "protocol": 6, "src": 0xC0000201, "dst": 0xC6336402}
    field.update(change)
    head = struct.pack(">BBHHHBBHII", field["version"] << 4 | field["ihl"], field["tos"], field["total"], field["id"],
                       field["fragment"], field["ttl"], field["protocol"], 0, field["src"], field["dst"]) + options
    return head[:10] + struct.pack(">H", field.get("checksum", checksum(head))) + head[12:] + payload


def tcp(options=b"", flags=0x10, text=b"", offset=None, ports=(40000, 80)):
    options += b"\1" * (-len(options) % 4)
    offset = 5 + len(options) // 4 if offset is None else offset
    return struct.pack(">HHIIBBHHH", *ports, 0x01020304, 0xA0B0C0D0, offset << 4, flags, 65535, 0, 0) + options + text


def icmp(kind, code, rest=b"\0\0\0\0", quote=b""):
    head = struct.pack(">BBH", kind, code, 0) + rest + quote
    return head[:2] + struct.pack(">H", checksum(head)) + head[4:]


TS = b"\x08\x0a" + struct.pack(">II", 1, 2)
MSS, WS, SACK_OK = b"\x02\x04\x05\xb4", b"\x03\x03\x07", b"\x04\x02"


def sack(count):
    return bytes([5, 2 + 8 * count]) + b"".join(struct.pack(">II", 100 * i, 100 * i + 50) for i in range(count))


IPV4 = {
    "plain": b"\0" + ipv4(payload=tcp()),
    "behind": b"\x28" + ipv4(payload=b"", total=60),
    "padded": b"\0" + ipv4(total=20) + b"\0" * 26,
    "options": b"\0" + ipv4(b"\x94\4\0\0" + b"\7\7\4\0\0\0\0\0"),
    "options_full": b"\0" + ipv4(b"\1" * 40),
    "source_route": b"\0" + ipv4(b"\x83\7\4\x0a\0\0\1\0"),
    "option_long": b"\0" + ipv4(b"\x44\x20\5\0"),
    "option_zero": b"\0" + ipv4(b"\x44\0\5\0"),
    "fragment": b"\0" + ipv4(fragment=0x2000),
    "fragment_later": b"\0" + ipv4(fragment=0x00B9),
    "version_6": b"\0" + ipv4(version=6),
    "ihl_4": b"\0" + ipv4(ihl=4),
    "total_long": b"\0" + ipv4(total=21),
    "checksum_wrong": b"\0" + ipv4(checksum=0xBEEF),
    "short": b"\0" + ipv4()[:19],
}

TCP = {
    "none": b"\0" + tcp(),
    "timestamps": b"\0" + tcp(b"\1\1" + TS, text=b"hello"),
    "syn": b"\0" + tcp(MSS + SACK_OK + TS + b"\1" + WS, flags=2),
    "syn_fast_open": b"\0" + tcp(MSS + SACK_OK + TS + b"\1" + WS + b"\x22\x0a" + b"c" * 8, flags=2),
    "fast_open_request": b"\0" + tcp(MSS + b"\x22\2", flags=2),
    "sack_4": b"\0" + tcp(b"\1\1" + sack(4)),
    "sack_3": b"\0" + tcp(b"\1\1" + TS + b"\1\1" + sack(3)),
    "user_timeout": b"\0" + tcp(b"\x1c\4\x80\5"),
    "unknown": b"\0" + tcp(b"\xfd\6\xf9\x89\0\0"),
    "end": b"\0" + tcp(MSS + b"\0\2\0\0", flags=2),
    "everything": b"\0" + tcp(MSS + WS + SACK_OK + TS + b"\x1c\4\0\1" + sack(1), flags=2),
    "length_0": b"\0" + tcp(b"\2\0\5\xb4", flags=2),
    "length_long": b"\0" + tcp(b"\x08\x0b" + b"\1" * 6),
    "length_last": b"\0" + tcp(b"\1\1\1\x08"),
    "offset_4": b"\0" + tcp(offset=4),
    "offset_15": b"\0" + tcp(offset=15),
    "offset_behind": b"\x28" + tcp(offset=15),
    "port_0": b"\0" + tcp(ports=(0, 80)),
    "short": b"\0" + tcp()[:19],
}

QUOTE = ipv4(payload=tcp()[:8])
ICMP = {
    "echo": icmp(8, 0, b"\x12\x34\0\1", b"abcdefgh"),
    "echo_reply": icmp(0, 0, b"\x12\x34\0\1", b"abcdefgh"),
    "port_unreachable": icmp(3, 3, quote=QUOTE),
    "too_big": icmp(3, 4, b"\0\0\5\0", QUOTE),
    "time_exceeded": icmp(11, 0, quote=ipv4(b"\1\1\1\0", payload=tcp()[:8])),
    "parameter_problem": icmp(12, 0, b"\x14\0\0\0", QUOTE + b"more"),
    "quote_short": icmp(3, 1, quote=QUOTE[:-1]),
    "quote_udp": icmp(3, 1, quote=ipv4(protocol=17, payload=b"\0" * 8)),
    "quote_echo": icmp(11, 0, quote=ipv4(protocol=1, payload=icmp(8, 0, b"\x12\x34\0\1"))),
    "quote_fragment": icmp(3, 1, quote=ipv4(fragment=1, payload=b"\0" * 8)),
    "short": icmp(8, 0)[:7],
}

MAC_A, MAC_B = b"\2\0\0\0\0\2", b"\2\0\0\0\0\1"
ARP_ASK = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MAC_B + b"\xc0\0\2\1" + b"\0" * 6 + b"\xc0\0\2\2"


def ether(kind, payload, dst=MAC_A, src=MAC_B, tag=None):
    return dst + src + (b"" if tag is None else struct.pack(">HH", 0x8100, tag)) + struct.pack(">H", kind) + payload


ETH = {
    "ipv4": ether(0x0800, ipv4(payload=tcp())),
    "ipv6_multicast": ether(0x86DD, b"\x60" + b"\0" * 39, dst=b"\x33\x33\0\0\0\1"),
    "tag": ether(0x0806, ARP_ASK, tag=0x2005),
    "tag_priority": ether(0x0806, ARP_ASK, tag=0xE000),
    "tag_reserved": ether(0x0806, ARP_ASK, tag=0x0FFF),
    "tag_nested": ether(0x8100, b"\0\5\x08\0", tag=5),
    "tag_short": ether(0x0800, b"", tag=5)[:17],
    "arp_ask": ether(0x0806, ARP_ASK, dst=b"\xff" * 6),
    "arp_answer": ether(0x0806, ARP_ASK[:7] + b"\2" + ARP_ASK[8:]),
    "arp_short": ether(0x0806, ARP_ASK[:27]),
    "arp_hardware": ether(0x0806, b"\0\6" + ARP_ASK[2:]),
    "length_field": ether(0x0026, b"\xaa\xaa\3" + b"\0" * 35),
    "source_group": ether(0x0800, ipv4(), src=b"\3\0\0\0\0\1"),
    "short": ether(0x0800, b"")[:13],
}


def nd_option(kind, body, units=None):
    return bytes([kind, (len(body) + 2) // 8 if units is None else units]) + body


PREFIX_1, TARGET = b"\x20\1\x0d\xb8" + b"\0" * 12, b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\2"
ND_MAC = nd_option(1, MAC_B)
ND_PREFIX = nd_option(3, struct.pack(">BBIII", 64, 0xC0, 86400, 14400, 0) + PREFIX_1)
ND_DNS = nd_option(25, struct.pack(">HI", 0, 1200) + TARGET)
ND_ROUTE = nd_option(24, struct.pack(">BBI", 48, 8, 600) + PREFIX_1[:8])
RA = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0xC0, 1800, 30000, 1000)
NDP = {
    "ra": b"\0" + RA + ND_MAC + nd_option(5, struct.pack(">HI", 0, 1400)) + ND_PREFIX + ND_ROUTE + ND_DNS,
    "ra_bare": b"\0" + RA,
    "ra_global_source": b"\1" + RA,
    "ra_hop_limit": b"\x80" + RA,
    "ra_prefix_129": b"\0" + RA + ND_PREFIX.replace(b"\x40\xc0", b"\x81\xc0", 1),
    "ra_dns_even": b"\0" + RA + nd_option(25, struct.pack(">HI", 0, 1200) + TARGET + b"\0" * 8),
    "ra_option_0": b"\0" + RA + nd_option(1, MAC_B, 0),
    "ra_option_long": b"\0" + RA + nd_option(1, MAC_B, 2),
    "ra_many": b"\0" + RA + ND_PREFIX * 10 + ND_ROUTE * 9 + ND_DNS * 3,
    "rs": b"\0\x85" + b"\0" * 7 + ND_MAC,
    "ns": b"\1\x87" + b"\0" * 7 + TARGET + ND_MAC,
    "ns_free": b"\6\x87" + b"\0" * 7 + TARGET,
    "na": b"\1\x88\0\0\0\x60\0\0\0" + TARGET + nd_option(2, MAC_B),
    "redirect": b"\0\x89" + b"\0" * 7 + b"\xfe\x80" + b"\0" * 13 + b"\7" + TARGET + nd_option(2, MAC_B),
    "ns_short": b"\1\x87" + b"\0" * 7 + TARGET[:15],
}

US_4, US_6, HER_6 = b"\xc0\0\2\1", PREFIX_1[:15] + b"\1", b"\xfe\x80" + b"\0" * 13 + b"\x99"
ALL_6 = b"\xff\2" + b"\0" * 13 + b"\1"


def arp(op, sha=MAC_A, spa=b"\xc0\0\2\x09", tpa=US_4):
    return ether(0x0806, struct.pack(">HHBBH", 1, 0x0800, 6, 4, op) + sha + spa + b"\0" * 6 + tpa, dst=b"\xff" * 6,
                 src=MAC_A)


def icmp6(message, src=HER_6, dst=ALL_6, hops=255):
    return ether(0x86DD, struct.pack(">IHBB", 6 << 28, len(message), 58, hops) + src + dst + message,
                 dst=b"\x33\x33" + dst[12:] if dst[0] == 255 else MAC_B, src=MAC_A)


def said(*frames):
    return b"".join(struct.pack(">HH", ms, len(frame)) + frame for ms, frame in frames)


NA = b"\x88\0\0\0\x60\0\0\0"
NS = b"\x87" + b"\0" * 7
THERE = PREFIX_1[:15] + b"\x66"
ETHER = {
    "arp": said((3000, b""), (10, arp(2)), (10, arp(1)), (5000, arp(1, sha=MAC_B[:5] + b"\7")), (9000, arp(2))),
    "arp_taken": said((500, arp(2, spa=US_4)), (10, arp(1, spa=b"\0" * 4)), (4000, arp(1, spa=US_4))),
    "ndp": said((3000, icmp6(NS + US_6 + ND_MAC, THERE, US_6)), (10, icmp6(NA + THERE + nd_option(2, MAC_A), THERE, US_6)),
                (40000, icmp6(NS + US_6, THERE, US_6)), (10, icmp6(b"\x80" + b"\0" * 9, THERE, US_6, 64))),
    "ndp_taken": said((10, icmp6(NS + US_6, b"\0" * 16, ALL_6[:11] + b"\1\xff\0\0\1")), (10, icmp6(NA + US_6, US_6))),
    "router": said((3000, icmp6(NDP["ra"][1:])), (2000, icmp6(NDP["ra_many"][1:])), (60000, icmp6(NDP["ra_bare"][1:])),
                   (10, icmp6(RA[:6] + b"\0\0" + RA[8:])), (10, icmp6(NDP["redirect"][1:], HER_6, US_6)),
                   (10, icmp6(b"\x82" + b"\0" * 27, hops=1))),
    "waits": said((3000, b""), (0, b""), (3500, b""), (10, arp(2)), (1000, b"")),
}

A_EXAMPLE = b"\1a\7example\0"


def dns(kind=1, flags=0x8180, answers=(), question=A_EXAMPLE, count=None):
    """A reply to a question for a.example, behind the byte that chooses its type."""
    head = struct.pack(">HHHHHH", 0x1234, flags, 1, len(answers) if count is None else count, 0, 0)
    return bytes([{1: 0, 28: 1, 12: 2}[kind]]) + head + question + struct.pack(">HH", kind, 1) + b"".join(answers)


def record(kind, data, owner=b"\xc0\x0c", ttl=300):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


DNS = {
    "address": dns(answers=[record(1, b"\xc0\0\2\1"), record(1, b"\xc0\0\2\2")]),
    "address_6": dns(28, answers=[record(28, b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\7")]),
    "aliases": dns(answers=[record(5, b"\1b\xc0\x0e"), record(1, b"\1\2\3\4", b"\1b\xc0\x0e")]),
    "circle": dns(answers=[record(5, b"\1b\xc0\x0e"), record(5, b"\xc0\x0c", b"\1b\xc0\x0e")]),
    "name": dns(12, answers=[record(12, b"\2ns\xc0\x0e")]),
    "no_name": dns(flags=0x8183),
    "truncated": dns(flags=0x8380),
    "refused": dns(flags=0x8185),
    "pointer_to_itself": dns(answers=[record(1, b"\1\2\3\4", b"\xc0\x1b")]),
    "records_missing": dns(answers=[record(1, b"\1\2\3\4")], count=9),
    "other_case": dns(question=b"\1A\7eXample\0", answers=[record(1, b"\1\2\3\4")]),
}


def dhcp(*options, file=b"", sname=b"", yours=b"\xc0\0\2\7"):
    head = struct.pack(">BBBBIHH4s4s4s4s", 2, 1, 6, 0, 0x11223344, 0, 0, b"", yours, b"", b"")
    head += b"\2\0\0\xaa\xbb\xcc".ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0")
    return head + b"\x63\x82\x53\x63" + b"".join(bytes([code, len(data)]) + data for code, data in options) + b"\xff"


SERVER, LEASE = (54, b"\xc0\0\2\1"), (51, struct.pack(">I", 3600))
DHCP = {
    "offer": dhcp((53, b"\2"), SERVER, LEASE, (1, b"\xff\xff\xff\0"), (3, b"\xc0\0\2\1"), (6, b"\xc0\0\2\x35")),
    "ack": dhcp((53, b"\5"), SERVER, LEASE, (58, b"\0\0\1\0"), (59, b"\0\0\2\0"), (26, b"\5\x78"), (15, b"lan")),
    "nak": dhcp((53, b"\6"), SERVER),
    "overload": dhcp((53, b"\5"), SERVER, (52, b"\3"), file=b"\x33\4\0\0\0\x3c\xff", sname=b"\1\4\xff\xff\0\0\xff"),
    "times": dhcp((53, b"\5"), SERVER, LEASE, (58, b"\xff\0\0\0"), (59, b"\0\0\0\1")),
    "for_ever": dhcp((53, b"\5"), SERVER, (51, b"\xff\xff\xff\xff")),
    "option_long": dhcp((53, b"\5"), SERVER, LEASE)[:-1] + b"\x0c\xff",
    "short": dhcp((53, b"\5"))[:239],
}

ETHERNET = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0"


def segment(up, flags, seq, ack, text=b"", options=b""):
    """A segment of 10.0.0.1:40000 and 10.0.0.2:80; up: from the second to the first."""
    ports, ends = ((80, 40000), (0x0A000002, 0x0A000001)) if up else ((40000, 80), (0x0A000001, 0x0A000002))
    options += b"\1" * (-len(options) % 4)
    head = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 + len(options) // 4 << 4, flags, 8192, 0, 0)
    payload = head + options + text
    return ipv4(payload=payload, src=ends[0], dst=ends[1], id=seq & 0xFFFF)


LIFE = [segment(0, 2, 100, 0, options=MSS + WS + TS), segment(1, 0x12, 500, 101, options=MSS + WS + TS),
        segment(0, 0x10, 101, 501), segment(0, 0x18, 101, 501, b"GET /"), segment(0, 0x18, 101, 501, b"GET /"),
        segment(1, 0x18, 501, 106, b"no", sack(1)), segment(0, 0x11, 106, 503), segment(1, 0x11, 503, 107),
        segment(0, 0x10, 107, 504)]
RESET = LIFE[:3] + [segment(1, 0x14, 501, 101), segment(0, 2, 900, 0), segment(1, 0x14, 0, 901)]


def pcap(packets, link=101, order="<", magic=0xA1B2C3D4, head=b""):
    out = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for i, packet in enumerate(packets):
        out += struct.pack(order + "IIII", 1, i * 1000, len(head + packet), len(head + packet)) + head + packet
    return out


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(packets, order="<", link=101, resolution=None, both=False):
    out = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    option = b"" if resolution is None else struct.pack(order + "HHBxxxHH", 9, 1, resolution, 0, 0)
    for _ in range(2 if both else 1):
        out += block(order, 1, struct.pack(order + "HHI", link, 0, 65535) + option)
    for i, packet in enumerate(packets):
        padded = packet + b"\0" * (-len(packet) % 4)
        home = int(packet[15] == 2)
        for interface in (home, 1 - home) if both else (0,):
            sighting = 2 if interface == home else 1
            out += block(order, 6, struct.pack(order + "IIIII", interface, 0, i * 1000, len(packet), len(packet))
                         + padded + struct.pack(order + "HHIHH", 2, 4, sighting, 0, 0))
    return out


EXPLAIN = {
    "life": pcap(LIFE),
    "life_big_endian": pcap(LIFE, order=">"),
    "life_nanoseconds": pcap(LIFE, magic=0xA1B23C4D),
    "life_ethernet": pcap(LIFE, link=1, head=ETHERNET),
    "life_cooked": pcap(LIFE, link=113, head=b"\0\4\0\1\0\6\2\0\0\0\0\1\0\0\x08\0"),
    "life_cooked_2": pcap(LIFE, link=276, head=b"\x08\0\0\0\0\0\0\2\0\1\4\6" + b"\0" * 8),
    "life_null": pcap(LIFE, link=0, head=b"\2\0\0\0"),
    "reset": pcap(RESET),
    "blocks": pcapng(LIFE),
    "blocks_big_endian": pcapng(RESET, order=">"),
    "blocks_nanoseconds": pcapng(LIFE, resolution=9),
    "blocks_both_ends": pcapng(LIFE, both=True),
    "cut": pcap(LIFE)[:-5],
    "blocks_cut": pcapng(LIFE)[:-5],
    "link_type": pcap(LIFE, link=105),
}


def pieces(*records):
    """(what, source, id, time, place in units of 8, bytes, field, value) each"""
    return b"".join(struct.pack(">BBBBHHBB", *record) for record in records)


MORE, CHANGED, AS_TCP = 2, 4, 8
IPV6_HEAD = bytes.fromhex("6abcdef1") + b"%b" + b"\x40" + bytes.fromhex("20010db8") + b"\0" * 11 + b"\1" \
    + bytes.fromhex("20010db8") + b"\0" * 11 + b"\2"


def ipv6(following=6, payload=b"", length=None):
    length = len(payload) if length is None else length
    return IPV6_HEAD % (struct.pack(">HB", length, following)) + payload


IPV6 = {
    "plain": b"\0" + ipv6(payload=tcp()),
    "behind": b"\x14" + ipv6(length=20),
    "short": b"\0" + ipv6(length=9),
    "hop_by_hop": b"\0" + ipv6(0, b"\6\0\1\4\0\0\0\0" + tcp()),
    "option_unknown": b"\0" + ipv6(0, b"\6\0\xc2\4\0\0\0\0" + tcp()),
    "routing_0": b"\0" + ipv6(43, b"\6\2\0\1" + b"\0" * 20 + tcp()),
    "routing_none_left": b"\0" + ipv6(43, b"\6\2\0\0" + b"\0" * 20 + tcp()),
    "fragment": b"\0" + ipv6(44, b"\6\0\0\1\0\0\0\7" + tcp()),
    "atomic": b"\0" + ipv6(44, b"\6\0\0\0\0\0\0\7" + tcp()),
    "chain": b"\0" + ipv6(0, b"\x3c\0\1\4\0\0\0\0" + b"\x2c\0\1\4\0\0\0\0" + b"\6\0\0\0\0\0\0\7" + tcp()),
    "extension_long": b"\0" + ipv6(60, b"\6\xff\1\4\0\0\0\0"),
    "nothing": b"\0" + ipv6(59),
    "mapped": b"\0" + ipv6(payload=tcp())[:8] + b"\0" * 10 + b"\xff\xff\x0a\0\0\1" + ipv6(payload=tcp())[24:],
}
UDP = {
    "plain": b"\0\0" + struct.pack(">HHHH", 40000, 53, 12, 0x1234) + b"text",
    "behind": b"\0\x64" + struct.pack(">HHHH", 40000, 53, 108, 0),
    "empty": b"\0\0" + struct.pack(">HHHH", 40000, 53, 8, 0),
    "length_7": b"\0\0" + struct.pack(">HHHH", 40000, 53, 7, 0),
    "length_past": b"\0\0" + struct.pack(">HHHH", 40000, 53, 13, 0) + b"text",
    "port_0": b"\0\0" + struct.pack(">HHHH", 0, 0, 8, 0),
    "short": b"\0\0" + b"\x9c\x40\0\x35\0\x08\0",
}
REASSEMBLY = {
    "whole": pieces((MORE, 1, 1, 0, 0, 1480, 0x0B, 0x98), (MORE, 1, 1, 0, 185, 1480, 0, 0), (0, 1, 1, 0, 370, 8, 0, 0)),
    "whole_six": pieces((1 | MORE, 1, 1, 0, 0, 1448, 0x0B, 0x58), (1, 1, 1, 0, 181, 1456, 0, 0)),
    "backwards": pieces((0, 1, 1, 0, 200, 100, 0, 0), (MORE, 1, 1, 0, 100, 800, 0, 0), (MORE, 1, 1, 0, 0, 800, 0x06, 0xA4)),
    "overlap": pieces((MORE, 1, 1, 0, 0, 64, 0, 64), (MORE, 1, 1, 0, 7, 64, 0, 0), (0, 1, 1, 0, 8, 64, 0, 0)),
    "two_ends": pieces((0, 1, 1, 0, 9, 64, 0, 0), (0, 1, 1, 0, 20, 64, 0, 0)),
    "duplicate": pieces((MORE, 1, 1, 0, 0, 64, 0, 64), (MORE, 1, 1, 0, 0, 64, 0, 64), (0, 1, 1, 0, 8, 64, 0, 0)),
    "tiny": pieces((MORE | AS_TCP, 1, 1, 0, 0, 16, 0, 0), (1 | MORE | AS_TCP, 1, 1, 0, 0, 16, 0, 0)),
    "tcp": pieces((1 | MORE | AS_TCP, 1, 1, 0, 0, 64, 0, 0), (1 | AS_TCP, 1, 1, 0, 8, 64, 0, 0)),
    "late": pieces((MORE, 1, 1, 0, 0, 64, 0, 64), (MORE, 1, 2, 255, 0, 64, 0, 64), (0, 1, 1, 200, 8, 64, 0, 0)),
    "atomic": pieces((1, 1, 1, 0, 0, 64, 0, 64)),
    "too_long": pieces((1, 1, 1, 0, 8191, 64, 0, 0), (0, 1, 1, 0, 8191, 64, 0, 0), (MORE, 1, 1, 0, 1, 63, 0, 0)),
    "many": pieces(*[(i % 2 | MORE, i, i, 0, i * 5, 600, 0, 64) for i in range(40)]),
    "nested": pieces((1 | MORE | CHANGED, 1, 1, 0, 0, 64, 40, 44)),
    "congestion": pieces((MORE, 1, 1, 0, 0, 64, 0, 64), (MORE, 1, 1, 0, 8, 64, 0, 3), (0, 1, 1, 0, 16, 64, 0, 1)),
}


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "corpus"
    for target, seeds in {"fuzz_ipv4": IPV4, "fuzz_ipv6": IPV6, "fuzz_udp": UDP, "fuzz_tcp_header": TCP, "fuzz_icmp": ICMP,
                          "fuzz_explain": EXPLAIN, "fuzz_eth": ETH, "fuzz_ndp": NDP, "fuzz_ether": ETHER,
                          "fuzz_dns": DNS, "fuzz_dhcp": DHCP, "fuzz_reassembly": REASSEMBLY}.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
