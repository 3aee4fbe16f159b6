#!/usr/bin/env python3
"""What one segment does to one connection: RFC 9293 s3.10.7 as an executable statement.

Purpose.  The exhaustive table compares the C core with this file.  It was written from the text of RFC 9293
(s3.10.7, s3.5.2, s3.5.3, s3.8.6.1), RFC 5961, erratum 8167 and the rulings R1 to R11 listed in README.md, by
somebody who had not read the C.  It is meant to be read with s3.10.7 beside it: the functions below stand in the
RFC's order and each begins with the sentence that it states.

One cell is a configuration of the connection (README.md says how to reach each), a flags byte, a place for SEG.SEQ,
a place for SEG.ACK, a length of text and whether the receive window is zero.  The answer is symbolic: "SND.NXT",
"RCV.NXT+3", "SEG.ACK", so it holds for every initial sequence number.

Limits.  No options (so no timestamps, SACK or scaling), urgent pointer 0, one segment on a fresh copy of the
configuration, nothing else to send.  Urgent signals, window values and drop counters are not part of the answer.

    oracle.py --dump FILE                                            the table for exhaustive.c (format: README.md)
    oracle.py --explain STATE FLAGS SEQPOS ACKPOS LEN WND            the steps of one cell
    oracle.py --list                                                 the names that --explain takes
"""

import argparse
import struct
import sys
from dataclasses import dataclass, field

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
FLAG_NAMES = (("SYN", SYN), ("FIN", FIN), ("RST", RST), ("PSH", PSH), ("ACK", ACK), ("URG", URG), ("ECE", ECE),
              ("CWR", CWR))

# PSH, ECE and CWR have no say in s3.10.7.  URG has: it moves RCV.UP and may signal the user, which is not part of the
# answer.  So sixteen classes of flags stand for the 256 bytes.
DECIDING = (FIN, SYN, RST, ACK)
CLASSES = 1 << len(DECIDING)


def class_of(flags):
    return sum(1 << index for index, bit in enumerate(DECIDING) if flags & bit)


def flags_of(class_index):
    return sum(bit for index, bit in enumerate(DECIDING) if class_index & 1 << index)


def flags_text(flags):
    return ",".join(name for name, bit in FLAG_NAMES if flags & bit) or "none"


# ------------------------------------------------------------------------------------------- sequence numbers (s3.4)

def mod(number):
    return number & 0xFFFFFFFF


def distance(start, end):
    """How far end lies ahead of start, 0 to 2^32-1."""
    return mod(end - start)


def within(low, number, high):
    """low =< number =< high, going forward from low."""
    return distance(low, number) <= distance(low, high)


# ------------------------------------------------------------------------------------------------ the input's axes

SYNCHRONIZED = ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT")
STATES = ("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED") + SYNCHRONIZED

# Octets that have gone each way and were acknowledged before the cell, so that IRS and SND.UNA-1 are places of their
# own; octets of ours that wait for an acknowledgment; the peer's window, the same in every segment.
HISTORY = 5
UNACKED = 10
PEER_WINDOW = 4096
# MAX.SND.WND is the largest window that the peer has offered, "or may be hard-coded to a maximum permissible window
# value" (s3.10.7.4, fifth).  A TIME-WAIT record does the latter: 65535 scaled by 2^14 (RFC 7323 s2.3).
HARD_CODED_MAX_SND_WND = 65535 << 14
# Any window of more than 16 octets gives the same answers; the harness uses what the stack offers.
RCV_WND = 251


@dataclass(frozen=True)
class Config:
    """One starting configuration.  una, nxt and rcv are counted from ISS, ISS and IRS."""
    name: str
    state: str
    una: int = 0
    nxt: int = 0
    rcv: int = 1
    passive: bool = False  # SYN-RECEIVED: came from LISTEN (MUST-11)
    fin_sent: bool = False  # our FIN is the octet SND.NXT-1
    listener: bool = False  # a listener stands on the local port
    zero_window: bool = True  # RCV.WND = 0 can be reached
    max_snd_wnd: int = PEER_WINDOW


def synchronized(name, state, unacked, our_fin, peer_fin, listener=False):
    una = 1 + HISTORY
    nxt = una + unacked
    if our_fin == "unacknowledged":
        nxt += 1
    elif our_fin == "acknowledged":
        una, nxt = una + 1, nxt + 1
    return Config(name, state, una, nxt, 1 + HISTORY + (1 if peer_fin else 0), fin_sent=our_fin != "none",
                  listener=listener, zero_window=state != "TIME-WAIT",
                  max_snd_wnd=HARD_CODED_MAX_SND_WND if state == "TIME-WAIT" else PEER_WINDOW)


CONFIGS = (
    Config("CLOSED", "CLOSED"),
    Config("LISTEN", "LISTEN", listener=True),
    Config("SYN-SENT", "SYN-SENT", nxt=1),
    Config("SYN-RECEIVED-PASSIVE", "SYN-RECEIVED", nxt=1, passive=True, listener=True, zero_window=False),
    Config("SYN-RECEIVED-ACTIVE", "SYN-RECEIVED", nxt=1, zero_window=False),
    synchronized("ESTABLISHED", "ESTABLISHED", UNACKED, "none", False),
    synchronized("ESTABLISHED-IDLE", "ESTABLISHED", 0, "none", False, listener=True),
    synchronized("FIN-WAIT-1", "FIN-WAIT-1", UNACKED, "unacknowledged", False),
    synchronized("FIN-WAIT-2", "FIN-WAIT-2", 0, "acknowledged", False),
    synchronized("CLOSE-WAIT", "CLOSE-WAIT", UNACKED, "none", True),
    synchronized("CLOSING", "CLOSING", UNACKED, "unacknowledged", True),
    synchronized("LAST-ACK", "LAST-ACK", UNACKED, "unacknowledged", True),
    synchronized("TIME-WAIT", "TIME-WAIT", 0, "acknowledged", True),
    synchronized("TIME-WAIT-LISTENER", "TIME-WAIT", 0, "acknowledged", True, listener=True),
)

# Places of SEG.SEQ: name, and its value from RCV.NXT, RCV.WND, IRS and the octets of text.
SEQ_POSITIONS = (
    ("NXT-1-LEN", lambda nxt, wnd, irs, text: nxt - 1 - text),
    ("NXT-LEN", lambda nxt, wnd, irs, text: nxt - text),
    ("NXT-1", lambda nxt, wnd, irs, text: nxt - 1),
    ("NXT", lambda nxt, wnd, irs, text: nxt),
    ("NXT+1", lambda nxt, wnd, irs, text: nxt + 1),
    ("MIDDLE", lambda nxt, wnd, irs, text: nxt + wnd // 2),
    ("EDGE-1", lambda nxt, wnd, irs, text: nxt + wnd - 1),
    ("EDGE", lambda nxt, wnd, irs, text: nxt + wnd),
    ("EDGE+1", lambda nxt, wnd, irs, text: nxt + wnd + 1),
    ("NXT+2^31-1", lambda nxt, wnd, irs, text: nxt + 2**31 - 1),
    ("NXT+2^31", lambda nxt, wnd, irs, text: nxt + 2**31),
    ("NXT-2^31+1", lambda nxt, wnd, irs, text: nxt - 2**31 + 1),
    ("IRS", lambda nxt, wnd, irs, text: irs),
    ("IRS+1", lambda nxt, wnd, irs, text: irs + 1),
)

# Places of SEG.ACK, from SND.UNA, SND.NXT and MAX.SND.WND.  Without the ACK bit the field is filled all the same.
ACK_POSITIONS = (
    ("UNA-MAX-1", lambda una, nxt, maximum: una - maximum - 1),
    ("UNA-MAX", lambda una, nxt, maximum: una - maximum),
    ("UNA-1", lambda una, nxt, maximum: una - 1),
    ("UNA", lambda una, nxt, maximum: una),
    ("UNA+1", lambda una, nxt, maximum: una + 1),
    ("NXT-1", lambda una, nxt, maximum: nxt - 1),
    ("NXT", lambda una, nxt, maximum: nxt),
    ("NXT+1", lambda una, nxt, maximum: nxt + 1),
    ("FAR", lambda una, nxt, maximum: una + 2**31),
)

TEXT_LENGTHS = (0, 1, 3)
WINDOWS = ("OPEN", "ZERO")


# ------------------------------------------------------------------------------------------------------ the answer

@dataclass
class Outcome:
    """What the cell does.  reply is None or (flags, seq symbol, ack symbol, ack offset)."""
    state: str
    reply: tuple = None
    delayable: bool = False  # the reply acknowledges text or FIN in order: now, or within 0.5 s (s3.8.6.3)
    delivered: int = 0  # octets that RECEIVE gives
    rcv_base: str = "RCV.NXT"  # what RCV.NXT became: this ...
    rcv_offset: int = 0  # ... and so much more
    una: str = "SND.UNA"  # what SND.UNA became
    told: tuple = ()  # what the application hears: CONNECTED PEER_CLOSED CLOSED
    reason: str = "NONE"  # with CLOSED: CLOSED RESET REFUSED
    timer: str = "AS-IT-WAS"  # 2MSL: START RESTART
    mark: str = "RFC"  # what decided: RFC, R1 ... R11, POLICY
    why: str = ""
    trace: list = field(default_factory=list, compare=False)

    def key(self):
        return (self.state, self.reply, self.delayable, self.delivered, self.rcv_base, self.rcv_offset, self.una,
                self.told, self.reason, self.timer, self.mark, self.why)


class Done(Exception):
    """The RFC's "return"."""


class Run:
    """One segment's way through s3.10.7: the connection's variables, the segment's, and the answer as it grows."""

    def __init__(self, config, flags, seq_position, ack_position, text, zero, iss, irs):
        self.config = config
        self.state = config.state
        self.iss, self.irs = iss, irs
        self.snd_una, self.snd_nxt = mod(iss + config.una), mod(iss + config.nxt)
        self.rcv_nxt, self.rcv_wnd = mod(irs + config.rcv), 0 if zero else RCV_WND
        self.flags, self.text = flags, text
        self.seq = mod(SEQ_POSITIONS[seq_position][1](self.rcv_nxt, self.rcv_wnd, irs, text))
        self.ack = mod(ACK_POSITIONS[ack_position][1](self.snd_una, self.snd_nxt, config.max_snd_wnd))
        self.length = text + bool(flags & SYN) + bool(flags & FIN)
        self.text_seq = mod(self.seq + bool(flags & SYN))  # the SYN goes before the text, the FIN after it
        self.out = Outcome(config.state)

    def has(self, flag):
        return bool(self.flags & flag)

    # Notes.  say() is a step passed, decide() the step that settles the cell, done() the RFC's "return".

    def say(self, sentence):
        self.out.trace.append(sentence)

    def decide(self, why, mark="RFC"):
        """The last thing decided names the cell; a ruling or a policy on the way stays visible."""
        if mark != "RFC":
            self.out.mark = mark
        self.out.why = why
        self.say(f"[{mark}] {why}")

    def done(self, why, mark="RFC"):
        self.decide(why, mark)
        raise Done

    def enter(self, state):
        self.say(f"{self.state} -> {state}")
        self.state = self.out.state = state
        if state == "TIME-WAIT":
            self.out.timer = "START"

    def tell(self, what, reason=None):
        self.out.told += (what,)
        if reason:
            self.out.reason = reason

    def over(self, reason):
        self.enter("CLOSED")
        self.tell("CLOSED", reason)

    # Replies, as s3.10.7 writes them.

    def send(self, flags, seq, ack=None, offset=0, delayable=False):
        assert self.out.reply is None or self.out.reply[0] == flags == ACK, "only an ACK may take an ACK's place"
        self.out.reply = (flags, seq, ack, offset)
        self.out.delayable = delayable

    def send_ack(self, delayable=False):
        """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, with RCV.NXT as it is by now."""
        self.send(ACK, "SND.NXT", self.out.rcv_base, self.out.rcv_offset, delayable)

    def send_reset(self):
        """s3.5.2: from the ACK field if there is one, else SEQ=0 and an ACK of all the segment."""
        if self.has(ACK):
            self.send(RST, "SEG.ACK")
        else:
            self.send(RST | ACK, "0", "SEG.SEQ", self.length)

    def receive_nxt_is(self, base, offset):
        self.out.rcv_base, self.out.rcv_offset = base, offset

    def advance_rcv_nxt(self, octets):
        self.out.rcv_offset += octets
        self.rcv_nxt = mod(self.rcv_nxt + octets)
        self.rcv_wnd -= octets

    def in_window(self, number):
        return distance(self.rcv_nxt, number) < self.rcv_wnd


# -------------------------------------------------------------------------------------------- s3.10.7.1 CLOSED STATE

def closed(run):
    where = "s3.10.7.1"
    if run.has(RST):
        run.done(f"{where}: an incoming segment containing a RST is discarded")
    run.send_reset()
    run.done(f"{where}: a segment not containing a RST causes a RST to be sent in response")


# -------------------------------------------------------------------------------------------- s3.10.7.2 LISTEN STATE

def listen(run):
    where = "s3.10.7.2"
    if run.has(RST):
        run.done(f"{where} first: an incoming RST should be ignored")
    if run.has(ACK):
        run.send_reset()
        run.done(f"{where} second: any acknowledgment is bad in LISTEN: <SEQ=SEG.ACK><CTL=RST>")
    if run.has(SYN):
        if run.has(FIN):
            run.done(f"{where} third: SYN,FIN at LISTEN is dropped (the RFC would queue the FIN)", "R8")
        run.receive_nxt_is("SEG.SEQ", 1)
        run.send(SYN | ACK, "NEW-ISS", "SEG.SEQ", 1)
        run.enter("SYN-RECEIVED")
        run.done(f"{where} third: <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>, SYN-RECEIVED")
    run.done(f"{where} fourth: other data or control: drop the segment")


# ------------------------------------------------------------------------------------------ s3.10.7.3 SYN-SENT STATE

def syn_sent(run):
    where = "s3.10.7.3"
    acceptable = run.has(ACK) and run.ack != run.snd_una and within(run.snd_una, run.ack, run.snd_nxt)
    if run.has(ACK) and not acceptable:
        if run.has(RST):
            run.done(f"{where} first: SEG.ACK =< ISS or SEG.ACK > SND.NXT with RST: drop")
        run.send_reset()
        run.done(f"{where} first: SEG.ACK =< ISS or SEG.ACK > SND.NXT: <SEQ=SEG.ACK><CTL=RST>")
    if run.has(RST):
        if not acceptable:
            run.done(f"{where} second: RST without ACK: drop")
        # Erratum 8167: the RFC 5961 check of the sequence number has no place here.  The RFC's signal is "connection
        # reset", Figure 5 and the sockets' tradition say "refused", and so does aksu.h.
        run.over("REFUSED")
        run.done(f"{where} second: RST with an acceptable ACK: CLOSED (EID 8167: whatever SEG.SEQ)")
    if not run.has(SYN):
        run.done(f"{where} fifth: neither SYN nor RST: drop")

    run.receive_nxt_is("SEG.SEQ", 1)
    run.rcv_nxt, run.rcv_wnd = mod(run.seq + 1), RCV_WND  # our SYN offered a window, whatever the axis says
    if not run.has(ACK):
        run.enter("SYN-RECEIVED")
        run.send(SYN | ACK, "ISS", "SEG.SEQ", 1)
        run.done(f"{where} fourth: SYN without ACK: SYN-RECEIVED, <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>; the rest waits")
    run.out.una = "SEG.ACK"
    run.enter("ESTABLISHED")
    run.tell("CONNECTED")
    run.send_ack()
    run.decide(f"{where} fourth: our SYN has been acknowledged: ESTABLISHED, <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>")
    if not run.text and not run.has(FIN):
        raise Done
    run.say("other controls or text: go on at the sixth step of s3.10.7.4")
    text_step(run)
    fin_step(run)


# -------------------------------------------------------------------------------------------- s3.10.7.4 Other States

def acceptable_table_6(run):
    if run.length == 0:
        return run.seq == run.rcv_nxt if run.rcv_wnd == 0 else run.in_window(run.seq)
    return run.rcv_wnd > 0 and (run.in_window(run.seq) or run.in_window(mod(run.seq + run.length - 1)))


def begins_at_rcv_nxt_when_trimmed(run):
    """The idealized segment: what lies before RCV.NXT and what exceeds the window cut off."""
    if run.seq == run.rcv_nxt:
        return True
    old = distance(run.seq, run.rcv_nxt)
    return old < 2**31 and old < run.length


def repeated_handshake(run):
    """R1, R6: what Figure 7 and a lost SYN,ACK need, although the first check would reject it."""
    if run.state != "SYN-RECEIVED" or run.seq != run.irs or not run.has(SYN) or run.has(RST):
        return
    if not run.has(ACK):
        run.send(SYN | ACK, "ISS", "RCV.NXT", 0)
        run.done("SYN repeated in SYN-RECEIVED: the SYN,ACK again, with the same ISS", "R6")
    if not run.config.passive and run.ack == run.snd_nxt:
        run.decide("simultaneous open: SYN,ACK with SEQ=IRS acknowledges our SYN (Figure 7, line 6)", "R1")
        acknowledge_our_syn(run)
        text_step(run)
        fin_step(run)
        raise Done


def time_wait_reuse(run):
    """s3.6.1 MAY-2 and RFC 6191 s2, without timestamps: a SYN beyond the last sequence number seen opens anew.

    The last number seen is the FIN's, RCV.NXT-1, so the smallest newer one is RCV.NXT.  A SYN that also carries ACK,
    RST or FIN is no connection request that LISTEN would take."""
    if run.state != "TIME-WAIT" or not run.has(SYN) or run.flags & (ACK | RST | FIN):
        return
    if not run.config.listener:
        run.say("no listener: nobody to open anew for")
        return
    if not 0 < distance(run.rcv_nxt - 1, run.seq) < 2**31:
        run.send_ack()
        run.done("SYN in TIME-WAIT that is not newer: challenge ACK", "R5")
    run.receive_nxt_is("SEG.SEQ", 1)
    run.enter("SYN-RECEIVED")
    run.send(SYN | ACK, "NEW-ISS", "SEG.SEQ", 1)
    run.done("s3.6.1 MAY-2, RFC 6191 s2: a newer SYN reopens from TIME-WAIT, with an ISS beyond the old SND.NXT")


def first_sequence_number(run):
    where = "s3.10.7.4 first"
    if acceptable_table_6(run):
        run.say(f"{where}: acceptable")
        return
    if run.has(RST):
        if run.rcv_wnd == 0 and run.seq == run.rcv_nxt:
            run.say(f"{where}: RCV.WND = 0, but the RST of every segment is processed (MUST-66)")
            return
        run.done(f"{where}: not acceptable, RST set: drop" if run.state != "TIME-WAIT" else "RST in TIME-WAIT: ignored",
                 "RFC" if run.state != "TIME-WAIT" else "R3")
    run.send_ack()
    run.decide(f"{where}: not acceptable: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>")
    if run.has(SYN):
        raise Done
    if run.state == "TIME-WAIT" and run.has(FIN) and mod(run.seq + run.length) == run.rcv_nxt:
        if run.has(ACK) and ack_in_rfc5961_range(run):
            run.out.timer = "RESTART"
            run.done("a FIN that ends at RCV.NXT, again: acknowledged, and 2MSL restarts", "R2")
    if run.rcv_wnd == 0 and begins_at_rcv_nxt_when_trimmed(run) and run.has(ACK) and ack_in_rfc5961_range(run):
        run.say(f"{where}: RCV.WND = 0: its valid ACK is honoured all the same (U-14); text and FIN lie outside")
        fifth_per_state(run)
        run.decide(f"{where}: RCV.WND = 0, not acceptable: ACK; a valid ACK field is honoured all the same")
    raise Done


def second_rst(run):
    where = "s3.10.7.4 second"
    if not run.has(RST):
        return
    if run.state == "TIME-WAIT":
        run.done("RST in TIME-WAIT: ignored (RFC 1337)", "R3")
    if run.seq != run.rcv_nxt:
        if not run.in_window(run.seq):
            run.done(f"{where} (1): RST outside the window: silently dropped")
        run.send_ack()
        run.done(f"{where} (3): RST in the window, not exact: challenge ACK")
    if run.state == "SYN-RECEIVED":
        if run.config.passive:
            run.enter("LISTEN")
            run.done(f"{where} (2): exact RST, passive OPEN: back to LISTEN; the user need not be informed")
        run.over("REFUSED")
        run.done(f"{where} (2): exact RST, active OPEN: connection refused, CLOSED")
    run.over("RESET")
    run.done(f"{where} (2): exact RST: CLOSED, the user is told (s3.5.3, MUST-12)")


def fourth_syn(run):
    where = "s3.10.7.4 fourth"
    if not run.has(SYN):
        return
    if run.state == "SYN-RECEIVED" and run.config.passive and run.in_window(run.seq):
        run.enter("LISTEN")
        run.done(f"{where}: SYN in the window, passive OPEN: back to LISTEN")
    # "If the SYN is not in the window, this step would not be reached and an ACK would have been sent in the first
    # step": said of a SYN in front of text that reaches into the window.  The answer is the challenge ACK's.
    run.send_ack()
    run.done(f"{where}: SYN in a synchronized state, whatever its number: challenge ACK (RFC 5961 s4)")


def ack_in_rfc5961_range(run):
    if run.state == "SYN-RECEIVED":  # R4: the range of RFC 5961 s5 is for synchronized states
        return run.ack != run.snd_una and within(run.snd_una, run.ack, run.snd_nxt)
    return within(mod(run.snd_una - run.config.max_snd_wnd), run.ack, run.snd_nxt)


def acknowledge_our_syn(run):
    run.out.una = "SEG.ACK"
    run.snd_una = run.ack
    run.enter("ESTABLISHED")
    run.tell("CONNECTED")


def fifth_ack(run):
    where = "s3.10.7.4 fifth"
    if not run.has(ACK):
        run.done(f"{where}: the ACK bit is off: drop")
    if not ack_in_rfc5961_range(run):
        if run.state == "SYN-RECEIVED":
            run.send(RST, "SEG.ACK")
            run.done(f"{where}: SYN-RECEIVED, not acceptable: <SEQ=SEG.ACK><CTL=RST>, state stays", "R4")
        run.send_ack()
        run.done(f"{where}: not SND.UNA-MAX.SND.WND =< SEG.ACK =< SND.NXT: discard, ACK (U-12)")
    fifth_per_state(run)


def fifth_per_state(run):
    where = "s3.10.7.4 fifth"
    if run.state == "SYN-RECEIVED":
        acknowledge_our_syn(run)
        run.decide(f"{where}: SND.UNA < SEG.ACK =< SND.NXT: ESTABLISHED")
        return
    new = run.ack != run.snd_una and within(run.snd_una, run.ack, run.snd_nxt)
    if new:
        run.out.una = "SEG.ACK"
        run.snd_una = run.ack
        run.decide(f"{where}: SND.UNA < SEG.ACK =< SND.NXT: SND.UNA <- SEG.ACK")
    else:
        run.decide(f"{where}: duplicate ACK, nothing in it")
    fin_acknowledged = run.config.fin_sent and run.snd_una == run.snd_nxt
    if run.state == "FIN-WAIT-1" and fin_acknowledged:
        run.enter("FIN-WAIT-2")
        run.decide(f"{where}: our FIN is acknowledged: FIN-WAIT-2")
    elif run.state == "CLOSING" and fin_acknowledged:
        run.enter("TIME-WAIT")
        run.tell("CLOSED", "CLOSED")
        run.decide(f"{where}: our FIN is acknowledged: TIME-WAIT")
    elif run.state == "CLOSING":
        run.done(f"{where}: CLOSING, our FIN is not acknowledged: ignore the segment")
    elif run.state == "LAST-ACK" and fin_acknowledged:
        run.over("CLOSED")
        run.done(f"{where}: our FIN is acknowledged: CLOSED")


RECEIVING = ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2")


def sixth_urg(run):
    if run.has(URG):
        run.say("s3.10.7.4 sixth: urgent pointer 0 marks nothing ahead" if run.state in RECEIVING else
                "s3.10.7.4 sixth: a FIN has been received: ignore the URG")


def text_step(run):
    """Seventh, process the segment text."""
    where = "s3.10.7.4 seventh"
    if run.state not in RECEIVING:
        if run.text:
            run.decide(f"{where}: a FIN has been received: ignore the segment text")
        return
    if run.text == 0 and not run.has(FIN):
        return
    old = distance(run.text_seq, run.rcv_nxt)
    if 0 < distance(run.rcv_nxt, run.text_seq) < 2**31:
        run.send_ack()
        run.done(f"{where}: begins beyond RCV.NXT: held (SHLD-31), ACK of RCV.NXT (MAY-13)")
    fresh = min(run.text - old, run.rcv_wnd)
    if run.text and fresh > 0:
        run.out.delivered = fresh
        run.advance_rcv_nxt(fresh)
        run.send_ack(delayable=True)
        run.decide(f"{where}: {fresh} octets in order are delivered and acknowledged")


FIN_LEADS_TO = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}


def fin_step(run):
    """Eighth, check the FIN bit."""
    where = "s3.10.7.4 eighth"
    if not run.has(FIN):
        return
    if run.state not in FIN_LEADS_TO:
        # The peer's FIN stands at RCV.NXT-1 already, and there is only one.  The RFC's letter would move RCV.NXT over
        # this one too, and so acknowledge an octet beyond the end of the stream: we acknowledge the end again.
        if run.seq != run.rcv_nxt and 0 < distance(run.rcv_nxt, run.seq) < 2**31:
            return
        run.send_ack()
        if run.state == "TIME-WAIT" and run.config.state == "TIME-WAIT":
            run.out.timer = "RESTART"
        run.done(f"{where}: a second FIN, beyond the first: {run.state} remains, ACK, RCV.NXT stays", "POLICY")
    if not run.in_window(run.rcv_nxt):
        return
    if mod(run.text_seq + run.text) != run.rcv_nxt:
        return
    run.advance_rcv_nxt(1)
    run.send_ack(delayable=True)
    run.tell("PEER_CLOSED")
    run.enter(FIN_LEADS_TO[run.state])
    if run.state == "TIME-WAIT":
        run.tell("CLOSED", "CLOSED")
    run.done(f"{where}: FIN: RCV.NXT goes over it, ACK, the user is told, {run.state}")


def other_states(run):
    """s3.10.7.4: the eight checks in their order (the third, security, has nothing to say here: A.1)."""
    repeated_handshake(run)
    time_wait_reuse(run)
    first_sequence_number(run)
    second_rst(run)
    fourth_syn(run)
    fifth_ack(run)
    sixth_urg(run)
    text_step(run)
    fin_step(run)


SEGMENT_ARRIVES = {"CLOSED": closed, "LISTEN": listen, "SYN-SENT": syn_sent}
SEGMENT_ARRIVES.update({state: other_states for state in STATES if state not in SEGMENT_ARRIVES})


def judge(config, flags, seq_position, ack_position, text, zero, iss=1000000, irs=5000000):
    """The outcome of one cell.  config is a Config; positions are indices; text is octets; zero is RCV.WND = 0."""
    run = Run(config, flags, seq_position, ack_position, text, zero, iss, irs)
    try:
        SEGMENT_ARRIVES[run.state](run)
    except Done:
        pass
    return run.out


# ------------------------------------------------------------------------------------------------------- the dump

REPLY_SEQ = (None, "0", "ISS", "SND.NXT", "SEG.ACK", "NEW-ISS")
REPLY_ACK = (None, "RCV.NXT", "SEG.SEQ")
TOLD = ("CONNECTED", "PEER_CLOSED", "CLOSED")
REASONS = ("NONE", "CLOSED", "RESET", "REFUSED")
TIMERS = ("AS-IT-WAS", "START", "RESTART")
MARKS = ("RFC", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "POLICY")
MAGIC, VERSION = b"AKORACLE", 2


def all_cells():
    """Every distinct cell in the dump's order."""
    for config in CONFIGS:
        for class_index in range(CLASSES):
            flags = flags_of(class_index)
            for zero in (False, True):
                for seq_position in range(len(SEQ_POSITIONS)):
                    for ack_position in range(len(ACK_POSITIONS)):
                        for text in TEXT_LENGTHS:
                            yield config, flags, seq_position, ack_position, text, zero


class Strings:
    def __init__(self):
        self.bytes, self.at = bytearray(), {}

    def offset(self, text):
        if text not in self.at:
            self.at[text] = len(self.bytes)
            self.bytes += text.encode("ascii") + b"\0"
        return self.at[text]


def pack_outcome(out, strings):
    flags, seq, ack, offset = out.reply or (0, None, None, 0)
    told = sum(1 << TOLD.index(what) for what in out.told)
    return struct.pack("<16BI", STATES.index(out.state), flags, REPLY_SEQ.index(seq), REPLY_ACK.index(ack), offset,
                       out.delayable, out.delivered, out.rcv_base == "SEG.SEQ", out.rcv_offset, out.una == "SEG.ACK",
                       told, REASONS.index(out.reason), TIMERS.index(out.timer), MARKS.index(out.mark), 0, 0,
                       strings.offset(out.why))


def dump(path):
    strings, outcomes, records, cells = Strings(), {}, [], []
    for cell in all_cells():
        out = judge(*cell)
        key = out.key()
        if key not in outcomes:
            outcomes[key] = len(records)
            records.append(pack_outcome(out, strings))
        cells.append(outcomes[key])
    configs = b"".join(struct.pack("<I4BI", strings.offset(c.name), STATES.index(c.state), c.zero_window, c.listener, 0,
                                   c.max_snd_wnd)
                       for c in CONFIGS)
    strings.bytes += b"\0" * (-len(strings.bytes) % 4)
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<9I", VERSION, len(CONFIGS), CLASSES, len(WINDOWS), len(SEQ_POSITIONS),
                                       len(ACK_POSITIONS), len(TEXT_LENGTHS), len(records), len(strings.bytes)))
        file.write(bytes(TEXT_LENGTHS) + b"\0" + bytes(class_of(flags) for flags in range(256)))
        file.write(configs + b"".join(records) + strings.bytes)
        file.write(struct.pack(f"<{len(cells)}H", *cells))
    print(f"{len(cells)} cells, {len(records)} outcomes -> {path}")


# ----------------------------------------------------------------------------------------------------- explanation

def reply_text(reply):
    if reply is None:
        return "none"
    flags, seq, ack, offset = reply
    ack_text = "" if ack is None else f"<ACK={ack}{f'+{offset}' if offset else ''}>"
    return f"<SEQ={seq}>{ack_text}<CTL={flags_text(flags)}>"


def describe(out):
    lines = [f"state    {out.state}", f"reply    {reply_text(out.reply)}{' (may be delayed)' if out.delayable else ''}",
             f"deliver  {out.delivered} octets", f"RCV.NXT  {out.rcv_base}+{out.rcv_offset}", f"SND.UNA  {out.una}",
             f"told     {', '.join(out.told) or 'nothing'}{'' if out.reason == 'NONE' else ' (' + out.reason + ')'}",
             f"2MSL     {out.timer}", f"decided  {out.mark}: {out.why}"]
    return "\n".join(lines)


def parse_flags(text):
    if text.lower().startswith("0x"):
        return int(text, 16)
    names = dict(FLAG_NAMES)
    return 0 if text.lower() == "none" else sum(names[name] for name in text.upper().split(","))


def position(table, text):
    names = [name for name, _ in table]
    return names.index(text) if text in names else int(text)


def explain(arguments):
    state, flags, seq, ack, text, window = arguments
    config = next(c for c in CONFIGS if c.name == state)
    seq_position, ack_position = position(SEQ_POSITIONS, seq), position(ACK_POSITIONS, ack)
    zero = window.upper() in ("ZERO", "0")
    out = judge(config, parse_flags(flags), seq_position, ack_position, int(text), zero)
    print(f"{config.name}, CTL={flags_text(parse_flags(flags))}, SEQ={SEQ_POSITIONS[seq_position][0]}, "
          f"ACK={ACK_POSITIONS[ack_position][0]}, {text} octets, RCV.WND {'= 0' if zero else '> 0'}")
    for line in out.trace:
        print(f"  {line}")
    print(describe(out))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dump", metavar="FILE")
    parser.add_argument("--explain", nargs=6, metavar=("STATE", "FLAGS", "SEQPOS", "ACKPOS", "LEN", "WND"))
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.dump:
        dump(options.dump)
    elif options.explain:
        explain(options.explain)
    elif options.list:
        print("STATE ", " ".join(config.name for config in CONFIGS))
        print("FLAGS ", ",".join(name for name, _ in FLAG_NAMES), "(or none, or 0x12)")
        print("SEQPOS", " ".join(name for name, _ in SEQ_POSITIONS))
        print("ACKPOS", " ".join(name for name, _ in ACK_POSITIONS))
        print("LEN   ", " ".join(str(text) for text in TEXT_LENGTHS))
        print("WND   ", " ".join(WINDOWS))
    else:
        parser.print_usage()
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
