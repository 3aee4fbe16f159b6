/* A script's text to steps.
 *
 * White space means nothing, so a step may go over several lines; it ends where it is complete. */
#include "script/parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- errors and the cursor */

static void note(parser *p, bool unsupported, const char *format, va_list args) {
    if (p->bad) return; /* what follows from the first fault */
    *p->error =
        (script_error){.line = p->line, .column = (uint32_t)(p->at - p->line_start) + 1, .unsupported = unsupported};
    (void)vsnprintf(p->error->text, sizeof p->error->text, format, args);
    p->bad = true;
    p->at = p->line_start = "";
}

void parse_fail(parser *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note(p, false, format, args);
    va_end(args);
}

void parse_unsupported(parser *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    note(p, true, format, args);
    va_end(args);
}

static void step_over(parser *p) {
    if (*p->at == '\n') {
        p->line++;
        p->line_start = p->at + 1;
    }
    p->at++;
}

static void comment_to(parser *p, const char *end) {
    size_t bytes = strlen(end);
    while (*p->at != '\0' && strncmp(p->at, end, bytes) != 0) step_over(p);
    for (size_t i = 0; i < bytes && *p->at != '\0'; i++) step_over(p);
}

void parse_space(parser *p) {
    for (;;) {
        if (isspace((unsigned char)*p->at))
            step_over(p);
        else if (*p->at == '#' || strncmp(p->at, "//", 2) == 0)
            comment_to(p, "\n");
        else if (strncmp(p->at, "/*", 2) == 0)
            comment_to(p, "*/");
        else
            return;
    }
}

bool parse_is(parser *p, const char *text) {
    size_t bytes = strlen(text);
    if (strncmp(p->at, text, bytes) != 0) return false;
    p->at += bytes;
    return true;
}

void parse_expect(parser *p, const char *text) {
    parse_space(p);
    if (!parse_is(p, text)) parse_fail(p, "'%s' expected", text);
}

static bool name_letter(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

bool parse_name(parser *p, char *buf, size_t cap) {
    size_t n = 0;
    if (!isalpha((unsigned char)*p->at) && *p->at != '_') return false;
    while (name_letter(p->at[n])) n++;
    if (n >= cap) {
        parse_fail(p, "a name of more than %zu letters", cap - 1);
        return false;
    }
    memcpy(buf, p->at, n);
    buf[n] = '\0';
    p->at += n;
    return true;
}

bool parse_word_is(parser *p, const char *word) {
    size_t bytes = strlen(word);
    parse_space(p);
    if (strncmp(p->at, word, bytes) != 0 || name_letter(p->at[bytes])) return false;
    p->at += bytes;
    return true;
}

int64_t parse_integer(parser *p) {
    char *end;
    parse_space(p);
    int64_t value = strtoll(p->at, &end, 0);
    if (end == p->at) {
        parse_fail(p, "a number expected");
        return 0;
    }
    p->at = end;
    return value;
}

/* ---------------------------------------------------------------- allocation */

/* NULL: there is no memory, and that is the fault. */
static char *copy_text(parser *p, const char *from, size_t bytes) {
    char *text = malloc(bytes + 1);
    if (text == NULL) {
        parse_fail(p, "out of memory");
        return NULL;
    }
    memcpy(text, from, bytes);
    text[bytes] = '\0';
    return text;
}

/* ---------------------------------------------------------------- values */

static void parse_value(parser *p, script_value *value, int depth);

static void add_item(parser *p, script_value *value, const script_value *item) {
    script_value *items = realloc(value->item, (value->item_count + 1) * sizeof *items);
    if (items == NULL) {
        parse_fail(p, "out of memory");
        return;
    }
    value->item = items;
    value->item[value->item_count++] = *item;
}

static void parse_items(parser *p, script_value *value, const char *end, int depth) {
    parse_space(p);
    while (!p->bad && !parse_is(p, end)) {
        script_value item = {.kind = SCRIPT_ELLIPSIS};
        char name[64];
        const char *before = p->at;
        if (value->kind == SCRIPT_STRUCT && parse_name(p, name, sizeof name)) {
            parse_space(p);
            if (*p->at == '=' && p->at[1] != '=') {
                p->at++;
                parse_value(p, &item, depth);
                item.name = copy_text(p, name, strlen(name));
            } else {
                p->at = before;
                parse_value(p, &item, depth);
            }
        } else {
            parse_value(p, &item, depth);
        }
        add_item(p, value, &item);
        parse_space(p);
        if (!parse_is(p, ",") && *p->at != *end) parse_fail(p, "',' or '%s' expected", end);
        parse_space(p);
    }
}

static void parse_text(parser *p, script_value *value) {
    const char *start = ++p->at;
    while (*p->at != '"' && *p->at != '\0' && *p->at != '\n') p->at++;
    if (*p->at != '"') {
        parse_fail(p, "the text does not end");
        return;
    }
    value->kind = SCRIPT_TEXT;
    value->text = copy_text(p, start, (size_t)(p->at - start));
    p->at++;
}

/* A number, a constant, or an address call such as htons(80). */
static int64_t parse_term(parser *p, script_value *value) {
    char name[64];
    parse_space(p);
    if (!parse_name(p, name, sizeof name)) {
        bool not = parse_is(p, "~");
        int64_t number = parse_integer(p);
        return not ? ~number : number;
    }
    if (strcmp(name, "htons") == 0 || strcmp(name, "htonl") == 0 || strcmp(name, "inet_addr") == 0) {
        parse_expect(p, "(");
        script_value inside = {.kind = SCRIPT_ELLIPSIS};
        parse_value(p, &inside, 1);
        int64_t number = inside.number;
        script_value_free(&inside);
        parse_expect(p, ")");
        return number;
    }
    int64_t number = 0;
    if (!script_constant(name, &number)) parse_unsupported(p, "the name %s", name);
    if (value->text == NULL) value->text = copy_text(p, name, strlen(name));
    return number;
}

static void parse_value(parser *p, script_value *value, int depth) {
    if (depth > 8) parse_fail(p, "nested too deeply");
    parse_space(p);
    if (p->bad) return;
    if (parse_is(p, "...")) {
        value->kind = SCRIPT_ELLIPSIS;
    } else if (*p->at == '"') {
        parse_text(p, value);
    } else if (parse_is(p, "[")) {
        value->kind = SCRIPT_LIST;
        parse_items(p, value, "]", depth + 1);
    } else if (parse_is(p, "{")) {
        value->kind = SCRIPT_STRUCT;
        parse_items(p, value, "}", depth + 1);
    } else {
        value->kind = SCRIPT_NUMBER;
        value->number = parse_term(p, value);
        for (parse_space(p); parse_is(p, "|"); parse_space(p)) value->number |= parse_term(p, value);
    }
}

/* ---------------------------------------------------------------- steps */

static bool time_follows(const parser *p) {
    return isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]));
}

/* Not strtod: in 0...0.5 the dots behind the zero are a range. */
static int64_t parse_seconds(parser *p) {
    parse_space(p);
    if (!time_follows(p)) parse_fail(p, "a time in seconds expected");
    int64_t us = 0;
    for (; isdigit((unsigned char)*p->at) && us < INT64_MAX / 100; p->at++) us = us * 10 + (*p->at - '0') * 1000000;
    if (*p->at != '.' || !isdigit((unsigned char)p->at[1])) return us;
    int64_t unit = 100000;
    for (p->at++; isdigit((unsigned char)*p->at); p->at++, unit /= 10) us += (*p->at - '0') * unit;
    return us;
}

static void parse_time(parser *p, script_step *step) {
    step->time_kind = SCRIPT_TIME_RELATIVE;
    if (parse_is(p, "*")) {
        step->time_kind = SCRIPT_TIME_ANY;
        return;
    }
    bool relative = parse_is(p, "+");
    if (!relative && !time_follows(p)) return; /* no time: at once */
    if (!relative) step->time_kind = SCRIPT_TIME_ABSOLUTE;
    step->time_us = step->time_to_us = parse_seconds(p);
    if (parse_is(p, "~")) {
        step->range = true;
        (void)parse_is(p, "+");
        step->time_to_us = parse_seconds(p);
    } else if (parse_is(p, "...")) {
        step->blocks = true;
        (void)parse_is(p, "+");
        step->time_to_us = parse_seconds(p);
    }
    if (step->time_to_us < step->time_us) parse_fail(p, "the range ends before it begins");
}

static void parse_result(parser *p, script_step *step) {
    step->result.kind = SCRIPT_ELLIPSIS;
    parse_space(p);
    if (p->bad || !parse_is(p, "=")) return;
    parse_space(p);
    char name[64];
    if (strcmp(step->name, "state") == 0) {
        size_t n = 0;
        while (isupper((unsigned char)p->at[n]) || p->at[n] == '-' || isdigit((unsigned char)p->at[n])) n++;
        step->result_state = copy_text(p, p->at, n);
        p->at += n;
        return;
    }
    parse_value(p, &step->result, 0);
    parse_space(p);
    if (parse_name(p, name, sizeof name)) {
        int64_t code = 0;
        if (!script_constant(name, &code)) parse_unsupported(p, "the error %s", name);
        step->result_errno = copy_text(p, name, strlen(name));
        parse_space(p);
        if (*p->at == '(') comment_to(p, ")");
    }
}

static void parse_call(parser *p, script_step *step) {
    char name[64];
    step->kind = SCRIPT_CALL;
    if (!parse_name(p, name, sizeof name)) {
        parse_fail(p, "a packet, a call, %%{ or ` expected");
        return;
    }
    step->name = copy_text(p, name, strlen(name));
    parse_expect(p, "(");
    if (strcmp(name, "drop") == 0) { /* drop(TCP_SEQUENCE): a name of the core's, not a C constant */
        script_value list = {.kind = SCRIPT_LIST};
        parse_space(p);
        if (!parse_name(p, name, sizeof name)) parse_fail(p, "the name of a drop reason expected");
        add_item(p, &list, &(script_value){.kind = SCRIPT_TEXT, .text = copy_text(p, name, strlen(name))});
        step->arg = list.item;
        step->arg_count = list.item_count;
        parse_expect(p, ")");
    } else {
        script_value list = {.kind = SCRIPT_LIST};
        parse_items(p, &list, ")", 0);
        step->arg = list.item;
        step->arg_count = list.item_count;
    }
    parse_result(p, step);
}

static void parse_block(parser *p, script_step *step, script_step_kind kind, const char *end) {
    step->kind = kind;
    const char *start = p->at;
    while (*p->at != '\0' && strncmp(p->at, end, strlen(end)) != 0) step_over(p);
    if (*p->at == '\0') {
        parse_fail(p, "'%s' expected", end);
        return;
    }
    step->name = copy_text(p, start, (size_t)(p->at - start));
    p->at += strlen(end);
}

/* NULL: there is no memory, and that is the fault. */
static script_step *add_step(parser *p) {
    script *s = p->s;
    if (s->step_count == s->step_cap) {
        uint32_t cap = s->step_cap == 0 ? 32 : s->step_cap * 2;
        script_step *steps = realloc(s->step, cap * sizeof *steps);
        if (steps == NULL) {
            parse_fail(p, "out of memory");
            return NULL;
        }
        s->step = steps;
        s->step_cap = cap;
    }
    script_step *step = &s->step[s->step_count++];
    *step = (script_step){.line = p->line, .column = (uint32_t)(p->at - p->line_start) + 1};
    return step;
}

static void parse_step(parser *p) {
    script_step *step = add_step(p);
    if (step == NULL) return;
    parse_time(p, step);
    parse_space(p);
    if (p->bad) return;
    if (parse_is(p, "<")) {
        step->kind = SCRIPT_IN;
        parse_packet(p, step);
    } else if (parse_is(p, ">")) {
        step->kind = SCRIPT_OUT;
        parse_packet(p, step);
    } else if (parse_is(p, "%{")) {
        parse_block(p, step, SCRIPT_ASSERT, "}%");
    } else if (parse_is(p, "`")) {
        parse_block(p, step, SCRIPT_SHELL, "`");
    } else {
        parse_call(p, step);
    }
}

/* ---------------------------------------------------------------- what stands before the steps */

/* --name=value */
static void parse_setting(parser *p) {
    char name[64], value[128];
    size_t n = 0;
    if (!parse_name(p, name, sizeof name)) {
        parse_fail(p, "the name of an option expected");
        return;
    }
    value[0] = '\0';
    if (parse_is(p, "=")) {
        while (!isspace((unsigned char)*p->at) && *p->at != '\0' && n < sizeof value - 1) value[n++] = *p->at++;
        value[n] = '\0';
    }
    script *s = p->s;
    char *end = value;
    uint64_t number = strtoull(value, &end, 10);
    if (strcmp(name, "tolerance_usecs") == 0 && *end == '\0') {
        s->tolerance_us = number;
    } else if (strcmp(name, "mtu") == 0 && number >= 576 && number <= 65535) {
        s->mtu = (uint32_t)number;
    } else if (strcmp(name, "local_ip") == 0 && aksu_addr_parse(value, &s->local) == AKSU_OK &&
               aksu_addr_is_v4(&s->local)) {
        return;
    } else if (strcmp(name, "remote_ip") == 0 && aksu_addr_parse(value, &s->remote) == AKSU_OK &&
               aksu_addr_is_v4(&s->remote)) {
        return;
    } else if (strcmp(name, "strict_segments") == 0 || strcmp(name, "tcp_ts_tick_usecs") == 0) {
        return; /* how closely to look at what the original tool cannot see otherwise */
    } else if (strcmp(name, "ip_version") == 0 && strcmp(value, "ipv4") == 0) {
        return;
    } else if (strcmp(name, "aksu_set") == 0) {
        char *equals = strchr(value, '=');
        if (equals == NULL) {
            parse_fail(p, "--aksu_set=NAME=NUMBER expected");
            return;
        }
        *equals = '\0';
        script_error error = {.line = 0};
        if (!script_set(s, value, strtoull(equals + 1, NULL, 10), &error)) parse_fail(p, "%s", error.text);
    } else {
        parse_unsupported(p, "the option --%s=%s", name, value);
    }
}

/* "// profile: linux" in the comments at the top. */
static void find_profile(script *s, const char *text, script_profile profile) {
    const char *at = strstr(text, "profile: ");
    s->profile = profile;
    if (at == NULL) return;
    char name[16];
    size_t n = strcspn(at + 9, " \r\n\t");
    (void)snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), at + 9);
    s->profile_given = script_profile_named(name, &s->profile);
}

static void parse_all(parser *p, const char *path) {
    p->s->path = copy_text(p, path, strlen(path));
    for (parse_space(p); *p->at != '\0'; parse_space(p)) {
        if (parse_is(p, "--"))
            parse_setting(p);
        else
            parse_step(p);
    }
}

script *script_parse(const char *path, const char *text, script_profile profile, script_error *ret_error) {
    script *s = calloc(1, sizeof *s);
    if (s == NULL) {
        *ret_error = (script_error){.text = "out of memory"};
        return NULL;
    }
    find_profile(s, text, profile);
    script_config(s->profile, &s->config);
    s->tolerance_us = 4000;
    s->mtu = 1500;
    s->local = aksu_addr_v4(192, 168, 0, 1);
    s->remote = aksu_addr_v4(192, 0, 2, 1);
    parser p = {.s = s, .at = text, .line_start = text, .line = 1, .error = ret_error};
    parse_all(&p, path);
    if (!p.bad) return s;
    script_free(s);
    return NULL;
}

void script_free(script *s) {
    for (uint32_t i = 0; i < s->step_count; i++) {
        script_step *step = &s->step[i];
        free(step->name);
        free(step->result_errno);
        free(step->result_state);
        for (uint32_t k = 0; k < step->arg_count; k++) script_value_free(&step->arg[k]);
        free(step->arg);
        script_value_free(&step->result);
    }
    free(s->step);
    free(s->path);
    free(s);
}
