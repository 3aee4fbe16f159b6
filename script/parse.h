/* What parse.c and parse_packet.c share: a cursor over the script's text.
 *
 * The first thing that is wrong is kept, and the cursor put at an end of text: what is being read then finds nothing
 * more, and every loop ends. */
#ifndef SCRIPT_PARSE_H
#define SCRIPT_PARSE_H

#include "script/script.h"

typedef struct parser {
    script *s;
    const char *at, *line_start;
    uint32_t line;
    script_error *error;
    bool bad;
} parser;

void parse_fail(parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void parse_unsupported(parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

void parse_space(parser *p);                /* white space and comments */
bool parse_is(parser *p, const char *text); /* takes it if it is there */
void parse_expect(parser *p, const char *text);
bool parse_name(parser *p, char *buf, size_t cap); /* letters, digits, _ */
bool parse_word_is(parser *p, const char *word);   /* a whole name, taken if it is there */
int64_t parse_integer(parser *p);

/* The rest of a packet step, behind < or >. */
void parse_packet(parser *p, script_step *step);

#endif
