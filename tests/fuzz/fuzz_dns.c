/* Fuzz target: replies to DNS questions.  The first byte chooses the type that was asked for, the rest is the message;
 * its id is taken for ours, the name asked for is a.example. */
#include "svc/dns_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void require(bool condition) {
    if (!condition) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static const uint16_t types[] = {AKSU_DNS_A, AKSU_DNS_AAAA, AKSU_DNS_PTR};
    if (bytes < 3) return 0;
    struct dns_question question = {.type = types[data[0] % 3], .id = (uint16_t)(data[1] << 8 | data[2])};
    require(dns_name_from_text("a.example", &question.name));
    aksu_dns_answer answer, before;
    memset(&answer, 0xa5, sizeof answer);
    before = answer;
    const dns_verdict verdict = dns_reply_parse(data + 1, bytes - 1, &question, &answer);
    if (verdict != DNS_ANSWERED) {
        require(memcmp(&answer, &before, sizeof answer) == 0);
        return 0;
    }
    require(memchr(answer.name, '\0', sizeof answer.name) != NULL);
    require(answer.addr_count <= AKSU_DNS_ADDRS && (question.type == AKSU_DNS_PTR) == (answer.addr_count == 0));
    require(answer.ttl_s <= INT32_MAX);
    for (uint32_t i = 0; i < answer.addr_count && question.type == AKSU_DNS_A; i++)
        require(aksu_addr_is_v4(&answer.addr[i]));
    return 0;
}
