/* The words of a ladder's rows, the same in every picture. */
#ifndef VIEW_LADDER_TEXT_H
#define VIEW_LADDER_TEXT_H

#include "view/ladder.h"
#include "view/text.h"

typedef struct ak_ladder_words {
    ak_lang lang;
    ak_flags_view flags;
} ak_ladder_words;

/* A segment's label as words that may be broken between, never inside: "ACK,SYN", "seq=0", "ack=1", "win=65535", "MSS
 * 1460". The first is the flags.  An ARRIVE whose
 * departure was seen has only what befell it there, often no word at all. */
#define AK_LABEL_WORD_MAX   24
#define AK_LABEL_WORD_BYTES 96
typedef struct ak_label_word {
    char text[AK_LABEL_WORD_BYTES];
    ak_colour colour;
} ak_label_word;
typedef struct ak_label {
    uint32_t word_count;
    ak_label_word word[AK_LABEL_WORD_MAX];
} ak_label;
void ak_ladder_label(const ak_row *row, const ak_ladder_words *words, ak_label *ret_label);

/* A row of any other kind in one short text, "connect()", "told: connected", "ESTABLISHED?"; and its colour. */
#define AK_NOTE_BYTES  192
#define AK_GAUGE_CELLS 8 /* of a gauge's bar */
ak_colour ak_ladder_note(const ak_row *row, const ak_ladder_words *words, char buf[AK_NOTE_BYTES]);

/* A connection's letter: A to Z, then AA, AB ... */
#define AK_LETTER_BYTES 8
const char *ak_ladder_letter(uint32_t connection, char buf[AK_LETTER_BYTES]);

/* Is a host in this state drawn as having a connection, and of which kind? */
typedef enum ak_line_style { AK_STYLE_NONE, AK_STYLE_OPENING, AK_STYLE_SYNCHRONIZED, AK_STYLE_WAITING } ak_line_style;
ak_line_style ak_ladder_style(aksu_tcp_state state, ak_sureness sureness);

#endif /* VIEW_LADDER_TEXT_H */
