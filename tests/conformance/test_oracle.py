#!/usr/bin/env python3
"""Tests of oracle.py: cells that RFC 9293's figures show, one or more for each ruling, and laws that hold everywhere.

    python3 test_oracle.py
"""

import io
import os
import struct
import tempfile
import unittest
from contextlib import redirect_stdout

import oracle
from oracle import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, judge

CONFIG = {config.name: config for config in oracle.CONFIGS}
SEQ = {name: index for index, (name, _) in enumerate(oracle.SEQ_POSITIONS)}
ACKPOS = {name: index for index, (name, _) in enumerate(oracle.ACK_POSITIONS)}

PLAIN_ACK = (ACK, "SND.NXT", "RCV.NXT", 0)
RESET_OF_ACK = (RST, "SEG.ACK", None, 0)
BASES = (0, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)

# RFC 9293 s3.3.2 Figure 5, its notes, and R7: the edges that a segment may cause.  A listener's child that vanishes is
# drawn as going to LISTEN.  Edges of calls and timers (CLOSE, 2MSL) are not here.
EDGES = {
    ("LISTEN", "SYN-RECEIVED"), ("SYN-SENT", "SYN-RECEIVED"), ("SYN-SENT", "ESTABLISHED"), ("SYN-SENT", "CLOSED"),
    ("SYN-SENT", "CLOSE-WAIT"),  # SYN,ACK with FIN: ESTABLISHED is passed through (s3.10.7.3 fourth, step eight)
    ("SYN-RECEIVED", "ESTABLISHED"), ("SYN-RECEIVED", "LISTEN"), ("SYN-RECEIVED", "CLOSED"),
    ("SYN-RECEIVED", "CLOSE-WAIT"), ("ESTABLISHED", "CLOSE-WAIT"), ("FIN-WAIT-1", "FIN-WAIT-2"),
    ("FIN-WAIT-1", "CLOSING"), ("FIN-WAIT-1", "TIME-WAIT"), ("FIN-WAIT-2", "TIME-WAIT"), ("CLOSING", "TIME-WAIT"),
    ("LAST-ACK", "CLOSED"), ("TIME-WAIT", "SYN-RECEIVED"),
    ("ESTABLISHED", "CLOSED"), ("FIN-WAIT-1", "CLOSED"), ("FIN-WAIT-2", "CLOSED"), ("CLOSE-WAIT", "CLOSED"),
    ("CLOSING", "CLOSED"),
}


def cell(name, flags, seq="NXT", ack="NXT", text=0, window="OPEN"):
    return judge(CONFIG[name], flags, SEQ[seq], ACKPOS[ack], text, window == "ZERO")


class Figures(unittest.TestCase):
    """RFC 9293 s3.5 and s3.6, line by line."""

    def check(self, out, state, reply, told=(), reason="NONE"):
        self.assertEqual((out.state, out.reply, out.told, out.reason), (state, reply, told, reason))

    def test_figure_6_three_way_handshake(self):
        self.check(cell("LISTEN", SYN, "IRS"), "SYN-RECEIVED", (SYN | ACK, "NEW-ISS", "SEG.SEQ", 1))  # line 2
        self.check(cell("SYN-SENT", SYN | ACK, "IRS", "NXT"), "ESTABLISHED", (ACK, "SND.NXT", "SEG.SEQ", 1),
                   ("CONNECTED",))  # line 3
        self.check(cell("SYN-RECEIVED-PASSIVE", ACK), "ESTABLISHED", None, ("CONNECTED",))  # line 4
        data = cell("ESTABLISHED-IDLE", ACK, text=3)  # line 5
        self.check(data, "ESTABLISHED", (ACK, "SND.NXT", "RCV.NXT", 3))
        self.assertEqual((data.delivered, data.rcv_offset, data.delayable), (3, 3, True))

    def test_figure_6_last_two_lines_in_one_segment(self):
        out = cell("SYN-RECEIVED-PASSIVE", ACK, text=1)
        self.check(out, "ESTABLISHED", (ACK, "SND.NXT", "RCV.NXT", 1), ("CONNECTED",))
        self.assertEqual(out.delivered, 1)

    def test_figure_7_simultaneous_open(self):
        self.check(cell("SYN-SENT", SYN, "IRS"), "SYN-RECEIVED", (SYN | ACK, "ISS", "SEG.SEQ", 1))  # line 3
        out = cell("SYN-RECEIVED-ACTIVE", SYN | ACK, "IRS")  # line 6
        self.check(out, "ESTABLISHED", None, ("CONNECTED",))
        self.assertEqual(out.mark, "R1")

    def test_figure_8_old_duplicate_syn(self):
        self.check(cell("SYN-SENT", SYN | ACK, "IRS", "UNA"), "SYN-SENT", RESET_OF_ACK)  # line 4: ACK of another SYN
        self.check(cell("SYN-RECEIVED-PASSIVE", RST), "LISTEN", None)  # line 5

    def test_figure_9_half_open_discovery(self):
        self.check(cell("ESTABLISHED", SYN, "NXT+2^31-1"), "ESTABLISHED", PLAIN_ACK)  # line 3
        self.check(cell("SYN-SENT", ACK, "NXT", "FAR"), "SYN-SENT", RESET_OF_ACK)  # line 4
        self.check(cell("ESTABLISHED", RST), "CLOSED", None, ("CLOSED",), "RESET")  # line 5

    def test_figure_10_data_at_a_closed_end(self):
        self.check(cell("CLOSED", ACK, text=3), "CLOSED", RESET_OF_ACK)  # line 2
        self.check(cell("CLOSED", SYN | FIN, text=3), "CLOSED", (RST | ACK, "0", "SEG.SEQ", 5))

    def test_figure_11_two_passive_sockets(self):
        self.check(cell("LISTEN", SYN | ACK, "IRS"), "LISTEN", RESET_OF_ACK)  # line 3 at A
        self.check(cell("SYN-RECEIVED-PASSIVE", RST, "NXT"), "LISTEN", None)  # line 4 at B

    def test_figure_12_normal_close(self):
        out = cell("ESTABLISHED", FIN | ACK)  # line 2 at B
        self.check(out, "CLOSE-WAIT", (ACK, "SND.NXT", "RCV.NXT", 1), ("PEER_CLOSED",))
        self.check(cell("FIN-WAIT-1", ACK), "FIN-WAIT-2", None)  # line 3
        out = cell("FIN-WAIT-2", FIN | ACK)  # line 4
        self.check(out, "TIME-WAIT", (ACK, "SND.NXT", "RCV.NXT", 1), ("PEER_CLOSED", "CLOSED"), "CLOSED")
        self.assertEqual(out.timer, "START")
        self.check(cell("LAST-ACK", ACK), "CLOSED", None, ("CLOSED",), "CLOSED")  # line 5

    def test_figure_13_simultaneous_close(self):
        self.check(cell("FIN-WAIT-1", FIN | ACK, "NXT", "UNA"), "CLOSING", (ACK, "SND.NXT", "RCV.NXT", 1),
                   ("PEER_CLOSED",))
        self.check(cell("CLOSING", ACK), "TIME-WAIT", None, ("CLOSED",), "CLOSED")

    def test_figure_5_note_2_fin_that_acknowledges_ours(self):
        self.check(cell("FIN-WAIT-1", FIN | ACK), "TIME-WAIT", (ACK, "SND.NXT", "RCV.NXT", 1),
                   ("PEER_CLOSED", "CLOSED"), "CLOSED")


class Rulings(unittest.TestCase):
    def test_r1_needs_the_exact_numbers_and_an_active_open(self):
        self.assertEqual(cell("SYN-RECEIVED-ACTIVE", SYN | ACK, "IRS", "UNA").reply, PLAIN_ACK)
        self.assertEqual(cell("SYN-RECEIVED-ACTIVE", SYN | ACK, "NXT").reply, PLAIN_ACK)
        self.assertEqual(cell("SYN-RECEIVED-ACTIVE", SYN | ACK, "NXT").state, "SYN-RECEIVED")
        self.assertEqual(cell("SYN-RECEIVED-PASSIVE", SYN | ACK, "IRS").state, "SYN-RECEIVED")
        self.assertEqual(cell("SYN-RECEIVED-ACTIVE", SYN | ACK | RST, "IRS").reply, None)

    def test_r1_goes_on_with_text_and_fin(self):
        out = cell("SYN-RECEIVED-ACTIVE", SYN | ACK | FIN, "IRS", text=3)
        self.assertEqual((out.state, out.delivered, out.reply), ("CLOSE-WAIT", 3, (ACK, "SND.NXT", "RCV.NXT", 4)))

    def test_r2_only_the_old_fin_restarts_2msl(self):
        for text in oracle.TEXT_LENGTHS:
            out = cell("TIME-WAIT", FIN | ACK, "NXT-1-LEN", text=text)
            self.assertEqual((out.state, out.reply, out.timer, out.mark), ("TIME-WAIT", PLAIN_ACK, "RESTART", "R2"))
        for flags, seq, ack in ((ACK, "NXT-1", "NXT"), (FIN, "NXT-1-LEN", "NXT"), (FIN | ACK, "NXT-1-LEN", "NXT+1"),
                                (FIN | ACK | RST, "NXT-1-LEN", "NXT"), (FIN | ACK | SYN, "NXT-1-LEN", "NXT"),
                                (FIN | ACK, "IRS", "NXT"), (FIN | ACK, "EDGE+1", "NXT"), (ACK, "NXT", "NXT")):
            self.assertEqual(cell("TIME-WAIT", flags, seq, ack).timer, "AS-IT-WAS", (flags, seq, ack))

    def test_r3_rst_in_time_wait_is_ignored(self):
        for seq in SEQ:
            for window in oracle.WINDOWS:
                out = cell("TIME-WAIT", RST, seq, window=window)
                self.assertEqual((out.state, out.reply, out.timer), ("TIME-WAIT", None, "AS-IT-WAS"))

    def test_r4_unacceptable_ack_in_syn_received_draws_rst(self):
        for name in ("SYN-RECEIVED-PASSIVE", "SYN-RECEIVED-ACTIVE"):
            for ack in ("UNA-MAX-1", "UNA-MAX", "UNA-1", "UNA", "NXT-1", "NXT+1", "FAR"):
                out = cell(name, ACK, "NXT", ack)
                self.assertEqual((out.state, out.reply, out.mark), ("SYN-RECEIVED", RESET_OF_ACK, "R4"))

    def test_r5_syn_in_time_wait_that_is_not_newer(self):
        for seq in ("NXT-1", "IRS", "IRS+1", "NXT+2^31-1", "NXT+2^31", "NXT-2^31+1"):
            out = cell("TIME-WAIT-LISTENER", SYN, seq)
            self.assertEqual((out.state, out.reply, out.mark), ("TIME-WAIT", PLAIN_ACK, "R5"))

    def test_may_2_syn_in_time_wait_that_is_newer(self):
        for seq in ("NXT", "NXT+1", "MIDDLE", "EDGE+1"):
            out = cell("TIME-WAIT-LISTENER", SYN, seq)
            self.assertEqual((out.state, out.reply), ("SYN-RECEIVED", (SYN | ACK, "NEW-ISS", "SEG.SEQ", 1)))
            self.assertEqual(cell("TIME-WAIT", SYN, seq).reply, PLAIN_ACK)  # nobody listens
            self.assertEqual(cell("TIME-WAIT-LISTENER", SYN | ACK, seq).reply, PLAIN_ACK)

    def test_r6_syn_repeated_in_syn_received(self):
        for name in ("SYN-RECEIVED-PASSIVE", "SYN-RECEIVED-ACTIVE"):
            for text in oracle.TEXT_LENGTHS:
                out = cell(name, SYN, "IRS", text=text)
                self.assertEqual((out.state, out.reply), ("SYN-RECEIVED", (SYN | ACK, "ISS", "RCV.NXT", 0)))

    def test_r7_every_edge_is_a_legal_one(self):
        for config, flags, seq, ack, text, zero in oracle.all_cells():
            out = judge(config, flags, seq, ack, text, zero)
            if out.state != config.state:
                self.assertIn((config.state, out.state), EDGES)

    def test_r8_syn_fin_at_listen_is_dropped(self):
        out = cell("LISTEN", SYN | FIN, "IRS")
        self.assertEqual((out.state, out.reply, out.mark), ("LISTEN", None, "R8"))

    def test_eid_8167_rst_in_syn_sent_whatever_its_number(self):
        for seq in SEQ:
            self.assertEqual(cell("SYN-SENT", RST | ACK, seq).reason, "REFUSED")
            self.assertEqual(cell("SYN-SENT", RST, seq).state, "SYN-SENT")
            self.assertEqual(cell("SYN-SENT", RST | ACK, seq, "UNA").reply, None)


class Steps(unittest.TestCase):
    """Cells that one sentence of s3.10.7.4 decides."""

    def test_rst_exact_in_window_outside(self):
        for name in ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK"):
            self.assertEqual(cell(name, RST, "NXT").reason, "RESET")
            for seq in ("NXT+1", "MIDDLE", "EDGE-1"):
                self.assertEqual((cell(name, RST, seq).state, cell(name, RST, seq).reply),
                                 (CONFIG[name].state, PLAIN_ACK))
            for seq in ("NXT-1", "EDGE", "EDGE+1", "NXT+2^31", "IRS"):
                self.assertEqual((cell(name, RST, seq).state, cell(name, RST, seq).reply), (CONFIG[name].state, None))

    def test_rst_with_text_below_the_window_is_outside(self):
        self.assertIsNone(cell("ESTABLISHED", RST, "NXT-1", text=3).reply)

    def test_zero_window_honours_rst_and_valid_ack(self):
        for text in oracle.TEXT_LENGTHS:  # MUST-66
            self.assertEqual(cell("ESTABLISHED", RST, "NXT", text=text, window="ZERO").reason, "RESET")
        probe = cell("ESTABLISHED", ACK, "NXT", "UNA+1", 1, "ZERO")  # U-14
        self.assertEqual((probe.una, probe.delivered, probe.reply), ("SEG.ACK", 0, PLAIN_ACK))
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT", "NXT+1", 1, "ZERO").una, "SND.UNA")
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT+1", "UNA+1", 1, "ZERO").una, "SND.UNA")
        self.assertEqual(cell("FIN-WAIT-1", FIN | ACK, "NXT", window="ZERO").state, "FIN-WAIT-2")

    def test_ack_range_of_rfc_5961(self):
        for name in ("ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK", "CLOSING", "TIME-WAIT"):
            for ack in ("UNA-MAX-1", "NXT+1", "FAR"):
                out = cell(name, ACK, "NXT", ack, text=1)
                self.assertEqual((out.reply, out.delivered, out.una), (PLAIN_ACK, 0, "SND.UNA"))
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT", "UNA-MAX", text=1).delivered, 1)
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT", "UNA-MAX", text=1).una, "SND.UNA")

    def test_text_straddling_the_left_edge(self):
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT-1", text=3).delivered, 2)
        self.assertEqual(cell("ESTABLISHED", ACK, "NXT-LEN", text=3).reply, PLAIN_ACK)
        self.assertEqual(cell("ESTABLISHED", FIN | ACK, "NXT-LEN", text=3).state, "CLOSE-WAIT")

    def test_text_out_of_order_is_held_and_its_ack_counts(self):
        out = cell("ESTABLISHED", FIN | ACK, "NXT+1", "UNA+1", text=1)
        self.assertEqual((out.state, out.delivered, out.reply, out.una), ("ESTABLISHED", 0, PLAIN_ACK, "SEG.ACK"))
        self.assertEqual(cell("SYN-RECEIVED-PASSIVE", ACK, "NXT+1", text=1).state, "ESTABLISHED")

    def test_no_ack_bit_is_dropped_in_silence(self):
        for flags in (0, URG, PSH, FIN):
            out = cell("ESTABLISHED", flags, "NXT", text=1)
            self.assertEqual((out.state, out.reply, out.delivered), ("ESTABLISHED", None, 0))

    def test_syn_in_the_window_of_a_passive_syn_received(self):
        self.assertEqual(cell("SYN-RECEIVED-PASSIVE", SYN, "NXT").state, "LISTEN")
        self.assertEqual(cell("SYN-RECEIVED-ACTIVE", SYN, "NXT").reply, PLAIN_ACK)

    def test_text_after_the_peers_fin(self):
        for name in ("CLOSE-WAIT", "LAST-ACK", "TIME-WAIT"):
            out = cell(name, ACK, "NXT", "UNA", text=3)
            self.assertEqual((out.state, out.reply, out.delivered), (CONFIG[name].state, None, 0))


    def test_syn_sets_rcv_nxt(self):
        for out in (cell("LISTEN", SYN, "MIDDLE"), cell("SYN-SENT", SYN, "MIDDLE"), cell("SYN-SENT", SYN | ACK, "IRS"),
                    cell("TIME-WAIT-LISTENER", SYN, "MIDDLE", text=3)):
            self.assertEqual((out.rcv_base, out.rcv_offset), ("SEG.SEQ", 1))

    def test_syn_sent_goes_on_with_text_and_fin(self):
        out = cell("SYN-SENT", SYN | ACK, "IRS", text=3)
        self.assertEqual((out.state, out.delivered, out.reply), ("ESTABLISHED", 3, (ACK, "SND.NXT", "SEG.SEQ", 4)))
        out = cell("SYN-SENT", SYN | ACK | FIN, "IRS")
        self.assertEqual((out.state, out.told, out.reply),
                         ("CLOSE-WAIT", ("CONNECTED", "PEER_CLOSED"), (ACK, "SND.NXT", "SEG.SEQ", 2)))
        out = cell("SYN-SENT", SYN | FIN, "IRS", text=3)  # queued until ESTABLISHED
        self.assertEqual((out.state, out.delivered, out.reply),
                         ("SYN-RECEIVED", 0, (SYN | ACK, "ISS", "SEG.SEQ", 1)))

    def test_zero_window_honours_what_begins_at_rcv_nxt_only(self):
        for seq, una in (("NXT", "SEG.ACK"), ("NXT-1", "SEG.ACK"), ("NXT-LEN", "SND.UNA"), ("NXT-1-LEN", "SND.UNA"),
                         ("NXT+1", "SND.UNA"), ("NXT+2^31-1", "SND.UNA"), ("IRS", "SND.UNA")):
            self.assertEqual(cell("ESTABLISHED", ACK, seq, text=3, window="ZERO").una, una, seq)
            state = "CLOSED" if seq == "NXT" else "ESTABLISHED"
            out = cell("ESTABLISHED", RST, seq, text=3, window="ZERO")
            self.assertEqual((out.state, out.reply), (state, None), seq)

    def test_rst_of_an_active_open_is_a_refusal(self):
        out = cell("SYN-RECEIVED-ACTIVE", RST)
        self.assertEqual((out.state, out.told, out.reason), ("CLOSED", ("CLOSED",), "REFUSED"))

    def test_syn_below_the_window_of_a_passive_syn_received(self):
        out = cell("SYN-RECEIVED-PASSIVE", SYN, "NXT-LEN", text=3)
        self.assertEqual((out.state, out.reply), ("SYN-RECEIVED", PLAIN_ACK))

    def test_closing_ignores_what_does_not_acknowledge_our_fin(self):
        for flags in (ACK, FIN | ACK):
            out = cell("CLOSING", flags, "NXT", "NXT-1", text=1)
            self.assertEqual((out.state, out.reply, out.una), ("CLOSING", None, "SEG.ACK"))

    def test_second_fin_beyond_the_first(self):
        for name in ("CLOSE-WAIT", "LAST-ACK", "TIME-WAIT"):
            out = cell(name, FIN | ACK, "NXT", "UNA")
            self.assertEqual((out.state, out.reply, out.rcv_offset, out.told), (CONFIG[name].state, PLAIN_ACK, 0, ()))
            self.assertEqual((out.mark, out.timer), ("POLICY", "RESTART" if name == "TIME-WAIT" else "AS-IT-WAS"))
            self.assertEqual(cell(name, FIN | ACK, "NXT-LEN", "UNA", text=3).reply, PLAIN_ACK)
            for seq in ("NXT+1", "MIDDLE"):
                out = cell(name, FIN | ACK, seq, "UNA")
                self.assertEqual((out.reply, out.timer), (None, "AS-IT-WAS"))
        out = cell("CLOSING", FIN | ACK, "NXT")
        self.assertEqual((out.state, out.reply, out.timer), ("TIME-WAIT", PLAIN_ACK, "START"))


class Laws(unittest.TestCase):
    """What must hold in every cell."""

    def test_the_other_four_flags_change_nothing(self):
        for flags in range(256):
            low = flags & ~(PSH | URG | ECE | CWR)
            self.assertEqual(oracle.flags_of(oracle.class_of(flags)), low)
            for config in oracle.CONFIGS:
                for seq, ack, text, zero in ((3, 6, 1, False), (2, 6, 0, False), (3, 4, 3, True), (5, 7, 0, False)):
                    self.assertEqual(judge(config, flags, seq, ack, text, zero).key(),
                                     judge(config, low, seq, ack, text, zero).key())

    def test_initial_sequence_numbers_do_not_matter(self):
        for number, (config, flags, seq, ack, text, zero) in enumerate(oracle.all_cells()):
            if number % 7 == 0:
                want = judge(config, flags, seq, ack, text, zero).key()
                base = BASES[number // 7 % 5]
                self.assertEqual(judge(config, flags, seq, ack, text, zero, iss=base, irs=base).key(), want)

    def test_laws_of_the_answer(self):
        for config, flags, seq, ack, text, zero in oracle.all_cells():
            out = judge(config, flags, seq, ack, text, zero)
            where = (config.name, flags, seq, ack, text, zero)
            self.assertTrue(out.why, where)
            if out.reply and flags & RST:  # nothing but a challenge answers a RST
                self.assertEqual(out.reply, PLAIN_ACK, where)
            if out.reply and out.reply[0] & RST:  # s3.5.2: never in a synchronized state
                self.assertNotIn(config.state, oracle.SYNCHRONIZED, where)
                self.assertEqual(out.state, config.state, where)
            if out.delivered:
                self.assertTrue(flags & ACK and out.reply and out.rcv_offset >= out.delivered, where)
            if out.una == "SEG.ACK":
                self.assertTrue(flags & ACK, where)
            if "CLOSED" in out.told:
                self.assertEqual(out.told[-1], "CLOSED", where)
                self.assertNotEqual(out.reason, "NONE", where)

    def test_table_6_against_the_octets_themselves(self):
        """Acceptable: some octet of the segment lies in the window; without octets, SEG.SEQ does."""
        for config, flags, seq, ack, text, zero in oracle.all_cells():
            if config.state not in oracle.SYNCHRONIZED or flags & (SYN | RST):
                continue
            run = oracle.Run(config, flags, seq, ack, text, zero, 0, 2**32 - 3)
            window = {oracle.mod(run.rcv_nxt + octet) for octet in range(run.rcv_wnd)}
            octets = {oracle.mod(run.seq + octet) for octet in range(run.length)}
            want = bool(window & octets) if octets else run.seq in (window or {run.rcv_nxt})
            self.assertEqual(oracle.acceptable_table_6(run), want)

    def test_dump_holds_every_cell(self):
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
            path = os.path.join(folder, "table")
            oracle.dump(path)
            with open(path, "rb") as file:
                data = file.read()
        self.assertEqual(data[:8], oracle.MAGIC)
        head = struct.unpack_from("<9I", data, 8)
        cells = head[1] * head[2] * head[3] * head[4] * head[5] * head[6]
        self.assertEqual(len(data), 44 + 4 + 256 + 12 * head[1] + 20 * head[7] + head[8] + 2 * cells)


if __name__ == "__main__":
    unittest.main()
