/* A program built against the installed library. */
#include <aksu/aksu.h>
#include <aksu/trace.h>

#include <stdio.h>

int main(void) {
    aksu_config config;
    aksu_config_default(&config);
    aksu_addr addr;
    char text[AKSU_ADDR_TEXT_BYTES];
    if (aksu_stack_bytes(&config) == 0) return 1;
    if (aksu_addr_parse("192.0.2.1", &addr) != AKSU_OK) return 2;
    aksu_addr_format(&addr, text, sizeof text);
    printf("aksu %s %s\n", AKSU_VERSION, text);
    return 0;
}
